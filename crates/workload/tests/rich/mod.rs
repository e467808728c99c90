//! Clusters that say everything that a cluster file can say.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use capstan_plan::facts::{Facts, Surroundings};
use capstan_plan::offline;
use capstan_spec::status::{PoolImage, Resolved, ResolvedBastion, ResolvedNetwork, ResolvedSubnet};
use capstan_spec::{KubernetesVersion, WorkloadClusterSpec, file};

const MANAGED: &str = include_str!("../../../plan/testdata/managed.yaml");
const EXISTING: &str = include_str!("../../../plan/testdata/existing.yaml");
const DUAL: &str = include_str!("../../../plan/testdata/dual.yaml");
const FLATCAR: &str = include_str!("../../../plan/testdata/flatcar.yaml");

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
            id: ID.into(),
            subnet_id: ID.into(),
            subnet_cidr: "10.20.0.0/22".parse().unwrap(),
            router_id: Some(ID.into()),
            ipv6: Some(ResolvedSubnet {
                id: ID.into(),
                cidr: "2001:db8::/64".parse().unwrap(),
            }),
        }),
        networks: ids(&["storage", "lab"]),
        subnets: ids(&["storage/fast"]),
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

fn looked_up(spec: &WorkloadClusterSpec) -> Facts {
    let around = Surroundings {
        management_egress: vec!["198.51.100.2/32".parse().unwrap()],
        ..Surroundings::default()
    };
    Facts::collect(spec, &resolved(), &around).unwrap()
}

/// Name, wish and what is known: on a server, and offline as `capstan cluster render` has it.
pub(crate) fn clusters() -> Vec<(String, WorkloadClusterSpec, Facts)> {
    let plain = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
    let managed = file::read(MANAGED).unwrap().spec;
    let existing = file::read(EXISTING).unwrap().spec;
    let dual = file::read(DUAL).unwrap().spec;
    let flatcar = file::read(FLATCAR).unwrap().spec;
    let mut clusters = Vec::new();
    for (name, mut spec) in [
        ("plain", plain),
        ("managed", managed),
        ("existing", existing),
        ("dual", dual),
        ("flatcar", flatcar),
    ] {
        clusters.push((name.to_owned(), spec.clone(), looked_up(&spec)));
        if ["dual", "flatcar"].contains(&name) {
            continue; // They mean something only with a look at the cloud.
        }
        // What `capstan cluster render` writes.
        spec.bastion = None; // Nobody makes its security group.
        spec.image = Some("node".into());
        spec.api_access.allowed_cidrs = vec!["203.0.113.0/24".parse().unwrap()];
        for mirror in &mut spec.kubeadm.registry_mirrors {
            mirror.credentials_secret = None; // Nobody makes nodes' Secret without Capstan.
        }
        let facts = offline::facts(&spec).unwrap();
        clusters.push((format!("{name}-offline"), spec, facts));
    }
    clusters
}
