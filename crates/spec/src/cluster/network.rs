//! Networks of a cluster.

use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Ipv6;
use crate::defaults;

/// Networks of nodes, pods and services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// Subnet made for the nodes. Of no effect with `existing`.
    #[serde(default = "defaults::node_cidr")]
    pub node_cidr: IpNet,
    /// Addresses of pods.
    #[serde(default = "defaults::pod_cidr")]
    pub pod_cidr: IpNet,
    /// Addresses of services.
    #[serde(default = "defaults::service_cidr")]
    pub service_cidr: IpNet,
    /// Name servers of the nodes. Empty: those of the `Cloud`, else those Neutron gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_nameservers: Vec<IpAddr>,
    /// Name or id of the external network. Without it the only one the cloud has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_network: Option<String>,
    /// MTU in bytes of the network made for the nodes. Without it Neutron's. That of the pods follows by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Networks from which the ports of services of the type `NodePort` are reachable on workers, for load balancers that keep
    /// the client's address (the provider `ovn`). The nodes always reach them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub node_port_cidrs: Vec<IpNet>,
    /// A network that is there already, instead of one made for the nodes. It must have a way to the cloud's API and to
    /// the images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<ExistingNetwork>,
    /// IPv6 beside IPv4. Only in an existing network: Cluster API's OpenStack provider makes subnets of IPv4 alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<Ipv6>,
}

/// A network that is there already. It is never changed and never removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExistingNetwork {
    /// Its name or id.
    pub network: String,
    /// Name or id of its subnet that nodes get addresses from. Without it the only one with IPv4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// Name or id of the router between it and the external network, so that nodes may reach the API by its outer
    /// address although that is closed to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router: Option<String>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            node_cidr: defaults::NODE_CIDR,
            pod_cidr: defaults::POD_CIDR,
            service_cidr: defaults::SERVICE_CIDR,
            dns_nameservers: Vec::new(),
            external_network: None,
            mtu: None,
            node_port_cidrs: Vec::new(),
            existing: None,
            ipv6: None,
        }
    }
}
