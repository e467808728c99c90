//! One line per machine.

use capstan_capi::view::{self, Condition, Machine};
use capstan_spec::ClusterName;
use capstan_spec::progress::{NodeProgress, Reason, ReasonCode, StepState};
use jiff::{SignedDuration, Timestamp};

use super::{Observation, cause};
use crate::facts::CONTROL_PLANE;

/// How long the parts of a control plane may take on a new machine, before it is no longer waited for them.
const STARTS: SignedDuration = SignedDuration::from_mins(10);
/// Conditions that the `KubeadmControlPlane` sets on its machines, and what they are about.
const PARTS: [(&str, &str); 5] = [
    ("APIServerPodHealthy", "API server"),
    ("ControllerManagerPodHealthy", "controller manager"),
    ("SchedulerPodHealthy", "scheduler"),
    ("EtcdPodHealthy", "etcd"),
    ("EtcdMemberHealthy", "member of etcd"),
];
/// Kubelets' word for a node without a pod network, in the message of its condition `Ready`.
const NO_NETWORK: &str = "NetworkPluginNotReady";
/// A server that runs that long without its node having joined has a fault: booting and joining take minutes at most.
const JOIN_EXPECTED: SignedDuration = SignedDuration::from_mins(8);
/// A node that has joined is ready as soon as the pod network is there.
const READY_EXPECTED: SignedDuration = SignedDuration::from_mins(5);

/// Reasons with which CAPO says that it merely waits (`api/v1beta1/conditions_consts.go`).
const WAITING: [&str; 2] = ["WaitingForClusterInfrastructure", "WaitingForBootstrapData"];
/// Reasons with which CAPO says that the work is under way.
const WORKING: [&str; 2] = ["InstanceNotReady", ""];

/// What a machine is up to.
struct Stage {
    state: StepState,
    message: String,
    reason: Option<Reason>,
}

impl Stage {
    fn new(state: StepState, message: impl Into<String>) -> Self {
        Self {
            state,
            message: message.into(),
            reason: None,
        }
    }

    fn blocked(reason: Reason) -> Self {
        Self {
            state: StepState::Blocked,
            message: reason.message.clone(),
            reason: Some(reason),
        }
    }
}

/// All machines: control plane first, then by pool and name.
pub(super) fn all(name: &ClusterName, seen: &Observation) -> Vec<NodeProgress> {
    let mut nodes: Vec<_> = seen
        .machines
        .iter()
        .map(|machine| node(name, machine, seen))
        .collect();
    nodes.sort_by(|one, other| {
        let key = |node: &NodeProgress| {
            (
                node.pool != CONTROL_PLANE,
                node.pool.clone(),
                node.name.clone(),
            )
        };
        key(one).cmp(&key(other))
    });
    nodes
}

/// How far a machine is, 0 to 100, for the percentage of its phase.
pub(super) fn percent(machine: &Machine, node: &NodeProgress) -> u32 {
    match node.state {
        StepState::Done => 100,
        _ if machine.status.node_ref.is_some() => 80,
        _ if machine.status.initialization.infrastructure_provisioned => 50,
        _ if machine.status.initialization.bootstrap_data_secret_created => 20,
        _ => 0,
    }
}

/// Name of the pool a machine belongs to.
pub(crate) fn pool(name: &ClusterName, machine: &Machine) -> String {
    if machine.is_control_plane() {
        return CONTROL_PLANE.to_owned();
    }
    let deployment = machine.deployment().unwrap_or_default();
    let prefix = name.pool("");
    deployment
        .strip_prefix(&prefix)
        .unwrap_or(deployment)
        .to_owned()
}

fn node(name: &ClusterName, machine: &Machine, seen: &Observation) -> NodeProgress {
    let stage = stage(machine, seen);
    NodeProgress {
        name: machine.metadata.name.clone(),
        pool: pool(name, machine),
        state: stage.state,
        message: stage.message,
        version: (!machine.spec.version.is_empty()).then(|| machine.spec.version.clone()),
        reason: stage.reason,
    }
}

fn stage(machine: &Machine, seen: &Observation) -> Stage {
    if machine.metadata.is_deleting() {
        return removal(machine);
    }
    if let Some(reason) = server_fault(machine, seen) {
        let mut stage = Stage::blocked(reason);
        if let Some(outlook) = seen.outlook.get(&machine.metadata.name) {
            stage.message.clone_from(outlook);
        }
        return stage;
    }
    let done = machine.status.initialization;
    if !done.bootstrap_data_secret_created {
        let message = if machine.is_control_plane() {
            "waits for the API's address"
        } else {
            "waits for the control plane"
        };
        return Stage::new(StepState::Waiting, message);
    }
    if !done.infrastructure_provisioned {
        return Stage::new(StepState::Running, server_state(machine, seen));
    }
    if let Some(reason) = ingress_fault(machine, seen) {
        return Stage::blocked(reason);
    }
    if machine.status.node_ref.is_none() {
        return joining(machine, seen);
    }
    let ready = view::condition(&machine.status.conditions, "NodeReady");
    match ready {
        Some(ready) if ready.is_true() => match starting(machine, seen) {
            Some(part) => Stage::new(
                StepState::Running,
                format!("node is ready, its {part} starts"),
            ),
            None => Stage::new(StepState::Done, "ready"),
        },
        _ => unready(machine, ready, seen),
    }
}

/// What of the control plane does not run yet on a machine that has just joined others: a node is ready some seconds before
/// its member of etcd is, and who grows a control plane wants that member. Later it is no matter of joining any more.
fn starting(machine: &Machine, seen: &Observation) -> Option<&'static str> {
    let mut others = seen
        .machines
        .iter()
        .filter(|other| other.is_control_plane());
    let joins = machine.is_control_plane()
        && others.any(|other| other.metadata.name != machine.metadata.name);
    if !joins || longer_than(STARTS, machine.metadata.creation_timestamp, seen.now) {
        return None;
    }
    machine.metadata.creation_timestamp?;
    let parts = PARTS.into_iter().find(|(condition, _)| {
        let told = view::condition(&machine.status.conditions, condition);
        told.is_some_and(|condition| !condition.is_true())
    });
    parts.map(|(_, part)| part)
}

/// Cluster API says in the `Deleting` condition at which step it is (`Draining node`, `Waiting for volume detach` …).
fn removal(machine: &Machine) -> Stage {
    let deleting = view::condition(&machine.status.conditions, "Deleting");
    let words = deleting.map_or("", |condition| condition.message.as_str());
    let stage = deleting.map_or("", |condition| condition.reason.as_str());
    if stage == "DrainingNode" && words.to_lowercase().contains("disruption budget") {
        return Stage {
            reason: Some(Reason {
                code: ReasonCode::DrainBlocked,
                message: "a pod disruption budget keeps the node from being emptied".to_owned(),
                remedy: "run more replicas of the pods named or relax the budget; after ten minutes the node is removed \
                         all the same"
                    .to_owned(),
                object: Some(format!("Machine {}", machine.metadata.name)),
                detail: Some(words.to_owned()),
            }),
            ..Stage::new(StepState::Removing, "is being emptied")
        };
    }
    let message = match stage {
        "DrainingNode" => "is being emptied",
        "WaitingForVolumeDetach" => "volumes are being detached",
        "WaitingForPreDrainHook" | "WaitingForPreTerminateHook" => "leaves the control plane",
        "WaitingForInfrastructureDeletion" => "server is being removed",
        _ => "is being removed",
    };
    Stage::new(StepState::Removing, message)
}

/// A server that failed. CAPO says so in `InstanceReady` of the server and of the machine; the server speaks first.
pub(crate) fn server_fault(machine: &Machine, seen: &Observation) -> Option<Reason> {
    let name = &machine.metadata.name;
    let server = seen
        .openstack_servers
        .iter()
        .find(|server| server.metadata.name == *name);
    let infra = seen
        .openstack_machines
        .iter()
        .find(|infra| infra.metadata.name == *name);
    let faulty = |conditions: &[Condition]| {
        view::condition(conditions, "InstanceReady")
            .filter(|condition| condition.is_false())
            .filter(|condition| {
                let reason = condition.reason.as_str();
                !WAITING.contains(&reason) && !WORKING.contains(&reason)
            })
            .cloned()
    };
    let (kind, condition) = server
        .and_then(|server| faulty(&server.status.conditions))
        .map(|condition| ("OpenStackServer", condition))
        .or_else(|| {
            infra
                .and_then(|infra| faulty(&infra.status.conditions))
                .map(|condition| ("OpenStackMachine", condition))
        })?;
    let nova = seen.faults.get(name).map(String::as_str);
    let own = infra.and_then(|infra| infra.status.failure_message.as_deref());
    let said = [nova, Some(condition.message.as_str()), own];
    let words = said
        .into_iter()
        .flatten()
        .find(|words| !words.is_empty())
        .unwrap_or(&condition.reason);
    let fallback = match condition.reason.as_str() {
        "InstanceDeleted" | "InstanceNotFound" => (
            ReasonCode::ServerError,
            "the server was removed by somebody else",
            "nothing has to be done: the machine is replaced",
        ),
        _ => (
            ReasonCode::ServerError,
            "the server could not be made",
            "look at the words of the cloud; the machine is replaced once the cause is gone",
        ),
    };
    Some(cause::reason(
        words,
        Some(format!("{kind} {name}")),
        fallback,
    ))
}

/// A control plane machine that cannot be put behind the load balancer.
fn ingress_fault(machine: &Machine, seen: &Observation) -> Option<Reason> {
    let name = &machine.metadata.name;
    let infra = seen
        .openstack_machines
        .iter()
        .find(|infra| infra.metadata.name == *name)?;
    // CAPO 0.15, and 0.14.
    let condition = ["APIServerIngressReady", "APIServerIngressReadyCondition"]
        .iter()
        .find_map(|kind| view::condition(&infra.status.conditions, kind))
        .filter(|condition| condition.is_false())?;
    let fallback = (
        ReasonCode::LoadBalancerError,
        "the machine cannot be put behind the load balancer of the API",
        "look at the load balancer's state with `openstack loadbalancer status show`",
    );
    Some(cause::reason(
        &condition.message,
        Some(format!("OpenStackMachine {name}")),
        fallback,
    ))
}

fn server_state(machine: &Machine, seen: &Observation) -> String {
    let name = &machine.metadata.name;
    let state = seen
        .openstack_servers
        .iter()
        .find(|server| server.metadata.name == *name)
        .and_then(|server| server.status.instance_state.as_deref());
    match state {
        Some("ACTIVE") => "server runs, is being wired".to_owned(),
        Some(_) => "server is being built".to_owned(),
        None => "server is being requested".to_owned(),
    }
}

fn joining(machine: &Machine, seen: &Observation) -> Stage {
    let since = view::condition(&machine.status.conditions, "InfrastructureReady")
        .filter(|condition| condition.is_true())
        .and_then(|condition| condition.last_transition_time);
    if !longer_than(JOIN_EXPECTED, since, seen.now) {
        return Stage::new(StepState::Running, "server boots and joins");
    }
    Stage::blocked(Reason {
        code: ReasonCode::NodeDoesNotJoin,
        message: "the server runs, but its node does not join the cluster".to_owned(),
        remedy: "look at the end of the server's console log; usual causes are an image without this Kubernetes version, \
                 a registry out of reach, or an API that the node cannot reach"
            .to_owned(),
        object: Some(format!("Machine {}", machine.metadata.name)),
        detail: None,
    })
}

fn unready(machine: &Machine, ready: Option<&Condition>, seen: &Observation) -> Stage {
    let since = ready.and_then(|condition| condition.last_transition_time);
    let pods_can_run = seen
        .addons
        .iter()
        .all(|addon| addon.state == StepState::Done);
    let words = ready.map_or("", |condition| condition.message.as_str());
    let waits_for_network = pods_can_run && words.contains(NO_NETWORK);
    if !pods_can_run || !longer_than(READY_EXPECTED, since, seen.now) {
        let message = if waits_for_network {
            "node has joined, waits for a pod network"
        } else {
            "node has joined, is getting ready"
        };
        return Stage::new(StepState::Running, message);
    }
    let (message, remedy) = if waits_for_network {
        (
            "the node has joined, and has no pod network",
            "install one (cni: none leaves that to you); if that is done, look at its pods",
        )
    } else {
        (
            "the node has joined, but is not ready",
            "look at the node's conditions and at the pods of kube-system on it",
        )
    };
    Stage::blocked(Reason {
        code: ReasonCode::NodeNotReady,
        message: message.to_owned(),
        remedy: remedy.to_owned(),
        object: Some(format!("Machine {}", machine.metadata.name)),
        detail: (!words.is_empty()).then(|| words.to_owned()),
    })
}

fn longer_than(limit: SignedDuration, since: Option<Timestamp>, now: Timestamp) -> bool {
    since.is_some_and(|since| now.duration_since(since) > limit)
}
