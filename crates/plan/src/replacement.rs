//! Which machines are replaced because their server will never be.
//!
//! CAPO 0.14 makes a server once: when Nova refuses it (quota included) or it ends in `ERROR`, the `OpenStackServer` is not
//! looked at again (`IsServerTerminalError` in `controllers/openstackserver_controller.go`, v0.14.7), and the machine waits
//! for ever. The health check would replace it after its startup timeout, whether or not the reason is gone, and not at all
//! when too many fail at once, as they do for want of quota. So we replace it, when the reason may be gone:
//!
//! * A machine that has been a node is not ours: the health check knows how many of those may go at once.
//! * Refused for quota: as soon as the quota suffices. Anything else: after a pause.
//! * Every round that did not help doubles the pause. There is no last round: the cloud may be full for a week.

use std::collections::BTreeMap;

use capstan_capi::label;
use capstan_capi::view::{self, Condition, Machine, OpenStackServer};
use capstan_spec::progress::{Reason, ReasonCode};
use capstan_spec::status::Replacement;
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use jiff::{SignedDuration, Timestamp};

use crate::facts::CONTROL_PLANE;
use crate::progress::{Observation, pool_of, server_fault};
use crate::quota::{self, Line, Need, Resource};
use crate::render::RETRY_PERIOD;

/// Pause before the first round, unless the quota says that the reason is gone. A host that was full for the moment of a
/// burst has room again by then.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// The longest pause: somebody who has made room should not have to wait for longer.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(30);

/// The control plane is marked no sooner after the last round than its owner will act on it: put off, it only looks again
/// when something else wakes it (seen to take four minutes more). The seconds beyond its period are for its own clock,
/// which begins when it deletes the machine we marked.
const OWNER_PAUSE: SignedDuration = SignedDuration::from_secs(RETRY_PERIOD as i64 + 15);

/// States of a server that CAPO does not leave again.
const FINAL_STATES: [&str; 2] = ["ERROR", "DELETED"];
/// Reasons of `InstanceReady` after which CAPO does nothing more (`api/v1beta1/conditions_consts.go`, v0.14.7).
const FINAL_REASONS: [&str; 4] = [
    "InstanceStateError",
    "InstanceCreateFailed",
    "InstanceDeleted",
    "InstanceNotFound",
];

/// A machine whose server will never be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Name of the `Machine`.
    pub machine: String,
    /// Its uid, so that no namesake is hit.
    pub uid: String,
    /// Its pool, or `control-plane`.
    pub pool: String,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: Reason,
    /// What its owner says since it was marked for replacement; empty when nothing yet. `None`: it was not marked.
    marked: Option<String>,
    /// Whether Nova has a server for it, which uses quota.
    has_server: bool,
}

impl Failed {
    /// Whether it belongs to the control plane, whose machines only the `KubeadmControlPlane` may take away.
    pub fn is_control_plane(&self) -> bool {
        self.pool == CONTROL_PLANE
    }

    fn for_quota(&self) -> bool {
        self.reason.code == ReasonCode::QuotaExceeded
    }
}

/// Room for machines: what one of each pool needs, and what is free. Only asked for when [`wants_room`] says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Need of one machine, by pool.
    pub machine: BTreeMap<String, Need>,
    /// What is free; `None` is not limited.
    pub free: BTreeMap<Resource, Option<u64>>,
}

/// What is done about failed machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// These are replaced now.
    pub replace: Vec<Failed>,
    /// What is said of each machine that waits, by its name.
    pub outlook: BTreeMap<String, String>,
    /// When to look again; `None` when nothing waits for a time.
    pub again: Option<Timestamp>,
}

/// The machines whose server will never be, oldest failure first. None while the cluster is paused or goes away: then
/// nothing of ours writes.
pub fn failed(spec: &WorkloadClusterSpec, name: &ClusterName, seen: &Observation) -> Vec<Failed> {
    let idle = spec.paused
        || seen.cluster.as_ref().is_none_or(|cluster| {
            cluster.spec.paused || cluster.metadata.is_deleting() || is_paused(&cluster.metadata)
        });
    if idle {
        return Vec::new();
    }
    let mut failed: Vec<Failed> = seen
        .machines
        .iter()
        .filter(|machine| !machine.metadata.is_deleting() && !is_paused(&machine.metadata))
        .filter(|machine| machine.status.node_ref.is_none())
        .filter_map(|machine| failure(name, machine, seen))
        .collect();
    failed.sort_by(|one, other| (one.since, &one.machine).cmp(&(other.since, &other.machine)));
    failed
}

/// Whether [`decide`] needs to know the quota.
pub fn wants_room(failed: &[Failed]) -> bool {
    failed
        .iter()
        .any(|one| one.for_quota() && one.marked.is_none())
}

/// Decides about failed machines. `past` is what was done before, by pool.
pub fn decide(
    failed: &[Failed],
    past: &BTreeMap<String, Replacement>,
    room: &Room,
    now: Timestamp,
) -> Decision {
    let mut decision = Decision::default();
    let mut free = room.free.clone();
    let mut pools: BTreeMap<&str, Vec<&Failed>> = BTreeMap::new();
    for one in failed {
        let outlook = match one.marked.as_deref() {
            None => {
                pools.entry(&one.pool).or_default().push(one);
                continue;
            }
            Some("") => "is being made anew by the control plane".to_owned(),
            Some(says) => format!("is to be made anew by the control plane, which says: {says}"),
        };
        decision.outlook.insert(one.machine.clone(), outlook);
    }
    for (pool, machines) in pools {
        let past = past.get(pool);
        let attempts = past.map_or(0, |past| past.attempts);
        let round = attempts + 1;
        let due = due(&machines, past);
        if due > now {
            decision.again = Some(decision.again.map_or(due, |again| again.min(due)));
            for one in machines {
                let outlook = format!("is made anew after {}, try {round}", clock(due));
                decision.outlook.insert(one.machine.clone(), outlook);
            }
            continue;
        }
        for one in machines {
            let need = room.machine.get(pool).filter(|_| one.for_quota());
            if let Some(line) = need.and_then(|need| short(need, one, &free)) {
                let outlook = format!(
                    "is made anew when there is quota: {} {} needed, {} free",
                    line.need,
                    line.resource,
                    line.free.unwrap_or_default()
                );
                decision.outlook.insert(one.machine.clone(), outlook);
                continue;
            }
            if let Some(need) = need {
                take(&mut free, need, one);
            }
            decision.replace.push(one.clone());
        }
    }
    decision
}

/// Counts a round for every pool of which machines are replaced. Written down before the first machine is touched: a round
/// that was cut off counts.
pub fn count(past: &mut BTreeMap<String, Replacement>, replace: &[Failed], now: Timestamp) {
    let mut pools: BTreeMap<&str, Vec<&Failed>> = BTreeMap::new();
    for one in replace {
        pools.entry(&one.pool).or_default().push(one);
    }
    for (pool, machines) in pools {
        let Some(first) = machines.first() else {
            continue;
        };
        let attempts = past.get(pool).map_or(0, |past| past.attempts);
        past.insert(
            pool.to_owned(),
            Replacement {
                attempts: attempts.saturating_add(1),
                last: now,
                machines: machines.iter().map(|one| one.machine.clone()).collect(),
                reason: first.reason.clone(),
            },
        );
    }
}

/// Forgets what was done for pools that are whole again, or no longer wanted.
pub fn forget(
    past: &mut BTreeMap<String, Replacement>,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    seen: &Observation,
) {
    past.retain(|pool, _| {
        let wanted = if pool == CONTROL_PLANE {
            spec.control_plane.replicas
        } else {
            spec.pool(pool).map_or(0, |pool| pool.replicas)
        };
        let mut nodes = 0;
        for machine in &seen.machines {
            if machine.metadata.is_deleting() || pool_of(name, machine) != *pool {
                continue;
            }
            if machine.status.node_ref.is_none() {
                return true;
            }
            nodes += 1;
        }
        // Right after a machine was deleted its successor is not there yet; the rest alone is not whole.
        nodes < wanted
    });
}

/// What was done, as reasons: the fault of a server that is being made anew stays visible. A pool of which a machine has
/// failed now is left out, because that one speaks for itself.
pub fn reasons(past: &BTreeMap<String, Replacement>, failed: &[Failed]) -> Vec<Reason> {
    past.iter()
        .filter(|(pool, _)| failed.iter().all(|one| one.pool != **pool))
        .map(|(pool, past)| Reason {
            message: format!(
                "servers of {pool} failed and are made anew, try {}: {}",
                past.attempts, past.reason.message
            ),
            object: past.machines.first().map(|name| format!("Machine {name}")),
            ..past.reason.clone()
        })
        .collect()
}

fn is_paused(metadata: &view::Metadata) -> bool {
    metadata.annotations.contains_key(label::PAUSED)
}

fn failure(name: &ClusterName, machine: &Machine, seen: &Observation) -> Option<Failed> {
    let machine_name = &machine.metadata.name;
    let server = seen
        .openstack_servers
        .iter()
        .find(|server| server.metadata.name == *machine_name);
    let infra = seen
        .openstack_machines
        .iter()
        .find(|infra| infra.metadata.name == *machine_name);
    let ready = server
        .and_then(|server| view::condition(&server.status.conditions, "InstanceReady"))
        .filter(|condition| condition.is_false())
        .or_else(|| {
            view::condition(&infra?.status.conditions, "InstanceReady")
                .filter(|condition| condition.is_false())
        });
    let given_up = infra.is_some_and(|infra| infra.status.failure_reason.is_some());
    if !given_up && !server.is_some_and(is_final) && !ready.is_some_and(is_final_reason) {
        return None;
    }
    let since = ready
        .and_then(|condition| condition.last_transition_time)
        .or(machine.metadata.creation_timestamp)
        .unwrap_or(seen.now);
    Some(Failed {
        machine: machine_name.clone(),
        uid: machine.metadata.uid.clone(),
        pool: pool_of(name, machine),
        since,
        reason: server_fault(machine, seen)?,
        marked: machine
            .metadata
            .annotations
            .contains_key(label::REMEDIATE_MACHINE)
            .then(|| owner_says(machine)),
        has_server: server.is_some_and(|server| {
            let id = server.status.instance_id.as_deref();
            id.is_some_and(|id| !id.is_empty())
        }),
    })
}

fn owner_says(machine: &Machine) -> String {
    view::condition(&machine.status.conditions, "OwnerRemediated")
        .filter(|condition| condition.is_false())
        .map(|condition| condition.message.clone())
        .unwrap_or_default()
}

fn is_final(server: &OpenStackServer) -> bool {
    let state = server.status.instance_state.as_deref();
    state.is_some_and(|state| FINAL_STATES.contains(&state))
}

fn is_final_reason(condition: &Condition) -> bool {
    FINAL_REASONS.contains(&condition.reason.as_str())
}

/// When the next round of a pool may begin: a pause after the first of its failures, or after the last round.
fn due(machines: &[&Failed], past: Option<&Replacement>) -> Timestamp {
    let begun = machines.iter().map(|one| one.since).min();
    let begun = begun.into_iter().chain(past.map(|past| past.last)).max();
    let attempts = past.map_or(0, |past| past.attempts);
    // The quota says by itself whether the reason is gone; only when it has been wrong is there a pause.
    let pause = if attempts == 0 && machines.iter().all(|one| one.for_quota()) {
        SignedDuration::ZERO
    } else {
        pause(attempts)
    };
    let begun = begun.unwrap_or(Timestamp::UNIX_EPOCH);
    let due = begun.checked_add(pause).unwrap_or(begun);
    let owner = past
        .filter(|_| machines.iter().any(|one| one.is_control_plane()))
        .and_then(|past| past.last.checked_add(OWNER_PAUSE).ok());
    owner.map_or(due, |owner| owner.max(due))
}

fn pause(attempts: u32) -> SignedDuration {
    // Doubled five times it is beyond the longest one.
    (FIRST_PAUSE * 2_i32.pow(attempts.min(5))).min(LONGEST_PAUSE)
}

/// The first line of quota that has no room for one more machine. The port of the failed one is there already, and so is
/// all it uses when Nova has a server for it: that goes first.
fn short(need: &Need, failed: &Failed, free: &BTreeMap<Resource, Option<u64>>) -> Option<Line> {
    let lines = quota::check(&beyond(need, failed), free);
    lines.into_iter().find(|line| !line.fits())
}

fn take(free: &mut BTreeMap<Resource, Option<u64>>, need: &Need, failed: &Failed) {
    for (resource, amount) in beyond(need, failed) {
        if let Some(Some(left)) = free.get_mut(&resource) {
            *left = left.saturating_sub(amount);
        }
    }
}

fn beyond(need: &Need, failed: &Failed) -> Need {
    need.iter()
        .filter(|(resource, _)| **resource != Resource::Ports && !failed.has_server)
        .map(|(resource, amount)| (*resource, *amount))
        .collect()
}

/// The time of day, to the second: what is said must not change from one look to the next.
fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests;
