//! Writing a spec as a cluster file.

use std::fmt::Write;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

use super::structured;
use crate::cluster::RootVolume;
use crate::yaml::WriteError;
use crate::{Network, WorkerPool, WorkloadClusterSpec, defaults, yaml};

/// Writes a spec so that [`read`](super::read) gives it back: flat keys for what they can say, the structured part for
/// the rest. What is as by default is left out, but for the numbers of machines, which every reader looks for.
pub fn write(spec: &WorkloadClusterSpec) -> Result<String, WriteError> {
    let mut text = String::from("# A Kubernetes cluster, for Capstan.\n");
    let bare = bare(spec);
    let defaults = flat(&bare);
    let mut lines = flat(spec);
    lines.retain(|line| ALWAYS.contains(&line.0) || !defaults.contains(line));
    text.push_str(&yaml::to_string(&Lines(lines))?);
    let structured = rest(spec, &bare);
    if !structured.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{}", yaml::to_string(&Lines(structured))?);
    }
    Ok(text)
}

/// Flat keys that are written whatever they say: those without a default, and the numbers of machines.
const ALWAYS: &[&str] = &[
    "KUBERNETES_VERSION",
    "CONTROL_PLANE_MACHINE_COUNT",
    "OPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR",
    "WORKER_MACHINE_COUNT",
    "OPENSTACK_NODE_MACHINE_FLAVOR",
];

/// The cluster that has nothing but what has no default.
fn bare(spec: &WorkloadClusterSpec) -> WorkloadClusterSpec {
    let flavor = &spec.control_plane.flavor;
    WorkloadClusterSpec {
        workers: Vec::new(),
        ..WorkloadClusterSpec::new(spec.version, flavor, flavor)
    }
}

/// Keys in a chosen order.
struct Lines(Vec<(&'static str, Value)>);

impl Serialize for Lines {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Whether the workers can be said by flat keys.
fn one_plain_pool(spec: &WorkloadClusterSpec) -> bool {
    let plain = |pool: &WorkerPool| WorkerPool {
        replicas: pool.replicas,
        availability_zone: pool.availability_zone.clone(),
        metadata: pool.metadata.clone(),
        root_volume: RootVolume {
            size_gib: pool.root_volume.size_gib,
            ..RootVolume::default()
        },
        ..WorkerPool::new(defaults::POOL, pool.flavor.clone())
    };
    matches!(&spec.workers[..], [pool] if *pool == plain(pool))
}

fn flat(spec: &WorkloadClusterSpec) -> Vec<(&'static str, Value)> {
    let mut lines = vec![
        ("OPENSTACK_CLOUD", json!(spec.cloud)),
        ("KUBERNETES_VERSION", json!(spec.version)),
    ];
    if let Some(image) = &spec.image {
        lines.push(("OPENSTACK_IMAGE_NAME", json!(image)));
    }
    lines.push((
        "CONTROL_PLANE_MACHINE_COUNT",
        json!(spec.control_plane.replicas),
    ));
    lines.push((
        "OPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR",
        json!(spec.control_plane.flavor),
    ));
    if let Some(size) = spec.control_plane.root_volume.size_gib {
        lines.push(("CONTROL_PLANE_ROOT_DISKSIZE", json!(size)));
    }
    if !spec.control_plane.metadata.is_empty() {
        let metadata = json!(spec.control_plane.metadata);
        lines.push(("OPENSTACK_CONTROL_PLANE_MACHINE_METADATA", metadata));
    }
    if let ([pool], true) = (&spec.workers[..], one_plain_pool(spec)) {
        lines.push(("WORKER_MACHINE_COUNT", json!(pool.replicas)));
        lines.push(("OPENSTACK_NODE_MACHINE_FLAVOR", json!(pool.flavor)));
        if let Some(size) = pool.root_volume.size_gib {
            lines.push(("WORKER_ROOT_DISKSIZE", json!(size)));
        }
        if !pool.metadata.is_empty() {
            lines.push(("OPENSTACK_NODE_MACHINE_METADATA", json!(pool.metadata)));
        }
        if let Some(zone) = &pool.availability_zone {
            lines.push(("OPENSTACK_FAILURE_DOMAIN", json!(zone)));
        }
    }
    if let Some(key) = &spec.ssh_key {
        lines.push(("OPENSTACK_SSH_KEY_NAME", json!(key)));
    }
    let Network {
        node_cidr,
        pod_cidr,
        service_cidr,
        dns_nameservers,
        external_network,
        mtu: _,
        node_port_cidrs: _,
        existing: _,
        ipv6: _,
    } = &spec.network;
    lines.push(("NODE_CIDR", json!(node_cidr)));
    lines.push(("POD_CIDR", json!(pod_cidr)));
    lines.push(("SERVICE_CIDR", json!(service_cidr)));
    if !dns_nameservers.is_empty() {
        lines.push(("OPENSTACK_DNS_NAMESERVERS", json!(dns_nameservers)));
    }
    if let Some(network) = external_network {
        lines.push(("OPENSTACK_EXTERNAL_NETWORK_ID", json!(network)));
    }
    let allowed = &spec.api_access.allowed_cidrs;
    lines.push((
        "RESTRICT_KUBEAPI",
        if allowed.is_empty() {
            json!(["none"])
        } else {
            json!(allowed)
        },
    ));
    lines
}

/// What flat keys have said already, by the paths of their fields; what is below each is left out with it.
const SAID: &[&str] = &[
    "/cloud",
    "/version",
    "/image",
    "/controlPlane/replicas",
    "/controlPlane/flavor",
    "/controlPlane/rootVolume/sizeGib",
    "/controlPlane/metadata",
    "/network/nodeCidr",
    "/network/podCidr",
    "/network/serviceCidr",
    "/network/dnsNameservers",
    "/network/externalNetwork",
    "/apiAccess/allowedCidrs",
    "/sshKey",
];

/// Everything that flat keys did not say, in the order of the fields.
fn rest(spec: &WorkloadClusterSpec, bare: &WorkloadClusterSpec) -> Vec<(&'static str, Value)> {
    // A spec holds strings, numbers and lists only, so it always has a JSON form.
    let json = |spec: &WorkloadClusterSpec| serde_json::to_value(spec).unwrap_or_default();
    let (mut whole, bare) = (json(spec), json(bare));
    if let Some(Value::Array(pools)) = whole.get_mut("workers") {
        for (value, pool) in pools.iter_mut().zip(&spec.workers) {
            let plain = WorkerPool::new(&pool.name, &pool.flavor);
            let mut plain = serde_json::to_value(plain).unwrap_or_default();
            for key in ["name", "replicas", "flavor"] {
                remove(&mut plain, &format!("/{key}"));
            }
            prune(value, &plain);
        }
    }
    for path in SAID {
        remove(&mut whole, path);
    }
    if one_plain_pool(spec) {
        remove(&mut whole, "/workers");
    }
    prune(&mut whole, &bare);
    let Value::Object(mut rest) = whole else {
        return Vec::new();
    };
    let fields = structured::FIELDS.into_iter();
    fields
        .filter_map(|field| Some((field, rest.remove(field)?)))
        .collect()
}

/// Takes out what is as by default, and every mapping that is empty without it.
fn prune(value: &mut Value, default: &Value) {
    let (Value::Object(map), Value::Object(defaults)) = (value, default) else {
        return;
    };
    map.retain(|key, value| match defaults.get(key) {
        Some(default) if value == default => false,
        Some(default) => {
            prune(value, default);
            value.as_object().is_none_or(|inner| !inner.is_empty())
        }
        None => true,
    });
}

/// Takes a value out, and every mapping that is empty without it.
fn remove(value: &mut Value, path: &str) {
    let Some((parent, key)) = path.rsplit_once('/') else {
        return;
    };
    let Some(Value::Object(map)) = value.pointer_mut(parent) else {
        return;
    };
    map.remove(key);
    if map.is_empty() {
        remove(value, parent);
    }
}
