//! `KubeadmControlPlane` (controlplane.cluster.x-k8s.io/v1beta2) and `KubeadmConfigTemplate`
//! (bootstrap.cluster.x-k8s.io/v1beta2).

use jiff::Timestamp;
use serde::Serialize;

use super::{ClusterConfiguration, ContractReference, Metadata, Object};

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
    /// How a change is brought to the machines; one more machine at a time when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<ControlPlaneRollout>,
    /// How broken machines are replaced.
    pub remediation: ControlPlaneRemediation,
}

/// How a change is brought to the machines of a control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneRollout {
    /// Machines made before it are replaced once it has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Timestamp>,
    /// When machines are replaced although nothing changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<RolloutBefore>,
    /// In which steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<ControlPlaneStrategy>,
}

/// When machines are replaced although nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RolloutBefore {
    /// Days before their certificates expire; at least 7.
    pub certificates_expiry_days: u32,
}

/// In which steps machines of a control plane are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneStrategy {
    #[serde(rename = "type")]
    kind: &'static str,
    rolling_update: ControlPlaneSurge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ControlPlaneSurge {
    max_surge: u32,
}

impl ControlPlaneStrategy {
    /// One after the other, with so many machines more meanwhile: 0 or 1.
    pub const fn rolling(max_surge: u32) -> Self {
        Self {
            kind: "RollingUpdate",
            rolling_update: ControlPlaneSurge { max_surge },
        }
    }
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
    /// `ignition`; cloud-init when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<&'static str>,
    /// What is merged into what Cluster API writes for Ignition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignition: Option<Ignition>,
    /// For the whole cluster; only in a control plane.
    #[serde(skip_serializing_if = "ClusterConfiguration::is_empty")]
    pub cluster_configuration: ClusterConfiguration,
    /// For the first node of a control plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_configuration: Option<InitConfiguration>,
    /// For every further node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_configuration: Option<JoinConfiguration>,
    /// Files written before kubeadm runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    /// File systems that cloud-init makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_setup: Option<DiskSetup>,
    /// What cloud-init mounts: device and directory each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<[String; 2]>,
    /// Where the time comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ntp: Option<Ntp>,
    /// Commands before kubeadm runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pre_kubeadm_commands: Vec<String>,
    /// Commands after kubeadm has run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_kubeadm_commands: Vec<String>,
}

/// What is merged into what Cluster API writes for Ignition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ignition {
    /// A Container Linux Config.
    pub container_linux_config: ContainerLinuxConfig,
}

/// A Container Linux Config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerLinuxConfig {
    /// Its YAML; what it says goes before what Cluster API says.
    pub additional_config: String,
}

/// File systems that cloud-init makes on new disks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiskSetup {
    /// At least one.
    pub filesystems: Vec<FileSystem>,
}

/// A file system on a whole disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileSystem {
    /// Device.
    pub device: String,
    /// Its type.
    pub filesystem: &'static str,
    /// Label, by which it is mounted.
    pub label: String,
    /// `none`: the whole disk. Left out for Ignition, which knows no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<&'static str>,
    /// Whether what is there is overwritten.
    pub overwrite: bool,
}

/// Where the time comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ntp {
    /// Whether cloud-init sets it up.
    pub enabled: bool,
    /// At least one.
    pub servers: Vec<String>,
}

/// For the first node of a control plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InitConfiguration {
    /// How the node registers itself.
    pub node_registration: NodeRegistration,
    /// Where its API server listens.
    #[serde(rename = "localAPIEndpoint", skip_serializing_if = "Option::is_none")]
    pub local_api_endpoint: Option<LocalApiEndpoint>,
}

/// For every further node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinConfiguration {
    /// How the node registers itself.
    pub node_registration: NodeRegistration,
    /// For a node of a control plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<JoinControlPlane>,
}

/// For a further node of a control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct JoinControlPlane {
    /// Where its API server listens.
    #[serde(rename = "localAPIEndpoint")]
    pub local_api_endpoint: LocalApiEndpoint,
}

/// Where an API server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalApiEndpoint {
    /// Port; 6443 when left out.
    pub bind_port: u16,
}

/// How a node registers itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRegistration {
    /// Name of the node; an expression that is evaluated on it.
    pub name: String,
    /// Flags of the kubelet, each name once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kubelet_extra_args: Vec<Argument>,
    /// Taints; kubeadm's own when left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: &'static str,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Secret that holds the text instead.
    #[serde(rename = "contentFrom", skip_serializing_if = "Option::is_none")]
    pub content_from: Option<FileSource>,
}

/// What holds the text of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileSource {
    /// A Secret in the same namespace.
    pub secret: SecretFileSource,
}

/// A key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecretFileSource {
    /// Name of the Secret.
    pub name: String,
    /// Key in it.
    pub key: String,
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
