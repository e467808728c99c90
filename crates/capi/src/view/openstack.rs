//! `OpenStackCluster`, `OpenStackMachine` (v1beta1 of CAPO 0.14 and v1beta2 of 0.15, read alike) and `OpenStackServer`
//! (v1alpha1 of both).

use serde::{Deserialize, Serialize};

use super::{Condition, Metadata, openstack_raw as raw};

/// Network, security groups and load balancer of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenStackCluster {
    /// Name, labels and so on.
    pub metadata: Metadata,
    /// What is wished.
    pub spec: OpenStackClusterSpec,
    /// What is.
    pub status: OpenStackClusterStatus,
}

/// What is wished of the infrastructure of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OpenStackClusterSpec {
    /// The bastion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bastion: Option<Bastion>,
}

/// What is wished of a bastion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Bastion {
    /// Whether it shall be; yes when nothing is said.
    pub enabled: Option<bool>,
    /// Nova availability zone.
    pub availability_zone: Option<String>,
    /// What its server is like.
    pub spec: Option<ServerShape>,
}

impl Bastion {
    /// Whether it shall be.
    pub fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(true)
    }
}

/// What is wished of a server, as far as it tells one bastion from another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServerShape {
    /// Name of the flavor.
    #[serde(deserialize_with = "raw::flavor")]
    pub flavor: Option<String>,
    /// Image.
    pub image: ById,
    /// Keypair.
    pub ssh_key_name: Option<String>,
    /// Volume to boot from.
    pub root_volume: Option<RootVolume>,
    /// Ports.
    pub ports: Vec<Port>,
}

/// Something named by its id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ById {
    /// The id; `None` when it is named otherwise.
    pub id: Option<String>,
}

/// A volume to boot from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RootVolume {
    /// Size in GiB.
    #[serde(rename = "sizeGiB")]
    pub size_gib: u32,
}

/// A port of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Port {
    /// Its security groups.
    pub security_groups: Vec<ById>,
}

/// What the infrastructure of a cluster is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "raw::ClusterStatus", rename_all = "camelCase")]
pub struct OpenStackClusterStatus {
    /// All of it has been there once: `ready` in v1beta1, where CAPO never takes it back, `initialization.provisioned` in
    /// v1beta2.
    pub ready: bool,
    /// The network.
    pub network: Option<ResourceStatus>,
    /// The router.
    pub router: Option<ResourceStatus>,
    /// Load balancer of the API.
    pub api_server_load_balancer: Option<LoadBalancer>,
    /// Security group of the control plane.
    pub control_plane_security_group: Option<ResourceStatus>,
    /// Security group of workers.
    pub worker_security_group: Option<ResourceStatus>,
    /// The bastion, from its server on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bastion: Option<BastionStatus>,
    /// Word for a fault; v1beta2 has only conditions.
    pub failure_reason: Option<String>,
    /// Sentence for a fault; v1beta2 has only conditions.
    pub failure_message: Option<String>,
    /// Conditions, of the older shape in v1beta1.
    pub conditions: Vec<Condition>,
}

/// What a bastion is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BastionStatus {
    /// Its address, once it leads there.
    #[serde(rename = "floatingIP")]
    pub floating_ip: String,
}

/// A resource in the cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceStatus {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// Load balancer of the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LoadBalancer {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Floating IP.
    pub ip: String,
    /// Address within the network.
    #[serde(rename = "internalIP")]
    pub internal_ip: String,
    /// Who may connect, as set in Octavia.
    #[serde(rename = "allowedCIDRs")]
    pub allowed_cidrs: Vec<String>,
}

/// Infrastructure of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenStackMachine {
    /// Name, labels and so on. The name is that of the machine.
    pub metadata: Metadata,
    /// What is wished.
    pub spec: OpenStackMachineSpec,
    /// What is.
    pub status: OpenStackMachineStatus,
}

/// What is wished of a machine's infrastructure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OpenStackMachineSpec {
    /// `openstack:///<server id>`.
    #[serde(rename = "providerID")]
    pub provider_id: Option<String>,
    /// Name of the flavor; none when it is given by its id.
    #[serde(deserialize_with = "raw::flavor")]
    pub flavor: Option<String>,
}

/// What a machine's infrastructure is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "raw::MachineStatus", rename_all = "camelCase")]
pub struct OpenStackMachineStatus {
    /// The server is there and wired, or has been: told as of the cluster.
    pub ready: bool,
    /// Id of the server.
    #[serde(rename = "instanceID")]
    pub instance_id: Option<String>,
    /// BUILD, ACTIVE, ERROR …
    pub instance_state: Option<String>,
    /// Addresses.
    pub addresses: Vec<MachineAddress>,
    /// Word for a fault; v1beta2 has only conditions.
    pub failure_reason: Option<String>,
    /// Sentence for a fault; v1beta2 has only conditions.
    pub failure_message: Option<String>,
    /// Conditions, of the older shape in v1beta1.
    pub conditions: Vec<Condition>,
}

/// An address of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineAddress {
    /// `InternalIP`, `ExternalIP`, `Hostname` …
    #[serde(rename = "type")]
    pub kind: String,
    /// The address.
    pub address: String,
}

/// A Nova server with its ports and volumes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenStackServer {
    /// Name, labels and so on. The name is that of the machine.
    pub metadata: Metadata,
    /// What is wished.
    pub spec: OpenStackServerSpec,
    /// What is.
    pub status: OpenStackServerStatus,
}

/// What is wished of a Nova server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OpenStackServerSpec {
    /// What it is like.
    #[serde(flatten)]
    pub shape: ServerShape,
    /// Nova availability zone.
    pub availability_zone: Option<String>,
}

/// What a server is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OpenStackServerStatus {
    /// It runs.
    pub ready: bool,
    /// Id of the server.
    #[serde(rename = "instanceID")]
    pub instance_id: Option<String>,
    /// BUILD, ACTIVE, ERROR …
    pub instance_state: Option<String>,
    /// Conditions, of the older shape in CAPO 0.14.
    pub conditions: Vec<Condition>,
}
