//! The adopted cluster that a server is: what was installed on it goes, everything else on it stays.

use std::time::Duration;

use capstan_kubernetes::{Applier, cluster_uid};
use kube::Client;

use super::clusters::clusters;
use super::removal::Removing;
use super::{Allowed, Prepared, Wanted};
use crate::adoption::{AdoptionError, Entrance};
use crate::api::{Api, CLUSTERS};
use crate::desk::Desk;
use crate::error::Error;
use crate::identity::Identity;
use crate::progress::{Event, Outcome, Underway};
use crate::providers::{self, Claim, Installed};
use crate::state::{Adopted, Record};

/// An adopted cluster.
#[derive(Clone)]
pub struct Host {
    /// Its context in the kubeconfig.
    pub context: String,
    /// Where its API is.
    pub endpoint: String,
    /// What is removed from it; `None`: it cannot be asked, and what is there stays.
    pub installed: Option<Installed>,
    client: Option<Client>,
}

impl std::fmt::Debug for Host {
    /// The client is not shown: it holds keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host")
            .field("endpoint", &self.endpoint)
            .field("installed", &self.installed)
            .finish_non_exhaustive()
    }
}

impl Host {
    /// Takes off what is installed.
    ///
    /// # Errors
    /// [`providers::ProviderError::Remains`] if something that was removed is still there.
    pub(super) async fn clear(&self, removing: Removing<'_>) -> Result<usize, Error> {
        const STEP: &str = "what is installed on the cluster";
        let Some(client) = &self.client else {
            return Ok(0);
        };
        let reporter = removing.reporter;
        let of = self.installed.as_ref().map_or(0, |all| all.objects.len());
        let underway = Underway::begin(reporter, STEP, Duration::from_secs(40));
        let mut gone = 0;
        let mut told = 0;
        let removal = providers::uninstall(client.clone(), removing.identity, |_| {
            gone += 1;
            // A line for each fifth is enough of two hundred objects.
            if gone * 5 / of.max(1) > told {
                told = gone * 5 / of.max(1);
                reporter.report(Event::Note {
                    text: format!("cluster: {gone} of {of} objects removed"),
                });
            }
        });
        // Deletions can be cut off at any moment: the list on the cluster says what is left.
        let result = tokio::select! {
            result = removal => result,
            () = removing.stop.cancelled() => return Err(removing.interrupted()),
        };
        let count = *result.as_ref().unwrap_or(&0);
        underway.end(result.map(|count| (Outcome::Removed, format!("{count} objects"))))?;
        Ok(count)
    }
}

/// The server that the cluster of a given kubeconfig says it is, where neither this machine nor the project knows it. It has
/// to be named with its uid: nobody's installation is removed because of a name alone.
pub(super) async fn holder(wanted: Wanted<'_>) -> Result<Option<Identity>, Error> {
    let Some(entrance) = wanted.entrance else {
        return Ok(None);
    };
    let applier = Applier::new(entrance.client().await?);
    Ok(match Claim::read(&applier).await? {
        Claim::Held(holder)
            if holder.name == wanted.name && wanted.uid == Some(holder.uid.as_str()) =>
        {
            Some(holder)
        }
        Claim::Held(holder) => return Err(providers::ProviderError::Claimed(holder).into()),
        _ => None,
    })
}

/// Whether the server is an adopted cluster.
pub(super) fn is_adopted(
    wanted: Wanted<'_>,
    record: Option<&Record>,
    prepared: &Prepared,
    allowed: Allowed,
) -> Result<bool, Error> {
    let identity = || prepared.identity.clone();
    match (record, wanted.entrance) {
        (Some(record), None) => Ok(record.adopted.is_some()),
        (Some(record), Some(_)) if record.adopted.is_none() => {
            Err(AdoptionError::NameOfMade(identity()).into())
        }
        (None, Some(_)) if !prepared.found.servers.is_empty() => {
            Err(AdoptionError::NameOfMade(identity()).into())
        }
        (_, Some(_)) => Ok(true),
        // Made from another machine. Of a server that `up` made something else would be left, too.
        (None, None) => {
            let only_credential = !prepared.found.credentials.is_empty()
                && prepared.entries.len() == prepared.found.credentials.len();
            if only_credential && !allowed.abandon_clusters {
                Err(AdoptionError::PerhapsAdopted(identity()).into())
            } else {
                Ok(false)
            }
        }
    }
}

/// Looks what is installed, and whether clusters are in the way.
pub(super) async fn look(
    desk: &Desk,
    wanted: Wanted<'_>,
    record: Option<&Record>,
    prepared: &mut Prepared,
    allowed: Allowed,
) -> Result<(), Error> {
    let known = record.and_then(|record| record.adopted.as_ref());
    let entrance = match wanted.entrance {
        Some(given) => Ok(given.clone()),
        None => Entrance::stored(&desk.files(wanted.name).kubeconfig_path()),
    };
    let asked = match &entrance {
        Ok(entrance) => ask(entrance, &prepared.identity, known).await,
        Err(error) => Err(error.to_string()),
    };
    let (context, endpoint) = entrance.map_or_else(
        |_| ("unknown".to_owned(), "unknown".to_owned()),
        |entrance| (entrance.context, entrance.endpoint),
    );
    match asked {
        Ok((client, installed)) => {
            // A kind that is somebody else's is not ours to list, and by no means to delete.
            let kinds: Vec<&str> = CLUSTERS
                .into_iter()
                .filter(|kind| installed.defines(&definition(kind)))
                .collect();
            prepared.api = Some(Api::adopted(client.clone()));
            prepared.host = Some(Host {
                context,
                endpoint,
                installed: Some(installed),
                client: Some(client),
            });
            clusters(desk, prepared, &kinds, allowed).await
        }
        Err(_) if allowed.abandon_clusters => {
            prepared.abandoned = desk.cluster_traces().await?;
            prepared.host = Some(Host {
                context,
                endpoint,
                installed: None,
                client: None,
            });
            Ok(())
        }
        Err(reason) => Err(AdoptionError::Unasked {
            identity: prepared.identity.clone(),
            reason,
        }
        .into()),
    }
}

/// Asks the cluster, which has to be the right one: what is removed afterwards from the cloud cannot be found again by a run
/// that is given another kubeconfig.
async fn ask(
    entrance: &Entrance,
    identity: &Identity,
    known: Option<&Adopted>,
) -> Result<(Client, Installed), String> {
    let told = |error: &dyn std::error::Error| {
        let mut text = error.to_string();
        if let Some(cause) = error.source() {
            text = format!("{text}: {cause}");
        }
        text
    };
    let client = entrance.client().await.map_err(|error| told(&error))?;
    if let Some(known) = known {
        let uid = cluster_uid(&client).await.map_err(|error| told(&error))?;
        if uid != known.cluster {
            return Err(format!("another cluster answers at {}", entrance.endpoint));
        }
    }
    let installed = providers::installed(client.clone(), identity).await;
    let installed = installed.map_err(|error| told(&error))?;
    if known.is_none() && installed.claim != Claim::Held(identity.clone()) {
        return Err(format!(
            "the cluster at {} carries no installation of this server",
            entrance.endpoint
        ));
    }
    Ok((client, installed))
}

/// `<group>/<version>/<plural>` → the name of its definition.
fn definition(kind: &str) -> String {
    let mut parts = kind.split('/');
    let group = parts.next().unwrap_or_default();
    format!("{}.{group}", parts.next_back().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_their_definitions() {
        assert_eq!(
            CLUSTERS.map(definition),
            ["workloadclusters.capstan.dev", "clusters.cluster.x-k8s.io"]
        );
    }
}
