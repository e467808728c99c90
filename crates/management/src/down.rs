//! `capstan down`: removes exactly what carries a server's identity, by id, and proves it by looking again.
//!
//! Needs neither the server nor the local files: the identity in the resources is enough. Files go last, after the audit.

use std::time::{Duration, Instant};

use capstan_openstack::wait::Wait;
use capstan_openstack::{Entry, Kind, Removal, ResourceKind};
use rand::RngCore as _;

use crate::api::{Api, ClusterRef};
use crate::desk::{Desk, Situation};
use crate::error::Error;
use crate::graph::{Graph, Halt};
use crate::identity::Identity;
use crate::mutex::Mutex;
use crate::progress::{Event, Outcome, Reporter};
use crate::survey::{Found, Survey};
use crate::up::Caller;
use tokio_util::sync::CancellationToken;

/// Requests in flight.
const CONCURRENCY: usize = 6;
/// Longest wait for one thing to be gone.
const GONE_LIMIT: Duration = Duration::from_mins(3);
/// Longest that a thing may be in use by another that is going.
const IN_USE_LIMIT: Duration = Duration::from_secs(90);
/// Longest wait for clusters to be gone, all together.
const CLUSTERS_LIMIT: Duration = Duration::from_mins(30);
/// Pause between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// What the user allows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allowed {
    /// Remove clusters first.
    pub with_clusters: bool,
    /// Go on although nobody can say whether there are clusters, or how to remove them.
    pub abandon_clusters: bool,
}

/// What `down` is about to do.
#[derive(Debug)]
pub struct Prepared {
    /// Which server.
    pub identity: Identity,
    /// What of it is in the cloud.
    pub entries: Vec<Entry>,
    /// Its clusters, to be removed first.
    pub clusters: Vec<ClusterRef>,
    /// What looks like a cluster's and will stay.
    pub abandoned: Vec<Entry>,
    found: Found,
    api: Option<Api>,
    holder: Option<String>,
}

/// What `down` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// How many resources there were.
    pub created: usize,
}

/// Finds out what there is; changes nothing.
///
/// # Errors
/// [`Error::NoServer`], [`Error::HasClusters`] and [`Error::ClustersUnknown`] unless allowed.
pub async fn prepare(
    desk: &Desk,
    name: &str,
    uid: Option<&str>,
    allowed: Allowed,
    survey: &Survey,
) -> Result<Prepared, Error> {
    let (identity, found, record) = match desk.situation(name, uid, survey)? {
        Situation::Nothing => {
            let known = survey.servers.keys().map(ToString::to_string).collect();
            return Err(Error::NoServer {
                name: name.to_owned(),
                project: desk.project().to_owned(),
                known,
            });
        }
        Situation::Ours { record, found } => (record.identity.clone(), *found, Some(record)),
        Situation::Elsewhere { identity, found } => (identity, *found, None),
    };
    let files = desk.files(name);
    let endpoint = record.as_ref().and_then(|record| record.endpoint.clone());
    let api = match (
        endpoint,
        record.as_ref().map(|_| files.pki()).transpose()?.flatten(),
    ) {
        (Some(endpoint), Some((pki, client))) => {
            Some(Api::new(&endpoint, &pki.ca.certificate, &client)?)
        }
        _ => None,
    };
    let mut prepared = Prepared {
        entries: found.entries(),
        clusters: Vec::new(),
        abandoned: Vec::new(),
        holder: record.as_ref().map(|record| record.holder.clone()),
        api,
        identity,
        found,
    };
    // A server that was never usable cannot have made a cluster.
    let ever_usable = record.is_none_or(|record| record.usable_since.is_some());
    if !prepared.found.servers.is_empty() && ever_usable {
        clusters(desk, &mut prepared, allowed).await?;
    }
    Ok(prepared)
}

async fn clusters(desk: &Desk, prepared: &mut Prepared, allowed: Allowed) -> Result<(), Error> {
    let listed = match &prepared.api {
        Some(api) => api.clusters().await,
        None => Err("its certificates are not on this machine".into()),
    };
    let name = prepared.identity.name.clone();
    match listed {
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

/// Removes everything and audits. The caller holds the lock on the server's files, and removes it afterwards.
///
/// # Errors
/// [`Error::Left`] if the audit finds something; then the local files stay, too.
pub async fn down(
    desk: &Desk,
    prepared: Prepared,
    caller: &Caller,
    reporter: &dyn Reporter,
    stop: &CancellationToken,
) -> Result<Gone, Error> {
    let name = prepared.identity.name.clone();
    let holder = prepared.holder.clone().unwrap_or_else(|| {
        let mut holder = [0_u8; 6];
        rand::rng().fill_bytes(&mut holder);
        hex::encode(holder)
    });
    let lock = Mutex::acquire(&desk.session, &name, &holder, &caller.who).await?;
    let result = locked(desk, &prepared, reporter, stop).await;
    let released = lock.release().await;
    let gone = result?;
    released?;
    desk.files(&name).remove()?;
    Ok(gone)
}

async fn locked(
    desk: &Desk,
    prepared: &Prepared,
    reporter: &dyn Reporter,
    stop: &CancellationToken,
) -> Result<Gone, Error> {
    if let Some(api) = &prepared.api {
        remove_clusters(api, &prepared.identity, &prepared.clusters, reporter, stop).await?;
    }
    let graph = removal_graph();
    reporter.report(Event::Planned {
        steps: prepared.entries.len(),
        expected: Duration::from_secs(10),
    });
    let removal = Removing {
        desk,
        found: &prepared.found,
        reporter,
    };
    match graph
        .run(CONCURRENCY, stop, |step| removal.step(step))
        .await
    {
        Ok(()) => {}
        Err(Halt::Stopped) => {
            return Err(Error::Interrupted {
                name: prepared.identity.name.clone(),
                exists: None,
            });
        }
        // What could not be removed is what the audit will find; its own words are worth more than a list.
        Err(Halt::Failed(error)) => return Err(error),
    }
    audit(desk, prepared).await
}

async fn remove_clusters(
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
        let now = api.clusters().await.map_err(failed)?;
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

/// The last word: what carries the identity after all is said to be done.
async fn audit(desk: &Desk, prepared: &Prepared) -> Result<Gone, Error> {
    // Neutron removes a server's port and Cinder a volume a moment after they said yes.
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let left = Survey::read(&desk.session)
            .await?
            .of(&prepared.identity)
            .entries();
        if left.is_empty() {
            return Ok(Gone {
                created: prepared.entries.len(),
            });
        }
        if Instant::now() >= end {
            return Err(Error::Left {
                created: prepared.entries.len().max(left.len()),
                left,
            });
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Kinds, each after what uses it.
fn removal_graph() -> Graph<ResourceKind> {
    use ResourceKind::{
        ApplicationCredential, FloatingIp, Keypair, Network, Port, Router, SecurityGroup, Server,
        ServerGroup, Subnet, Volume,
    };
    Graph::new([
        (Server, vec![]),
        (FloatingIp, vec![]),
        (Volume, vec![Server]),
        (ServerGroup, vec![Server]),
        (Keypair, vec![Server]),
        // Controllers on the server use it to the end.
        (ApplicationCredential, vec![Server]),
        (Port, vec![Server, FloatingIp]),
        (SecurityGroup, vec![Port]),
        (Router, vec![FloatingIp]),
        (Subnet, vec![Port, Router]),
        (Network, vec![Subnet]),
    ])
}

struct Removing<'a> {
    desk: &'a Desk,
    found: &'a Found,
    reporter: &'a dyn Reporter,
}

impl Removing<'_> {
    async fn step(&self, kind: ResourceKind) -> Result<(), Error> {
        for entry in self
            .found
            .entries()
            .into_iter()
            .filter(|entry| entry.kind == kind)
        {
            let started = Instant::now();
            self.reporter.report(Event::Started {
                step: entry.kind.to_string(),
                expected: Duration::from_secs(1),
            });
            let result = self.remove(&entry).await;
            let elapsed = started.elapsed();
            let step = entry.kind.to_string();
            match result {
                Ok(()) => self.reporter.report(Event::Done {
                    step,
                    outcome: Outcome::Removed,
                    detail: entry.id,
                    elapsed,
                }),
                Err(error) => {
                    self.reporter.report(Event::Failed { step, elapsed });
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    async fn remove(&self, entry: &Entry) -> Result<(), Error> {
        let id = entry.id.as_str();
        let session = &self.desk.session;
        let (network, compute, volume) = (session.network(), session.compute(), session.volume());
        match entry.kind {
            ResourceKind::Server => {
                compute.delete_server(id).await?;
                compute
                    .wait_for_server_gone(
                        id,
                        Wait {
                            longest: LOOK,
                            ..Wait::limit(GONE_LIMIT)
                        },
                    )
                    .await?;
            }
            ResourceKind::Volume => {
                patiently(|| volume.delete_volume(id)).await?;
                volume
                    .wait_for_volume_gone(id, Wait::limit(GONE_LIMIT))
                    .await?;
            }
            ResourceKind::ServerGroup => patiently(|| compute.delete_server_group(id)).await?,
            ResourceKind::Keypair => patiently(|| compute.delete_keypair(id)).await?,
            ResourceKind::ApplicationCredential => {
                patiently(|| session.identity().delete_application_credential(id)).await?;
            }
            ResourceKind::FloatingIp => patiently(|| network.delete_floating_ip(id)).await?,
            ResourceKind::Port => patiently(|| network.delete_port(id)).await?,
            ResourceKind::Router => {
                for port in network.router_interfaces(id).await? {
                    for ip in &port.fixed_ips {
                        patiently(|| network.remove_router_interface(id, &ip.subnet_id)).await?;
                    }
                }
                patiently(|| network.delete_router(id)).await?;
            }
            ResourceKind::Subnet => patiently(|| network.delete_subnet(id)).await?,
            ResourceKind::Network => patiently(|| network.delete_network(id)).await?,
            ResourceKind::SecurityGroup => patiently(|| network.delete_security_group(id)).await?,
            _ => {}
        }
        Ok(())
    }
}

/// Deletes, and waits a while if something that is itself going still uses it.
async fn patiently<Deleting>(delete: impl Fn() -> Deleting) -> Result<(), Error>
where
    Deleting: Future<Output = Result<Removal, capstan_openstack::Error>>,
{
    let end = Instant::now() + IN_USE_LIMIT;
    loop {
        match delete().await {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == Kind::Conflict && Instant::now() < end => {
                tokio::time::sleep(LOOK).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
