//! Rollouts that stand still because somebody wants them to.
//!
//! A worker pool is paused by its `MachineDeployment`, which still scales and whose sets still replace what fails. A
//! `KubeadmControlPlane` knows no such thing: while it is paused by its annotation it does nothing at all. So it is held
//! only when there is something to roll, and only between two replacements: in the midst of one a member of etcd would
//! be neither in nor out.

use std::fmt::{self, Write as _};

use capstan_capi::{label, view};
use capstan_spec::status::{Condition, ConditionStatus, ReplicaCounts, WorkloadClusterStatus};
use capstan_spec::{ClusterName, KubernetesVersion, WorkloadClusterSpec};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::facts::CONTROL_PLANE;
use crate::progress::{Observation, pool_of};
use crate::render::Rendered;

/// Condition of a machine that is as its owner wants it.
const UP_TO_DATE: &str = "UpToDate";

/// Whether the control plane must be left alone by Cluster API. `changes` is whether applying the wish would replace
/// machines of it. What is held stays so until the pause ends.
pub fn holds(spec: &WorkloadClusterSpec, seen: &Observation, changes: bool) -> bool {
    let Some(plane) = &seen.control_plane else {
        return false;
    };
    if !spec.control_plane.rollout.paused {
        return false;
    }
    if plane.metadata.annotations.contains_key(label::PAUSED) {
        return true;
    }
    let mut machines = seen.machines.iter().filter(|m| m.is_control_plane());
    let pending = changes || machines.any(is_outdated);
    pending && between_replacements(plane, seen)
}

/// Holds the control plane: its owner does nothing while it is marked so. The mark comes first of all, for its owner goes
/// on as soon as it can; in the same request as a change, so that none is begun.
pub fn hold(rendered: &mut Rendered) {
    let kind = capstan_capi::kind::KUBEADM_CONTROL_PLANE;
    let Some(index) = rendered.objects.iter().position(|one| one.kind == kind) else {
        return;
    };
    let mut plane = rendered.objects.remove(index);
    plane.value["metadata"]["annotations"][label::PAUSED] = json!("true");
    rendered.objects.insert(0, plane);
}

/// Machines of a pool that are as wanted, as far as their owner has said; else by their version.
pub fn as_wanted(
    name: &ClusterName,
    seen: &Observation,
    pool: &str,
    version: KubernetesVersion,
) -> u32 {
    let version = version.to_string();
    let machines = seen.machines.iter();
    let count = machines
        .filter(|machine| pool_of(name, machine) == pool && !machine.metadata.is_deleting())
        .filter(
            |machine| match view::condition(&machine.status.conditions, UP_TO_DATE) {
                Some(condition) => condition.is_true(),
                None => machine.spec.version == version,
            },
        )
        .count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// How far the rollout of a pool, or of the control plane, is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// Name of the pool; [`CONTROL_PLANE`] for the control plane.
    pub pool: String,
    /// Machines wanted.
    pub wanted: u32,
    /// Machines there.
    pub there: u32,
    /// Machines that are as wanted.
    pub as_wanted: u32,
    /// In a word.
    pub state: RolloutState,
}

/// How far a rollout is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RolloutState {
    /// The controller has not looked at the newest wish yet.
    Unseen,
    /// All machines are as wanted, and there are no others.
    Complete,
    /// Machines are being replaced.
    Running,
    /// It stands still because somebody wants it to.
    Paused,
}

impl fmt::Display for RolloutState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unseen => "not looked at yet",
            Self::Complete => "complete",
            Self::Running => "running",
            Self::Paused => "paused",
        })
    }
}

/// How far all rollouts of a cluster are: that of the control plane first. `generation` is that of the spec.
pub fn lines(
    spec: &WorkloadClusterSpec,
    generation: Option<i64>,
    status: &WorkloadClusterStatus,
) -> Vec<Rollout> {
    let line = |pool: &str, wanted: u32, paused: bool, counts: Option<&ReplicaCounts>| {
        let counts = counts.copied().unwrap_or_default();
        let complete = counts.current == wanted && counts.up_to_date == wanted;
        Rollout {
            pool: pool.to_owned(),
            wanted,
            there: counts.current,
            as_wanted: counts.up_to_date,
            state: if paused {
                RolloutState::Paused
            } else if status.observed_generation != generation {
                RolloutState::Unseen
            } else if complete {
                RolloutState::Complete
            } else {
                RolloutState::Running
            },
        }
    };
    let plane = &spec.control_plane;
    let plane = line(
        CONTROL_PLANE,
        plane.replicas,
        plane.rollout.paused,
        status.control_plane.as_ref(),
    );
    let pools = spec.workers.iter().map(|pool| {
        let counts = status.workers.get(&pool.name);
        // What an autoscaler wants is not in the spec.
        let followed = counts.filter(|_| pool.autoscaling.is_some());
        let wanted = followed.map_or(pool.replicas, |counts| counts.desired);
        line(&pool.name, wanted, pool.rollout.paused, counts)
    });
    std::iter::once(plane).chain(pools).collect()
}

/// The condition [`Condition::ROLLOUTS`]: `False` with what stands still; nothing while no rollout is paused.
pub fn condition(
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    seen: &Observation,
    generation: Option<i64>,
    now: Timestamp,
) -> Option<Condition> {
    let plane = &spec.control_plane;
    let paused: Vec<(&str, u32)> =
        std::iter::once((CONTROL_PLANE, plane.replicas, plane.rollout.paused))
            .chain(
                spec.workers
                    .iter()
                    .map(|pool| (pool.name.as_str(), pool.replicas, pool.rollout.paused)),
            )
            .filter(|(_, _, paused)| *paused)
            .map(|(pool, wanted, _)| (pool, wanted))
            .collect();
    if paused.is_empty() {
        return None;
    }
    let told: Vec<String> = paused
        .iter()
        .map(|(pool, wanted)| {
            let version = spec.pool(pool).and_then(|pool| pool.version);
            let done = as_wanted(name, seen, pool, version.unwrap_or(spec.version));
            format!("{pool} ({done} of {wanted} as wanted)")
        })
        .collect();
    let mut message = format!("rollouts are paused: {}", told.join(", "));
    let held = seen
        .control_plane
        .as_ref()
        .is_some_and(|plane| plane.metadata.annotations.contains_key(label::PAUSED));
    if plane.rollout.paused && held {
        message.push_str(
            "; the control plane is left alone meanwhile: a machine of it that fails is not made anew",
        );
    }
    let _ = write!(
        message,
        "; capstan cluster rollout resume {} goes on",
        name.name()
    );
    Some(Condition {
        kind: Condition::ROLLOUTS.to_owned(),
        status: ConditionStatus::False,
        reason: "Paused".to_owned(),
        message,
        last_transition_time: now,
        observed_generation: generation,
    })
}

fn is_outdated(machine: &view::Machine) -> bool {
    view::condition(&machine.status.conditions, UP_TO_DATE).is_some_and(view::Condition::is_false)
}

/// Whether nothing of a replacement is left to the control plane's owner: no machine that goes is still a member of etcd,
/// and there are as many that stay as there shall be. One that still boots joins by itself.
fn between_replacements(plane: &view::ControlPlane, seen: &Observation) -> bool {
    let (going, staying): (Vec<_>, Vec<_>) = seen
        .machines
        .iter()
        .filter(|machine| machine.is_control_plane())
        .partition(|machine| machine.metadata.is_deleting());
    let leaves = |machine: &&view::Machine| {
        let annotations = &machine.metadata.annotations;
        annotations.contains_key(label::LEAVES_ETCD)
    };
    let staying = u32::try_from(staying.len()).ok();
    !going.iter().any(leaves) && staying == plane.spec.replicas
}

#[cfg(test)]
mod tests;
