//! What was done a moment ago is not done again while Cluster API works.
//!
//! Every step of Cluster API wakes the reconciler, some forty times while a cluster is made. That applying the same objects
//! changes nothing, and that the cloud holds what it held, need not be found out each time: on a small management server
//! this asking takes the time from those who work. What changes in between is noticed: the wish by what is rendered from it,
//! somebody's hand by the generations of the objects.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use capstan_capi::view::Metadata;
use capstan_plan::{Observation, Rendered};
use capstan_spec::ClusterName;
use capstan_spec::progress::{Phase, Progress, StepState};
use tokio::time::Instant;

/// Objects that nobody watches (templates, health checks) are put right after so long at the latest.
const APPLIED: Duration = Duration::from_mins(1);
/// What is not in the ledger by then would be missed should the controller die and somebody remove the cluster by hand.
const ENTERED: Duration = Duration::from_secs(15);

/// When what was done last, by cluster. Kept in memory: after a start everything is done once.
#[derive(Default)]
pub(crate) struct Recent(Mutex<HashMap<String, Done>>);

#[derive(Default)]
struct Done {
    applied: Option<(u64, Instant)>,
    entered: Option<Instant>,
    equipped: Option<(u64, Instant)>,
}

impl Recent {
    /// Whether these very objects were applied a moment before `now` and are as they were left then.
    pub(super) fn is_applied(
        &self,
        name: &ClusterName,
        seen: &Observation,
        wanted: &Rendered,
        now: Instant,
    ) -> bool {
        let state = state(seen, wanted);
        self.with(name, |done| {
            let applied = done.applied.as_ref();
            applied.is_some_and(|(then, at)| *then == state && now - *at < APPLIED)
        })
    }

    /// They were applied to what was seen before.
    pub(super) fn applied(
        &self,
        name: &ClusterName,
        seen: &Observation,
        wanted: &Rendered,
        now: Instant,
    ) {
        let state = state(seen, wanted);
        self.with(name, |done| done.applied = Some((state, now)));
    }

    /// Whether the ledger was looked up a moment before `now`.
    pub(super) fn is_entered(&self, name: &ClusterName, now: Instant) -> bool {
        self.with(name, |done| {
            done.entered.is_some_and(|at| now - at < ENTERED)
        })
    }

    /// It was.
    pub(super) fn entered(&self, name: &ClusterName, now: Instant) {
        self.with(name, |done| done.entered = Some(now));
    }

    /// Whether the autoscaler was applied a moment before `now`, with what is wanted and there in this state.
    pub(super) fn is_equipped(&self, name: &ClusterName, state: u64, now: Instant) -> bool {
        self.with(name, |done| {
            let equipped = done.equipped.as_ref();
            equipped.is_some_and(|(then, at)| *then == state && now - *at < APPLIED)
        })
    }

    /// It was.
    pub(super) fn equipped(&self, name: &ClusterName, state: u64, now: Instant) {
        self.with(name, |done| done.equipped = Some((state, now)));
    }

    /// The cluster goes.
    pub(super) fn forget(&self, name: &ClusterName) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&name.cluster());
    }

    fn with<T>(&self, name: &ClusterName, act: impl FnOnce(&mut Done) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(all.entry(name.cluster()).or_default())
    }
}

/// Whether Cluster API has work that wakes us again: only then may anything be left for the next look. What is found to be
/// as wanted was looked at in full.
pub(super) fn is_moving(progress: &Progress) -> bool {
    let made_by_cluster_api =
        |phase| !matches!(phase, Phase::Preparation | Phase::Addons | Phase::Hooks);
    let mut phases = progress.phases.iter();
    phases.any(|one| made_by_cluster_api(one.phase) && one.state != StepState::Done)
}

/// Hash over what is wanted and the generations of what is there.
fn state(seen: &Observation, wanted: &Rendered) -> u64 {
    let mut hasher = DefaultHasher::new();
    let cluster = seen.cluster.iter().map(|one| &one.metadata);
    let infrastructure = seen.infrastructure.iter().map(|one| &one.metadata);
    let control_plane = seen.control_plane.iter().map(|one| &one.metadata);
    let pools = seen.pools.iter().map(|one| &one.metadata);
    let there = cluster
        .chain(infrastructure)
        .chain(control_plane)
        .chain(pools);
    for Metadata {
        uid, generation, ..
    } in there
    {
        (uid, generation).hash(&mut hasher);
    }
    // By value and not by the hash of the rendering: a rollout that stands is marked after it.
    for one in &wanted.objects {
        one.value.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use capstan_capi::{kind, view};
    use capstan_plan::render::DesiredObject;
    use capstan_spec::progress::PhaseProgress;
    use serde_json::json;

    use super::*;

    fn name() -> ClusterName {
        ClusterName::new("team", "demo", "x7k2p".parse().unwrap())
    }

    fn seen(generation: i64) -> Observation {
        let mut cluster = view::Cluster::default();
        cluster.metadata.generation = Some(generation);
        Observation {
            cluster: Some(cluster),
            ..Observation::default()
        }
    }

    fn wanted(paused: bool) -> Rendered {
        Rendered {
            objects: vec![DesiredObject {
                kind: kind::CLUSTER,
                name: "demo".to_owned(),
                value: json!({"spec": {"paused": paused}}),
            }],
            hash: "the same".to_owned(),
        }
    }

    #[test]
    fn the_same_is_applied_again_after_a_while_and_what_changed_at_once() {
        let (recent, start) = (Recent::default(), Instant::now());
        let later = start + APPLIED;
        let is_applied = |generation, paused, now| {
            recent.is_applied(&name(), &seen(generation), &wanted(paused), now)
        };
        assert!(!is_applied(1, false, start), "never yet");
        recent.applied(&name(), &seen(1), &wanted(false), start);
        assert!(is_applied(1, false, start));
        assert!(!is_applied(2, false, start), "somebody has changed it");
        assert!(!is_applied(1, true, start), "the wish is another");
        assert!(!is_applied(1, false, later), "what nobody watches");
        recent.applied(&name(), &seen(1), &wanted(false), later);
        assert!(is_applied(1, false, later));
        recent.forget(&name());
        assert!(!is_applied(1, false, later));
    }

    #[test]
    fn the_ledger_is_looked_up_now_and_then() {
        let (recent, start) = (Recent::default(), Instant::now());
        assert!(!recent.is_entered(&name(), start));
        recent.entered(&name(), start);
        assert!(recent.is_entered(&name(), start));
        assert!(!recent.is_entered(&name(), start + ENTERED));
    }

    #[test]
    fn the_autoscaler_is_applied_again_after_a_while_and_when_something_is_another() {
        let (recent, start) = (Recent::default(), Instant::now());
        assert!(!recent.is_equipped(&name(), 1, start));
        recent.equipped(&name(), 1, start);
        assert!(recent.is_equipped(&name(), 1, start));
        assert!(!recent.is_equipped(&name(), 2, start));
        assert!(!recent.is_equipped(&name(), 1, start + APPLIED));
    }

    #[test]
    fn nothing_is_left_for_a_look_that_may_not_come() {
        use StepState::{Done, Running, Waiting};
        let of = |states: [StepState; 7]| Progress {
            phases: Phase::ALL
                .into_iter()
                .zip(states)
                .map(|(phase, state)| PhaseProgress {
                    phase,
                    state,
                    percent: 0,
                    message: String::new(),
                })
                .collect(),
            ..Progress::default()
        };
        assert!(is_moving(&of([
            Done, Running, Waiting, Waiting, Waiting, Waiting, Waiting
        ])));
        assert!(is_moving(&of([
            Done, Done, Done, Done, Running, Done, Done
        ])));
        assert!(!is_moving(&of([
            Done, Done, Done, Done, Done, Running, Running
        ])));
        assert!(!is_moving(&of([
            Running, Done, Done, Done, Done, Done, Waiting
        ])));
        assert!(!is_moving(&Progress::default()));
    }
}
