//! `capstan down`: removes exactly what carries a server's identity, by id, and proves it by looking again.
//!
//! Needs neither the server nor the local files: the identity in the resources is enough. Files go last, after the audit.
//! Of an adopted cluster what was installed on it is taken off, which needs its kubeconfig; the cluster itself stays.

mod audit;
mod clusters;
mod host;
mod removal;

use std::time::Duration;

use capstan_openstack::Entry;
use rand::RngCore as _;
use tokio_util::sync::CancellationToken;

use crate::adoption::Entrance;
use crate::api::{Api, CLUSTERS, ClusterRef};
use crate::desk::{Desk, Situation};
use crate::error::Error;
use crate::identity::Identity;
use crate::late;
use crate::mutex::Mutex;
use crate::progress::{Event, Reporter};
use crate::survey::{Found, Survey};
use crate::up::Caller;

use audit::Audit;
use clusters::{clusters, remove_clusters};
pub use host::Host;
use removal::Removing;

/// Pause between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// How long to insist.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// Longest that a thing may be in use by another that is going.
    in_use: Duration,
    /// Longest that something may be listed after it was said to be removed.
    settle: Duration,
    /// How long to look on after something appeared late.
    late: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            in_use: Duration::from_secs(90),
            settle: Duration::from_secs(20),
            late: late::LATE,
        }
    }
}

/// Which server is meant.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its name.
    pub name: &'a str,
    /// Which of several of the name.
    pub uid: Option<&'a str>,
    /// The way into an adopted cluster, where none is kept on this machine or that one does not work any more.
    pub entrance: Option<&'a Entrance>,
}

impl<'a> Wanted<'a> {
    /// By name alone.
    pub const fn named(name: &'a str) -> Self {
        Self {
            name,
            uid: None,
            entrance: None,
        }
    }
}

/// What the user allows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allowed {
    /// Remove clusters first.
    pub with_clusters: bool,
    /// Go on although nobody can say whether there are clusters, or how to remove them, or what is on an adopted cluster.
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
    /// What is taken off the adopted cluster the server is.
    pub host: Option<Host>,
    found: Found,
    api: Option<Api>,
    holder: Option<String>,
    late_until: Option<jiff::Timestamp>,
}

/// What `down` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// How many resources there were in the cloud.
    pub created: usize,
    /// How many objects were taken off an adopted cluster.
    pub uninstalled: usize,
}

/// Finds out what there is; changes nothing.
///
/// # Errors
/// [`Error::NoServer`], [`Error::HasClusters`] and [`Error::ClustersUnknown`] unless allowed.
pub async fn prepare(
    desk: &Desk,
    wanted: Wanted<'_>,
    allowed: Allowed,
    survey: &Survey,
) -> Result<Prepared, Error> {
    let name = wanted.name;
    let (identity, found, record) = match desk.situation(name, wanted.uid, survey)? {
        Situation::Nothing => match host::holder(wanted).await? {
            Some(identity) => (identity, Found::default(), None),
            None => return Err(desk.no_server(name, survey)),
        },
        Situation::Ours { record, found } => (record.identity.clone(), *found, Some(record)),
        Situation::Elsewhere { identity, found } => (identity, *found, None),
    };
    let mut prepared = Prepared {
        entries: found.entries(),
        clusters: Vec::new(),
        abandoned: Vec::new(),
        host: None,
        holder: record.as_ref().map(|record| record.holder.clone()),
        late_until: record.as_ref().and_then(|record| record.late_until),
        api: None,
        identity,
        found,
    };
    if host::is_adopted(wanted, record.as_deref(), &prepared, allowed)? {
        host::look(desk, wanted, record.as_deref(), &mut prepared, allowed).await?;
        return Ok(prepared);
    }
    let endpoint = record.as_ref().and_then(|record| record.endpoint.clone());
    let files = desk.files(name);
    prepared.api = match (
        endpoint,
        record.as_ref().map(|_| files.pki()).transpose()?.flatten(),
    ) {
        (Some(endpoint), Some((pki, client))) => {
            Some(Api::new(&endpoint, &pki.ca.certificate, &client)?)
        }
        _ => None,
    };
    // A server that was never usable cannot have made a cluster.
    let ever_usable = record.is_none_or(|record| record.usable_since.is_some());
    if !prepared.found.servers.is_empty() && ever_usable {
        clusters(desk, &mut prepared, &CLUSTERS, allowed).await?;
    }
    Ok(prepared)
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
    down_with(desk, prepared, caller, reporter, stop, Patience::default()).await
}

async fn down_with(
    desk: &Desk,
    prepared: Prepared,
    caller: &Caller,
    reporter: &dyn Reporter,
    stop: &CancellationToken,
    patience: Patience,
) -> Result<Gone, Error> {
    let name = prepared.identity.name.clone();
    let holder = prepared.holder.clone().unwrap_or_else(|| {
        let mut holder = [0_u8; 6];
        rand::rng().fill_bytes(&mut holder);
        hex::encode(holder)
    });
    let removing = Removing {
        desk,
        identity: &prepared.identity,
        reporter,
        stop,
        patience,
    };
    let gone = Mutex::during(&desk.session, &name, &holder, &caller.who, async |_| {
        locked(removing, &prepared).await
    })
    .await?;
    desk.files(&name).remove()?;
    Ok(gone)
}

async fn locked(removing: Removing<'_>, prepared: &Prepared) -> Result<Gone, Error> {
    // Whoever noted it is dead: the lock on the files of a server is held by the living only.
    let late = late::remaining(prepared.late_until, jiff::Timestamp::now());
    if let Some(api) = &prepared.api {
        remove_clusters(
            api,
            &prepared.identity,
            &prepared.clusters,
            removing.reporter,
            removing.stop,
        )
        .await?;
    }
    // From here on it has no clusters any more, and soon no API that could be asked again.
    let files = removing.desk.files(&prepared.identity.name);
    files.update_record(|record| record.usable_since = None)?;
    removing.reporter.report(Event::Planned {
        steps: prepared.entries.len(),
        expected: Duration::from_secs(10) + late.unwrap_or_default(),
    });
    // Before the credential: what runs there uses it to the end.
    let uninstalled = match &prepared.host {
        Some(host) => host.clear(removing).await?,
        None => 0,
    };
    let gone = Audit::new(removing, prepared, late).run().await?;
    Ok(Gone {
        uninstalled,
        ..gone
    })
}

#[cfg(test)]
mod tests;
