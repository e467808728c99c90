//! Rules of networks and of the way to the API.

use std::net::IpAddr;

use ipnet::IpNet;

use super::syntax;
use crate::cluster::Ipv6;
use crate::finding::Finding;
use crate::{WorkloadClusterSpec, defaults};

/// Longest prefix of the node network that still has room for addresses of nodes, load balancer, router and DHCP.
const NODE_PREFIX_MAX: u8 = 28;
/// Prefix each node gets of the pod network; kubeadm's default.
const POD_PREFIX_PER_NODE: u8 = 24;
/// The service allocator of Kubernetes wants room; kubeadm refuses smaller ones.
const SERVICE_PREFIX_MAX: u8 = 26;
/// Least MTU: IPv6's, which Neutron asks for where a subnet might have it.
const LEAST_MTU: u32 = 1280;
/// Largest MTU: a jumbo frame.
const LARGEST_MTU: u32 = 9216;
/// Ports that other programs of the control plane listen on: etcd, its metrics, kubelet, controller manager, scheduler.
const TAKEN_PORTS: [u16; 6] = [2379, 2380, 2381, 10250, 10257, 10259];
/// Most names in a certificate that Cluster API takes (`certSANs`).
const MOST_SANS: usize = 100;

pub(super) fn network(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    let network = &spec.network;
    let mut ranges = vec![
        ("network.podCidr", network.pod_cidr),
        ("network.serviceCidr", network.service_cidr),
    ];
    if network.existing.is_none() {
        ranges.insert(0, ("network.nodeCidr", network.node_cidr));
    }
    for (path, range) in &ranges {
        cidr(path, *range, findings);
        if range.addr().is_ipv6() {
            findings.push(Finding::error(
                *path,
                format!(
                    "{range} is IPv6: the OpenStack provider of Cluster API makes one subnet, of IPv4, and pods and \
                     services go with the nodes"
                ),
            )
            .remedy("IPv6 goes beside IPv4, by network.ipv6"));
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
    if network.existing.is_none() && network.node_cidr.prefix_len() > NODE_PREFIX_MAX {
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
    if let Some(mtu) = network
        .mtu
        .filter(|mtu| !(LEAST_MTU..=LARGEST_MTU).contains(mtu))
    {
        let text = format!("{mtu} is no MTU of a network: from {LEAST_MTU} to {LARGEST_MTU} bytes");
        findings.push(Finding::error("network.mtu", text).remedy("leave it out for Neutron's"));
    }
    for (index, range) in network.node_port_cidrs.iter().enumerate() {
        let path = format!("network.nodePortCidrs[{index}]");
        cidr(&path, *range, findings);
        if range.addr().is_ipv6() && network.ipv6.is_none() {
            let text = format!("{range} is IPv6, and the nodes have IPv4");
            findings.push(Finding::error(path, text).remedy("set network.ipv6"));
        }
    }
    existing(spec, findings);
    if let Some(ipv6) = &network.ipv6 {
        self::ipv6(spec, ipv6, findings);
    }
}

fn ipv6(spec: &WorkloadClusterSpec, ipv6: &Ipv6, findings: &mut Vec<Finding>) {
    let path = |field: &str| format!("network.ipv6.{field}");
    if spec.network.existing.is_none() {
        let text = "the OpenStack provider of Cluster API makes subnets of IPv4 alone";
        let remedy = "make a network with a subnet of each, and name it by network.existing";
        findings.push(Finding::error("network.ipv6", text).remedy(remedy));
    }
    if ipv6
        .subnet
        .as_deref()
        .is_some_and(|name| name.trim().is_empty())
    {
        findings.push(Finding::error(path("subnet"), "must not be empty"));
    }
    for (field, range, prefixes) in [
        ("podCidr", ipv6.pod_cidr, Ipv6::POD_PREFIXES),
        ("serviceCidr", ipv6.service_cidr, Ipv6::SERVICE_PREFIXES),
    ] {
        cidr(&path(field), range, findings);
        if range.addr().is_ipv4() {
            let text = format!("{range} is no range of IPv6");
            findings
                .push(Finding::error(path(field), text).remedy("write for instance fd00:10::/64"));
        } else if !prefixes.contains(&range.prefix_len()) {
            let (least, most) = prefixes.into_inner();
            let text =
                format!("Kubernetes takes ranges from /{least} to /{most}, and {range} is none");
            findings.push(Finding::error(path(field), text));
        }
    }
    if overlap(ipv6.pod_cidr, ipv6.service_cidr) {
        let text = format!(
            "{} overlaps network.ipv6.podCidr {}",
            ipv6.service_cidr, ipv6.pod_cidr
        );
        findings.push(
            Finding::error(path("serviceCidr"), text).remedy("choose ranges apart from each other"),
        );
    }
    if spec.kubeadm.kubelet.extra_args.contains_key("node-ip") {
        let text = "with IPv6, Capstan tells kubelets both of their addresses";
        let path = "kubeadm.kubelet.extraArgs.node-ip";
        findings.push(Finding::error(path, text).remedy("leave it out"));
    }
    let bits = Ipv6::POD_PREFIX_PER_NODE.saturating_sub(ipv6.pod_cidr.prefix_len());
    let (nodes, wanted) = (1u64 << bits.min(32), u64::from(spec.machines()));
    if wanted > nodes {
        let text = format!(
            "{} has room for {nodes} nodes, and {wanted} are wanted",
            ipv6.pod_cidr
        );
        findings.push(Finding::error(path("podCidr"), text).remedy("use a larger range"));
    }
}

/// An existing network is taken as it is: what is said about one to be made contradicts it.
fn existing(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    let network = &spec.network;
    let Some(existing) = &network.existing else {
        return;
    };
    let names = [
        ("network", Some(&existing.network)),
        ("subnet", existing.subnet.as_ref()),
        ("router", existing.router.as_ref()),
    ];
    for (field, name) in names {
        if name.is_some_and(|name| name.trim().is_empty()) {
            let path = format!("network.existing.{field}");
            findings.push(Finding::error(path, "must not be empty"));
        }
    }
    let said = [
        ("network.nodeCidr", network.node_cidr != defaults::NODE_CIDR),
        (
            "network.dnsNameservers",
            !network.dns_nameservers.is_empty(),
        ),
        ("network.mtu", network.mtu.is_some()),
    ];
    for (path, _) in said.into_iter().filter(|(_, said)| *said) {
        let text = "an existing network is not changed, so this cannot be set";
        findings.push(
            Finding::error(path, text)
                .remedy("leave it out, or network.existing to have a network made"),
        );
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

pub(super) fn api_access(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    let access = &spec.api_access;
    for (index, range) in access.allowed_cidrs.iter().enumerate() {
        cidr(
            &format!("apiAccess.allowedCidrs[{index}]"),
            *range,
            findings,
        );
    }
    if access.allowed_cidrs.is_empty() {
        findings.push(
            Finding::warning(
                "apiAccess.allowedCidrs",
                "nobody but the management server and the cluster itself will reach the API",
            )
            .remedy("list the networks you come from"),
        );
    }
    if let Some(address @ IpAddr::V6(_)) = access.floating_ip {
        let text = format!("{address} is no IPv4 address");
        findings.push(Finding::error("apiAccess.floatingIp", text));
    }
    if access.private && access.floating_ip.is_some() {
        let text = "a private API has no floating IP";
        findings.push(
            Finding::error("apiAccess.floatingIp", text)
                .remedy("keep one of private and floatingIp"),
        );
    }
    if access.private && spec.network.existing.is_none() {
        let text =
            "the management server has no way into a network that is made for the nodes alone";
        findings.push(
            Finding::error("apiAccess.private", text)
                .remedy("name a network it reaches by network.existing"),
        );
    }
    if access.private && spec.network.existing.is_some() {
        let text = "the management server comes to a private API from its inner address, which is not known here";
        findings.push(
            Finding::warning("apiAccess.private", text)
                .remedy("list that address in allowedCidrs, unless it is in the same subnet"),
        );
    }
    if access.port == 0
        || TAKEN_PORTS.contains(&access.port)
        || defaults::NODE_PORTS.contains(&access.port)
    {
        let text = format!("port {} is used by another part of Kubernetes", access.port);
        findings.push(Finding::error("apiAccess.port", text).remedy("use 6443 or 443"));
    }
    if access.sans.len() > MOST_SANS {
        let text = format!("a certificate takes at most {MOST_SANS} further names");
        findings.push(Finding::error("apiAccess.sans", text));
    }
    for (index, name) in access.sans.iter().enumerate() {
        let host = name.strip_prefix("*.").unwrap_or(name);
        if name.parse::<IpAddr>().is_err() && !syntax::is_domain(host) {
            let text = format!("{name:?} is neither a name of the DNS nor an address");
            findings.push(Finding::error(format!("apiAccess.sans[{index}]"), text));
        }
    }
}

/// A range must be written by its first address: anything else is a slip of the pen in one of the two numbers.
pub(super) fn cidr(path: &str, range: IpNet, findings: &mut Vec<Finding>) {
    if range.trunc() != range {
        let text = format!("{range} has bits set behind its prefix");
        findings.push(Finding::error(path, text).remedy(format!("write {}", range.trunc())));
    }
}

fn overlap(one: IpNet, other: IpNet) -> bool {
    one.contains(&other) || other.contains(&one)
}
