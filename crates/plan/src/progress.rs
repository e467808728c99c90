//! How far the work on a cluster is, per phase and per node, and why it stands still where it does.
//!
//! Conditions of Cluster API and CAPO are the source; what they leave out (the fault of a Nova server) the caller adds.

mod cause;
mod machines;
mod node;
mod phase;

use std::collections::BTreeMap;

use capstan_capi::view;
use capstan_spec::progress::{Progress, Reason, StepState};
use capstan_spec::status::HookRun;
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use jiff::Timestamp;

pub use cause::{classify, reason};
pub(crate) use machines::control_plane_settled;
pub(crate) use node::{pool as pool_of, server_fault};

use crate::upgrade::{Move, Versions};

/// All that was seen of a cluster. Everything that is not there yet stays empty.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// When it was seen.
    pub now: Timestamp,
    /// What kept the cluster from being prepared: names that could not be resolved, quota that does not suffice.
    pub blockers: Vec<Reason>,
    /// The `Cluster`.
    pub cluster: Option<view::Cluster>,
    /// The `OpenStackCluster`.
    pub infrastructure: Option<view::OpenStackCluster>,
    /// The `KubeadmControlPlane`.
    pub control_plane: Option<view::ControlPlane>,
    /// Every `MachineDeployment`.
    pub pools: Vec<view::MachineDeployment>,
    /// Every `MachineSet`: the revisions of the pools.
    pub machine_sets: Vec<view::MachineSet>,
    /// Every `Machine`.
    pub machines: Vec<view::Machine>,
    /// Every `OpenStackMachine`.
    pub openstack_machines: Vec<view::OpenStackMachine>,
    /// Every `OpenStackServer`.
    pub openstack_servers: Vec<view::OpenStackServer>,
    /// Faults of Nova servers by the machine's name; CAPO drops them.
    pub faults: BTreeMap<String, String>,
    /// What is done about machines whose server failed, by the machine's name.
    pub outlook: BTreeMap<String, String>,
    /// Faults of servers that are being made anew.
    pub past_faults: Vec<Reason>,
    /// When the client certificate in the administrator's kubeconfig expires.
    pub kubeconfig_expires: Option<Timestamp>,
    /// What Cluster API was told last, which it may not have heard when this was seen; `None` when nothing is known.
    pub told: Option<Versions>,
    /// Whether something made for a bastion is still to be removed.
    pub bastion_left: bool,
    /// Moves of an upgrade that have not begun.
    pub moves: Vec<Move>,
    /// The addons, in their order.
    pub addons: Vec<AddonState>,
    /// What became of the hooks after creation, in their order.
    pub hooks: Vec<HookRun>,
}

impl Observation {
    /// Whether the API of the cluster answered once.
    pub fn is_initialized(&self) -> bool {
        self.control_plane
            .as_ref()
            .is_some_and(|c| c.status.initialization.control_plane_initialized)
            || self
                .cluster
                .as_ref()
                .is_some_and(|c| c.status.initialization.control_plane_initialized)
    }
}

/// How far an addon is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddonState {
    /// Name of the release.
    pub name: String,
    /// Whether it waits, runs, stands still or is done.
    pub state: StepState,
    /// What is happening.
    pub message: String,
}

/// Tells how far the work is. A cluster that is all right is at 100 % with no reasons.
pub fn progress(spec: &WorkloadClusterSpec, name: &ClusterName, seen: &Observation) -> Progress {
    let nodes = node::all(name, seen);
    let (phases, mut reasons) = phase::all(spec, name, seen, &nodes);
    reasons.extend(nodes.iter().filter_map(|node| node.reason.clone()));
    reasons.extend(seen.past_faults.iter().cloned());
    dedup(&mut reasons);
    Progress {
        percent: phase::overall(&phases),
        phases,
        nodes,
        reasons,
    }
}

/// Whether everything is as wanted.
pub fn is_done(progress: &Progress) -> bool {
    !progress.phases.is_empty()
        && progress
            .phases
            .iter()
            .all(|phase| phase.state == StepState::Done)
}

/// Ten nodes that stand still for one cause are one reason.
fn dedup(reasons: &mut Vec<Reason>) {
    let mut seen: Vec<(_, String)> = Vec::new();
    reasons.retain(|reason| {
        let key = (reason.code, reason.message.clone());
        let new = !seen.contains(&key);
        seen.push(key);
        new
    });
}

#[cfg(test)]
mod tests;
