//! Processors of nodes.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Processor of a node, as Kubernetes and upstream's files name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// 64-bit x86.
    #[default]
    Amd64,
    /// 64-bit Arm.
    Arm64,
}

impl Architecture {
    /// The architecture that an image's property `architecture` or `hw_architecture` names: Nova's words
    /// (`nova.objects.fields.Architecture`), and those of Kubernetes. `None` for any other.
    pub fn of_image(property: &str) -> Option<Self> {
        match property {
            "x86_64" | "amd64" => Some(Self::Amd64),
            "aarch64" | "arm64" => Some(Self::Arm64),
            _ => None,
        }
    }

    /// The word of Kubernetes (`kubernetes.io/arch`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
