//! `OpenStackCluster` and `OpenStackMachineTemplate` as CAPO 0.15 has them (infrastructure.cluster.x-k8s.io/v1beta2).
//!
//! Objects are rendered in the older form, which is the model's, and written in this one where the server has it. So there
//! is one renderer, and a template's name does not depend on the version. Both structs are taken apart field by field: a
//! field that is new in one does not compile until it is said what it is in the other. What goes where is CAPO's own
//! conversion (`api/v1beta1/conversion.go`).

use serde::Serialize;

use super::openstack as older;
use super::{
    BlockDevice, IdentityReference, KeyValue, LoadBalancer, Object, Reference, RootVolume,
    SecurityGroupRule, Subnet,
};
use crate::{OpenStackApi, kind};

const API: OpenStackApi = OpenStackApi::V1Beta2;

/// Network, security groups and load balancer of a cluster.
pub type OpenStackCluster = Object<OpenStackClusterSpec>;

impl From<older::OpenStackCluster> for OpenStackCluster {
    fn from(cluster: older::OpenStackCluster) -> Self {
        cluster.into_version(API.of(kind::OPENSTACK_CLUSTER), Into::into)
    }
}

/// Spec of an [`OpenStackCluster`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenStackClusterSpec {
    identity_ref: IdentityReference,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_network: Option<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    managed_subnets: Vec<Subnet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    managed_network: Option<ManagedNetwork>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subnets: Vec<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    router: Option<Reference>,
    api_server: ApiServer,
    managed_security_groups: ManagedSecurityGroups,
    #[serde(skip_serializing_if = "Option::is_none")]
    bastion: Option<Bastion>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    control_plane_availability_zones: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
}

impl From<older::OpenStackClusterSpec> for OpenStackClusterSpec {
    fn from(spec: older::OpenStackClusterSpec) -> Self {
        let older::OpenStackClusterSpec {
            identity_ref,
            external_network,
            managed_subnets,
            network_mtu,
            network,
            subnets,
            router,
            api_server_floating_ip,
            disable_api_server_floating_ip,
            api_server_port,
            api_server_load_balancer,
            managed_security_groups,
            bastion,
            control_plane_availability_zones,
            tags,
        } = spec;
        Self {
            identity_ref,
            external_network,
            managed_subnets,
            managed_network: network_mtu.map(|mtu| ManagedNetwork { mtu }),
            network,
            subnets,
            router,
            api_server: ApiServer {
                port: api_server_port,
                floating_ip: api_server_floating_ip,
                // Left out it is true.
                enable_floating_ip: disable_api_server_floating_ip.then_some(false),
                managed_load_balancer: api_server_load_balancer,
            },
            managed_security_groups: managed_security_groups.into(),
            bastion: bastion.map(Into::into),
            control_plane_availability_zones,
            tags,
        }
    }
}

/// What is said of a network that is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ManagedNetwork {
    mtu: u32,
}

/// How the API is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiServer {
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(rename = "floatingIP", skip_serializing_if = "Option::is_none")]
    floating_ip: Option<String>,
    #[serde(rename = "enableFloatingIP", skip_serializing_if = "Option::is_none")]
    enable_floating_ip: Option<bool>,
    managed_load_balancer: LoadBalancer,
}

/// Security groups to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ManagedSecurityGroups {
    // Left out it is false, and so CAPO's conversion leaves it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    allow_all_in_cluster_traffic: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cluster_nodes_security_group_rules: Vec<SecurityGroupRule>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    control_plane_nodes_security_group_rules: Vec<SecurityGroupRule>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    worker_nodes_security_group_rules: Vec<SecurityGroupRule>,
}

impl From<older::ManagedSecurityGroups> for ManagedSecurityGroups {
    fn from(groups: older::ManagedSecurityGroups) -> Self {
        let older::ManagedSecurityGroups {
            allow_all_in_cluster_traffic,
            all_nodes_security_group_rules,
            control_plane_nodes_security_group_rules,
            worker_nodes_security_group_rules,
        } = groups;
        Self {
            allow_all_in_cluster_traffic,
            cluster_nodes_security_group_rules: all_nodes_security_group_rules,
            control_plane_nodes_security_group_rules,
            worker_nodes_security_group_rules,
        }
    }
}

/// A server by way of which people log in to nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Bastion {
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability_zone: Option<String>,
    #[serde(rename = "floatingIP", skip_serializing_if = "Option::is_none")]
    floating_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spec: Option<OpenStackMachineSpec>,
}

impl From<older::Bastion> for Bastion {
    fn from(bastion: older::Bastion) -> Self {
        let older::Bastion {
            enabled,
            availability_zone,
            floating_ip,
            spec,
        } = bastion;
        Self {
            enabled,
            availability_zone,
            floating_ip,
            spec: spec.map(Into::into),
        }
    }
}

/// What servers of a pool are like.
pub type OpenStackMachineTemplate = Object<OpenStackMachineTemplateSpec>;

impl From<older::OpenStackMachineTemplate> for OpenStackMachineTemplate {
    fn from(template: older::OpenStackMachineTemplate) -> Self {
        template.into_version(API.of(kind::OPENSTACK_MACHINE_TEMPLATE), |spec| {
            OpenStackMachineTemplateSpec {
                template: OpenStackMachineTemplateResource {
                    spec: spec.template.spec.into(),
                },
            }
        })
    }
}

/// Spec of an [`OpenStackMachineTemplate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenStackMachineTemplateSpec {
    template: OpenStackMachineTemplateResource,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct OpenStackMachineTemplateResource {
    spec: OpenStackMachineSpec,
}

/// What a server is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct OpenStackMachineSpec {
    flavor: Reference,
    image: Reference,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<Port>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssh_key_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root_volume: Option<RootVolume>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    additional_block_devices: Vec<BlockDevice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_group: Option<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    security_groups: Vec<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    server_metadata: Vec<KeyValue>,
}

impl From<older::OpenStackMachineSpec> for OpenStackMachineSpec {
    fn from(spec: older::OpenStackMachineSpec) -> Self {
        let older::OpenStackMachineSpec {
            flavor,
            image,
            ports,
            ssh_key_name,
            root_volume,
            additional_block_devices,
            server_group,
            security_groups,
            server_metadata,
        } = spec;
        Self {
            flavor: Reference::Filter { name: flavor },
            image,
            ports: ports.into_iter().map(Into::into).collect(),
            ssh_key_name,
            root_volume,
            additional_block_devices,
            server_group,
            security_groups,
            server_metadata,
        }
    }
}

/// A port of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Port {
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<Reference>,
    #[serde(rename = "fixedIPs", skip_serializing_if = "Vec::is_empty")]
    fixed_ips: Vec<older::FixedIp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    security_groups: Vec<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_port_security: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vnic_type: Option<String>,
}

impl From<older::Port> for Port {
    fn from(port: older::Port) -> Self {
        let older::Port {
            network,
            fixed_ips,
            security_groups,
            disable_port_security,
            vnic_type,
        } = port;
        Self {
            network,
            fixed_ips,
            security_groups,
            // Left out it is true.
            enable_port_security: disable_port_security.then_some(false),
            vnic_type,
        }
    }
}
