//! Control plane and workers, which are told by their machines.

use capstan_capi::{label, view};
use capstan_spec::progress::{NodeProgress, Phase, PhaseProgress, StepState};
use capstan_spec::{ClusterName, KubernetesVersion, WorkloadClusterSpec};

use super::phase::phase;
use super::{Observation, node};
use crate::facts::CONTROL_PLANE;
use crate::upgrade::Move;

/// A phase that is told by machines: those that are there and not going, against those that are wanted.
pub(super) fn machines(
    this: Phase,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    seen: &Observation,
    nodes: &[NodeProgress],
    wanted: u32,
) -> PhaseProgress {
    let belongs = |pool: &str| (pool == CONTROL_PLANE) == (this == Phase::ControlPlane);
    let mine: Vec<_> = nodes.iter().filter(|node| belongs(&node.pool)).collect();
    let count = |state| mine.iter().filter(|node| node.state == state).count();
    let (done, going) = (count(StepState::Done), count(StepState::Removing));
    let settled = match this {
        Phase::ControlPlane => control_plane_settled(seen, wanted),
        _ => pools_settled(seen, wanted),
    } && as_told(this, spec, name, seen);
    let total = usize::try_from(wanted).unwrap_or(usize::MAX);
    let message = format!(
        "{}{}",
        told(done, total, going),
        renewed(this, name, seen, &mine)
    );
    if settled && done == total && going == 0 {
        return match next(this, seen) {
            None => phase(this, StepState::Done, 100, message),
            Some((state, then)) => phase(this, state, 0, format!("{message}; then {then}")),
        };
    }
    let sum: u32 = seen
        .machines
        .iter()
        .filter(|machine| belongs(&node::pool(name, machine)))
        .filter_map(|machine| {
            let node = nodes
                .iter()
                .find(|node| node.name == machine.metadata.name)?;
            Some(node::percent(machine, node))
        })
        .sum();
    let share = u8::try_from(sum / wanted.max(1)).unwrap_or(99).min(99);
    let state = if count(StepState::Blocked) > 0 {
        StepState::Blocked
    } else if mine.iter().all(|node| node.state == StepState::Waiting) {
        StepState::Waiting
    } else {
        StepState::Running
    };
    phase(this, state, share, message)
}

/// Whether what was seen has the version it was told to have: a move is begun after the look, and Cluster API counts
/// machines as up to date for a moment after it has heard of another version. A pool that is pinned to a version has that one.
fn as_told(
    this: Phase,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    seen: &Observation,
) -> bool {
    let Some(told) = seen.told else { return true };
    let is = |said: &str, version: KubernetesVersion| said == version.to_string();
    match this {
        Phase::ControlPlane => {
            let plane = seen.control_plane.as_ref();
            plane.is_some_and(|plane| is(&plane.spec.version, told.control_plane))
        }
        _ => seen.pools.iter().all(|pool| {
            let version = &pool.spec.template.spec.version;
            let mut wished = spec.workers.iter();
            let wished = wished.find(|one| name.pool(&one.name) == pool.metadata.name);
            let pinned = wished.and_then(|pool| pool.version);
            let mut machines = seen
                .machines
                .iter()
                .filter(|machine| machine.deployment() == Some(&pool.metadata.name));
            is(version, pinned.unwrap_or(told.workers))
                && machines.all(|machine| machine.spec.version == *version)
        }),
    }
}

/// The move of an upgrade that this part waits for, if there is one.
fn next(this: Phase, seen: &Observation) -> Option<(StepState, KubernetesVersion)> {
    let first = seen.moves.first()?;
    let mine = |one: &&Move| matches!(one, Move::ControlPlane(_)) == (this == Phase::ControlPlane);
    let next = seen.moves.iter().find(mine)?;
    let state = if next == first && this == Phase::ControlPlane {
        StepState::Running
    } else {
        StepState::Waiting
    };
    Some((state, next.version()))
}

/// How many have the version of their pool, while there are others.
fn renewed(this: Phase, name: &ClusterName, seen: &Observation, mine: &[&NodeProgress]) -> String {
    let version_of = |node: &NodeProgress| {
        let version = if this == Phase::ControlPlane {
            seen.control_plane.as_ref().map(|c| &c.spec.version)
        } else {
            let mut pools = seen.pools.iter();
            let pool = pools.find(|pool| pool.metadata.name == name.pool(&node.pool));
            pool.map(|pool| &pool.spec.template.spec.version)
        };
        version.filter(|version| !version.is_empty())
    };
    let is_new = |node: &NodeProgress| {
        let version = version_of(node);
        version.is_none() || node.version.as_ref() == version
    };
    let Some(version) = mine
        .iter()
        .find(|node| !is_new(node))
        .and_then(|node| version_of(node))
    else {
        return String::new();
    };
    let ready = |node: &&&NodeProgress| {
        node.version.as_ref() == Some(version) && node.state == StepState::Done
    };
    let ready = mine.iter().filter(ready).count();
    format!(", {ready} of them {version}")
}

fn told(done: usize, wanted: usize, going: usize) -> String {
    let going = if going > 0 {
        format!(", {going} being removed")
    } else {
        String::new()
    };
    format!("{done} of {wanted} ready{going}")
}

/// Whether the control plane has taken note of what is wanted, and is as wanted.
pub(crate) fn control_plane_settled(seen: &Observation, wanted: u32) -> bool {
    seen.control_plane.as_ref().is_some_and(|control_plane| {
        control_plane
            .status
            .initialization
            .control_plane_initialized
            && control_plane.spec.replicas == Some(wanted)
            && control_plane.status.observed_generation >= control_plane.metadata.generation
            && control_plane.status.replicas == wanted
            && control_plane.status.up_to_date_replicas == wanted
    })
}

/// Whether every pool has taken note of what is wanted, and is as wanted.
fn pools_settled(seen: &Observation, wanted: u32) -> bool {
    let sum: u32 = seen
        .pools
        .iter()
        .filter_map(|pool| pool.spec.replicas)
        .sum();
    sum == wanted
        && seen.pools.iter().all(|pool| {
            let wanted = pool.spec.replicas.unwrap_or(0);
            pool.status.observed_generation >= pool.metadata.generation
                && pool.status.replicas == wanted
                && pool.status.up_to_date_replicas == wanted
                && is_of_newest_revision(pool, seen)
        })
}

/// Whether no machine of the pool is of an older revision. Cluster API 1.14 counts as up to date what the *machines* say of
/// themselves, and they learn of a new revision a moment after their pool has taken note of it.
fn is_of_newest_revision(pool: &view::MachineDeployment, seen: &Observation) -> bool {
    let wanted = &pool.spec.template.spec;
    let of_pool = |set: &&view::MachineSet| {
        set.metadata.label(label::DEPLOYMENT_NAME) == Some(&pool.metadata.name)
            && (set.status.replicas > 0 || set.spec.replicas.unwrap_or(0) > 0)
    };
    seen.machine_sets.iter().filter(of_pool).all(|set| {
        let made = &set.spec.template.spec;
        made.version == wanted.version
            && made.failure_domain == wanted.failure_domain
            && made.bootstrap == wanted.bootstrap
            && made.infrastructure_ref == wanted.infrastructure_ref
    })
}
