//! The reconciler of `WorkloadCluster`s: it strings the steps together, each of which is a module here or a function of
//! `capstan-workload`.

mod account;
mod addons;
mod autoscaler;
mod carry;
mod delete;
mod gate;
mod hooks;
mod moving;
mod recent;
mod replace;
mod requeue;
mod settled;
mod site;
mod subject;
mod upgrade;

use std::sync::Arc;
use std::time::Duration;

use capstan_addons::ChartEngine;
use capstan_catalog::Catalogue;
use capstan_plan::{Observation, certificates as ending, progress, rollout as standing};
use capstan_spec::status::{
    ClusterPhase, Condition, Resolved, WorkloadClusterStatus, set_or_remove,
};
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use capstan_workload::clouds::Clouds;
use capstan_workload::equip::Access;
use capstan_workload::fingerprint::Objects;
use capstan_workload::gate::Verdict;
use capstan_workload::resource::WorkloadCluster;
use capstan_workload::surroundings::Context;
use capstan_workload::{
    Error, apply, bastion, certificates, encryption, equip, history, observe, prepare, wake,
};
use jiff::Timestamp;
use kube::Client;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use rand::Rng as _;

use self::autoscaler::Autoscaler;
use self::hooks::Hooks;
use self::moving::Moving;
use self::recent::Recent;
use self::settled::Settled;
use self::site::Site;
use self::subject::Subject;
use crate::record::Record;
use crate::seen::Seen;
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
    seen: Seen,
    settled: Settled,
    recent: Recent,
    moving: Moving,
}

impl World {
    pub(crate) fn new(
        client: Client,
        clouds: Clouds,
        catalogue: Catalogue,
        charts: Arc<dyn ChartEngine>,
        seen: Seen,
    ) -> Self {
        Self {
            client,
            clouds,
            catalogue,
            charts,
            seen,
            settled: Settled::default(),
            recent: Recent::default(),
            moving: Moving::default(),
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
    if let Some(nothing_to_do) = settled::look(&world, &cluster).await {
        return Ok(nothing_to_do);
    }
    let Some(mut subject) = Subject::read(&world.client, &cluster).await? else {
        world.settled.forget(&ObjectRef::from_obj(&*cluster));
        return Ok(Action::await_change());
    };
    if subject.is_deleting() {
        if !subject.has_finalizer() {
            return Ok(Action::await_change());
        }
        let outcome = Box::pin(delete::remove(&world, &mut subject)).await;
        return Box::pin(subject.told(outcome, ClusterPhase::Deleting)).await;
    }
    if !subject.has_finalizer() {
        subject.set_finalizer(true).await?;
        // Nothing is made for a cluster that is not held: it may be gone by now.
        match Subject::read(&world.client, &cluster).await? {
            Some(held) if held.has_finalizer() && !held.is_deleting() => subject = held,
            _ => return Ok(Action::requeue(Duration::ZERO)),
        }
    }
    world
        .settled
        .looked_in_full(&ObjectRef::from_obj(&*cluster));
    let outcome = Box::pin(bring_about(&world, &mut subject)).await;
    Box::pin(subject.told(outcome, ClusterPhase::Pending)).await
}

/// Wakes machines that may join, and looks into the cluster: when its kubeconfig expires, and its addons. Gives how it is
/// reached. Nothing of it while the cluster is paused.
async fn equip_within(
    world: &World,
    spec: &WorkloadClusterSpec,
    context: &Context,
    name: &ClusterName,
    seen: &mut Observation,
) -> Result<Option<Access>, Error> {
    if spec.paused {
        return Ok(None);
    }
    wake::wake(&context.applier, name, seen).await?;
    let access = if seen.is_initialized() {
        equip::access(&world.clouds, name).await?
    } else {
        None
    };
    let kubeconfig = access.as_ref().map(Access::kubeconfig);
    seen.kubeconfig_expires = kubeconfig.and_then(certificates::client_expires);
    seen.addons = addons::bring_about(world, spec, context, name, seen, access.as_ref()).await?;
    Ok(access)
}

/// resolve → check → gate → prepare → apply → observe → addons → autoscaler → replace → hooks → ledger.
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
        return tell(world, subject, &mut status, &name, seen, None).await;
    }

    let context = Context::connect(&world.clouds, subject.namespace(), &spec.cloud).await?;
    let mut record = Record::open(&world.client, &name, &spec.cloud).await?;
    let mut seen = observe::observe(&context, &name).await?;
    // What is asked for, for comparing later; what the autoscaler made of it is among what is seen.
    let asked = spec;
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
        make(
            subject,
            &context,
            &name,
            &carried,
            &mut status,
            &seen,
            &mut resolved,
        )
        .await?;
    }
    seen.bastion_left = spec.bastion.is_none() && resolved.bastion.is_some();
    let site = Site {
        context: &context,
        name: &name,
        resolved: &resolved,
        recent: &world.recent,
    };
    let mut due = None;
    let mut carried_out = spec.paused;
    let addressed = resolved.floating_ip.is_some() || spec.api_access.private;
    if status.resolved.is_some() && addressed {
        if spec.paused {
            apply::pause(&context, &spec, &name).await?;
        } else if may_make {
            let carrying = site.carry_out(subject, &carried, &mut status, &mut seen);
            carried_out = Box::pin(carrying).await?;
        }
        let access = equip_within(world, &carried, &context, &name, &mut seen).await?;
        let of_pools = Autoscaler::new(world, &context, &name);
        Box::pin(of_pools.bring_about(subject, &mut status, &carried, &mut seen)).await?;
        due = site
            .replace_failed(subject, &mut record, &mut status, &mut seen)
            .await?;
        let hooks = Hooks {
            world,
            name: &name,
            access: access.as_ref(),
        };
        let rests = spec.paused || !carried_out || !seen.blockers.is_empty();
        let again = hooks.after_create(subject, &mut record, &mut status, &mut seen, rests);
        due = due.into_iter().chain(Box::pin(again).await?).min();
    }
    site.account(subject, &spec, &mut record, &mut status, &seen)
        .await?;
    now_and_then(&mut status, &spec, &name, subject.generation(), &seen);
    // What waits for somebody is looked at all the time.
    let around = carried_out.then_some(&context.surroundings);
    status.settled = around.and_then(|around| {
        let (metadata, objects) = (subject.metadata(), Objects::of(&seen));
        let catalogue = &world.catalogue;
        settled::fingerprint(
            catalogue, &asked, metadata, &name, &resolved, around, &objects,
        )
    });
    tell(world, subject, &mut status, &name, seen, due).await
}

/// What must be there before Cluster API begins: the key for Secrets, server groups, the API's address, credentials, and what
/// a bastion needs; what an earlier bastion needed goes.
async fn make(
    subject: &mut Subject,
    context: &Context,
    name: &ClusterName,
    carried: &WorkloadClusterSpec,
    status: &mut WorkloadClusterStatus,
    seen: &Observation,
    resolved: &mut Resolved,
) -> Result<(), Error> {
    // Once it was made, another is never made: what is encrypted by the first could not be read.
    if carried.kubeadm.encrypt_secrets && !resolved.encrypted {
        encryption::key(&context.client, name).await?;
        resolved.encrypted = true;
    }
    let (prepared, credential) = futures::join!(
        prepare::prepare(&context.session, carried, name, resolved),
        prepare::credential(context, name),
    );
    // What was made, and the verdict, are written down even if the next thing failed.
    status.resolved = Some(resolved.clone());
    subject.write_status(status).await?;
    prepared?;
    credential?;
    bastion::release(&context.session, carried, name, seen, resolved).await?;
    status.resolved = Some(resolved.clone());
    subject.write_status(status).await
}

/// Conditions about what people have to know of now and then: certificates that end, rollouts that stand.
fn now_and_then(
    status: &mut WorkloadClusterStatus,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    generation: Option<i64>,
    seen: &Observation,
) {
    status.certificates = ending::seen(status.certificates, seen);
    let ends = ending::condition(spec, name, status.certificates, generation, seen.now);
    set_or_remove(&mut status.conditions, Condition::CERTIFICATES, ends);
    let paused = standing::condition(spec, name, seen, generation, seen.now);
    set_or_remove(&mut status.conditions, Condition::ROLLOUTS, paused);
}

/// Writes down what was seen, and says when to look again.
async fn tell(
    world: &World,
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
    let moves = status.phase != Some(ClusterPhase::Ready);
    if moves {
        status.settled = None;
    }
    subject.write_status(status).await?;
    let moving = world.moving.note(name, moves);
    let next = requeue::after(status.phase, &seen, due, moving);
    Ok(Action::requeue(next))
}
