//! What we read: only the fields we look at; everything else is accepted and passed over.
//!
//! All of it derives `Deserialize`, so `serde_json::from_value` on any object of the kind gives a view. A field that is
//! missing reads as its default: fresh objects have hardly any status.

mod cluster;
mod condition;
mod machine;
mod openstack;
mod openstack_raw;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use cluster::{
    Cluster, ClusterSpec, ClusterStatus, ControlPlane, ControlPlaneSpec, ControlPlaneStatus,
    Endpoint, Initialization, Reference, Template, TemplateSpec,
};
pub use condition::{Condition, find as condition};
pub use machine::{
    Bootstrap, Machine, MachineDeployment, MachineDeploymentSpec, MachineDeploymentStatus,
    MachineInitialization, MachineSet, MachineSpec, MachineStatus, MachineTemplate,
    MachineTemplateSpec, NodeReference,
};
pub use openstack::{
    Bastion, BastionStatus, ById, LoadBalancer, MachineAddress, OpenStackCluster,
    OpenStackClusterSpec, OpenStackClusterStatus, OpenStackMachine, OpenStackMachineSpec,
    OpenStackMachineStatus, OpenStackServer, OpenStackServerSpec, OpenStackServerStatus, Port,
    ResourceStatus, RootVolume, ServerShape,
};

/// Metadata of any object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Metadata {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// By which it is told from a namesake.
    pub uid: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// When it was created.
    pub creation_timestamp: Option<Timestamp>,
    /// When its deletion was asked for.
    pub deletion_timestamp: Option<Timestamp>,
    /// Generation of the spec.
    pub generation: Option<i64>,
    /// Who owns it.
    pub owner_references: Vec<OwnerReference>,
}

/// Who owns an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OwnerReference {
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
}

impl Metadata {
    /// Whether its deletion was asked for.
    pub fn is_deleting(&self) -> bool {
        self.deletion_timestamp.is_some()
    }

    /// Value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str)
    }
}

#[cfg(test)]
mod tests;
