//! `Machine`, `MachineSet` and `MachineDeployment`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Condition, Metadata, Reference};
use crate::label;

/// A machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Name, labels and so on.
    pub metadata: Metadata,
    /// What is wished.
    pub spec: MachineSpec,
    /// What is.
    pub status: MachineStatus,
}

impl Machine {
    /// Whether it belongs to the control plane.
    pub fn is_control_plane(&self) -> bool {
        self.metadata.labels.contains_key(label::CONTROL_PLANE)
    }

    /// Name of the `MachineDeployment` it belongs to.
    pub fn deployment(&self) -> Option<&str> {
        self.metadata.label(label::DEPLOYMENT_NAME)
    }
}

/// What is wished of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineSpec {
    /// Cluster API name of the cluster.
    pub cluster_name: String,
    /// Kubernetes version.
    pub version: String,
    /// `openstack:///<server id>`, once there is a server.
    #[serde(rename = "providerID")]
    pub provider_id: Option<String>,
    /// Where it is, if that was said.
    pub failure_domain: Option<String>,
    /// How the node starts.
    pub bootstrap: Bootstrap,
    /// Its `OpenStackMachine`, or the template in pools.
    pub infrastructure_ref: Reference,
}

/// How a node starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Bootstrap {
    /// Its configuration, or the template in pools.
    pub config_ref: Reference,
}

/// What a machine is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineStatus {
    /// Milestones.
    pub initialization: MachineInitialization,
    /// Its node, once joined.
    pub node_ref: Option<NodeReference>,
    /// When its certificates expire; only of the control plane, once its owner has looked.
    pub certificates_expiry_date: Option<Timestamp>,
    /// Pending, Provisioning, Provisioned, Running, Deleting, Failed …
    pub phase: String,
    /// Conditions.
    pub conditions: Vec<Condition>,
}

/// Milestones of a machine, never taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineInitialization {
    /// The server is there.
    pub infrastructure_provisioned: bool,
    /// Its user data was made.
    pub bootstrap_data_secret_created: bool,
}

/// The node of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeReference {
    /// Name of the node.
    pub name: String,
}

/// A worker pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineDeployment {
    /// Name, labels and so on.
    pub metadata: Metadata,
    /// What is wished.
    pub spec: MachineDeploymentSpec,
    /// What is.
    pub status: MachineDeploymentStatus,
}

/// One revision of a worker pool; has the same shape.
pub type MachineSet = MachineDeployment;

/// What is wished of a worker pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineDeploymentSpec {
    /// Machines wanted.
    pub replicas: Option<u32>,
    /// What machines are like.
    pub template: MachineTemplate,
}

/// What machines of a pool are like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineTemplate {
    /// Version and references.
    pub spec: MachineTemplateSpec,
}

/// Version and references of a pool's machines; has the shape of a machine's.
pub type MachineTemplateSpec = MachineSpec;

/// What a worker pool is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineDeploymentStatus {
    /// Machines there.
    pub replicas: u32,
    /// Machines whose node is ready.
    pub ready_replicas: u32,
    /// Machines that serve.
    pub available_replicas: u32,
    /// Machines that are as wished.
    pub up_to_date_replicas: u32,
    /// Generation of the spec this speaks about.
    pub observed_generation: Option<i64>,
    /// Conditions.
    pub conditions: Vec<Condition>,
}
