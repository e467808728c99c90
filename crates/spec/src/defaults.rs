//! Every default of a workload cluster, once. Serde, the JSON Schema (hence the CRD) and the documentation take them from
//! here.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Machines of a control plane.
pub const CONTROL_PLANE_REPLICAS: u32 = 1;
/// Machines of a worker pool.
pub const WORKER_REPLICAS: u32 = 3;
/// Name of the pool that the flat keys of a cluster file describe.
pub const POOL: &str = "workers";
/// Name of the `Cloud` a cluster runs on when none is said.
pub const CLOUD: &str = "default";

const fn net6(groups: [u16; 4], length: u8) -> IpNet {
    let [first, second, third, fourth] = groups;
    let address = Ipv6Addr::new(first, second, third, fourth, 0, 0, 0, 0);
    IpNet::V6(Ipv6Net::new_assert(address, length))
}

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
/// Network of the pods in IPv6: a /64 per node, hence 256 nodes; what kind takes, within the addresses for private use.
pub const POD_CIDR_V6: IpNet = net6([0xfd00, 0x10, 0x244, 0], 56);
/// Network of the services in IPv6; what kind takes.
pub const SERVICE_CIDR_V6: IpNet = net6([0xfd00, 0x10, 0x96, 0], 112);

/// TCP port of the Kubernetes API.
pub const API_PORT: u16 = 6443;
/// Ports of services of the type `NodePort`; Kubernetes' own.
pub const NODE_PORTS: std::ops::RangeInclusive<u16> = 30000..=32767;
/// Seconds until a server must have become a node.
pub const NODE_STARTUP_TIMEOUT: u32 = 1200;
/// Seconds that a node may be silent.
pub const UNREACHABLE_TIMEOUT: u32 = 300;
/// Seconds that a node may say it is not ready.
pub const NOT_READY_TIMEOUT: u32 = 900;
/// Machines more than wanted while a change is rolled out, so that capacity never falls below what was asked for.
pub const MAX_SURGE: u32 = 1;
/// Seconds a node may take to be emptied.
pub const DRAIN_TIMEOUT: u32 = 600;
/// GiB of a root volume where no size is named: the SCS standard's smallest for control planes with etcd.
pub const ROOT_VOLUME_GIB: u32 = 20;
/// GiB of a volume for etcd: its limit of 8 GiB twice over, and room for snapshots.
pub const ETCD_VOLUME_GIB: u32 = 20;
/// Device of the first volume beside the root with images of the bus virtio.
pub const ETCD_DEVICE: &str = "/dev/vdb";
/// Days that audit logs are kept.
pub const AUDIT_MAX_AGE_DAYS: u32 = 30;
/// Files of audit log that are kept.
pub const AUDIT_MAX_BACKUPS: u32 = 10;
/// MiB of one file of audit log.
pub const AUDIT_MAX_SIZE_MIB: u32 = 100;
/// Who owns a file on a node.
pub const FILE_OWNER: &str = "root:root";
/// Rights of a file on a node.
pub const FILE_PERMISSIONS: &str = "0644";

/// Seconds that a hook may take: images have to be pulled first.
pub const HOOK_TIMEOUT: u32 = 600;
/// Key of a manifest in a `ConfigMap` or Secret.
pub const MANIFEST_KEY: &str = "manifest.yaml";

/// Whether a value is its type's default, so that it need not be written.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
pub(crate) const fn yes() -> bool {
    true
}
pub(crate) const fn api_port() -> u16 {
    API_PORT
}
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
pub(crate) const fn is_api_port(port: &u16) -> bool {
    *port == API_PORT
}
pub(crate) const fn node_startup_timeout() -> u32 {
    NODE_STARTUP_TIMEOUT
}
pub(crate) const fn unreachable_timeout() -> u32 {
    UNREACHABLE_TIMEOUT
}
pub(crate) const fn not_ready_timeout() -> u32 {
    NOT_READY_TIMEOUT
}
pub(crate) const fn max_surge() -> u32 {
    MAX_SURGE
}
pub(crate) const fn drain_timeout() -> u32 {
    DRAIN_TIMEOUT
}
pub(crate) const fn etcd_volume_gib() -> u32 {
    ETCD_VOLUME_GIB
}
pub(crate) fn etcd_device() -> String {
    ETCD_DEVICE.to_owned()
}
pub(crate) const fn audit_max_age() -> u32 {
    AUDIT_MAX_AGE_DAYS
}
pub(crate) const fn audit_max_backups() -> u32 {
    AUDIT_MAX_BACKUPS
}
pub(crate) const fn audit_max_size() -> u32 {
    AUDIT_MAX_SIZE_MIB
}
pub(crate) fn file_owner() -> String {
    FILE_OWNER.to_owned()
}
pub(crate) fn file_permissions() -> String {
    FILE_PERMISSIONS.to_owned()
}
pub(crate) const fn hook_timeout() -> u32 {
    HOOK_TIMEOUT
}
pub(crate) fn manifest_key() -> String {
    MANIFEST_KEY.to_owned()
}
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
pub(crate) fn pod_cidr_v6() -> IpNet {
    POD_CIDR_V6
}
pub(crate) fn service_cidr_v6() -> IpNet {
    SERVICE_CIDR_V6
}
pub(crate) fn pod_cidr() -> IpNet {
    POD_CIDR
}
pub(crate) fn service_cidr() -> IpNet {
    SERVICE_CIDR
}
