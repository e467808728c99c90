//! `capstan up`: from nothing, or from wherever an earlier run stopped, to a server whose Kubernetes answers.
//!
//! Before the first request that creates something the local state is complete: uid, certificates, the credential's secret,
//! the choices, and what the project held. From then on everything can be found again, by this run or the next.

pub(crate) mod answers;
mod boot;
mod doubles;
pub(crate) mod local;
mod run;

use std::sync::Mutex as Cell;
use std::time::Duration;

use capstan_catalog::Catalogue;
use capstan_openstack::Inventory;
use capstan_openstack::wait::Wait;
use tokio_util::sync::CancellationToken;

use crate::api::{Api, Readiness};
use crate::caller_address::caller_address;
use crate::desk::{Desk, Situation};
use crate::downloads::downloads;
use crate::engine::Base;
use crate::engine::kubeadm::Kubeadm;
use crate::error::Error;
use crate::graph::Halt;
use crate::identity::Identity;
use crate::make::{Made, Maker};
use crate::mutex::Mutex;
use crate::plan::{ImageKind, Plan, Subject, choose, plan};
use crate::progress::{Event, Reporter};
use crate::settings::Settings;
use crate::state::{Record, ServerFiles};
use crate::steps::{Step, graph};
use crate::survey::{Found, Survey};

use answers::Answers;
use doubles::remove_doubles;
use local::{credential_secret, local_state};
use run::Run;

/// Requests in flight; Neutron's workers are few.
const CONCURRENCY: usize = 6;
/// Longest wait for something to be gone.
const GONE_LIMIT: Duration = Duration::from_mins(3);

/// Who runs this, for the locks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// `user@host, pid 7`, for people who meet the lock.
    pub who: String,
}

/// A run that has been planned.
#[derive(Debug)]
pub struct Prepared {
    /// What to show before asking.
    pub plan: Plan,
    situation: Situation,
    settings: Settings,
}

/// A server that is up.
#[derive(Debug, Clone)]
pub struct Up {
    /// Which.
    pub identity: Identity,
    /// `https://<address>:6443`.
    pub endpoint: String,
    /// Where its kubeconfig is.
    pub kubeconfig: std::path::PathBuf,
    /// Whether it was up before.
    pub was_up: bool,
}

/// Says at once whether a server made from here is up already.
///
/// # Errors
/// If local state cannot be read, or the settings have another proxy than the one it was made with.
pub async fn already_up(desk: &Desk, name: &str, settings: &Settings) -> Result<Option<Up>, Error> {
    let files = desk.files(name);
    let Some(record) = files
        .record()?
        .filter(|record| record.usable_since.is_some())
    else {
        return Ok(None);
    };
    same_proxy(settings, &record)?;
    let (Some(endpoint), Some((pki, client))) = (record.endpoint, files.pki()?) else {
        return Ok(None);
    };
    let api = Api::new(&endpoint, &pki.ca.certificate, &client)?;
    Ok(
        matches!(api.readiness().await, Readiness::Ready(_)).then(|| Up {
            identity: record.identity,
            endpoint,
            kubeconfig: files.kubeconfig_path(),
            was_up: true,
        }),
    )
}

/// The proxy is part of a server's first boot, and nobody logs in later to change it.
fn same_proxy(settings: &Settings, record: &Record) -> Result<(), Error> {
    let meant = settings.clone().or(record.settings.clone());
    let (made, now) = (&record.settings, &meant);
    if (&made.proxy, &made.no_proxy) == (&now.proxy, &now.no_proxy) {
        return Ok(());
    }
    Err(Error::Invalid {
        problem: match &made.proxy {
            Some(proxy) => format!(
                "the server was made with the proxy {proxy} and the exceptions [{}]",
                made.no_proxy.join(", ")
            ),
            None => "the server was made without a proxy".to_owned(),
        },
        hint: "leave --proxy, --no-proxy and their lines in settings files as they were; for another proxy make another server"
            .to_owned(),
    })
}

/// Makes the choices and the plan; changes nothing.
///
/// # Errors
/// [`Error::Questions`] with what the user has to choose, [`Error::KeysLost`] for a server that was made elsewhere.
pub async fn prepare(
    desk: &Desk,
    name: &str,
    settings: Settings,
    replace: bool,
    inventory: &Inventory,
    survey: &Survey,
) -> Result<Prepared, Error> {
    crate::identity::check_name(name)?;
    if !desk.session.may_mint_credentials() {
        return Err(Error::RestrictedCredential);
    }
    let situation = desk.situation(name, None, survey)?;
    let (identity, settings, mut found) = match &situation {
        Situation::Nothing => (None, settings, Found::default()),
        Situation::Ours { record, found } => {
            let replaced = record.replaces
                || needs_replacement(desk, name, &record.identity, found, replace).await?;
            let found = if replaced {
                without_server(found)
            } else {
                (**found).clone()
            };
            (
                Some(record.identity.clone()),
                settings.or(record.settings.clone()),
                found,
            )
        }
        Situation::Elsewhere { identity, found } => {
            needs_replacement(desk, name, identity, found, replace).await?;
            (Some(identity.clone()), settings, without_server(found))
        }
    };
    // Said before anything is made.
    Catalogue::bundled()?.with_checksums(&settings.checksum)?;
    // A server that failed to build is made anew.
    found.servers.retain(|server| server.status != "ERROR");
    let caller = if settings.api_cidr.is_empty() {
        caller_address(&desk.session).await
    } else {
        None
    };
    let choices = choose(&settings, inventory, &desk.session.whoami().roles, caller)?;
    let config = desk.session.config();
    let subject = Subject {
        name,
        identity: identity.as_ref(),
        cloud: &config.name,
        project: desk.project(),
    };
    let plan = plan(subject, choices, inventory, &found);
    Ok(Prepared {
        plan,
        situation,
        settings,
    })
}

/// A server without its keys is of no use: it is made anew if the user says so, but not while clusters may depend on it.
async fn needs_replacement(
    desk: &Desk,
    name: &str,
    identity: &Identity,
    found: &Found,
    replace: bool,
) -> Result<bool, Error> {
    if found.servers.is_empty() || desk.files(name).pki()?.is_some() {
        return Ok(false);
    }
    // Which server a cluster belongs to is not in its resources, so any cluster of the project counts.
    let clusters = !desk.cluster_traces().await?.is_empty();
    if replace && !clusters {
        return Ok(true);
    }
    Err(Error::KeysLost {
        identity: identity.clone(),
        clusters,
    })
}

fn without_server(found: &Found) -> Found {
    Found {
        servers: Vec::new(),
        volumes: Vec::new(),
        credentials: Vec::new(),
        ..found.clone()
    }
}

/// Carries the plan out. The caller holds the lock on the server's files.
///
/// # Errors
/// [`Error::Interrupted`] if `stop` was cancelled; after every error the same call goes on.
pub async fn up(
    desk: &Desk,
    prepared: Prepared,
    caller: &Caller,
    reporter: &dyn Reporter,
    stop: &CancellationToken,
) -> Result<Up, Error> {
    if !prepared.plan.shortages.is_empty() {
        return Err(Error::Quota(prepared.plan.shortages));
    }
    let name = prepared.plan.name.clone();
    let files = desk.files(&name);
    let earlier = match &prepared.situation {
        Situation::Ours { record, .. } => record.late_until,
        _ => None,
    };
    let answers = Answers::new(&files, earlier);
    let record = local_state(desk, &files, &prepared, &answers).await?;
    let work = Work {
        desk,
        files: &files,
        answers: &answers,
        reporter,
        stop,
    };
    let holder = record.holder.clone();
    let result = Mutex::during(&desk.session, &name, &holder, &caller.who, async |lock| {
        Box::pin(work.locked(prepared, record, lock)).await
    })
    .await;
    let settled = answers.settle();
    result.and_then(|up| Ok(settled.map(|()| up)?))
}

/// What carrying out needs.
struct Work<'a> {
    desk: &'a Desk,
    files: &'a ServerFiles,
    answers: &'a Answers<'a>,
    reporter: &'a dyn Reporter,
    stop: &'a CancellationToken,
}

impl Work<'_> {
    async fn locked(&self, prepared: Prepared, record: Record, lock: &Mutex) -> Result<Up, Error> {
        let Self {
            desk,
            files,
            answers,
            reporter,
            stop,
        } = *self;
        let Prepared { plan, .. } = prepared;
        // Somebody may have made a server of this name between our look and our lock.
        let survey = Survey::read(&desk.session).await?;
        if let Some(other) = survey
            .named(&plan.name)
            .into_iter()
            .find(|other| **other != record.identity)
        {
            return Err(Error::KeysLost {
                identity: other.clone(),
                clusters: false,
            });
        }
        let found = survey.of(&record.identity);
        let (pki, client) = files.pki()?.ok_or(Error::Order("the certificates"))?;
        remove_unusable(desk, &found, &plan).await?;
        if record.replaces {
            files.update_record(|record| record.replaces = false)?;
        }
        let secret = credential_secret(desk, files, &found).await?;
        let base = base(&plan, &record.settings).await?;
        let maker = Maker {
            session: &desk.session,
            identity: &record.identity.clone(),
            choices: &plan.choices,
            pki: &pki,
            engine: &Kubeadm,
            base: &base,
            credential: &secret,
            made: Cell::new(Made::default()),
        };
        lock.check().await?;
        let run = Run {
            maker: &maker,
            pki: &pki,
            client: &client,
            files,
            reporter,
            stop,
            answers,
        };
        let graph = graph(&plan.choices);
        let expected = graph
            .order()
            .into_iter()
            .map(Step::expected)
            .max()
            .unwrap_or_default();
        reporter.report(Event::Planned {
            steps: graph.order().len(),
            expected,
        });
        let result = graph.run(CONCURRENCY, stop, |step| run.step(step)).await;
        match result {
            Ok(()) => {}
            Err(Halt::Failed(Error::Interrupted { .. }) | Halt::Stopped) => {
                let limit = Duration::from_secs(5);
                let survey = tokio::time::timeout(limit, Survey::read(&desk.session)).await;
                let exists = survey
                    .ok()
                    .and_then(Result::ok)
                    .map(|survey| survey.of(&record.identity).entries());
                return Err(Error::Interrupted {
                    name: plan.name,
                    exists,
                });
            }
            Err(Halt::Failed(error)) => return Err(error),
        }
        remove_doubles(desk, &record.identity, reporter).await?;
        let endpoint = run.endpoint()?;
        let now = jiff::Timestamp::now();
        files.update_record(|record| {
            record.endpoint = Some(endpoint.clone());
            record.usable_since = record.usable_since.or(Some(now));
        })?;
        Ok(Up {
            identity: record.identity,
            endpoint,
            kubeconfig: files.kubeconfig_path(),
            was_up: false,
        })
    }
}

/// What the server is made from.
async fn base(plan: &Plan, settings: &Settings) -> Result<Base, Error> {
    let choices = &plan.choices;
    Ok(match choices.image.kind {
        ImageKind::Node => Base::NodeImage,
        // Only a server that is still to be made needs them.
        ImageKind::Vanilla if keeps(plan, "server") => Base::Vanilla(Vec::new()),
        ImageKind::Vanilla => {
            let catalogue = Catalogue::bundled()?.with_checksums(&settings.checksum)?;
            let version = &choices.kubernetes_version;
            Base::Vanilla(downloads(&catalogue, version, choices.mirror.as_ref()).await?)
        }
    })
}

/// Whether the plan says that this is there and stays.
fn keeps(plan: &Plan, kind: &str) -> bool {
    plan.resources
        .iter()
        .any(|line| line.kind == kind && line.exists)
}

/// A server that was to be replaced, and its volume, which belongs to the old keys.
async fn remove_unusable(desk: &Desk, found: &Found, plan: &Plan) -> Result<(), Error> {
    if keeps(plan, "server") {
        return Ok(());
    }
    for server in &found.servers {
        desk.session.compute().delete_server(&server.id).await?;
        desk.session
            .compute()
            .wait_for_server_gone(&server.id, Wait::limit(GONE_LIMIT))
            .await?;
    }
    if !keeps(plan, "volume") {
        for volume in &found.volumes {
            desk.session.volume().delete_volume(&volume.id).await?;
            desk.session
                .volume()
                .wait_for_volume_gone(&volume.id, Wait::limit(GONE_LIMIT))
                .await?;
        }
    }
    Ok(())
}
