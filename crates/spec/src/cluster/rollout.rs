//! How a change is brought to machines.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults;

/// How a change is brought to the machines of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// Machines more than wanted meanwhile.
    #[serde(default = "defaults::max_surge")]
    pub max_surge: u32,
    /// Machines less than wanted meanwhile.
    #[serde(default)]
    pub max_unavailable: u32,
    /// Seconds a node may take to be emptied before its machine goes; Cluster API's 0, for ever, is not offered.
    #[serde(default = "defaults::drain_timeout")]
    pub drain_timeout_seconds: u32,
    /// No further machine is replaced while this is true: one that is being made becomes a node, and the one it replaces
    /// stays. Machines that fail are still made anew, and the pool can still be scaled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Machines made before this time are replaced once it has come, although nothing changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Timestamp>,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            max_surge: defaults::MAX_SURGE,
            max_unavailable: 0,
            drain_timeout_seconds: defaults::DRAIN_TIMEOUT,
            paused: false,
            after: None,
        }
    }
}

/// How a change is brought to the machines of the control plane: always one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneRollout {
    /// 1: the new machine comes before the old one goes. 0, from three machines on: it goes first, where the quota has
    /// no room for one more.
    #[serde(default = "defaults::max_surge")]
    pub max_surge: u32,
    /// Seconds a node may take to be emptied before its machine goes; Cluster API's 0, for ever, is not offered.
    #[serde(default = "defaults::drain_timeout")]
    pub drain_timeout_seconds: u32,
    /// Machines are replaced so many days before their certificates expire, which are good for a year. Without it they
    /// are not; at least 7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates_expiry_days: Option<u32>,
    /// No further machine is replaced while this is true; the replacement that is under way is finished first. From then
    /// on, if there is something to replace, Cluster API leaves the control plane alone: a machine that fails is not made
    /// anew, and the control plane is not scaled, until the pause ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Machines made before this time are replaced once it has come, although nothing changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Timestamp>,
}

impl Default for ControlPlaneRollout {
    fn default() -> Self {
        Self {
            max_surge: defaults::MAX_SURGE,
            drain_timeout_seconds: defaults::DRAIN_TIMEOUT,
            certificates_expiry_days: None,
            paused: false,
            after: None,
        }
    }
}

/// Which changes wait until somebody has accepted their plan. Without a word in it none does: who changes the wish has
/// asked for the change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalPolicy {
    /// Those that replace machines of the control plane.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub control_plane: bool,
    /// Those that replace or remove more than this share of all workers, in percent; 0: every one that does so at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100))]
    pub workers_percent: Option<u8>,
}
