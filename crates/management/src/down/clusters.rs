//! The clusters of a server: whether there are any, and their removal.

use std::time::{Duration, Instant};

use capstan_workload::surroundings::SYSTEM_NAMESPACE;
use tokio_util::sync::CancellationToken;

use super::{Allowed, LOOK, Prepared};
use crate::api::{Api, CLOUDS, ClusterRef};
use crate::desk::Desk;
use crate::error::Error;
use crate::identity::Identity;
use crate::progress::{Event, Reporter};

/// Longest wait for clusters to be gone, all together.
const CLUSTERS_LIMIT: Duration = Duration::from_mins(30);

/// Finds out whether the server has clusters of these kinds, and whether that is in the way.
pub(super) async fn clusters(
    desk: &Desk,
    prepared: &mut Prepared,
    kinds: &[&str],
    allowed: Allowed,
) -> Result<(), Error> {
    let listed = match &prepared.api {
        Some(api) => listed(api, kinds).await,
        None => Err("its certificates are not on this machine".into()),
    };
    let name = prepared.identity.name.clone();
    let clouds = listed.as_ref().map_or(&[][..], |(_, clouds)| clouds);
    if !clouds.is_empty() && !allowed.abandon_clusters {
        let clouds = clouds.to_vec();
        return Err(Error::HasClouds { name, clouds });
    }
    match listed.map(|(clusters, _)| clusters) {
        Ok(clusters) if clusters.is_empty() || allowed.with_clusters => {
            prepared.clusters = clusters;
        }
        Ok(clusters) => {
            let mut names: Vec<_> = clusters
                .iter()
                .map(|cluster| format!("{}/{}", cluster.namespace, cluster.name))
                .collect();
            names.sort();
            names.dedup();
            return Err(Error::HasClusters {
                name,
                clusters: names,
            });
        }
        Err(reason) => {
            let found = desk.cluster_traces().await?;
            if !allowed.abandon_clusters {
                return Err(Error::ClustersUnknown {
                    name,
                    reason,
                    found,
                });
            }
            prepared.abandoned = found;
        }
    }
    Ok(())
}

/// The clusters, and the names of the clouds that were added: their credentials are in other projects, where nothing
/// would find them any more.
async fn listed(api: &Api, kinds: &[&str]) -> Result<(Vec<ClusterRef>, Vec<String>), String> {
    let clusters = api.clusters(kinds).await?;
    let clouds = api.clusters(&[CLOUDS]).await?.into_iter();
    let added = clouds.filter(|cloud| {
        cloud.namespace == SYSTEM_NAMESPACE && cloud.name != capstan_spec::defaults::CLOUD
    });
    Ok((clusters, added.map(|cloud| cloud.name).collect()))
}

/// Asks for the removal of all clusters and waits for it.
pub(super) async fn remove_clusters(
    api: &Api,
    identity: &Identity,
    clusters: &[ClusterRef],
    reporter: &dyn Reporter,
    stop: &CancellationToken,
) -> Result<(), Error> {
    if clusters.is_empty() {
        return Ok(());
    }
    let failed = |reason| Error::ClustersUnknown {
        name: identity.name.clone(),
        reason,
        found: Vec::new(),
    };
    for cluster in clusters {
        api.delete(cluster).await.map_err(failed)?;
    }
    // On an adopted cluster a kind may be somebody else's, whose clusters are not waited for.
    let mut kinds: Vec<&str> = clusters
        .iter()
        .map(|cluster| cluster.resource.as_str())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    let started = Instant::now();
    let mut left = clusters.len();
    while left > 0 {
        if stop.is_cancelled() {
            return Err(Error::Interrupted {
                name: identity.name.clone(),
                exists: None,
            });
        }
        tokio::time::sleep(LOOK).await;
        let now = api.clusters(&kinds).await.map_err(failed)?;
        if now.len() != left {
            left = now.len();
            reporter.report(Event::Note {
                text: format!("{left} cluster objects still going"),
            });
        }
        if started.elapsed() > CLUSTERS_LIMIT {
            let clusters = now
                .iter()
                .map(|cluster| format!("{}/{}", cluster.namespace, cluster.name))
                .collect();
            return Err(Error::HasClusters {
                name: identity.name.clone(),
                clusters,
            });
        }
    }
    Ok(())
}
