//! `Cluster` and `KubeadmControlPlane`.

use serde::{Deserialize, Serialize};

use super::{Condition, Metadata};

/// A cluster as Cluster API knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cluster {
    /// Name, labels and so on.
    pub metadata: Metadata,
    /// What is wished.
    pub spec: ClusterSpec,
    /// What is.
    pub status: ClusterStatus,
}

/// What is wished of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterSpec {
    /// Whether all controllers leave it alone.
    pub paused: bool,
    /// Address of the API, once known.
    pub control_plane_endpoint: Endpoint,
}

/// Address of the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// Host; empty while not known.
    pub host: String,
    /// Port; 0 while not known.
    pub port: u16,
}

impl Endpoint {
    /// URL of the API, once known.
    pub fn url(&self) -> Option<String> {
        (!self.host.is_empty()).then(|| format!("https://{}:{}", self.host, self.port))
    }
}

/// What a cluster is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterStatus {
    /// Milestones, never taken back.
    pub initialization: Initialization,
    /// Pending, Provisioning, Provisioned, Deleting, Failed.
    pub phase: String,
    /// Conditions.
    pub conditions: Vec<Condition>,
}

/// Milestones of a cluster or control plane, never taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Initialization {
    /// Network and API address are there.
    pub infrastructure_provisioned: bool,
    /// The API answered once.
    pub control_plane_initialized: bool,
}

/// A control plane made by kubeadm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ControlPlane {
    /// Name, labels and so on.
    pub metadata: Metadata,
    /// What is wished.
    pub spec: ControlPlaneSpec,
    /// What is.
    pub status: ControlPlaneStatus,
}

/// What is wished of a control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ControlPlaneSpec {
    /// Machines wanted.
    pub replicas: Option<u32>,
    /// Version wanted.
    pub version: String,
    /// What machines are like.
    #[serde(rename = "machineTemplate")]
    pub machine_template: Template,
}

/// What machines of a control plane are like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Template {
    /// The part with references.
    pub spec: TemplateSpec,
}

/// References of a control plane's machines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TemplateSpec {
    /// Template of the servers.
    pub infrastructure_ref: Reference,
}

/// A reference to an object in the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reference {
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
}

/// What a control plane is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ControlPlaneStatus {
    /// Milestones.
    pub initialization: Initialization,
    /// Machines there.
    pub replicas: u32,
    /// Machines whose node is ready.
    pub ready_replicas: u32,
    /// Machines that serve.
    pub available_replicas: u32,
    /// Machines that are as wished.
    pub up_to_date_replicas: u32,
    /// Lowest version of its machines.
    pub version: String,
    /// Generation of the spec this speaks about.
    pub observed_generation: Option<i64>,
    /// Conditions.
    pub conditions: Vec<Condition>,
}
