//! What the clouds offer, asked again and again and noted in the status of each `Cloud`.

mod due;

use std::collections::HashMap;
use std::time::Duration;

use capstan_catalog::Catalogue;
use capstan_management::clouds::{self, CloudsError, Look};
use capstan_workload::clouds::{Clouds, Credential};
use capstan_workload::resource::Cloud;
use futures::StreamExt as _;
use jiff::Timestamp;
use kube::Client;
use rand::Rng as _;
use tokio_util::sync::CancellationToken;

use self::due::{Asked, Now};

/// How often it is looked whether a cloud is to be asked: one list, and one Secret for each `Cloud`. New clouds and new
/// credentials are seen within this time, without the right to watch all Secrets.
const GLANCE: Duration = Duration::from_mins(1);
/// Longest that a cloud may take. What a service of it costs at most is limited by the session; this is for all of them.
const LIMIT: Duration = Duration::from_mins(2);
/// Clouds asked at once: one that does not answer keeps no other waiting.
const CONCURRENCY: usize = 4;

/// Namespace and name of a `Cloud`.
type Key = (String, String);

/// Keeps the inventories of all clouds of the server.
pub(crate) struct Inventories {
    client: Client,
    clouds: Clouds,
    catalogue: Catalogue,
    /// What this process asked; one that begins asks every cloud once.
    asked: HashMap<Key, Asked>,
}

impl Inventories {
    pub(crate) fn new(client: Client, clouds: Clouds, catalogue: Catalogue) -> Self {
        Self {
            client,
            clouds,
            catalogue,
            asked: HashMap::new(),
        }
    }

    /// Asks until told to stop.
    pub(crate) async fn keep(mut self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.glance(Timestamp::now()).await {
                tracing::warn!(%error, "failed to look after the clouds");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(GLANCE) => {}
            }
        }
    }

    /// Asks the clouds whose time it is. What goes wrong with one is noted there.
    async fn glance(&mut self, now: Timestamp) -> Result<(), CloudsError> {
        let all = clouds::list(&self.client).await?;
        let before = std::mem::take(&mut self.asked);
        let (this, before) = (&*self, &before);
        let asked: HashMap<Key, Asked> = futures::stream::iter(all)
            .map(|cloud| async move {
                let key = (
                    cloud.metadata.namespace.clone().unwrap_or_default(),
                    cloud.metadata.name.clone().unwrap_or_default(),
                );
                let asked = this.turn(&cloud, before.get(&key), now).await;
                (key, asked)
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        self.asked = asked;
        Ok(())
    }

    async fn turn(&self, cloud: &Cloud, before: Option<&Asked>, now: Timestamp) -> Asked {
        let credential = self.clouds.credential(cloud).await;
        let seen = Now {
            generation: cloud.metadata.generation,
            credential: credential.as_ref().ok().map(Credential::fingerprint),
            ready: due::is_ready(cloud.status.as_ref()),
            at: now,
        };
        if let Some(before) = before
            && !seen.is_due(before)
        {
            return before.clone();
        }
        let look = match credential {
            Ok(credential) => self.look(cloud, credential).await,
            Err(error) => Err(error.to_string()),
        };
        let name = cloud.metadata.name.as_deref().unwrap_or_default();
        if let Err(why) = &look {
            tracing::warn!(cloud = name, why, "the cloud does not say what it offers");
        }
        let noted = look.as_ref().map_err(String::as_str);
        let rules = self.catalogue.node_image_rules();
        let noted = clouds::note(&self.client, cloud, noted, rules).await;
        if let Err(error) = &noted {
            tracing::warn!(cloud = name, %error, "failed to note what the cloud offers");
        }
        let answered = look.is_ok() && noted.is_ok();
        seen.asked(answered, rand::rng().random())
    }

    async fn look(&self, cloud: &Cloud, credential: Credential) -> Result<Look, String> {
        let looked = async {
            let session = self.clouds.log_in(credential).await?;
            clouds::look(&session, cloud).await
        };
        match tokio::time::timeout(LIMIT, looked).await {
            Ok(Ok(look)) => Ok(look),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer in {} s", LIMIT.as_secs())),
        }
    }
}

#[cfg(test)]
mod tests;
