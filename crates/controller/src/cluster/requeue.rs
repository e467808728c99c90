//! When to look again although nothing has told us to. Pure.
//!
//! Every change of a Cluster API object of a cluster wakes us ([`crate::watch`]). What is left to a clock is what no watch
//! sees: the cloud itself and the workload cluster's own API.

use std::time::Duration;

use capstan_plan::Observation;
use capstan_spec::progress::StepState;
use capstan_spec::status::ClusterPhase;
use jiff::{SignedDuration, Timestamp};

/// While something goes on that only looking tells: addons that start, resources of the cloud that go.
pub(super) const UNSEEN: Duration = Duration::from_secs(5);
/// While Cluster API works, whose every step wakes us; also while a person has to do something in the cloud first.
pub(super) const MOVING: Duration = Duration::from_secs(30);
/// For each cluster that moves: how long the others leave the machine and the clouds to it. A hundred are looked at as
/// often as one; of a thousand, which two processors shared with an API server cannot look at every 30 seconds
/// (docs/src/reference/scale.md), each waits its turn.
const SHARE: Duration = Duration::from_millis(300);
/// When all is as wanted. Only what somebody changes behind our back is left to be found.
pub(super) const SETTLED: Duration = Duration::from_mins(5);

/// Until the next look. `due` is when something is to be done at a time, `moving` how many clusters are on the move.
pub(super) fn after(
    phase: Option<ClusterPhase>,
    seen: &Observation,
    due: Option<Timestamp>,
    moving: u32,
) -> Duration {
    let turn = SHARE.saturating_mul(moving);
    let addons_start = seen.is_initialized()
        && seen
            .addons
            .iter()
            .any(|addon| addon.state != StepState::Done);
    let regular = match phase {
        Some(ClusterPhase::Ready) => SETTLED,
        _ if addons_start => UNSEEN.max(turn / 6).min(SETTLED),
        _ => MOVING.max(turn).min(SETTLED),
    };
    let until_due = due.map(|due| {
        let left = due.duration_since(seen.now).max(SignedDuration::ZERO);
        left.unsigned_abs()
    });
    until_due.map_or(regular, |until| regular.min(until))
}

#[cfg(test)]
mod tests {
    use capstan_capi::view;
    use capstan_plan::progress::AddonState;

    use super::*;

    fn seen(initialized: bool, addon: StepState) -> Observation {
        let mut control_plane = view::ControlPlane::default();
        control_plane
            .status
            .initialization
            .control_plane_initialized = initialized;
        Observation {
            control_plane: Some(control_plane),
            addons: vec![AddonState {
                name: "flannel".to_owned(),
                state: addon,
                message: String::new(),
            }],
            ..Observation::default()
        }
    }

    #[test]
    fn only_what_no_watch_tells_is_looked_at_often() {
        use ClusterPhase::{Blocked, Creating, Ready};
        for (phase, initialized, addon, expected) in [
            (Ready, true, StepState::Done, SETTLED),
            (Creating, false, StepState::Waiting, MOVING),
            (Creating, true, StepState::Waiting, UNSEEN),
            (Creating, true, StepState::Running, UNSEEN),
            (Creating, true, StepState::Done, MOVING),
            (Blocked, false, StepState::Waiting, MOVING),
        ] {
            let after = after(Some(phase), &seen(initialized, addon), None, 100);
            assert_eq!(after, expected, "{phase:?} {initialized} {addon:?}");
        }
    }

    #[test]
    fn many_wait_their_turn() {
        let among = |moving| {
            let seen = seen(true, StepState::Done);
            after(Some(ClusterPhase::Updating), &seen, None, moving)
        };
        assert_eq!(among(400), Duration::from_mins(2));
        assert_eq!(among(u32::MAX), SETTLED);
        let starting = seen(true, StepState::Running);
        let next = after(Some(ClusterPhase::Creating), &starting, None, 1000);
        assert_eq!(next, Duration::from_secs(50));
    }

    #[test]
    fn a_time_that_was_set_is_kept_and_one_that_is_past_is_now() {
        let seen = seen(false, StepState::Waiting);
        let at = |seconds| {
            let due = seen.now + SignedDuration::from_secs(seconds);
            after(Some(ClusterPhase::Creating), &seen, Some(due), 1)
        };
        assert_eq!(at(7), Duration::from_secs(7));
        assert_eq!(at(700), MOVING);
        assert_eq!(at(-3), Duration::ZERO);
    }
}
