//! IPv6 beside IPv4.

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults;

/// IPv6 beside IPv4: nodes, pods and services have addresses of both. The API is reached by IPv4 all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ipv6 {
    /// Name or id of the existing network's subnet of IPv6 that nodes get addresses from. Without it the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// Addresses of pods: from /48 to /64, of which each node gets a /64.
    #[serde(default = "defaults::pod_cidr_v6")]
    pub pod_cidr: IpNet,
    /// Addresses of services: from /108 to /120.
    #[serde(default = "defaults::service_cidr_v6")]
    pub service_cidr: IpNet,
}

impl Ipv6 {
    /// Prefix each node gets of the pod network: the controller manager's default for IPv6.
    pub const POD_PREFIX_PER_NODE: u8 = 64;
    /// Prefixes a pod network may have: the controller manager lays out at most 2^16 nodes.
    pub const POD_PREFIXES: std::ops::RangeInclusive<u8> = 48..=64;
    /// Prefixes a service network may have: kube-apiserver takes at most 20 bits of addresses.
    pub const SERVICE_PREFIXES: std::ops::RangeInclusive<u8> = 108..=120;
}
