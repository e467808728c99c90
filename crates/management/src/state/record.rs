//! What is remembered about one server.

use rand::RngCore as _;
use serde::{Deserialize, Serialize};

use super::CloudKey;
use crate::desk::Desk;
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
    /// Where its API is, as soon as that is known: `https://<floating IP>:6443` of a server that `up` makes.
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
    /// The cluster that was there before and is the server now; `None` for a server that `up` makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Adopted>,
}

/// A cluster that was there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Adopted {
    /// Its context in the kubeconfig that was given, for messages only.
    pub context: String,
    /// The uid of its namespace `kube-system`: another cluster at the same address is another one.
    pub cluster: String,
}

impl Record {
    /// Of a server that nothing is known of yet but who it is and what was chosen.
    pub(crate) fn new(desk: &Desk, identity: Identity, settings: Settings) -> Self {
        let mut holder = [0_u8; 6];
        rand::rng().fill_bytes(&mut holder);
        Self {
            identity,
            cloud: desk.cloud(),
            cloud_name: desk.session.config().name.clone(),
            created: jiff::Timestamp::now(),
            settings,
            holder: hex::encode(holder),
            endpoint: None,
            replaces: false,
            usable_since: None,
            late_until: None,
            adopted: None,
        }
    }
}
