//! Pools whose size follows what is to run on them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bounds of a pool whose size a cluster autoscaler sets (its provider `clusterapi`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Autoscaling {
    /// Fewest machines; 0 is possible.
    pub min: u32,
    /// Most machines. The quota is asked for those that there are, not for these.
    pub max: u32,
    /// Seconds that a node must not have been needed before it goes, at least 10. Left out: 600, as the autoscaler itself
    /// has it (`--scale-down-unneeded-time`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_down_after_seconds: Option<u32>,
}

impl Autoscaling {
    /// Bounds, and everything else as the autoscaler itself has it.
    pub const fn within_bounds(min: u32, max: u32) -> Self {
        Self {
            min,
            max,
            scale_down_after_seconds: None,
        }
    }

    /// Seconds that a node must not have been needed before it goes.
    pub fn scale_down_after(self) -> u32 {
        self.scale_down_after_seconds
            .unwrap_or(Self::SCALE_DOWN_AFTER)
    }

    /// The autoscaler's own `--scale-down-unneeded-time`, in seconds.
    pub const SCALE_DOWN_AFTER: u32 = 600;

    /// The number within the bounds that is nearest.
    pub fn within(self, replicas: u32) -> u32 {
        replicas.max(self.min).min(self.max)
    }
}
