//! Names a project of a cloud in local state.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Which project of which cloud a server lies in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudKey {
    /// Identity endpoint.
    pub auth_url: String,
    /// Project id.
    pub project_id: String,
}

impl CloudKey {
    /// Directory name: stable, short, and without characters a file system minds.
    pub fn directory(&self) -> String {
        let url = self.auth_url.trim_end_matches('/');
        let url = url.strip_suffix("/v3").unwrap_or(url);
        let digest = Sha256::digest(format!("{url}\n{}", self.project_id));
        hex::encode(&digest[..6])
    }
}
