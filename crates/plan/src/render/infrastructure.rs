//! Network, security groups, load balancer, and what servers are like.

use std::ops::RangeInclusive;

use capstan_capi::apply::{
    FixedIp, IdentityReference, KeyValue, LoadBalancer, ManagedSecurityGroups, OpenStackCluster,
    OpenStackClusterSpec, OpenStackMachineSpec, OpenStackMachineTemplate,
    OpenStackMachineTemplateResource, OpenStackMachineTemplateSpec, Port, SecurityGroupRule,
    Subnet,
};
use capstan_capi::kind;
use capstan_spec::naming::CLOUD_TAG_KEY;
use capstan_spec::{ClusterName, Cni, Machines, WorkloadClusterSpec, defaults};

use super::{IDENTITY_CLOUD, RenderError, bastion, canonical, metadata, to_value, volumes};
use crate::facts::Facts;

/// Neutron's word.
const IPV6: &str = "IPv6";
/// Port of flannel's VXLAN backend on Linux.
const FLANNEL_VXLAN_PORT: u16 = 8472;

pub(super) fn cluster(
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    facts: &Facts,
) -> OpenStackCluster {
    let mut zones = spec.control_plane.availability_zones.clone();
    zones.sort_unstable();
    zones.dedup();
    let access = &spec.api_access;
    let existing = facts.existing_network.as_ref();
    let made = Subnet {
        cidr: spec.network.node_cidr.to_string(),
        dns_nameservers: facts.dns_nameservers.clone(),
    };
    let mut metadata = metadata::of(name, name.cluster());
    metadata.annotations.extend(bastion::allowed(spec));
    OpenStackCluster::new(
        kind::OPENSTACK_CLUSTER,
        metadata,
        OpenStackClusterSpec {
            identity_ref: IdentityReference {
                name: name.identity_secret(),
                cloud_name: IDENTITY_CLOUD.to_owned(),
            },
            external_network: facts.external_network.clone(),
            managed_subnets: if existing.is_some() {
                Vec::new()
            } else {
                vec![made]
            },
            network_mtu: facts.network_mtu,
            network: existing.map(|network| network.network.clone()),
            // Of each kind at most one. The load balancer takes its inner address from the first.
            subnets: existing
                .into_iter()
                .flat_map(|network| [&network.subnet, &network.ipv6_subnet])
                .filter_map(Clone::clone)
                .collect(),
            router: existing.and_then(|network| network.router.clone()),
            api_server_floating_ip: facts.floating_ip.clone(),
            disable_api_server_floating_ip: access.private,
            api_server_port: (access.port != defaults::API_PORT).then_some(access.port),
            api_server_load_balancer: LoadBalancer {
                enabled: true,
                provider: facts.load_balancer_provider.clone(),
                flavor: access.load_balancer_flavor.clone(),
                availability_zone: access.load_balancer_zone.clone(),
                allowed_cidrs: allowed_cidrs(spec, facts),
            },
            managed_security_groups: ManagedSecurityGroups {
                allow_all_in_cluster_traffic: spec.cni == Cni::None,
                all_nodes_security_group_rules: pod_network_rules(spec)
                    .into_iter()
                    .chain(bastion::rule(facts))
                    .collect(),
                control_plane_nodes_security_group_rules: api_rules(access.port),
                worker_nodes_security_group_rules: node_port_rules(&spec.network.node_port_cidrs),
            },
            bastion: bastion::bastion(spec, name, facts),
            control_plane_availability_zones: zones,
            tags: std::iter::once(name.cloud_tag())
                .chain(spec.tags.iter().cloned())
                .collect(),
        },
    )
}

/// CAPO opens 6443 and nothing else, whatever port the API has.
fn api_rules(port: u16) -> Vec<SecurityGroupRule> {
    if port == defaults::API_PORT {
        return Vec::new();
    }
    vec![SecurityGroupRule {
        name: "api".to_owned(),
        description: "Kubernetes API",
        direction: "ingress",
        ether_type: "IPv4",
        protocol: "tcp",
        port_range_min: port,
        port_range_max: port,
        remote_ip_prefix: None,
        remote_group_id: None,
        remote_managed_groups: Vec::new(),
    }]
}

/// Ports of services for who is not a node: CAPO opens them to the nodes' subnet only.
fn node_port_rules(ranges: &[ipnet::IpNet]) -> Vec<SecurityGroupRule> {
    let mut ranges: Vec<_> = ranges.iter().map(ipnet::IpNet::trunc).collect();
    ranges.sort_unstable();
    ranges.dedup();
    let rule = |(range, protocol): (ipnet::IpNet, &'static str)| SecurityGroupRule {
        name: format!("node-ports-{protocol}-{range}"),
        description: "Ports of services",
        direction: "ingress",
        ether_type: if range.addr().is_ipv6() { IPV6 } else { "IPv4" },
        protocol,
        port_range_min: *defaults::NODE_PORTS.start(),
        port_range_max: *defaults::NODE_PORTS.end(),
        remote_ip_prefix: Some(range.to_string()),
        remote_group_id: None,
        remote_managed_groups: Vec::new(),
    };
    let both = |range| [(range, "tcp"), (range, "udp")];
    ranges.into_iter().flat_map(both).map(rule).collect()
}

/// Who may connect to the API: those of the spec and always the management server, which would otherwise lock itself out.
/// Sorted and without doubles, so that the order in the spec changes nothing. Never empty: Octavia takes an empty list
/// for "everybody". CAPO itself adds subnet and router.
fn allowed_cidrs(spec: &WorkloadClusterSpec, facts: &Facts) -> Vec<String> {
    let mut ranges: Vec<_> = spec
        .api_access
        .allowed_cidrs
        .iter()
        .chain(&facts.management_egress)
        .map(ipnet::IpNet::trunc)
        .collect();
    if ranges.is_empty() {
        ranges.extend(facts.node_cidr);
    }
    ranges.sort_unstable();
    ranges.dedup();
    ranges.iter().map(ToString::to_string).collect()
}

/// What the pod network needs beside CAPO's own rules, which open the API, etcd, kubelets and node ports only, and of IPv6
/// nothing.
fn pod_network_rules(spec: &WorkloadClusterSpec) -> Vec<SecurityGroupRule> {
    let rule = |name: &str, description, protocol, ports: RangeInclusive<u16>, ether_type| {
        let suffix = if ether_type == IPV6 { "-ipv6" } else { "" };
        SecurityGroupRule {
            name: format!("{name}{suffix}"),
            description,
            direction: "ingress",
            ether_type,
            protocol,
            port_range_min: *ports.start(),
            port_range_max: *ports.end(),
            remote_ip_prefix: None,
            remote_group_id: None,
            remote_managed_groups: vec!["controlplane", "worker"],
        }
    };
    let dual_stack = spec.network.ipv6.is_some();
    match spec.cni {
        Cni::None if dual_stack => vec![
            rule("nodes-tcp", "Between nodes", "tcp", 1..=u16::MAX, IPV6),
            rule("nodes-udp", "Between nodes", "udp", 1..=u16::MAX, IPV6),
        ],
        Cni::None => Vec::new(),
        Cni::Flannel => {
            let of = |ether_type| {
                let ports = FLANNEL_VXLAN_PORT..=FLANNEL_VXLAN_PORT;
                let description = "flannel: VXLAN between nodes";
                rule("flannel-vxlan", description, "udp", ports, ether_type)
            };
            [of("IPv4")]
                .into_iter()
                .chain(dual_stack.then(|| of(IPV6)))
                .collect()
        }
    }
}

/// A template named after its whole content, because CAPO refuses any change to one. Its content is what is rendered here,
/// in whichever version it is written: no node is rolled because the server speaks a newer one.
pub(super) fn template(
    spec: &WorkloadClusterSpec,
    machines: &Machines<'_>,
    name: &ClusterName,
    facts: &Facts,
) -> Result<OpenStackMachineTemplate, RenderError> {
    let pool = machines.pool;
    let image = facts.images.get(pool).unwrap_or(&facts.image);
    let groups = machines.security_groups.iter();
    let spec = OpenStackMachineTemplateSpec {
        template: OpenStackMachineTemplateResource {
            spec: OpenStackMachineSpec {
                flavor: machines.flavor.to_owned(),
                image: image.clone(),
                ssh_key_name: spec.ssh_key.clone(),
                root_volume: volumes::root(machines, facts),
                additional_block_devices: volumes::block_devices(machines),
                server_group: facts.server_groups.get(pool).map(|id| id.as_str().into()),
                security_groups: groups
                    .filter_map(|group| facts.security_groups.get(group))
                    .cloned()
                    .collect(),
                ports: ports(machines, facts),
                server_metadata: server_metadata(machines, name),
            },
        },
    };
    let kind = kind::OPENSTACK_MACHINE_TEMPLATE;
    let hash = canonical::short_hash(&to_value(kind, &name.pool(pool), &spec)?);
    let full = format!("{}-{hash}", name.pool(pool));
    Ok(OpenStackMachineTemplate::new(
        kind,
        metadata::of_pool(name, pool, full),
        spec,
    ))
}

/// Nothing where the one port in the cluster's network is enough, which CAPO makes unasked; else that one first.
fn ports(machines: &Machines<'_>, facts: &Facts) -> Vec<Port> {
    if machines.networks.is_empty() {
        return Vec::new();
    }
    let further = machines.networks.iter().map(|network| {
        let subnet = network.subnet_key().and_then(|key| facts.subnets.get(&key));
        let groups = network.security_groups.iter();
        Port {
            network: facts.networks.get(&network.network).cloned(),
            fixed_ips: subnet
                .map(|subnet| FixedIp {
                    subnet: subnet.clone(),
                })
                .into_iter()
                .collect(),
            security_groups: groups
                .filter_map(|group| facts.security_groups.get(group))
                .cloned()
                .collect(),
            disable_port_security: !network.port_security,
            vnic_type: network.vnic_type.clone(),
        }
    });
    std::iter::once(Port::default()).chain(further).collect()
}

fn server_metadata(machines: &Machines<'_>, name: &ClusterName) -> Vec<KeyValue> {
    let entry = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let ours = [
        entry(CLOUD_TAG_KEY, &name.cluster()),
        entry("capstan-pool", machines.pool),
    ];
    let theirs = machines.metadata.iter();
    ours.into_iter()
        .chain(theirs.map(|(key, value)| entry(key, value)))
        .collect()
}
