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
}

impl Autoscaling {
    /// The number within the bounds that is nearest.
    pub fn within(self, replicas: u32) -> u32 {
        replicas.max(self.min).min(self.max)
    }
}
