//! `MachineDeployment` and `MachineHealthCheck` (cluster.x-k8s.io/v1beta2).

use jiff::Timestamp;
use serde::Serialize;

use super::{ContractReference, MachineDeletion, Metadata, Object, Selector};

/// A worker pool.
pub type MachineDeployment = Object<MachineDeploymentSpec>;

/// Spec of a [`MachineDeployment`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineDeploymentSpec {
    /// Cluster API name of the cluster.
    pub cluster_name: String,
    /// Machines wanted; left to an autoscaler when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// Which machines belong to it.
    pub selector: Selector,
    /// How a change is rolled out.
    pub rollout: Rollout,
    /// Which machine goes first when there are too many.
    pub deletion: Deletion,
    /// What machines are like.
    pub template: MachineTemplate,
    /// Whether no further machine is replaced. The deployment is still scaled, and its sets replace machines that fail.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// How a change is rolled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rollout {
    /// Machines made before it are replaced once it has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Timestamp>,
    /// The strategy.
    pub strategy: Strategy,
}

/// One machine after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Strategy {
    #[serde(rename = "type")]
    kind: &'static str,
    rolling_update: RollingUpdate,
}

impl Strategy {
    /// Rolling update within the given bounds.
    pub const fn rolling(rolling_update: RollingUpdate) -> Self {
        Self {
            kind: "RollingUpdate",
            rolling_update,
        }
    }
}

/// Bounds of a rolling update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RollingUpdate {
    /// Machines more than wanted meanwhile.
    pub max_surge: u32,
    /// Machines less than wanted meanwhile.
    pub max_unavailable: u32,
}

/// Which machine goes first when there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Deletion {
    /// `Random`, `Newest` or `Oldest`.
    pub order: &'static str,
}

/// What machines of a pool are like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MachineTemplate {
    /// Labels and annotations of machines; changed in place.
    pub metadata: Metadata,
    /// The rest.
    pub spec: MachineSpec,
}

/// Spec of machines of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineSpec {
    /// Cluster API name of the cluster.
    pub cluster_name: String,
    /// Kubernetes version with the leading `v`.
    pub version: String,
    /// Availability zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_domain: Option<String>,
    /// How the node starts.
    pub bootstrap: Bootstrap,
    /// Template of the servers.
    pub infrastructure_ref: ContractReference,
    /// Time limits of removal; changed in place.
    pub deletion: MachineDeletion,
}

/// How a node starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bootstrap {
    /// Template of the configuration.
    pub config_ref: ContractReference,
}

/// Replaces machines that are unhealthy.
pub type MachineHealthCheck = Object<MachineHealthCheckSpec>;

/// Spec of a [`MachineHealthCheck`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineHealthCheckSpec {
    /// Cluster API name of the cluster.
    pub cluster_name: String,
    /// Which machines are watched.
    pub selector: Selector,
    /// What unhealthy means.
    pub checks: HealthChecks,
    /// When something is done about it.
    pub remediation: Remediation,
}

/// What unhealthy means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthChecks {
    /// A machine without a node after this time is unhealthy.
    pub node_startup_timeout_seconds: u32,
    /// A node with one of these is unhealthy.
    pub unhealthy_node_conditions: Vec<UnhealthyNodeCondition>,
}

/// A state of a node that is unhealthy after some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnhealthyNodeCondition {
    /// Condition of the node.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its status.
    pub status: &'static str,
    /// How long it may last.
    pub timeout_seconds: u32,
}

/// When something is done about unhealthy machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remediation {
    /// The condition.
    pub trigger_if: TriggerIf,
}

/// Only while few machines are unhealthy: many at once are a fault of the cloud, which replacing makes worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TriggerIf {
    /// Machines that may be unhealthy at once.
    pub unhealthy_less_than_or_equal_to: u32,
}
