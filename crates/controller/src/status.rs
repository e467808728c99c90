//! The status of a `WorkloadCluster`, as this controller writes it. Pure.

use capstan_plan::progress::is_done;
use capstan_plan::{Observation, rollout};
use capstan_spec::progress::{Phase, PhaseProgress, Progress, StepState};
use capstan_spec::status::{
    ClusterPhase, Condition, ConditionStatus, ReplicaCounts, WorkloadClusterStatus, set_condition,
};
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use jiff::Timestamp;

/// Tells what was seen.
pub(crate) fn tell(
    status: &mut WorkloadClusterStatus,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    generation: Option<i64>,
    seen: &Observation,
    progress: Progress,
) {
    let was_ready = match status.phase {
        Some(ClusterPhase::Ready | ClusterPhase::Updating | ClusterPhase::Degraded) => true,
        // A refused change of a cluster that serves: its version is told once the control plane was as wanted.
        // One that only its hooks hold up since it was made never was.
        Some(ClusterPhase::Blocked) => status.version.is_some() && !held_by_hooks(status),
        _ => false,
    };
    let observed_before = status.observed_generation == generation;
    let phase = if status.refusal(generation).is_some() {
        ClusterPhase::Blocked
    } else {
        phase(&progress, was_ready, observed_before)
    };
    status.observed_generation = generation;
    status.cluster_api_name = Some(name.cluster());
    status.phase = Some(phase);
    if let Some(cluster) = &seen.cluster {
        status.endpoint = cluster.spec.control_plane_endpoint.url();
    }
    count(status, spec, name, seen);
    let (holds, reason) = match phase {
        ClusterPhase::Ready => (ConditionStatus::True, "AsWanted"),
        other => (ConditionStatus::False, other.as_str()),
    };
    let message = progress
        .reasons
        .first()
        .map(|reason| reason.message.clone())
        .unwrap_or_default();
    ready(status, holds, reason, message, generation);
    status.progress = Some(progress);
}

/// Whether hooks are what it was blocked by.
fn held_by_hooks(status: &WorkloadClusterStatus) -> bool {
    let blocked = |phase: &PhaseProgress| phase.state == StepState::Blocked;
    let phases = status.progress.as_ref().map(|before| &before.phases);
    let mut blocked = phases.into_iter().flatten().filter(|phase| blocked(phase));
    blocked
        .next()
        .is_some_and(|first| first.phase == Phase::Hooks)
}

/// Sets the condition `Ready`.
pub(crate) fn ready(
    status: &mut WorkloadClusterStatus,
    holds: ConditionStatus,
    reason: &str,
    message: String,
    generation: Option<i64>,
) {
    set_condition(
        &mut status.conditions,
        Condition {
            kind: Condition::READY.to_owned(),
            status: holds,
            reason: reason.to_owned(),
            message,
            last_transition_time: Timestamp::now(),
            observed_generation: generation,
        },
    );
}

fn phase(progress: &Progress, was_ready: bool, observed_before: bool) -> ClusterPhase {
    let blocked = progress
        .phases
        .iter()
        .any(|phase| phase.state == StepState::Blocked);
    let preparing = progress
        .phases
        .iter()
        .any(|phase| phase.phase == Phase::Preparation && phase.state != StepState::Done);
    match (is_done(progress), was_ready) {
        (true, _) => ClusterPhase::Ready,
        (false, false) if blocked => ClusterPhase::Blocked,
        (false, false) if preparing => ClusterPhase::Pending,
        (false, false) => ClusterPhase::Creating,
        (false, true) if blocked || (observed_before && !progress.reasons.is_empty()) => {
            ClusterPhase::Degraded
        }
        (false, true) => ClusterPhase::Updating,
    }
}

fn count(
    status: &mut WorkloadClusterStatus,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    seen: &Observation,
) {
    let ready = |node: &capstan_spec::progress::NodeProgress| node.state == StepState::Done;
    let progress = capstan_plan::progress(spec, name, seen);
    let counts = |pool: &str, desired: u32| {
        let of_pool = progress.nodes.iter().filter(|node| node.pool == pool);
        let version = spec.pool(pool).and_then(|pool| pool.version);
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        ReplicaCounts {
            desired,
            current: number(of_pool.clone().count()),
            ready: number(of_pool.filter(|node| ready(node)).count()),
            up_to_date: rollout::as_wanted(name, seen, pool, version.unwrap_or(spec.version)),
        }
    };
    let control_plane = counts(
        capstan_plan::facts::CONTROL_PLANE,
        spec.control_plane.replicas,
    );
    let told = status
        .resolved
        .as_ref()
        .and_then(|resolved| resolved.version);
    let told = told.unwrap_or(spec.version);
    let has = |node: &capstan_spec::progress::NodeProgress| {
        node.version.as_deref() == Some(&told.to_string())
    };
    let plane = capstan_plan::facts::CONTROL_PLANE;
    let all = progress
        .nodes
        .iter()
        .filter(|node| node.pool == plane)
        .all(has);
    if control_plane.ready == control_plane.desired && all {
        status.version = Some(told);
    }
    status.control_plane = Some(control_plane);
    status.workers = spec
        .workers
        .iter()
        .map(|pool| (pool.name.clone(), counts(&pool.name, pool.replicas)))
        .collect();
}

#[cfg(test)]
mod tests {
    use capstan_plan::quota::{Line, Resource};
    use capstan_spec::KubernetesVersion;
    use capstan_workload::gate::Verdict;

    use super::*;

    fn told(before: Option<ClusterPhase>, verdict: &Verdict) -> WorkloadClusterStatus {
        let version = KubernetesVersion::new(1, 36, 3);
        let spec = WorkloadClusterSpec::new(version, "a", "b");
        let name = ClusterName::new("team", "demo", "x7k2p".parse().unwrap());
        let mut status = WorkloadClusterStatus {
            phase: before,
            version: before.map(|_| version),
            ..WorkloadClusterStatus::default()
        };
        verdict.tell(&mut status, Some(2), Timestamp::UNIX_EPOCH);
        let seen = Observation {
            blockers: verdict.reasons(),
            ..Observation::default()
        };
        let progress = capstan_plan::progress(&spec, &name, &seen);
        tell(&mut status, &spec, &name, Some(2), &seen, progress);
        status
    }

    #[test]
    fn a_refused_wish_is_blocked_whether_it_makes_or_changes_a_cluster() {
        let refused = Verdict::of_quota(vec![Line {
            resource: Resource::Cores,
            need: 6,
            free: Some(4),
        }]);
        for before in [
            None,
            Some(ClusterPhase::Ready),
            Some(ClusterPhase::Updating),
            Some(ClusterPhase::Blocked),
        ] {
            let status = told(before, &refused);
            assert_eq!(status.phase, Some(ClusterPhase::Blocked), "{before:?}");
            let ready = status.condition(Condition::READY).unwrap();
            assert_eq!(ready.status, ConditionStatus::False);
            assert!(ready.message.contains("6 needed, 4 free"), "{ready:?}");
        }
    }

    #[test]
    fn a_creation_that_a_hook_holds_up_stays_one() {
        let progress = |states: [StepState; 2]| Progress {
            phases: [Phase::Preparation, Phase::Hooks]
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
        let of = |states| WorkloadClusterStatus {
            progress: Some(progress(states)),
            ..WorkloadClusterStatus::default()
        };
        assert!(held_by_hooks(&of([StepState::Done, StepState::Blocked])));
        assert!(!held_by_hooks(&of([
            StepState::Blocked,
            StepState::Blocked
        ])));
        assert!(!held_by_hooks(&of([StepState::Done, StepState::Done])));
        let (seen, spec) = (
            Observation::default(),
            WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b"),
        );
        let name = ClusterName::new("team", "demo", "x7k2p".parse().unwrap());
        let held = progress([StepState::Done, StepState::Blocked]);
        let mut status = of([StepState::Done, StepState::Running]);
        status.phase = Some(ClusterPhase::Creating);
        status.version = Some(spec.version);
        for look in 0..2 {
            tell(&mut status, &spec, &name, None, &seen, held.clone());
            assert_eq!(status.phase, Some(ClusterPhase::Blocked), "look {look}");
        }
    }

    #[test]
    fn a_change_that_was_refused_goes_on_as_an_update_and_a_creation_as_one() {
        let phase = |before| told(before, &Verdict::Accepted).phase;
        assert_eq!(
            phase(Some(ClusterPhase::Blocked)),
            Some(ClusterPhase::Updating)
        );
        assert_eq!(phase(None), Some(ClusterPhase::Pending));
    }
}
