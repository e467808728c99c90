//! The phases and the whole.

use capstan_capi::view::{self, Condition};
use capstan_spec::progress::{NodeProgress, Phase, PhaseProgress, Reason, ReasonCode, StepState};
use capstan_spec::{ClusterName, WorkloadClusterSpec};

use super::machines::machines;
use super::{Observation, cause};
use crate::bastion::{self, Standing};
use crate::facts::CONTROL_PLANE;
use crate::hook::{self, When};
use crate::{addons, autoscaler};

/// Share of each phase in the whole, as measured on clusters of a few nodes; together 100 without hooks.
const fn weight(phase: Phase) -> u32 {
    match phase {
        Phase::Preparation => 5,
        // Beside the rest, where there are any.
        Phase::Hooks | Phase::Network | Phase::Addons => 10,
        Phase::ControlPlane => 35,
        Phase::ApiEndpoint | Phase::Workers => 20,
    }
}

/// Percent of the whole. 100 only when every phase is done.
pub(super) fn overall(phases: &[PhaseProgress]) -> u8 {
    let sum: u32 = phases
        .iter()
        .map(|phase| weight(phase.phase) * u32::from(phase.percent))
        .sum();
    let whole: u32 = phases.iter().map(|phase| weight(phase.phase)).sum();
    let percent = u8::try_from(sum / whole.max(100)).unwrap_or(100);
    let done = phases.iter().all(|phase| phase.state == StepState::Done);
    if done { percent } else { percent.min(99) }
}

/// All phases, and the reasons why they stand still.
pub(super) fn all(
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    seen: &Observation,
    nodes: &[NodeProgress],
) -> (Vec<PhaseProgress>, Vec<Reason>) {
    if seen
        .cluster
        .as_ref()
        .is_some_and(|cluster| cluster.metadata.is_deleting())
    {
        return (removal(seen, nodes), deletion_reasons(seen));
    }
    let mut reasons = seen.blockers.clone();
    let mut phases = vec![preparation(seen)];
    for (phase, conditions) in [
        (
            Phase::Network,
            &["NetworkReady", "RouterReady", "SecurityGroupsReady"][..],
        ),
        (Phase::ApiEndpoint, &["APIEndpointReady"][..]),
    ] {
        let (progress, reason) = infrastructure(phase, conditions, seen);
        let (progress, reason) = with_bastion(progress, reason, spec, name, seen);
        phases.push(progress);
        reasons.extend(reason);
    }
    phases.push(machines(
        Phase::ControlPlane,
        spec,
        name,
        seen,
        nodes,
        spec.control_plane.replicas,
    ));
    let workers = spec.workers.iter().map(|pool| pool.replicas).sum();
    phases.push(machines(Phase::Workers, spec, name, seen, nodes, workers));
    let (of_addons, reason) = installed(spec, seen);
    phases.push(of_addons);
    reasons.extend(reason);
    let runs = &seen.hooks;
    let hooks = hook::phase(
        name.name(),
        When::AfterCreate,
        &spec.hooks.after_create,
        runs,
    );
    if let Some((hooks, reason)) = hooks {
        phases.push(hooks);
        reasons.extend(reason);
    }
    (phases, reasons)
}

pub(super) fn phase(
    phase: Phase,
    state: StepState,
    percent: u8,
    message: impl Into<String>,
) -> PhaseProgress {
    PhaseProgress {
        phase,
        state,
        percent,
        message: message.into(),
    }
}

fn preparation(seen: &Observation) -> PhaseProgress {
    let this = Phase::Preparation;
    if !seen.blockers.is_empty() {
        // Of a cluster that is there, too: a change is refused before anything of it is begun.
        phase(
            this,
            StepState::Blocked,
            0,
            "something has to be done first",
        )
    } else if seen.cluster.is_some() {
        phase(this, StepState::Done, 100, "")
    } else {
        phase(
            this,
            StepState::Running,
            0,
            "names, quota and rules are being checked",
        )
    }
}

/// A phase that is told by conditions of the `OpenStackCluster`.
fn infrastructure(
    this: Phase,
    wanted: &[&str],
    seen: &Observation,
) -> (PhaseProgress, Option<Reason>) {
    let Some(infra) = &seen.infrastructure else {
        return (phase(this, StepState::Waiting, 0, ""), None);
    };
    if infra.status.ready {
        return (phase(this, StepState::Done, 100, ""), None);
    }
    let found: Vec<&Condition> = wanted
        .iter()
        .filter_map(|kind| view::condition(&infra.status.conditions, kind))
        .collect();
    let done = found.iter().filter(|condition| condition.is_true()).count();
    if done == wanted.len() {
        return (phase(this, StepState::Done, 100, ""), None);
    }
    let percent = percent(done, wanted.len());
    if let Some(fault) = found
        .iter()
        .find(|condition| condition.is_false() && !condition.message.is_empty())
    {
        let fallback = match this {
            Phase::ApiEndpoint => (
                ReasonCode::LoadBalancerError,
                "the address of the API does not become usable",
                "look at the load balancer's state with `openstack loadbalancer status show`; it is tried again all the time",
            ),
            _ => (
                ReasonCode::NetworkUnusable,
                "the network of the cluster could not be made",
                "look at the words of the cloud; it is tried again all the time",
            ),
        };
        let object = format!("OpenStackCluster {}", infra.metadata.name);
        let reason = cause::reason(&fault.message, Some(object), fallback);
        return (
            phase(this, StepState::Blocked, percent, reason.message.clone()),
            Some(reason),
        );
    }
    let begun = this == Phase::Network || network_done(&infra.status.conditions);
    let state = if begun {
        StepState::Running
    } else {
        StepState::Waiting
    };
    let message = match (this, begun) {
        (Phase::ApiEndpoint, true) => "load balancer is being built",
        (Phase::Network, _) => "network, router and security groups are being made",
        _ => "",
    };
    (phase(this, state, percent, message), None)
}

/// The bastion belongs to the network, which is there before it.
fn with_bastion(
    network: PhaseProgress,
    reason: Option<Reason>,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    seen: &Observation,
) -> (PhaseProgress, Option<Reason>) {
    let there = network.phase == Phase::Network && network.state == StepState::Done;
    match there.then(|| bastion::standing(spec, name, seen)) {
        Some(Standing::Moving(message)) => {
            (phase(network.phase, StepState::Running, 90, message), None)
        }
        Some(Standing::Failed(reason)) => {
            let message = reason.message.clone();
            let progress = phase(network.phase, StepState::Blocked, 90, message);
            (progress, Some(reason))
        }
        Some(Standing::AsWanted) | None => (network, reason),
    }
}

fn network_done(conditions: &[Condition]) -> bool {
    ["NetworkReady", "RouterReady", "SecurityGroupsReady"]
        .iter()
        .all(|kind| view::condition(conditions, kind).is_some_and(Condition::is_true))
}

fn installed(spec: &WorkloadClusterSpec, seen: &Observation) -> (PhaseProgress, Option<Reason>) {
    let this = Phase::Addons;
    let none = addons::addons(spec).is_empty() && !autoscaler::is_wanted(spec);
    if seen.is_initialized() && none {
        return (phase(this, StepState::Done, 100, ""), None);
    }
    let total = seen.addons.len();
    let done = seen
        .addons
        .iter()
        .filter(|addon| addon.state == StepState::Done)
        .count();
    if total > 0 && done == total {
        return (phase(this, StepState::Done, 100, ""), None);
    }
    let percent = percent(done, total);
    if let Some(stuck) = seen
        .addons
        .iter()
        .find(|addon| addon.state == StepState::Blocked)
    {
        let fallback = (
            ReasonCode::AddonUnhealthy,
            "an addon does not become healthy",
            "look at the pods of the addon; it is tried again all the time",
        );
        let reason = cause::reason(
            &stuck.message,
            Some(format!("addon {}", stuck.name)),
            fallback,
        );
        return (
            phase(
                this,
                StepState::Blocked,
                percent,
                format!("{} stands still", stuck.name),
            ),
            Some(reason),
        );
    }
    let state = if seen
        .addons
        .iter()
        .any(|addon| addon.state == StepState::Running)
        || done > 0
    {
        StepState::Running
    } else {
        StepState::Waiting
    };
    (
        phase(this, state, percent, format!("{done} of {total} healthy")),
        None,
    )
}

/// Going away: what is still there is being removed, what is gone is done.
fn removal(seen: &Observation, nodes: &[NodeProgress]) -> Vec<PhaseProgress> {
    let left = |control_plane: bool| {
        nodes
            .iter()
            .filter(|node| (node.pool == CONTROL_PLANE) == control_plane)
            .count()
    };
    let infrastructure = usize::from(seen.infrastructure.is_some());
    [
        (Phase::Workers, left(false), "machines left"),
        (Phase::ControlPlane, left(true), "machines left"),
        (Phase::ApiEndpoint, infrastructure, "left"),
        (Phase::Network, infrastructure, "left"),
    ]
    .into_iter()
    .map(|(this, left, what)| match left {
        0 => phase(this, StepState::Done, 100, ""),
        left => phase(this, StepState::Removing, 0, format!("{left} {what}")),
    })
    .collect()
}

/// What keeps the infrastructure from going.
fn deletion_reasons(seen: &Observation) -> Vec<Reason> {
    let Some(infra) = &seen.infrastructure else {
        return Vec::new();
    };
    infra
        .status
        .conditions
        .iter()
        .filter(|condition| condition.is_false())
        // CAPO 0.15 says no severity, and says in words only what went wrong.
        .filter(|condition| {
            condition
                .severity
                .as_deref()
                .is_none_or(|severity| severity == "Error")
        })
        .filter(|condition| !condition.message.is_empty())
        .map(|condition| {
            let fallback = (
                ReasonCode::DeletionBlocked,
                "a part of the cluster cannot be removed",
                "look at the words of the cloud; it is tried again all the time",
            );
            let object = format!("OpenStackCluster {}", infra.metadata.name);
            cause::reason(&condition.message, Some(object), fallback)
        })
        .collect()
}

fn percent(done: usize, total: usize) -> u8 {
    u8::try_from((done * 100).checked_div(total).unwrap_or(0)).unwrap_or(100)
}
