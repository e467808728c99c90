//! Hooks: after a cluster has been made, and before it goes.

use capstan_plan::hook::{self, Step, When};
use capstan_plan::{Observation, progress};
use capstan_spec::cluster::Hook;
use capstan_spec::progress::Progress;
use capstan_spec::status::{
    ClusterPhase, Condition, ConditionStatus, HookRun, HookState, WorkloadClusterStatus,
    set_or_remove,
};
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use capstan_workload::equip::{self, Access};
use capstan_workload::history::{self, ASKED_AGAIN};
use capstan_workload::{Error, hook as step};
use jiff::Timestamp;
use kube::runtime::controller::Action;

use super::subject::Subject;
use super::{World, requeue};
use crate::record::Record;
use crate::status;

/// What a look at hooks works with.
pub(super) struct Hooks<'a> {
    pub(super) world: &'a World,
    pub(super) name: &'a ClusterName,
    pub(super) access: Option<&'a Access>,
}

impl Hooks<'_> {
    /// Brings the hooks after creation a step further. None is begun before everything else is as wanted, nor while the
    /// cluster `rests`; one that was begun goes on. Says when to look again.
    pub(super) async fn after_create(
        &self,
        subject: &mut Subject,
        record: &mut Record,
        status: &mut WorkloadClusterStatus,
        seen: &mut Observation,
        rests: bool,
    ) -> Result<Option<Timestamp>, Error> {
        let spec = subject.spec().clone();
        lay_out(&spec, status);
        let paused = spec.paused;
        let hooks = &spec.hooks.after_create;
        // Most clusters have none: then nothing is reckoned.
        let stands = !rests
            && !hooks.is_empty()
            && hook::stands(&spec, seen, &progress(&spec, self.name, seen));
        let due = self
            .work(subject, record, status, When::AfterCreate, hooks, |step| {
                stands || (!paused && matches!(step, Step::GoOn(_)))
            })
            .await?;
        seen.hooks.clone_from(&status.hooks.after_create);
        tell_failures(subject, &spec, status);
        Ok(due)
    }

    /// Brings the hooks before the deletion a step further. `None` when there is nothing to wait for.
    pub(super) async fn before_delete(
        &self,
        subject: &mut Subject,
        record: &mut Record,
        status: &mut WorkloadClusterStatus,
        seen: &Observation,
    ) -> Result<Option<Action>, Error> {
        let spec = subject.spec().clone();
        let hooks = &spec.hooks.before_delete;
        for run in lay_out(&spec, status) {
            let text = format!(
                "hook {run} ({}) was taken out of the cluster",
                When::BeforeDelete.as_str()
            );
            record.note_once(&text, history::asked_by(subject.metadata()));
        }
        if let Some(why) =
            nowhere(seen).filter(|_| !hook::is_over(hooks, &status.hooks.before_delete))
        {
            hook::skip(
                hooks,
                &mut status.hooks.before_delete,
                why,
                Timestamp::now(),
            );
            record.note(&format!("hooks before deletion were left out: {why}"));
        }
        record.save().await?;
        let due = self
            .work(subject, record, status, When::BeforeDelete, hooks, |_| true)
            .await?;
        tell_failures(subject, &spec, status);
        let runs = &status.hooks.before_delete;
        if hook::is_over(hooks, runs) {
            return Ok(None);
        }
        let now = Timestamp::now();
        let told = hook::phase(subject.name(), When::BeforeDelete, hooks, runs);
        let (phases, reason) = told.map_or((Vec::new(), None), |(phase, why)| (vec![phase], why));
        let message = match (&reason, phases.first()) {
            (Some(reason), _) => reason.message.clone(),
            (None, Some(phase)) => phase.message.clone(),
            (None, None) => String::new(),
        };
        let (phase, word) = if reason.is_some() {
            (ClusterPhase::Blocked, "HookFailed")
        } else {
            (ClusterPhase::Deleting, "HookRuns")
        };
        status.phase = Some(phase);
        let generation = subject.generation();
        status::ready(status, ConditionStatus::False, word, message, generation);
        status.progress = Some(Progress {
            phases,
            reasons: reason.into_iter().collect(),
            ..Progress::default()
        });
        subject.write_status(status).await?;
        let until = due.map_or(requeue::UNSEEN, |due| {
            let left = due.duration_since(now);
            left.try_into().unwrap_or(requeue::UNSEEN)
        });
        Ok(Some(Action::requeue(until.min(requeue::SETTLED))))
    }

    /// Works on one hook after the other until one has to be waited for. Each is written down before it is begun.
    async fn work(
        &self,
        subject: &mut Subject,
        record: &mut Record,
        status: &mut WorkloadClusterStatus,
        when: When,
        hooks: &[Hook],
        may: impl Fn(Step) -> bool,
    ) -> Result<Option<Timestamp>, Error> {
        let asked = subject.annotation(ASKED_AGAIN);
        let asked = asked.and_then(|asked| asked.parse().ok());
        loop {
            let now = Timestamp::now();
            let next = hook::next(hooks, runs(status, when), asked, now);
            let place = match next {
                Step::Nothing => return Ok(None),
                Step::Pause(_, again) => return Ok(Some(again)),
                step if !may(step) => return Ok(None),
                Step::Begin(place) => {
                    if let Some(run) = runs(status, when).get_mut(place) {
                        hook::begin(run, now);
                    }
                    subject.write_status(status).await?;
                    place
                }
                Step::GoOn(place) => place,
            };
            let (Some(hook), Some(run)) = (hooks.get(place), runs(status, when).get_mut(place))
            else {
                return Ok(None);
            };
            let client = &self.world.client;
            let seen = step::go_on(client, self.name, self.access, hook, run).await;
            let now = Timestamp::now();
            hook::enter(hook, run, seen, now);
            if run.state == HookState::Running {
                let again = now.checked_add(requeue::UNSEEN).unwrap_or(now);
                return Ok(Some(again.min(hook::deadline(hook, run))));
            }
            let ended = ended(when, run);
            tracing::info!(cluster = self.name.cluster(), "{ended}");
            record.note(&ended);
            record.save().await?;
        }
    }
}

fn runs(status: &mut WorkloadClusterStatus, when: When) -> &mut Vec<HookRun> {
    match when {
        When::AfterCreate => &mut status.hooks.after_create,
        When::BeforeDelete => &mut status.hooks.before_delete,
    }
}

/// Gives the names of those before deletion that had not succeeded and are no longer there.
fn lay_out(spec: &WorkloadClusterSpec, status: &mut WorkloadClusterStatus) -> Vec<String> {
    let (hooks, known) = (&spec.hooks, &mut status.hooks);
    known.after_create = hook::lay_out(&hooks.after_create, &known.after_create);
    let laid = hook::lay_out(&hooks.before_delete, &known.before_delete);
    let before = std::mem::replace(&mut known.before_delete, laid).into_iter();
    let gone = |run: &HookRun| hooks.before_delete.iter().all(|hook| hook.name != run.name);
    let dropped = before.filter(|run| run.state != HookState::Succeeded && gone(run));
    dropped.map(|run| run.name).collect()
}

/// For the cluster's record.
fn ended(when: When, run: &HookRun) -> String {
    let (name, when, state) = (&run.name, when.as_str(), run.state.as_str());
    let mut text = format!("hook {name} ({when}) {state}");
    if run.attempts > 1 {
        text = format!("{text} at try {}", run.attempts);
    }
    if !run.message.is_empty() {
        text = format!("{text}: {}", run.message);
    }
    text
}

/// Why there is nothing for hooks to run in before a deletion; `None` when there is.
fn nowhere(seen: &Observation) -> Option<&'static str> {
    match &seen.cluster {
        None => Some("there is no cluster (any more)"),
        Some(cluster) if cluster.metadata.is_deleting() => Some("the cluster is going already"),
        Some(_) if !seen.is_initialized() => Some("the API of the cluster never answered"),
        Some(_) => None,
    }
}

fn tell_failures(
    subject: &Subject,
    spec: &WorkloadClusterSpec,
    status: &mut WorkloadClusterStatus,
) {
    let lists = [
        (When::AfterCreate, &spec.hooks.after_create[..]),
        (When::BeforeDelete, &spec.hooks.before_delete[..]),
    ];
    let (generation, now) = (subject.generation(), Timestamp::now());
    let failed = hook::condition(lists, &status.hooks, generation, now);
    set_or_remove(&mut status.conditions, Condition::HOOKS, failed);
}

/// How the cluster is reached, for hooks before its deletion; `None` where nobody knows any more.
pub(super) async fn way_in(
    world: &World,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
) -> Result<Option<Access>, Error> {
    if spec.hooks.before_delete.is_empty() {
        return Ok(None);
    }
    equip::access(&world.clouds, name).await
}

#[cfg(test)]
mod tests {
    use capstan_capi::view;

    use super::*;

    #[test]
    fn hooks_need_a_cluster_that_was_there_and_does_not_go() {
        let mut seen = Observation::default();
        assert_eq!(nowhere(&seen), Some("there is no cluster (any more)"));
        seen.cluster = Some(view::Cluster::default());
        assert_eq!(
            nowhere(&seen),
            Some("the API of the cluster never answered")
        );
        let mut plane = view::ControlPlane::default();
        plane.status.initialization.control_plane_initialized = true;
        seen.control_plane = Some(plane);
        assert_eq!(nowhere(&seen), None);
        let mut going = view::Cluster::default();
        going.metadata.deletion_timestamp = Some(Timestamp::UNIX_EPOCH);
        seen.cluster = Some(going);
        assert_eq!(nowhere(&seen), Some("the cluster is going already"));
    }

    #[test]
    fn the_end_of_a_hook_is_a_line_of_the_record() {
        let mut run = HookRun {
            state: HookState::Succeeded,
            attempts: 1,
            applied: true,
            ..HookRun::waiting("save", "")
        };
        assert_eq!(
            ended(When::BeforeDelete, &run),
            "hook save (before deletion) succeeded"
        );
        run.state = HookState::Failed;
        run.attempts = 2;
        run.message = "no disk".to_owned();
        assert_eq!(
            ended(When::AfterCreate, &run),
            "hook save (after creation) failed at try 2: no disk"
        );
    }
}
