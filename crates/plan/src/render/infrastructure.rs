//! Network, security groups, load balancer, and what servers are like.

use capstan_capi::apply::{
    IdentityReference, ImageParam, KeyValue, LoadBalancer, ManagedSecurityGroups, NetworkParam,
    OpenStackCluster, OpenStackClusterSpec, OpenStackMachineSpec, OpenStackMachineTemplate,
    OpenStackMachineTemplateResource, OpenStackMachineTemplateSpec, RootVolume, SecurityGroupRule,
    ServerGroupParam, Subnet,
};
use capstan_capi::kind;
use capstan_spec::naming::CLOUD_TAG_KEY;
use capstan_spec::{ClusterName, Cni, WorkerPool, WorkloadClusterSpec};

use super::{IDENTITY_CLOUD, RenderError, canonical, metadata, to_value};
use crate::facts::{CONTROL_PLANE, Facts};

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
    OpenStackCluster::new(
        kind::OPENSTACK_CLUSTER,
        metadata::of(name, name.cluster()),
        OpenStackClusterSpec {
            identity_ref: IdentityReference {
                name: name.identity_secret(),
                cloud_name: IDENTITY_CLOUD.to_owned(),
            },
            external_network: NetworkParam {
                id: facts.external_network_id.clone(),
            },
            managed_subnets: vec![Subnet {
                cidr: spec.network.node_cidr.to_string(),
                dns_nameservers: facts.dns_nameservers.clone(),
            }],
            network_mtu: facts.network_mtu,
            api_server_floating_ip: facts.floating_ip.clone(),
            api_server_load_balancer: LoadBalancer {
                enabled: true,
                provider: facts.load_balancer_provider.clone(),
                allowed_cidrs: allowed_cidrs(spec, facts),
            },
            managed_security_groups: ManagedSecurityGroups {
                allow_all_in_cluster_traffic: false,
                all_nodes_security_group_rules: pod_network_rules(spec.cni),
            },
            control_plane_availability_zones: zones,
            tags: vec![name.cloud_tag()],
        },
    )
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
        ranges.push(spec.network.node_cidr);
    }
    ranges.sort_unstable();
    ranges.dedup();
    ranges.iter().map(ToString::to_string).collect()
}

/// What the pod network needs beside CAPO's own rules, which open the API, etcd, kubelets and node ports only.
fn pod_network_rules(cni: Cni) -> Vec<SecurityGroupRule> {
    match cni {
        Cni::Flannel => vec![SecurityGroupRule {
            name: "flannel-vxlan",
            description: "flannel: VXLAN between nodes",
            direction: "ingress",
            ether_type: "IPv4",
            protocol: "udp",
            port_range_min: FLANNEL_VXLAN_PORT,
            port_range_max: FLANNEL_VXLAN_PORT,
            remote_managed_groups: vec!["controlplane", "worker"],
        }],
    }
}

pub(super) fn control_plane_template(
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    facts: &Facts,
) -> Result<OpenStackMachineTemplate, RenderError> {
    template(CONTROL_PLANE, &spec.control_plane.flavor, name, facts)
}

pub(super) fn pool_template(
    pool: &WorkerPool,
    name: &ClusterName,
    facts: &Facts,
) -> Result<OpenStackMachineTemplate, RenderError> {
    template(&pool.name, &pool.flavor, name, facts)
}

/// A template named after its whole content, because CAPO refuses any change to one.
fn template(
    pool: &str,
    flavor: &str,
    name: &ClusterName,
    facts: &Facts,
) -> Result<OpenStackMachineTemplate, RenderError> {
    let metadata_entry = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let spec = OpenStackMachineTemplateSpec {
        template: OpenStackMachineTemplateResource {
            spec: OpenStackMachineSpec {
                flavor: flavor.to_owned(),
                image: ImageParam {
                    id: facts.image_id.clone(),
                },
                root_volume: facts
                    .root_volumes
                    .get(pool)
                    .map(|size| RootVolume { size_gib: *size }),
                server_group: facts
                    .server_groups
                    .get(pool)
                    .map(|id| ServerGroupParam { id: id.clone() }),
                server_metadata: vec![
                    metadata_entry(CLOUD_TAG_KEY, &name.cluster()),
                    metadata_entry("capstan-pool", pool),
                ],
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
