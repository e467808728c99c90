//! What a node image must be, beside its Kubernetes version.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Architecture;
use super::kubeadm::BootstrapFormat;
use crate::defaults;

/// What a node image must be, beside its Kubernetes version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeSystem {
    /// Processor it is made for.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub architecture: Architecture,
    /// What it is set up by.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub format: BootstrapFormat,
}

impl fmt::Display for NodeSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {}", self.architecture, self.format)
    }
}
