//! Writing a spec as a cluster file.

use std::fmt::Write;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use crate::yaml::WriteError;
use crate::{ApiAccess, Network, WorkloadClusterSpec, defaults, yaml};

/// Writes a spec so that [`read`](super::read) gives it back: flat keys for what they can say, the structured part for
/// the rest. Everything that decides what the cluster becomes is written, defaults too, so that a later change of a
/// default changes no file's meaning.
pub fn write(spec: &WorkloadClusterSpec) -> Result<String, WriteError> {
    let mut text = String::from("# A Kubernetes cluster, for Capstan.\n");
    let flat = yaml::to_string(&Lines(flat(spec)))?;
    text.push_str(&flat);
    let structured = structured(spec);
    if !structured.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{}", yaml::to_string(&Lines(structured))?);
    }
    Ok(text)
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
    matches!(&spec.workers[..], [pool] if pool.name == defaults::POOL)
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
    if let ([pool], true) = (&spec.workers[..], one_plain_pool(spec)) {
        lines.push(("WORKER_MACHINE_COUNT", json!(pool.replicas)));
        lines.push(("OPENSTACK_NODE_MACHINE_FLAVOR", json!(pool.flavor)));
        if let Some(zone) = &pool.availability_zone {
            lines.push(("OPENSTACK_FAILURE_DOMAIN", json!(zone)));
        }
    }
    let Network {
        node_cidr,
        pod_cidr,
        service_cidr,
        dns_nameservers,
        external_network,
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

fn structured(spec: &WorkloadClusterSpec) -> Vec<(&'static str, Value)> {
    let mut lines = Vec::new();
    if !spec.control_plane.availability_zones.is_empty() {
        let zones = &spec.control_plane.availability_zones;
        lines.push(("controlPlane", json!({"availabilityZones": zones})));
    }
    if !one_plain_pool(spec) {
        lines.push(("workers", json!(spec.workers)));
    }
    let ApiAccess {
        allowed_cidrs: _,
        floating_ip,
        load_balancer_provider,
    } = &spec.api_access;
    let mut access = Map::new();
    if let Some(address) = floating_ip {
        access.insert("floatingIp".to_owned(), json!(address));
    }
    if let Some(provider) = load_balancer_provider {
        access.insert("loadBalancerProvider".to_owned(), json!(provider));
    }
    if !access.is_empty() {
        lines.push(("apiAccess", Value::Object(access)));
    }
    lines.push(("cni", json!(spec.cni)));
    lines.push(("deletionPolicy", json!(spec.deletion_policy)));
    if spec.paused {
        lines.push(("paused", Value::Bool(true)));
    }
    lines
}
