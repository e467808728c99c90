//! Health checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults;

/// When a machine is replaced without anybody asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// Whether sick machines are replaced at all.
    #[serde(default = "defaults::yes")]
    pub enabled: bool,
    /// Seconds after which a server that has not become a node never will. Longer than a slow cloud needs to boot one.
    #[serde(default = "defaults::node_startup_timeout")]
    pub node_startup_timeout_seconds: u32,
    /// Seconds that a node may be silent.
    #[serde(default = "defaults::unreachable_timeout")]
    pub unreachable_timeout_seconds: u32,
    /// Seconds that a node may say it is not ready. So does every new node until the pod network is there, and that may
    /// have to be pulled over a slow line first.
    #[serde(default = "defaults::not_ready_timeout")]
    pub not_ready_timeout_seconds: u32,
    /// Machines that may be sick at once: more are a fault of the cloud, which replacing makes worse, so none is
    /// replaced. Without it what etcd's majority can spare, and 40 % of a pool, at least one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unhealthy: Option<u32>,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            enabled: true,
            node_startup_timeout_seconds: defaults::NODE_STARTUP_TIMEOUT,
            unreachable_timeout_seconds: defaults::UNREACHABLE_TIMEOUT,
            not_ready_timeout_seconds: defaults::NOT_READY_TIMEOUT,
            max_unhealthy: None,
        }
    }
}
