//! Graphics processors of a pool.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Graphics processors that every node of a pool has. The flavor gives them to the server; the image, or an operator inside
/// the cluster, brings driver and device plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gpu {
    /// By which name pods ask for them: that of the device plugin.
    #[serde(default = "Gpu::resource")]
    pub resource: String,
    /// How many a node has. Without it what the flavor says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

impl Gpu {
    /// Label that tells the cluster autoscaler to wait for the device plugin before it takes a node for ready, and which its
    /// provider `clusterapi` takes for "has GPUs". Its value is free.
    pub const LABEL: &str = "cluster-api/accelerator";

    fn resource() -> String {
        "nvidia.com/gpu".to_owned()
    }
}
