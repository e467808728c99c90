use std::collections::BTreeMap;

use capstan_capi::{OpenStackApi, contract};
use capstan_spec::{KubernetesVersion, Mirror, WorkerPool};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn name() -> ClusterName {
    ClusterName::new("team-a", "demo", "x7k2p".parse().unwrap())
}

fn spec() -> WorkloadClusterSpec {
    let mut spec =
        WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "m1.medium", "m1.small");
    spec.workers[0].replicas = 2;
    spec.api_access.allowed_cidrs = vec!["203.0.113.0/24".parse().unwrap()];
    spec
}

fn facts() -> Facts {
    Facts {
        networks: BTreeMap::new(),
        subnets: BTreeMap::new(),
        openstack_api: OpenStackApi::V1Beta1,
        workers_version: None,
        image: "6b4f6a1e-6f0e-4d57-9d55-0f8a2c1d3e11".into(),
        external_network: Some("0d1f7a62-3d1c-4b7a-8b1e-5a2f9c4e7d22".into()),
        images: BTreeMap::new(),
        existing_network: None,
        node_cidr: Some(capstan_spec::defaults::NODE_CIDR),
        floating_ip: Some("198.51.100.7".into()),
        load_balancer_provider: Some("amphora".into()),
        management_egress: vec!["198.51.100.2/32".parse().unwrap()],
        dns_nameservers: vec!["9.9.9.9".into()],
        network_mtu: None,
        server_groups: BTreeMap::from([
            (
                "control-plane".into(),
                "4c2b1d3e-1111-4222-8333-444455556666".into(),
            ),
            (
                "workers".into(),
                "5d3c2e4f-1111-4222-8333-444455556666".into(),
            ),
        ]),
        security_groups: BTreeMap::new(),
        root_volumes: BTreeMap::new(),
        capacities: BTreeMap::new(),
        registry_secret: None,
        mirror: None,
        bastion: None,
    }
}

/// Everything the renderer can say at once.
fn everything() -> (WorkloadClusterSpec, Facts) {
    let mut spec = spec();
    spec.control_plane.replicas = 3;
    spec.control_plane.availability_zones = vec!["az2".into(), "az1".into()];
    spec.workers[0].availability_zone = Some("az1".into());
    spec.workers.push(WorkerPool {
        replicas: 7,
        ..WorkerPool::new("large", "m1.large")
    });
    let mut facts = facts();
    facts.network_mtu = Some(1400);
    facts.root_volumes.insert("large".into(), 50);
    facts.mirror = Some(Mirror {
        files: Some("http://198.18.0.2:8080".into()),
        registry: Some("http://198.18.0.2:5001/".into()),
    });
    (spec, facts)
}

fn yaml(rendered: &Rendered) -> String {
    let documents: Vec<_> = rendered
        .objects
        .iter()
        .map(|object| serde_saphyr::to_string(&sorted(&object.value)).unwrap())
        .collect();
    documents.join("---\n")
}

/// Keys in alphabetical order, whichever features of `serde_json` the build has on.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map
                .iter()
                .map(|(key, value)| (key.clone(), self::sorted(value)))
                .collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

fn templates(rendered: &Rendered) -> Vec<String> {
    rendered
        .templates()
        .map(|object| object.name.clone())
        .collect()
}

/// A plain cluster, for tests of what is done with its objects.
pub(crate) fn rendered() -> Rendered {
    render(&spec(), &name(), &facts()).unwrap()
}

/// Golden files per renderer version: when one changes, `RENDERER` must go up, or clusters roll without being asked.
#[test]
fn golden_simple() {
    let rendered = render(&spec(), &name(), &facts()).unwrap();
    insta::assert_snapshot!(format!("simple_v{RENDERER}"), yaml(&rendered));
}

/// The same in the newer version of the OpenStack provider.
#[test]
fn golden_everything_in_the_newer_version() {
    let (spec, mut facts) = everything();
    facts.openstack_api = OpenStackApi::V1Beta2;
    let mut rendered = render(&spec, &name(), &facts).unwrap();
    rendered.objects.retain(|object| {
        [kind::OPENSTACK_CLUSTER, kind::OPENSTACK_MACHINE_TEMPLATE].contains(&object.kind)
    });
    insta::assert_snapshot!(
        format!("everything_openstack_v1beta2_v{RENDERER}"),
        yaml(&rendered)
    );
}

#[test]
fn golden_everything() {
    let (spec, facts) = everything();
    let rendered = render(&spec, &name(), &facts).unwrap();
    insta::assert_snapshot!(format!("everything_v{RENDERER}"), yaml(&rendered));
}

/// In the middle of an upgrade: whatever the control plane is told, a pool that lags stays as it is to the letter.
#[test]
fn the_version_of_the_control_plane_moves_nothing_of_workers_that_lag() {
    let older = KubernetesVersion::new(1, 35, 4);
    let mut before = spec();
    before.version = older;
    let rest = render(&before, &name(), &facts()).unwrap();
    let mut facts = facts();
    let image = std::mem::replace(&mut facts.image, "newer".into());
    facts.workers_version = Some(older);
    facts.images = before
        .workers
        .iter()
        .map(|pool| (pool.name.clone(), image.clone()))
        .collect();
    let moving = render(&spec(), &name(), &facts).unwrap();
    let of_workers = |rendered: &Rendered| -> Vec<DesiredObject> {
        let pool = |object: &DesiredObject| object.value["metadata"]["labels"][POOL_LABEL].clone();
        let mut objects = rendered.objects.clone();
        objects.retain(|object| pool(object) == before.workers[0].name.as_str());
        objects
    };
    assert!(of_workers(&rest).len() >= 3);
    assert_eq!(of_workers(&rest), of_workers(&moving));
    let plane = moving.of(kind::KUBEADM_CONTROL_PLANE).next().unwrap();
    assert_eq!(plane.value["spec"]["version"], spec().version.to_string());
}

/// Every object is one that the providers' own definitions accept.
pub(crate) fn keeps_contract(rendered: &Rendered) {
    for object in &rendered.objects {
        let faults = contract::faults(object.kind, &object.value);
        assert!(
            faults.is_empty(),
            "{} {}: {faults:#?}",
            object.kind.kind,
            object.name
        );
    }
}

#[test]
fn what_is_referred_to_is_rendered_before() {
    let rendered = render(&spec(), &name(), &facts()).unwrap();
    let kinds: Vec<_> = rendered
        .objects
        .iter()
        .map(|object| object.kind.kind)
        .collect();
    let expected = [
        "OpenStackMachineTemplate",
        "OpenStackMachineTemplate",
        "KubeadmConfigTemplate",
        "OpenStackCluster",
        "KubeadmControlPlane",
        "Cluster",
        "MachineDeployment",
        "MachineHealthCheck",
        "MachineHealthCheck",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn the_cluster_alone_is_that_of_the_whole() {
    let mut paused = spec();
    paused.paused = true;
    let whole = render(&paused, &name(), &facts()).unwrap();
    let alone = cluster(&paused, &name()).unwrap();
    assert_eq!(whole.of(kind::CLUSTER).next(), Some(&alone));
    assert_eq!(alone.value["spec"]["paused"], true);
}

#[test]
fn the_management_server_never_locks_itself_out() {
    let allowed = |spec: &WorkloadClusterSpec, facts: &Facts| {
        let rendered = render(spec, &name(), facts).unwrap();
        let cluster = rendered
            .of(kind::OPENSTACK_CLUSTER)
            .next()
            .unwrap()
            .value
            .clone();
        cluster["spec"]["apiServerLoadBalancer"]["allowedCIDRs"].clone()
    };
    let (mut spec, mut facts) = (spec(), facts());
    assert_eq!(
        allowed(&spec, &facts),
        json!(["198.51.100.2/32", "203.0.113.0/24"])
    );
    spec.api_access.allowed_cidrs.clear();
    assert_eq!(allowed(&spec, &facts), json!(["198.51.100.2/32"]));
    // Octavia would take nothing for everybody.
    facts.management_egress.clear();
    assert_eq!(allowed(&spec, &facts), json!(["10.8.0.0/20"]));
}

#[test]
fn a_mirror_reaches_every_node_and_nothing_waits_for_a_cloud_controller() {
    let (spec, facts) = everything();
    let rendered = render(&spec, &name(), &facts).unwrap();
    let control_plane = &rendered
        .of(kind::KUBEADM_CONTROL_PLANE)
        .next()
        .unwrap()
        .value;
    let files = &control_plane["spec"]["kubeadmConfigSpec"]["files"];
    assert_eq!(
        files[0]["path"],
        "/etc/containerd/certs.d/_default/hosts.toml"
    );
    assert_eq!(
        files[0]["content"],
        "server = \"http://198.18.0.2:5001\"\n\n[host.\"http://198.18.0.2:5001\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
    );
    for template in rendered.of(kind::KUBEADM_CONFIG_TEMPLATE) {
        assert_eq!(&template.value["spec"]["template"]["spec"]["files"], files);
    }
    assert!(!yaml(&rendered).contains("cloud-provider"));
}

#[test]
fn a_health_check_heals_small_pools_and_stops_before_large_faults() {
    let bearable = |replicas: u32| {
        let mut spec = spec();
        spec.workers[0].replicas = replicas;
        let rendered = render(&spec, &name(), &facts()).unwrap();
        let check = rendered.of(kind::MACHINE_HEALTH_CHECK).nth(1).unwrap();
        check.value["spec"]["remediation"]["triggerIf"]["unhealthyLessThanOrEqualTo"].clone()
    };
    let cases = [(0, 1), (1, 1), (2, 1), (3, 2), (5, 2), (10, 4), (100, 40)];
    for (replicas, expected) in cases {
        assert_eq!(bearable(replicas), expected, "{replicas}");
    }
}

#[test]
fn templates_roll_on_what_they_hold_and_on_nothing_else() {
    let names = |spec: &WorkloadClusterSpec, facts: &Facts| {
        templates(&render(spec, &name(), facts).unwrap())
    };
    let before = names(&spec(), &facts());

    let mut other_flavor = spec();
    other_flavor.workers[0].flavor = "m1.large".into();
    let after = names(&other_flavor, &facts());
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
    assert_ne!(after[1], before[1]);

    let other_image = Facts {
        image: "0c0c0c0c-6f0e-4d57-9d55-0f8a2c1d3e11".into(),
        ..facts()
    };
    let after = names(&spec(), &other_image);
    assert_ne!(after[0], before[0]);
    assert_ne!(after[1], before[1]);
    assert_eq!(after[2], before[2]);

    let mut untouched = spec();
    untouched
        .api_access
        .allowed_cidrs
        .push("192.0.2.0/24".parse().unwrap());
    untouched.network.dns_nameservers = vec!["1.1.1.1".parse().unwrap()];
    untouched.version = KubernetesVersion::new(1, 36, 4);
    assert_eq!(names(&untouched, &facts()), before);
}

/// What is left of a value when everything that scaling may change is taken out.
fn without_counts(rendered: &Rendered) -> Vec<Value> {
    let mut values: Vec<_> = rendered
        .objects
        .iter()
        .map(|object| object.value.clone())
        .collect();
    for value in &mut values {
        if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
            spec.remove("replicas");
            if let Some(trigger) = spec
                .get_mut("remediation")
                .and_then(|r| r.get_mut("triggerIf"))
            {
                *trigger = Value::Null;
            }
        }
    }
    values
}

proptest! {
    #[test]
    fn scaling_changes_counts_only(half in 0u32..4, workers in 0u32..50) {
        let before = render(&spec(), &name(), &facts()).unwrap();
        let mut scaled = spec();
        scaled.control_plane.replicas = half * 2 + 1;
        scaled.workers[0].replicas = workers;
        let after = render(&scaled, &name(), &facts()).unwrap();
        prop_assert_eq!(templates(&before), templates(&after));
        prop_assert_eq!(without_counts(&before), without_counts(&after));
    }

    #[test]
    fn order_of_what_is_a_set_does_not_matter(
        cidrs in proptest::collection::vec((0u8..4).prop_map(|n| format!("203.0.{n}.0/24").parse().unwrap()), 0..6),
        seed in any::<proptest::sample::Index>(),
    ) {
        let mut one = spec();
        one.api_access.allowed_cidrs = cidrs;
        let mut other = one.clone();
        let length = other.api_access.allowed_cidrs.len();
        if length > 0 {
            other.api_access.allowed_cidrs.rotate_left(seed.index(length));
        }
        let first = render(&one, &name(), &facts()).unwrap();
        prop_assert_eq!(&first, &render(&other, &name(), &facts()).unwrap());
        prop_assert_eq!(&first.hash, &render(&one, &name(), &facts()).unwrap().hash);
    }
}

mod rich;
mod versions;
