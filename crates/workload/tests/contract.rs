//! Rendered clusters on a real API server with the real definitions of Cluster API and its OpenStack provider: strict
//! field validation, and the rules in CEL, which the tests of the renderer cannot ask.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests"
)]

mod support;

use capstan_plan::facts::{Facts, Surroundings};
use capstan_plan::{offline, render};
use capstan_spec::status::{PoolImage, Resolved, ResolvedBastion, ResolvedNetwork};
use capstan_spec::{ClusterName, KubernetesVersion, WorkloadClusterSpec, file};
use kube::core::DynamicObject;

const MANAGED: &str = include_str!("../../plan/testdata/managed.yaml");
const EXISTING: &str = include_str!("../../plan/testdata/existing.yaml");

fn resolved() -> Resolved {
    const ID: &str = "0d1f7a62-3d1c-4b7a-8b1e-5a2f9c4e7d22";
    let ids = |names: &[&str]| {
        names
            .iter()
            .map(|name| ((*name).to_owned(), ID.to_owned()))
            .collect()
    };
    let version = KubernetesVersion::new(1, 36, 3);
    Resolved {
        version: Some(version),
        image_id: Some(ID.into()),
        external_network_id: Some(ID.into()),
        load_balancer_provider: Some("amphora".into()),
        floating_ip: Some("198.51.100.7".into()),
        server_groups: ids(&["control-plane", "workers", "large"]),
        security_groups: ids(&["web", "ssh"]),
        root_volumes: [("control-plane".to_owned(), 40)].into(),
        pool_images: [(
            "workers".to_owned(),
            PoolImage {
                system: capstan_spec::NodeSystem::default(),
                asked: "gpu".into(),
                version,
                id: ID.into(),
            },
        )]
        .into(),
        existing_network: Some(ResolvedNetwork {
            ipv6: None,
            id: ID.into(),
            subnet_id: ID.into(),
            subnet_cidr: "10.20.0.0/22".parse().unwrap(),
            router_id: Some(ID.into()),
        }),
        registry_secret: Some("demo-x7k2p-registries-1".into()),
        bastion: Some(ResolvedBastion {
            image_id: Some(ID.into()),
            root_volume_gib: Some(20),
            floating_ip_id: Some(ID.into()),
            floating_ip: Some("198.51.100.8".into()),
            security_group_id: Some(ID.into()),
            image_asked: None,
        }),
        ..Resolved::default()
    }
}

fn objects(name: &str, spec: &WorkloadClusterSpec, facts: &Facts) -> Vec<DynamicObject> {
    let name = ClusterName::new("default", name, "x7k2p".parse().unwrap());
    let rendered = render(spec, &name, facts).unwrap();
    let objects = rendered.objects.into_iter();
    objects
        .map(|object| serde_json::from_value(object.value).unwrap())
        .collect()
}

fn looked_up(spec: &WorkloadClusterSpec) -> Facts {
    let around = Surroundings {
        management_egress: vec!["198.51.100.2/32".parse().unwrap()],
        ..Surroundings::default()
    };
    Facts::collect(spec, &resolved(), &around).unwrap()
}

#[tokio::test]
async fn the_api_server_takes_everything_that_a_cluster_file_can_say() {
    let Some((_server, applier)) = support::providers().await else {
        return;
    };
    let plain = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
    let managed = file::read(MANAGED).unwrap().spec;
    let existing = file::read(EXISTING).unwrap().spec;
    let mut clusters = Vec::new();
    for (name, mut spec) in [
        ("plain", plain),
        ("managed", managed),
        ("existing", existing),
    ] {
        let facts = looked_up(&spec);
        clusters.push((name.to_owned(), objects(name, &spec, &facts)));
        // What `capstan cluster render` writes.
        let name = format!("{name}-offline");
        spec.image = Some("node".into());
        spec.api_access.allowed_cidrs = vec!["203.0.113.0/24".parse().unwrap()];
        for mirror in &mut spec.kubeadm.registry_mirrors {
            mirror.credentials_secret = None; // Nobody makes nodes' Secret without Capstan.
        }
        spec.bastion = None; // Nobody makes its security group.
        let facts = offline::facts(&spec).unwrap();
        clusters.push((name.clone(), objects(&name, &spec, &facts)));
    }
    for (name, objects) in clusters {
        for object in objects {
            let kind = object.types.as_ref().map(|types| types.kind.clone());
            let told = applier.apply_one(&object, support::soon()).await;
            assert!(told.is_ok(), "{name} {kind:?}: {told:?}");
        }
    }
}
