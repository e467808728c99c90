//! Files on nodes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults;

/// A file on nodes. All files, commands and certificates of a node together must fit into its user data, of which Nova
/// takes 64 KiB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeFile {
    /// Absolute path.
    #[schemars(length(max = 512))]
    pub path: String,
    /// Text of the file, at most 10,240 bytes. Either this or `contentFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10240))]
    pub content: Option<String>,
    /// Secret in the cluster's namespace that holds the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_from: Option<SecretKey>,
    /// `user:group`.
    #[serde(default = "defaults::file_owner")]
    #[schemars(length(max = 256))]
    pub owner: String,
    /// Rights in octal.
    #[serde(default = "defaults::file_permissions")]
    #[schemars(length(max = 16))]
    pub permissions: String,
    /// Nodes that get it.
    #[serde(default)]
    pub nodes: NodeRole,
}

/// A value in a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKey {
    /// Name of the Secret.
    pub secret: String,
    /// Key in it.
    pub key: String,
}

/// What a node is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NodeRole {
    /// Both.
    #[default]
    All,
    /// Machines of the control plane.
    ControlPlane,
    /// Machines of worker pools.
    Workers,
}

impl NodeRole {
    /// Whether nodes of the control plane are meant, or of worker pools.
    pub fn covers(self, control_plane: bool) -> bool {
        match self {
            Self::All => true,
            Self::ControlPlane => control_plane,
            Self::Workers => !control_plane,
        }
    }
}
