//! The controller as a process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use capstan_addons::Helm;
use capstan_capi::OpenStackApi;
use capstan_catalog::{Catalogue, CatalogueError};
use capstan_kubernetes::Connection;
use capstan_workload::clouds::Clouds;
use capstan_workload::resource::WorkloadCluster;
use capstan_workload::surroundings::SYSTEM_NAMESPACE;
use futures::StreamExt as _;
use kube::Api;
use kube::runtime::{Controller, WatchStreamExt as _, reflector, watcher};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cluster::{self, World};
use crate::health::{self, Readiness};
use crate::inventory::Inventories;
use crate::lease::Holder;
use crate::metrics::Metrics;
use crate::seen::Seen;
use crate::{defragmentation, provider, upkeep, watch};

/// Clusters reconciled at once. Each waits most of the time for a cloud.
const CONCURRENCY: u16 = 8;
/// Changes of one cluster that follow each other so closely are looked at once. Cluster API writes several objects at a
/// step; a person does not notice.
const DEBOUNCE: Duration = Duration::from_millis(500);
/// How long work under way may go on after the word to stop. The pod is given 30 s; the rest is for giving back the lease.
const GRACE: Duration = Duration::from_secs(20);

/// How the controller runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where probes and `/metrics` are answered.
    pub health: SocketAddr,
    /// Name of this process among controllers, for instance the pod's name.
    pub identity: String,
}

/// Why the controller ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The management server's API cannot be talked to.
    #[error(transparent)]
    Kubernetes(#[from] capstan_kubernetes::Error),
    /// The catalogue in the binary is broken.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The probes' address is taken.
    #[error("failed to listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The OpenStack provider has become another; the next run speaks to it.
    #[error("failed to go on: the OpenStack provider is to be spoken to in {0} from now on")]
    Provider(OpenStackApi),
    /// Another controller took over.
    #[error("failed to hold the lease")]
    LeaseLost,
}

/// Runs until `stop` is cancelled. Whatever it was doing is taken up by the next run where it was left.
pub async fn run(
    connection: &Connection,
    settings: Settings,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let metrics = Arc::new(Metrics::new());
    let connection = connection.clone().observed_by(Some(metrics.management()));
    let client = connection.client()?;
    let address = settings.health;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| RunError::Listen { address, source })?;
    let ready = Readiness::default();
    let probes = tokio::spawn(health::serve(listener, ready.clone(), metrics.clone()));
    wait_for_api(&client, &ready, &stop).await;

    let holder = Holder::new(client.clone(), SYSTEM_NAMESPACE, settings.identity);
    if !holder.wait(&stop).await {
        probes.abort();
        return Ok(());
    }
    tracing::info!("the lease is ours");
    metrics.lease_held(true);
    // Cancelled by the caller or by the loss of the lease; only the first is a good end.
    let work = stop.child_token();
    // Cancelled when nothing of ours writes any more. Until then the lease is kept, or two controllers would write at once.
    let over = CancellationToken::new();
    let keeper = tokio::spawn({
        let (work, over) = (work.clone(), over.clone());
        async move { holder.keep(&work, &over).await }
    });
    let certificates = tokio::spawn(upkeep::certificates(client.clone(), work.clone()));

    let watching = connection.for_watching()?;
    let seen = Seen::of(watch::KINDS.len());
    let clouds = Clouds::new(client.clone(), metrics.observers());
    let (spoken, newer) = provider::begin(clouds.kinds(), &work).await;
    let changes = watch::changes(&watching, &seen, spoken).inspect({
        let metrics = metrics.clone();
        move |cluster| metrics.woken(cluster)
    });
    let inventories = Inventories::new(client.clone(), clouds.clone(), Catalogue::bundled()?);
    let inventories = tokio::spawn(inventories.keep(work.clone()));
    let world = Arc::new(World::new(
        client.clone(),
        clouds,
        Catalogue::bundled()?,
        Arc::new(Helm::from_environment()),
        seen,
    ));
    let clusters: Api<WorkloadCluster> = Api::all(watching.clone());
    let config = kube::runtime::controller::Config::default()
        .concurrency(CONCURRENCY)
        .debounce(DEBOUNCE);
    let (known, writer) = reflector::store();
    metrics.clusters_from(known.clone());
    let watched = watcher(clusters, watcher::Config::default())
        .default_backoff()
        // Half of an object is who wrote which field, which nobody here asks.
        .modify(|cluster: &mut WorkloadCluster| cluster.metadata.managed_fields = None)
        .reflect(writer)
        .applied_objects();
    let defragmentation = defragmentation::nightly(client.clone(), known.clone());
    let defragmentation = tokio::spawn({
        let work = work.clone();
        async move { work.run_until_cancelled(defragmentation).await }
    });
    let controller = Controller::for_stream(watched, known);
    let look = {
        let metrics = metrics.clone();
        move |cluster: Arc<WorkloadCluster>, world| {
            let metrics = metrics.clone();
            async move {
                let look = Box::pin(cluster::reconcile(cluster.clone(), world));
                metrics.measure(&cluster, look).await
            }
        }
    };
    let controller = controller
        .with_config(config)
        .reconcile_on(changes)
        .graceful_shutdown_on({
            let work = work.clone();
            async move { work.cancelled().await }
        })
        .run(look, cluster::retry_after, world)
        .for_each(|outcome| async move {
            if let Err(error) = outcome {
                tracing::debug!(%error, "reconciliation");
            }
        });
    tokio::select! {
        () = controller => {}
        () = async { work.cancelled().await; tokio::time::sleep(GRACE).await } => {}
    }
    let lost = !stop.is_cancelled();
    work.cancel();
    certificates.abort();
    defragmentation.abort();
    inventories.abort();
    over.cancel();
    // The keeper gives the lease back as its last act.
    let _ = keeper.await;
    probes.abort();
    match newer.await {
        Ok(Some(now)) => Err(RunError::Provider(now)),
        _ if lost => Err(RunError::LeaseLost),
        _ => Ok(()),
    }
}

async fn wait_for_api(client: &kube::Client, ready: &Readiness, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match client.apiserver_version().await {
            Ok(version) => {
                tracing::info!(version = version.git_version, "the API server answers");
                ready.set();
                return;
            }
            Err(error) => tracing::warn!(%error, "the API server does not answer yet"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
