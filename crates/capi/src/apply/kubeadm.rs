//! `KubeadmControlPlane` (controlplane.cluster.x-k8s.io/v1beta2) and `KubeadmConfigTemplate`
//! (bootstrap.cluster.x-k8s.io/v1beta2).

use serde::Serialize;

use super::{ContractReference, Metadata, Object};

/// A control plane made by kubeadm.
pub type KubeadmControlPlane = Object<KubeadmControlPlaneSpec>;

/// Spec of a [`KubeadmControlPlane`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeadmControlPlaneSpec {
    /// Machines wanted.
    pub replicas: u32,
    /// Kubernetes version with the leading `v`.
    pub version: String,
    /// What machines are like.
    pub machine_template: ControlPlaneMachineTemplate,
    /// How kubeadm is run.
    pub kubeadm_config_spec: KubeadmConfigSpec,
    /// How broken machines are replaced.
    pub remediation: ControlPlaneRemediation,
}

/// What machines of a control plane are like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ControlPlaneMachineTemplate {
    /// Labels and annotations of machines; changed in place.
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// The rest.
    pub spec: ControlPlaneMachineSpec,
}

/// Spec of machines of a control plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneMachineSpec {
    /// Template of the servers. A new name rolls all machines.
    pub infrastructure_ref: ContractReference,
    /// Time limits of removal; changed in place.
    pub deletion: MachineDeletion,
}

/// Time limits of a machine's removal, in seconds. 0 would be for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineDeletion {
    /// For emptying the node.
    pub node_drain_timeout_seconds: u32,
    /// For detaching volumes.
    pub node_volume_detach_timeout_seconds: u32,
    /// For deleting the node object.
    pub node_deletion_timeout_seconds: u32,
}

/// How broken machines of a control plane are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneRemediation {
    /// Tries for one machine.
    pub max_retry: u32,
    /// Pause between tries in seconds.
    pub retry_period_seconds: u32,
    /// Time after which a replacement counts as good, in seconds.
    pub min_healthy_period_seconds: u32,
}

/// How kubeadm is run on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeadmConfigSpec {
    /// For the first node of a control plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_configuration: Option<InitConfiguration>,
    /// For every further node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_configuration: Option<JoinConfiguration>,
    /// Files written before kubeadm runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    /// Commands before kubeadm runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pre_kubeadm_commands: Vec<String>,
}

/// For the first node of a control plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InitConfiguration {
    /// How the node registers itself.
    pub node_registration: NodeRegistration,
}

/// For every further node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinConfiguration {
    /// How the node registers itself.
    pub node_registration: NodeRegistration,
}

/// How a node registers itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRegistration {
    /// Name of the node; a cloud-init expression.
    pub name: String,
    /// Flags of the kubelet, each name once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kubelet_extra_args: Vec<Argument>,
}

/// A command line flag without its dashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Argument {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// A file on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Absolute path.
    pub path: String,
    /// `user:group`.
    pub owner: String,
    /// Octal, for instance `0644`.
    pub permissions: String,
    /// Text of the file.
    pub content: String,
}

/// How nodes of a pool start.
pub type KubeadmConfigTemplate = Object<KubeadmConfigTemplateSpec>;

/// Spec of a [`KubeadmConfigTemplate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KubeadmConfigTemplateSpec {
    /// What is copied for each machine.
    pub template: KubeadmConfigTemplateResource,
}

/// What is copied for each machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KubeadmConfigTemplateResource {
    /// How kubeadm is run.
    pub spec: KubeadmConfigSpec,
}
