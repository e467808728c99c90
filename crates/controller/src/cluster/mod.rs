//! The reconciler of `WorkloadCluster`s: it strings the steps together, each of which is a module here or a function of
//! `capstan-workload`.

mod addons;
mod carry;
mod delete;
mod gate;
mod replace;
mod requeue;
mod subject;
mod upgrade;

use std::sync::Arc;
use std::time::Duration;

use capstan_addons::ChartEngine;
use capstan_catalog::Catalogue;
use capstan_plan::{Observation, certificates as ending, progress, rollout as standing, spread};
use capstan_spec::status::{
    ClusterPhase, Condition, WorkloadClusterStatus, set_condition, set_or_remove,
};
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use capstan_workload::clouds::Clouds;
use capstan_workload::equip::Access;
use capstan_workload::gate::Verdict;
use capstan_workload::resource::WorkloadCluster;
use capstan_workload::surroundings::Context;
use capstan_workload::{
    Error, apply, certificates, encryption, equip, history, ledger, observe, prepare,
};
use jiff::Timestamp;
use kube::Client;
use kube::runtime::controller::Action;
use rand::Rng as _;

use self::subject::Subject;
use crate::record::Record;
use crate::status;

/// Until a failed reconciliation is tried again when it may pass by itself.
const PASSING: Duration = Duration::from_secs(3);
/// The same when somebody has to do something first.
const LASTING: Duration = Duration::from_secs(20);

/// What every reconciliation uses.
pub(crate) struct World {
    client: Client,
    clouds: Clouds,
    catalogue: Catalogue,
    charts: Arc<dyn ChartEngine>,
}

impl World {
    pub(crate) fn new(
        client: Client,
        clouds: Clouds,
        catalogue: Catalogue,
        charts: Arc<dyn ChartEngine>,
    ) -> Self {
        Self {
            client,
            clouds,
            catalogue,
            charts,
        }
    }
}

/// How soon a failed reconciliation is tried again: soon for what passes, later for what needs somebody; with jitter, so
/// that many clusters on one cloud do not come back together.
pub(crate) fn retry_after(_: Arc<WorkloadCluster>, error: &Error, _: Arc<World>) -> Action {
    let base = if error.is_transient() {
        PASSING
    } else {
        LASTING
    };
    Action::requeue(base.mul_f64(rand::rng().random_range(1.0..1.5)))
}

/// Brings one cluster a step further.
pub(crate) async fn reconcile(
    cluster: Arc<WorkloadCluster>,
    world: Arc<World>,
) -> Result<Action, Error> {
    let Some(mut subject) = Subject::read(&world.client, &cluster).await? else {
        return Ok(Action::await_change());
    };
    if subject.is_deleting() {
        if !subject.has_finalizer() {
            return Ok(Action::await_change());
        }
        let outcome = Box::pin(delete::remove(&world, &mut subject)).await;
        return subject.told(outcome, ClusterPhase::Deleting).await;
    }
    if !subject.has_finalizer() {
        subject.set_finalizer(true).await?;
        return Ok(Action::requeue(Duration::ZERO));
    }
    let outcome = Box::pin(bring_about(&world, &mut subject)).await;
    subject.told(outcome, ClusterPhase::Pending).await
}

/// What is inside the cluster: when its kubeconfig expires, and its addons.
async fn equip_within(
    world: &World,
    spec: &WorkloadClusterSpec,
    context: &Context,
    name: &ClusterName,
    seen: &mut Observation,
) -> Result<(), Error> {
    let access = if seen.is_initialized() {
        equip::access(context, name).await?
    } else {
        None
    };
    let access = access.as_ref();
    let kubeconfig = access.map(Access::kubeconfig);
    seen.kubeconfig_expires = kubeconfig.and_then(certificates::client_expires);
    seen.addons = addons::bring_about(world, spec, context, name, seen, access).await?;
    Ok(())
}

/// resolve → check → gate → prepare → apply → observe → replace → addons → ledger.
async fn bring_about(world: &World, subject: &mut Subject) -> Result<Action, Error> {
    let spec = subject.spec().clone();
    let mut status = subject.status();
    let name = subject.identity(&mut status).await?;
    let refused =
        Verdict::of_rules(subject.name(), &spec).or_else(|| Verdict::of_renderer(status.renderer));
    if let Some(verdict) = refused {
        let seen = Observation {
            now: Timestamp::now(),
            blockers: verdict.reasons(),
            ..Observation::default()
        };
        verdict.tell(&mut status, subject.generation(), seen.now);
        return tell(subject, &mut status, &name, seen, None).await;
    }

    let context = Context::connect(&world.clouds, subject.namespace(), &spec.cloud).await?;
    let mut record = Record::open(&world.client, &name, &spec.cloud).await?;
    let mut seen = observe::observe(&context, &name).await?;
    subject.follow_autoscaler(&name, &seen);
    let spec = subject.spec().clone();

    let mut resolved = status.resolved.clone().unwrap_or_default();
    let verdict = gate::judge(world, subject, &context, &name, &seen, &mut resolved).await?;
    if let Some(verdict) = verdict {
        let entry = history::entry(&status, subject.metadata(), &spec, &verdict, seen.now);
        if let Some(entry) = entry {
            record.status.enter(entry);
            record.save().await?;
        }
        seen.blockers = verdict.reasons();
        verdict.tell(&mut status, subject.generation(), seen.now);
    }
    let carried = upgrade::carry(
        world,
        &context,
        &name,
        &spec,
        &mut status,
        &mut seen,
        &mut resolved,
    )
    .await?;
    let may_make = seen.blockers.is_empty() && !spec.paused;
    if may_make {
        // Once it was made, another is never made: what is encrypted by the first could not be read.
        if spec.kubeadm.encrypt_secrets && !resolved.encrypted {
            encryption::key(&context.client, &name).await?;
            resolved.encrypted = true;
        }
        let (prepared, credential) = futures::join!(
            prepare::prepare(&context.session, &carried, &name, &mut resolved),
            prepare::credential(&context, &name),
        );
        // What was made, and the verdict, are written down even if the next thing failed.
        status.resolved = Some(resolved.clone());
        subject.write_status(&status).await?;
        prepared?;
        credential?;
    }
    let mut due = None;
    let addressed = resolved.floating_ip.is_some() || spec.api_access.private;
    if status.resolved.is_some() && addressed {
        if spec.paused {
            apply::pause(&context, &spec, &name).await?;
        } else if may_make {
            let (status, seen) = (&mut status, &mut seen);
            Box::pin(carry::carry_out(
                subject, &carried, &context, &name, &resolved, status, seen,
            ))
            .await?;
        }
        if !spec.paused {
            equip_within(world, &carried, &context, &name, &mut seen).await?;
        }
        let machines = replace::Machines {
            context: &context,
            name: &name,
            resolved: &resolved,
        };
        due = machines
            .replace_failed(subject, &mut record, &mut status, &mut seen)
            .await?;
    }
    let servers = ledger::servers(&seen, &record.status);
    let found = ledger::look(&context.session, &spec, &name, &servers).await?;
    ledger::enter(&mut record.status, &found);
    record.save().await?;
    let shared = spread::shared(&name, &seen, &resolved.server_groups, found.hosts());
    let spread = spread::condition(&shared, subject.generation(), seen.now);
    set_condition(&mut status.conditions, spread);
    status.certificates = ending::seen(status.certificates, &seen);
    let ends = ending::condition(
        &spec,
        &name,
        status.certificates,
        subject.generation(),
        seen.now,
    );
    set_or_remove(&mut status.conditions, Condition::CERTIFICATES, ends);
    let paused = standing::condition(&spec, &name, &seen, subject.generation(), seen.now);
    set_or_remove(&mut status.conditions, Condition::ROLLOUTS, paused);
    tell(subject, &mut status, &name, seen, due).await
}

/// Writes down what was seen, and says when to look again.
async fn tell(
    subject: &mut Subject,
    status: &mut WorkloadClusterStatus,
    name: &ClusterName,
    seen: Observation,
    due: Option<Timestamp>,
) -> Result<Action, Error> {
    let progress = progress(subject.spec(), name, &seen);
    status::tell(
        status,
        subject.spec(),
        name,
        subject.generation(),
        &seen,
        progress,
    );
    subject.write_status(status).await?;
    let next = requeue::after(status.phase, &seen, due);
    Ok(Action::requeue(next))
}
