//! How a change is brought to machines.

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
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            max_surge: defaults::MAX_SURGE,
            max_unavailable: 0,
            drain_timeout_seconds: defaults::DRAIN_TIMEOUT,
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
}

impl Default for ControlPlaneRollout {
    fn default() -> Self {
        Self {
            max_surge: defaults::MAX_SURGE,
            drain_timeout_seconds: defaults::DRAIN_TIMEOUT,
            certificates_expiry_days: None,
        }
    }
}
