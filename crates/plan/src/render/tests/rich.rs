//! Everything that a cluster file can say.

use std::collections::BTreeSet;

use capstan_spec::file;
use capstan_spec::status::{
    Capacity, PoolImage, Resolved, ResolvedBastion, ResolvedNetwork, ResolvedSubnet,
};

use super::*;
use crate::facts::Surroundings;

pub(super) const MANAGED: &str = include_str!("../../../testdata/managed.yaml");
pub(super) const EXISTING: &str = include_str!("../../../testdata/existing.yaml");
pub(super) const DUAL: &str = include_str!("../../../testdata/dual.yaml");
pub(super) const FLATCAR: &str = include_str!("../../../testdata/flatcar.yaml");

/// What does not reach the objects by way of the spec, and where it does.
const ELSEWHERE: &[(&str, &str)] = &[
    ("cloud", "chooses the Cloud"),
    ("image", "Facts, by Resolved::image_id"),
    ("architecture", "Facts, by Resolved::image_id"),
    ("workers[].gpu.count", "Facts, by Resolved::capacities"),
    ("workers[].image", "Facts, by Resolved::pool_images"),
    (
        "controlPlane.rootVolume.sizeGib",
        "Facts, by Resolved::root_volumes",
    ),
    (
        "workers[].rootVolume.sizeGib",
        "Facts, by Resolved::root_volumes",
    ),
    (
        "controlPlane.serverGroup",
        "Facts, by Resolved::server_groups",
    ),
    (
        "network.externalNetwork",
        "Facts, by Resolved::external_network_id",
    ),
    (
        "network.existing.network",
        "Facts, by Resolved::existing_network",
    ),
    (
        "network.existing.subnet",
        "Facts, by Resolved::existing_network",
    ),
    (
        "network.ipv6.subnet",
        "Facts, by Resolved::existing_network",
    ),
    (
        "network.existing.router",
        "Facts, by Resolved::existing_network",
    ),
    ("apiAccess.floatingIp", "Facts, by Resolved::floating_ip"),
    (
        "apiAccess.loadBalancerProvider",
        "Facts, by Resolved::load_balancer_provider",
    ),
    (
        "kubeadm.registryMirrors[].credentialsSecret",
        "Facts, by Resolved::registry_secret",
    ),
    (
        "controlPlane.rollout.paused",
        "plan::rollout, by an annotation when it can stop",
    ),
    ("approval.controlPlane", "the controller, before it applies"),
    (
        "approval.workersPercent",
        "the controller, before it applies",
    ),
    (
        "kubeadm.etcd.defragmentation.disabled",
        "plan::etcd, by the controller",
    ),
    (
        "kubeadm.etcd.defragmentation.hour",
        "plan::etcd, by the controller",
    ),
    (
        "kubeadm.etcd.defragmentation.gainPercent",
        "plan::etcd, by the controller",
    ),
    ("bastion.image", "Facts, by Resolved::bastion"),
    ("deletionPolicy", "the controller"),
    ("hooks.afterCreate[].name", HOOK),
    ("hooks.afterCreate[].manifest", HOOK),
    ("hooks.afterCreate[].from.configMap", HOOK),
    ("hooks.afterCreate[].from.secret", HOOK),
    ("hooks.afterCreate[].from.key", HOOK),
    ("hooks.afterCreate[].timeoutSeconds", HOOK),
    ("hooks.afterCreate[].onFailure", HOOK),
    ("hooks.beforeDelete[].name", HOOK),
    ("hooks.beforeDelete[].manifest", HOOK),
    ("hooks.beforeDelete[].from.configMap", HOOK),
    ("hooks.beforeDelete[].from.secret", HOOK),
    ("hooks.beforeDelete[].from.key", HOOK),
    ("hooks.beforeDelete[].timeoutSeconds", HOOK),
    ("hooks.beforeDelete[].onFailure", HOOK),
];
const HOOK: &str = "plan::hook, by the controller, into the cluster itself";

pub(super) fn read(text: &str) -> WorkloadClusterSpec {
    file::read(text)
        .unwrap_or_else(|error| panic!("{error}"))
        .spec
}

fn resolved() -> Resolved {
    let ids = |names: &[&str]| {
        let pairs = names
            .iter()
            .map(|name| ((*name).to_owned(), format!("id-of-{name}")));
        pairs.collect::<BTreeMap<_, _>>()
    };
    Resolved {
        version: Some(KubernetesVersion::new(1, 36, 3)),
        image_id: Some("id-of-image".into()),
        external_network_id: Some("id-of-external-network".into()),
        load_balancer_provider: Some("amphora".into()),
        floating_ip: Some("198.51.100.7".into()),
        server_groups: ids(&["control-plane", "workers", "large"]),
        security_groups: ids(&["web", "ssh"]),
        networks: ids(&["storage", "lab"]),
        subnets: ids(&["storage/fast"]),
        root_volumes: [("control-plane".to_owned(), 40), ("workers".to_owned(), 30)].into(),
        pool_images: [(
            "workers".to_owned(),
            PoolImage {
                system: capstan_spec::NodeSystem::default(),
                asked: "gpu".into(),
                version: KubernetesVersion::new(1, 36, 3),
                id: "id-of-gpu-image".into(),
            },
        )]
        .into(),
        capacities: [(
            "elastic".to_owned(),
            Capacity {
                gpus: 0,
                vcpus: 4,
                ram_mib: 8192,
                disk_gib: 40,
            },
        )]
        .into(),
        existing_network: Some(ResolvedNetwork {
            ipv6: Some(ResolvedSubnet {
                id: "id-of-v6".into(),
                cidr: "2001:db8::/64".parse().unwrap(),
            }),
            id: "id-of-prod".into(),
            subnet_id: "id-of-v4".into(),
            subnet_cidr: "10.20.0.0/22".parse().unwrap(),
            router_id: Some("id-of-edge".into()),
        }),
        registry_secret: Some("demo-x7k2p-registries-1".into()),
        bastion: Some(ResolvedBastion {
            image_id: Some("id-of-jump".into()),
            root_volume_gib: Some(20),
            floating_ip_id: Some("id-of-address".into()),
            floating_ip: Some("198.51.100.8".into()),
            security_group_id: Some("id-of-group".into()),
            image_asked: None,
        }),
        ..Resolved::default()
    }
}

pub(super) fn facts(spec: &WorkloadClusterSpec) -> Facts {
    Facts::collect(spec, &resolved(), &Surroundings::default()).unwrap()
}

fn rendered(spec: &WorkloadClusterSpec) -> Option<Rendered> {
    let mut resolved = resolved();
    // Nothing was ever made for a bastion that was never wished.
    resolved.bastion = resolved.bastion.filter(|_| spec.bastion.is_some());
    let facts = Facts::collect(spec, &resolved, &Surroundings::default()).ok()?;
    Some(render(spec, &name(), &facts).unwrap())
}

#[test]
fn golden_rich() {
    let managed = rendered(&read(MANAGED)).unwrap();
    insta::assert_snapshot!(format!("rich_v{RENDERER}"), yaml(&managed));
    let existing = rendered(&read(EXISTING)).unwrap();
    insta::assert_snapshot!(format!("existing_v{RENDERER}"), yaml(&existing));
    let dual = rendered(&read(DUAL)).unwrap();
    insta::assert_snapshot!(format!("dual_v{RENDERER}"), yaml(&dual));
    let flatcar = rendered(&read(FLATCAR)).unwrap();
    insta::assert_snapshot!(format!("flatcar_v{RENDERER}"), yaml(&flatcar));
}

/// The iron rule: a field that is in the model is rendered. Each leaf of the files is changed or left out in turn, and
/// the objects must differ; and the files must say every field there is.
#[test]
fn every_field_of_the_model_reaches_an_object() {
    let mut said = BTreeSet::new();
    for text in [MANAGED, EXISTING, FLATCAR, DUAL] {
        let spec = read(text);
        let before = rendered(&spec).unwrap().hash;
        let whole = serde_json::to_value(&spec).unwrap();
        let mut leaves = Vec::new();
        collect(&whole, "", &mut leaves);
        for pointer in leaves {
            let path = field(&pointer);
            // The pool `large` has no health check.
            let off = pointer.starts_with("/workers/1/healthCheck/") && !path.ends_with("enabled");
            // Where there is an autoscaler, it sets the number.
            let scaled = pointer
                .strip_suffix("/replicas")
                .and_then(|pool| whole.pointer(&format!("{pool}/autoscaling")));
            let off = off || scaled.is_some();
            if off || ELSEWHERE.iter().any(|(known, _)| *known == path) {
                continue;
            }
            let changed: Vec<WorkloadClusterSpec> = others(&whole, &pointer)
                .into_iter()
                .filter_map(|value| serde_json::from_value(value).ok())
                .filter(|other| *other != spec)
                .collect();
            // One that stands at its default in one place is changed in another.
            if !changed.is_empty() {
                said.insert(path);
            }
            for other in changed {
                let after = rendered(&other).map(|rendered| rendered.hash);
                assert_ne!(after.as_ref(), Some(&before), "{pointer} reaches no object");
            }
        }
    }
    let schema = capstan_spec::schema::workload_cluster();
    let mut known = BTreeSet::new();
    fields(schema.as_value(), "", &mut known);
    let forgotten: Vec<_> = known
        .iter()
        .filter(|path| !said.contains(*path) && !ELSEWHERE.iter().any(|(one, _)| one == path))
        .collect();
    assert!(forgotten.is_empty(), "no test says {forgotten:?}");
}

/// Pointers of all leaves.
fn collect(value: &Value, pointer: &str, leaves: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, inner) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect(inner, &format!("{pointer}/{key}"), leaves);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, inner) in items.iter().enumerate() {
                collect(inner, &format!("{pointer}/{index}"), leaves);
            }
        }
        _ => leaves.push(pointer.to_owned()),
    }
}

/// The field a leaf belongs to, as the schema names it: `workers[].labels.*`.
fn field(pointer: &str) -> String {
    const MAPS: [&str; 8] = [
        "metadata",
        "labels",
        "featureGates",
        "extraArgs",
        "systemReserved",
        "kubeReserved",
        "evictionHard",
        "",
    ];
    let mut path = String::new();
    let mut of_map = false;
    for part in pointer.split('/').skip(1) {
        if part.parse::<usize>().is_ok() {
            path.push_str("[]");
        } else if of_map {
            path.push_str(".*");
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(part);
        }
        of_map = MAPS.contains(&part);
    }
    path
}

/// The whole without the leaf, and with another value in its place.
fn others(whole: &Value, pointer: &str) -> Vec<Value> {
    let mut others = Vec::new();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let mut without = whole.clone();
    match without.pointer_mut(parent).unwrap() {
        Value::Object(map) => {
            map.remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        Value::Array(items) => {
            items.remove(key.parse().unwrap());
        }
        _ => {}
    }
    others.push(without);
    let altered = match whole.pointer(pointer).unwrap() {
        Value::Bool(value) => vec![json!(!value)],
        Value::Number(number) => vec![json!(number.as_u64().unwrap_or_default() + 1)],
        // Most take any text; some only words of their own.
        Value::String(text) => vec![
            json!(format!("{text}x")),
            json!("v1.36.4"),
            json!("NoExecute"),
        ],
        _ => Vec::new(),
    };
    for value in altered {
        let mut other = whole.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        others.push(other);
    }
    others
}

/// Paths of all leaves of the schema.
fn fields(schema: &Value, path: &str, known: &mut BTreeSet<String>) {
    let forms = schema["anyOf"].as_array().into_iter().flatten();
    let schema = forms
        .into_iter()
        .find(|form| form["type"] != json!("null"))
        .unwrap_or(schema);
    if let Some(properties) = schema["properties"].as_object() {
        for (name, inner) in properties {
            let dot = if path.is_empty() { "" } else { "." };
            fields(inner, &format!("{path}{dot}{name}"), known);
        }
    } else if schema["items"].is_object() {
        fields(&schema["items"], &format!("{path}[]"), known);
    } else if schema["additionalProperties"].is_object() {
        fields(&schema["additionalProperties"], &format!("{path}.*"), known);
    } else {
        known.insert(path.to_owned());
    }
}
