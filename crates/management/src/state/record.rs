//! What is remembered about one server.

use serde::{Deserialize, Serialize};

use super::CloudKey;
use crate::identity::Identity;
use crate::settings::Settings;

/// What is remembered about one server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Who it is.
    pub identity: Identity,
    /// Where it is.
    pub cloud: CloudKey,
    /// The name the cloud has in `clouds.yaml`, for messages only.
    pub cloud_name: String,
    /// When the uid was drawn.
    pub created: jiff::Timestamp,
    /// The choices made; a later run continues with them.
    pub settings: Settings,
    /// Names this machine and state directory in the mutex other machines see.
    pub holder: String,
    /// `https://<floating IP>:6443`, as soon as the address is known.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Whether the server in the cloud was made with other keys and is still to be replaced.
    #[serde(default)]
    pub replaces: bool,
    /// When `up` first saw the server usable; nothing again once `down` has begun to remove it. Without it there are no
    /// clusters to ask for.
    #[serde(default)]
    pub usable_since: Option<jiff::Timestamp>,
    /// Until when something that a run asked for may still appear in the cloud; see [`late`](crate::late).
    #[serde(default)]
    pub late_until: Option<jiff::Timestamp>,
}
