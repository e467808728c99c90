//! Every default of a workload cluster, once. Serde, the JSON Schema (hence the CRD) and the documentation take them from
//! here.

use ipnet::{IpNet, Ipv4Net};
use std::net::Ipv4Addr;

/// Machines of a control plane.
pub const CONTROL_PLANE_REPLICAS: u32 = 1;
/// Machines of a worker pool.
pub const WORKER_REPLICAS: u32 = 3;
/// Name of the pool that the flat keys of a cluster file describe.
pub const POOL: &str = "workers";
/// Name of the `Cloud` a cluster runs on when none is said.
pub const CLOUD: &str = "default";

const fn net(octets: [u8; 4], length: u8) -> IpNet {
    let address = Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]);
    IpNet::V4(Ipv4Net::new_assert(address, length))
}

/// Network of the nodes: 4,094 addresses, as the SCS reference has it.
pub const NODE_CIDR: IpNet = net([10, 8, 0, 0], 20);
/// Network of the pods: a /24 per node, hence 256 nodes.
pub const POD_CIDR: IpNet = net([192, 168, 0, 0], 16);
/// Network of the services: kubeadm's default.
pub const SERVICE_CIDR: IpNet = net([10, 96, 0, 0], 12);

pub(crate) fn control_plane_replicas() -> u32 {
    CONTROL_PLANE_REPLICAS
}
pub(crate) fn worker_replicas() -> u32 {
    WORKER_REPLICAS
}
pub(crate) fn pool() -> String {
    POOL.to_owned()
}
pub(crate) fn cloud() -> String {
    CLOUD.to_owned()
}
pub(crate) fn node_cidr() -> IpNet {
    NODE_CIDR
}
pub(crate) fn pod_cidr() -> IpNet {
    POD_CIDR
}
pub(crate) fn service_cidr() -> IpNet {
    SERVICE_CIDR
}
