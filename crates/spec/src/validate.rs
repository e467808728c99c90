//! Every rule a workload cluster must keep that needs no look at the cloud. All findings at once.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::finding::Finding;
use crate::naming::max_name_length;
use crate::{WorkerPool, WorkloadClusterSpec};

/// Cluster API refuses more, and etcd gets slower with every member.
const MAX_CONTROL_PLANE: u32 = 9;
/// Most machines of one pool; a /16 for pods carries 256 nodes.
const MAX_POOL: u32 = 256;
/// Longest prefix of the node network that still has room for addresses of nodes, load balancer, router and DHCP.
const NODE_PREFIX_MAX: u8 = 28;
/// Prefix each node gets of the pod network; kubeadm's default.
const POD_PREFIX_PER_NODE: u8 = 24;
/// The service allocator of Kubernetes wants room; kubeadm refuses smaller ones.
const SERVICE_PREFIX_MAX: u8 = 26;
/// Oldest line whose kubeadm speaks v1beta4, which Cluster API 1.14 writes.
const OLDEST_MINOR: u64 = 31;

/// Checks name and spec together.
pub fn cluster(name: &str, spec: &WorkloadClusterSpec) -> Vec<Finding> {
    let mut findings = self::name(name, spec.workers.iter().map(|pool| pool.name.as_str()));
    findings.extend(self::spec(spec));
    findings
}

/// Checks the name of a cluster: a DNS label that begins with a letter and leaves room for all derived names.
pub fn name<'a>(name: &str, pools: impl IntoIterator<Item = &'a str>) -> Vec<Finding> {
    let path = "metadata.name";
    if let Some(reason) = label_fault(name) {
        return vec![Finding::error(
            path,
            format!("{name:?} is no cluster name: {reason}"),
        )];
    }
    let longest = max_name_length(pools);
    if name.len() > longest {
        let text = format!(
            "{name:?} has {} characters; with this cluster's pool names at most {longest} fit, because host names of \
             its machines may have 63",
            name.len()
        );
        return vec![Finding::error(path, text).remedy("choose a shorter name of cluster or pool")];
    }
    Vec::new()
}

/// Checks a spec by itself.
pub fn spec(spec: &WorkloadClusterSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    version(spec, &mut findings);
    control_plane(spec, &mut findings);
    workers(&spec.workers, &mut findings);
    network(spec, &mut findings);
    api_access(spec, &mut findings);
    findings
}

fn version(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    if spec.version.major != 1 || spec.version.minor < OLDEST_MINOR {
        let text = format!(
            "Kubernetes {} is too old for this management server",
            spec.version
        );
        findings.push(Finding::error("version", text).remedy("choose v1.31 or newer"));
    }
    if spec.image.as_deref().is_some_and(str::is_empty) {
        findings.push(
            Finding::error("image", "the image's name is empty")
                .remedy("leave it out to have the image of the version looked up"),
        );
    }
}

fn control_plane(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    let count = spec.control_plane.replicas;
    let path = "controlPlane.replicas";
    if count == 0 {
        findings.push(Finding::error(path, "a cluster needs a control plane").remedy("use 1 or 3"));
    } else if count.is_multiple_of(2) {
        let text = format!("{count} is even; etcd needs an odd number to keep a majority");
        let remedy = format!("use {} or {}", count - 1, count + 1);
        findings.push(Finding::error(path, text).remedy(remedy));
    } else if count > MAX_CONTROL_PLANE {
        findings.push(Finding::error(
            path,
            format!("{count} is more than {MAX_CONTROL_PLANE}"),
        ));
    }
    required("controlPlane.flavor", &spec.control_plane.flavor, findings);
}

fn workers(pools: &[WorkerPool], findings: &mut Vec<Finding>) {
    for (index, pool) in pools.iter().enumerate() {
        let path = |field: &str| format!("workers[{index}].{field}");
        if let Some(reason) = label_fault(&pool.name) {
            let text = format!("{:?} is no pool name: {reason}", pool.name);
            findings.push(Finding::error(path("name"), text));
        }
        if pool.name.starts_with("control-plane") {
            let text = format!(
                "the pool name {:?} is taken by the control plane",
                pool.name
            );
            findings.push(Finding::error(path("name"), text));
        }
        if pools[..index]
            .iter()
            .any(|earlier| earlier.name == pool.name)
        {
            let text = format!("there are two pools named {:?}", pool.name);
            findings.push(Finding::error(path("name"), text));
        }
        if pool.replicas > MAX_POOL {
            let text = format!("{} is more than {MAX_POOL}", pool.replicas);
            findings.push(Finding::error(path("replicas"), text));
        }
        required(&path("flavor"), &pool.flavor, findings);
    }
    if pools.iter().all(|pool| pool.replicas == 0) {
        findings.push(Finding::warning(
            "workers",
            "there are no workers: nothing but the control plane's own pods will run",
        ));
    }
}

fn network(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    let network = &spec.network;
    let ranges = [
        ("network.nodeCidr", network.node_cidr),
        ("network.podCidr", network.pod_cidr),
        ("network.serviceCidr", network.service_cidr),
    ];
    for (path, range) in ranges {
        cidr(path, range, findings);
        if range.addr().is_ipv6() {
            findings.push(Finding::error(
                path,
                format!("{range} is IPv6, which is not supported"),
            ));
        }
    }
    for (index, (path, range)) in ranges.iter().enumerate() {
        for (other_path, other) in &ranges[..index] {
            if overlap(*range, *other) {
                let text = format!("{range} overlaps {other_path} {other}");
                findings.push(
                    Finding::error(*path, text).remedy("choose ranges apart from each other"),
                );
            }
        }
    }
    if network.node_cidr.prefix_len() > NODE_PREFIX_MAX {
        let text = format!(
            "{} is too small for nodes, router and load balancer",
            network.node_cidr
        );
        findings.push(Finding::error("network.nodeCidr", text).remedy("use at least a /28"));
    }
    if network.service_cidr.prefix_len() > SERVICE_PREFIX_MAX {
        let text = format!("{} is too small for services", network.service_cidr);
        findings.push(Finding::error("network.serviceCidr", text).remedy("use at least a /26"));
    }
    pod_room(spec, findings);
    for (index, server) in network.dns_nameservers.iter().enumerate() {
        let path = format!("network.dnsNameservers[{index}]");
        if server.is_unspecified() || server.is_loopback() || server.is_multicast() {
            let text = format!("{server} is no address that nodes could ask for names");
            findings.push(Finding::error(path, text));
        }
    }
}

/// Each node takes a /24 of the pod network.
fn pod_room(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    let range = spec.network.pod_cidr;
    let path = "network.podCidr";
    if range.addr().is_ipv6() {
        return; // told already
    }
    let Some(bits) = POD_PREFIX_PER_NODE.checked_sub(range.prefix_len()) else {
        let text =
            format!("{range} is smaller than the /{POD_PREFIX_PER_NODE} a single node takes");
        findings.push(Finding::error(path, text).remedy("use a /16"));
        return;
    };
    let nodes = 1u64 << bits.min(32);
    let wanted = u64::from(spec.machines());
    if wanted > nodes {
        let text = format!("{range} has room for {nodes} nodes, and {wanted} are wanted");
        findings.push(Finding::error(path, text).remedy("use a larger range"));
    } else if wanted == nodes {
        let text = format!(
            "{range} has room for exactly the {nodes} nodes wanted: no node can be replaced"
        );
        findings.push(Finding::warning(path, text).remedy("use a larger range"));
    }
}

fn api_access(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    for (index, range) in spec.api_access.allowed_cidrs.iter().enumerate() {
        cidr(
            &format!("apiAccess.allowedCidrs[{index}]"),
            *range,
            findings,
        );
    }
    if spec.api_access.allowed_cidrs.is_empty() {
        findings.push(
            Finding::warning(
                "apiAccess.allowedCidrs",
                "nobody but the management server and the cluster itself will reach the API",
            )
            .remedy("list the networks you come from"),
        );
    }
    if let Some(address @ IpAddr::V6(_)) = spec.api_access.floating_ip {
        let text = format!("{address} is no IPv4 address");
        findings.push(Finding::error("apiAccess.floatingIp", text));
    }
}

/// A range must be written by its first address: anything else is a slip of the pen in one of the two numbers.
fn cidr(path: &str, range: IpNet, findings: &mut Vec<Finding>) {
    if range.trunc() != range {
        let text = format!("{range} has bits set behind its prefix");
        findings.push(Finding::error(path, text).remedy(format!("write {}", range.trunc())));
    }
}

fn required(path: &str, value: &str, findings: &mut Vec<Finding>) {
    if value.trim().is_empty() {
        findings.push(Finding::error(path, "must not be empty"));
    }
}

fn overlap(one: IpNet, other: IpNet) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// Why the text is no DNS label beginning with a letter, if it is none.
fn label_fault(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() {
        return Some("it is empty".to_owned());
    }
    if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
        return Some(format!("{bad:?} is not among a-z, 0-9 and -"));
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("it must begin with a letter".to_owned());
    }
    if text.ends_with('-') {
        return Some("it must not end with -".to_owned());
    }
    None
}

#[cfg(test)]
mod tests;
