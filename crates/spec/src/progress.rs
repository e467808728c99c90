//! How far the work on a cluster is, per phase and per node, and why it stands still where it does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far the work on a cluster is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Of the whole, 0 to 100.
    pub percent: u8,
    /// In the order they happen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseProgress>,
    /// One line per machine, control plane first, then by pool and name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeProgress>,
    /// What holds the work up, the most telling first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

/// How far one phase is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhaseProgress {
    /// Which one.
    pub phase: Phase,
    /// Whether it waits, runs, stands still or is done.
    pub state: StepState,
    /// Of this phase, 0 to 100.
    pub percent: u8,
    /// What is happening, for instance "2 of 3 nodes ready".
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// The parts of the work, in their order.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Phase {
    /// Names resolved, quota and rules checked, credentials and floating IP made.
    Preparation,
    /// Network, subnet, router, security groups.
    Network,
    /// Load balancer of the API with its address.
    ApiEndpoint,
    /// Machines of the control plane, until the API answers.
    ControlPlane,
    /// Machines of the worker pools.
    Workers,
    /// Pod network and the like.
    Addons,
    /// Hooks of the cluster, where it has any: those after its creation, or those before its deletion.
    Hooks,
}

impl Phase {
    /// All, in their order.
    pub const ALL: [Self; 7] = [
        Self::Preparation,
        Self::Network,
        Self::ApiEndpoint,
        Self::ControlPlane,
        Self::Workers,
        Self::Addons,
        Self::Hooks,
    ];

    /// In words for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Preparation => "Preparation",
            Self::Network => "Network",
            Self::ApiEndpoint => "API endpoint",
            Self::ControlPlane => "Control plane",
            Self::Workers => "Workers",
            Self::Addons => "Addons",
            Self::Hooks => "Hooks",
        }
    }
}

/// State of a phase or node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Under way.
    Running,
    /// Does not go on until the reason is gone.
    Blocked,
    /// Done.
    Done,
    /// Being removed.
    Removing,
}

/// How far one machine is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeProgress {
    /// Name of the machine; the node's name too.
    pub name: String,
    /// Worker pool, or `control-plane`.
    pub pool: String,
    /// Whether it waits, runs, stands still or is done.
    pub state: StepState,
    /// What is happening, for instance "server is building".
    pub message: String,
    /// Version it runs or will run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it stands still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Why something stands still, in plain words, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// Stable word to sort and translate by.
    pub code: ReasonCode,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// Kind and name of the object that said so, for instance `OpenStackServer demo-x7k2p-workers-abcde`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The words of the service that refused, unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Kinds of reasons.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum ReasonCode {
    /// A quota of the project is used up.
    QuotaExceeded,
    /// Nova found no host for a server.
    NoValidHost,
    /// The image is not there, not active, or does not fit the flavor.
    ImageUnusable,
    /// The flavor is not there or not allowed.
    FlavorUnusable,
    /// A network, subnet or external network is missing or used up.
    NetworkUnusable,
    /// The load balancer is in error or not reachable.
    LoadBalancerError,
    /// The floating IP cannot be used.
    FloatingIpUnusable,
    /// Credentials are refused.
    Unauthorized,
    /// The cloud or the workload cluster's API does not answer.
    ApiUnreachable,
    /// A server went into error for another cause.
    ServerError,
    /// A machine booted, but its node does not join.
    NodeDoesNotJoin,
    /// A node is not ready.
    NodeNotReady,
    /// A pod disruption budget or the like blocks emptying a node.
    DrainBlocked,
    /// An addon does not become healthy.
    AddonUnhealthy,
    /// A hook has failed.
    HookFailed,
    /// Removal waits for something.
    DeletionBlocked,
    /// A plan waits for somebody to accept it.
    AwaitsApproval,
    /// Something else; the words of the service tell.
    Other,
}
