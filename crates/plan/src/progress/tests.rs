use capstan_capi::label;
use capstan_capi::view::{Condition, Metadata};
use capstan_spec::KubernetesVersion;
use capstan_spec::cluster::WorkerPool;
use capstan_spec::progress::{Phase, ReasonCode};

use super::*;

const NOW: &str = "2026-11-22T10:00:00Z";

fn name() -> ClusterName {
    ClusterName::new("team-a", "demo", "x7k2p".parse().unwrap())
}

/// One machine of each role.
fn spec() -> WorkloadClusterSpec {
    let mut spec =
        WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "m1.medium", "m1.small");
    spec.workers[0].replicas = 1;
    spec
}

fn minutes_ago(minutes: i64) -> Timestamp {
    let now: Timestamp = NOW.parse().unwrap();
    now - jiff::SignedDuration::from_mins(minutes)
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Condition {
    Condition {
        kind: kind.into(),
        status: status.into(),
        severity: (status == "False").then(|| "Error".into()),
        reason: reason.into(),
        message: message.into(),
        last_transition_time: Some(minutes_ago(1)),
    }
}

fn yes(kind: &str) -> Condition {
    condition(kind, "True", kind, "")
}

fn metadata(name: &str) -> Metadata {
    Metadata {
        name: name.into(),
        ..Metadata::default()
    }
}

fn machine(name: &str, control_plane: bool) -> view::Machine {
    let mut machine = view::Machine {
        metadata: metadata(name),
        ..view::Machine::default()
    };
    let (key, value) = if control_plane {
        (label::CONTROL_PLANE, "")
    } else {
        (label::DEPLOYMENT_NAME, "demo-x7k2p-workers")
    };
    machine.metadata.labels.insert(key.into(), value.into());
    machine.spec.version = "v1.36.3".into();
    machine
}

/// Everything ready.
fn ready(mut machine: view::Machine) -> view::Machine {
    machine.status.initialization.bootstrap_data_secret_created = true;
    machine.status.initialization.infrastructure_provisioned = true;
    machine.status.node_ref = Some(view::NodeReference {
        name: machine.metadata.name.clone(),
    });
    machine.status.conditions = vec![yes("InfrastructureReady"), yes("NodeReady")];
    machine
}

/// A cluster that is all right.
fn done() -> Observation {
    let mut control_plane = view::ControlPlane::default();
    control_plane.spec.replicas = Some(1);
    control_plane
        .status
        .initialization
        .control_plane_initialized = true;
    control_plane.status.replicas = 1;
    control_plane.status.up_to_date_replicas = 1;
    let mut pool = view::MachineDeployment {
        metadata: metadata("demo-x7k2p-workers"),
        ..view::MachineDeployment::default()
    };
    pool.spec.replicas = Some(1);
    pool.status.replicas = 1;
    pool.status.up_to_date_replicas = 1;
    let mut infrastructure = view::OpenStackCluster {
        metadata: metadata("demo-x7k2p"),
        ..view::OpenStackCluster::default()
    };
    infrastructure.status.ready = true;
    Observation {
        now: NOW.parse().unwrap(),
        cluster: Some(view::Cluster::default()),
        infrastructure: Some(infrastructure),
        control_plane: Some(control_plane),
        pools: vec![pool],
        machines: vec![ready(machine("w1", false)), ready(machine("c1", true))],
        addons: vec![AddonState {
            name: "flannel".into(),
            state: StepState::Done,
            message: String::new(),
        }],
        ..Observation::default()
    }
}

fn server(name: &str, state: &str, conditions: Vec<Condition>) -> view::OpenStackServer {
    let mut server = view::OpenStackServer {
        metadata: metadata(name),
        ..view::OpenStackServer::default()
    };
    server.status.instance_state = Some(state.into());
    server.status.conditions = conditions;
    server
}

fn look(seen: &Observation) -> Progress {
    let progress = progress(&spec(), &name(), seen);
    assert!(progress.percent <= 100);
    for phase in &progress.phases {
        assert_eq!(
            phase.percent == 100,
            phase.state == StepState::Done,
            "{phase:?}"
        );
    }
    progress
}

fn phase(progress: &Progress, phase: Phase) -> (StepState, u8) {
    let found = progress
        .phases
        .iter()
        .find(|found| found.phase == phase)
        .unwrap();
    (found.state, found.percent)
}

fn node<'a>(progress: &'a Progress, name: &str) -> &'a capstan_spec::progress::NodeProgress {
    progress
        .nodes
        .iter()
        .find(|node| node.name == name)
        .unwrap()
}

#[test]
fn a_cluster_that_is_all_right_is_at_a_hundred_percent() {
    let progress = look(&done());
    assert_eq!(progress.percent, 100);
    assert!(is_done(&progress), "{progress:#?}");
    assert_eq!(progress.reasons, []);
    let order: Vec<_> = progress
        .nodes
        .iter()
        .map(|node| (node.name.as_str(), node.pool.as_str()))
        .collect();
    assert_eq!(order, [("c1", "control-plane"), ("w1", "workers")]);
}

#[test]
fn nothing_seen_is_preparation() {
    let progress = look(&Observation::default());
    assert_eq!(progress.percent, 0);
    assert_eq!(
        phase(&progress, Phase::Preparation),
        (StepState::Running, 0)
    );
    assert!(!is_done(&progress));
}

#[test]
fn what_blocks_preparation_is_told() {
    let blocker = reason(
        "Quota exceeded for cores",
        None,
        (ReasonCode::Other, "", ""),
    );
    let progress = look(&Observation {
        blockers: vec![blocker.clone()],
        ..Observation::default()
    });
    assert_eq!(phase(&progress, Phase::Preparation).0, StepState::Blocked);
    assert_eq!(progress.reasons, std::slice::from_ref(&blocker));

    // A refused change of a cluster that is all right.
    let mut seen = done();
    seen.blockers = vec![blocker.clone()];
    let progress = look(&seen);
    assert_eq!(phase(&progress, Phase::Preparation).0, StepState::Blocked);
    assert_eq!(progress.reasons, [blocker]);
    assert!(!is_done(&progress));
}

#[test]
fn the_whole_grows_step_by_step() {
    let mut seen = Observation {
        now: NOW.parse().unwrap(),
        ..Observation::default()
    };
    let mut percents = vec![look(&seen).percent];
    let end = done();
    seen.cluster = end.cluster.clone();
    percents.push(look(&seen).percent);
    seen.infrastructure = Some(view::OpenStackCluster::default());
    for kind in [
        "NetworkReady",
        "RouterReady",
        "SecurityGroupsReady",
        "APIEndpointReady",
    ] {
        seen.infrastructure
            .as_mut()
            .unwrap()
            .status
            .conditions
            .push(yes(kind));
        percents.push(look(&seen).percent);
    }
    seen.control_plane = end.control_plane.clone();
    seen.pools = end.pools.clone();
    for control_plane in [true, false] {
        let mut one = machine(if control_plane { "c1" } else { "w1" }, control_plane);
        one.status.initialization.bootstrap_data_secret_created = true;
        seen.machines.push(one);
        percents.push(look(&seen).percent);
        seen.machines
            .last_mut()
            .unwrap()
            .status
            .initialization
            .infrastructure_provisioned = true;
        percents.push(look(&seen).percent);
        let last = seen.machines.pop().unwrap();
        seen.machines.push(ready(last));
        percents.push(look(&seen).percent);
    }
    seen.addons = end.addons;
    percents.push(look(&seen).percent);
    assert!(percents.is_sorted(), "{percents:?}");
    assert!(
        percents.windows(2).all(|pair| pair[0] < pair[1]),
        "{percents:?}"
    );
    assert_eq!(percents.last(), Some(&100));
}

#[test]
fn a_wish_that_nobody_has_noted_yet_is_not_done() {
    let mut seen = done();
    seen.control_plane.as_mut().unwrap().metadata.generation = Some(2);
    seen.control_plane
        .as_mut()
        .unwrap()
        .status
        .observed_generation = Some(1);
    assert!(!is_done(&look(&seen)));

    let mut seen = done();
    seen.pools[0].status.up_to_date_replicas = 0;
    assert!(!is_done(&look(&seen)));

    let mut more = spec();
    more.workers[0].replicas = 2;
    assert!(!is_done(&progress(&more, &name(), &done())));
}

/// Seen on the sandbox: the pool has noted another flavor, its machines still call themselves up to date.
#[test]
fn a_pool_whose_machines_are_of_an_older_revision_is_not_done() {
    let mut seen = done();
    let mut set = seen.pools[0].clone();
    let of_pool = seen.pools[0].metadata.name.clone();
    set.metadata.name = "demo-x7k2p-workers-abcde".into();
    set.metadata
        .labels
        .insert(label::DEPLOYMENT_NAME.into(), of_pool);
    seen.machine_sets = vec![set];
    assert!(is_done(&look(&seen)));
    let template = &mut seen.pools[0].spec.template.spec;
    template.infrastructure_ref.name = "demo-x7k2p-workers-0123abcd".into();
    assert!(!is_done(&look(&seen)));
    // The old revision is kept for a while, without machines.
    let old = &mut seen.machine_sets[0];
    old.spec.replicas = Some(0);
    old.status.replicas = 0;
    assert!(is_done(&look(&seen)));
}

#[test]
fn faults_of_the_network_and_of_the_endpoint_are_told() {
    let cases = [
        (
            "NetworkReady",
            "got 409 instead: {\"NeutronError\": {\"type\": \"OverQuota\", \"message\": \"Quota exceeded for resources: ['network'].\"}}",
            Phase::Network,
            ReasonCode::QuotaExceeded,
        ),
        (
            "RouterReady",
            "Failed to reconcile router: something odd",
            Phase::Network,
            ReasonCode::NetworkUnusable,
        ),
        (
            "APIEndpointReady",
            "Failed to reconcile control plane endpoint: load balancer \"x\" is not active after timeout",
            Phase::ApiEndpoint,
            ReasonCode::LoadBalancerError,
        ),
        (
            "APIEndpointReady",
            "Failed to reconcile control plane endpoint: something odd",
            Phase::ApiEndpoint,
            ReasonCode::LoadBalancerError,
        ),
        (
            "SecurityGroupsReady",
            "dial tcp: connect: connection refused",
            Phase::Network,
            ReasonCode::ApiUnreachable,
        ),
    ];
    for (kind, message, at, code) in cases {
        let mut infrastructure = view::OpenStackCluster::default();
        infrastructure.status.conditions = vec![condition(kind, "False", "X", message)];
        let progress = look(&Observation {
            cluster: Some(view::Cluster::default()),
            infrastructure: Some(infrastructure),
            ..Observation::default()
        });
        assert_eq!(phase(&progress, at).0, StepState::Blocked, "{message}");
        assert_eq!(progress.reasons[0].code, code, "{message}");
        assert!(!progress.reasons[0].remedy.is_empty());
    }
}

#[test]
fn a_server_that_failed_speaks_by_its_nova_fault_first() {
    let mut seen = done();
    seen.machines[0] = machine("w1", false);
    seen.machines[0]
        .status
        .initialization
        .bootstrap_data_secret_created = true;
    let failed = condition("InstanceReady", "False", "InstanceStateError", "");
    seen.openstack_servers = vec![server("w1", "ERROR", vec![failed])];
    let progress = look(&seen);
    assert_eq!(node(&progress, "w1").state, StepState::Blocked);
    assert_eq!(progress.reasons[0].code, ReasonCode::ServerError);

    seen.faults.insert(
        "w1".into(),
        "No valid host was found. There are not enough hosts available.".into(),
    );
    let progress = look(&seen);
    assert_eq!(progress.reasons.len(), 1);
    let reason = &progress.reasons[0];
    assert_eq!(reason.code, ReasonCode::NoValidHost);
    assert_eq!(reason.object.as_deref(), Some("OpenStackServer w1"));
    assert_eq!(
        reason.detail.as_deref(),
        Some("No valid host was found. There are not enough hosts available.")
    );
    assert_eq!(phase(&progress, Phase::Workers).0, StepState::Blocked);
    assert_eq!(phase(&progress, Phase::ControlPlane).0, StepState::Done);
}

#[test]
fn reasons_of_servers_are_read_from_conditions() {
    let cases = [
        (
            "InstanceCreateFailed",
            "got 403 instead: {\"forbidden\": {\"message\": \"Quota exceeded for instances: Requested 1, but already used 10 of 10 instances\", \"code\": 403}}",
            ReasonCode::QuotaExceeded,
        ),
        (
            "InstanceCreateFailed",
            "Flavor's disk is too small for requested image",
            ReasonCode::FlavorUnusable,
        ),
        (
            "DependencyFailed",
            "no images were found with the given image filter",
            ReasonCode::ImageUnusable,
        ),
        (
            "InstanceDeleted",
            "The server was unexpectedly deleted",
            ReasonCode::ServerError,
        ),
    ];
    for (why, message, code) in cases {
        let mut seen = done();
        seen.machines[0] = machine("w1", false);
        seen.openstack_servers = vec![server(
            "w1",
            "ERROR",
            vec![condition("InstanceReady", "False", why, message)],
        )];
        assert_eq!(look(&seen).reasons[0].code, code, "{message}");
    }
}

#[test]
fn waiting_is_no_fault() {
    for why in ["WaitingForClusterInfrastructure", "WaitingForBootstrapData"] {
        let mut seen = done();
        seen.machines[0] = machine("w1", false);
        seen.openstack_servers = vec![server(
            "w1",
            "",
            vec![condition("InstanceReady", "False", why, "")],
        )];
        let progress = look(&seen);
        assert_eq!(progress.reasons, []);
        assert_eq!(node(&progress, "w1").message, "waits for the control plane");
    }
}

#[test]
fn a_server_is_followed_from_request_to_node() {
    let mut seen = done();
    let mut one = machine("w1", false);
    one.status.initialization.bootstrap_data_secret_created = true;
    seen.machines[0] = one.clone();
    assert_eq!(
        node(&look(&seen), "w1").message,
        "server is being requested"
    );
    seen.openstack_servers = vec![server("w1", "BUILD", vec![])];
    assert_eq!(node(&look(&seen), "w1").message, "server is being built");
    seen.machines[0]
        .status
        .initialization
        .infrastructure_provisioned = true;
    seen.machines[0].status.conditions = vec![yes("InfrastructureReady")];
    let progress = look(&seen);
    assert_eq!(node(&progress, "w1").message, "server boots and joins");
    assert_eq!(progress.reasons, []);
}

#[test]
fn a_node_that_does_not_join_or_get_ready_is_told_after_a_while() {
    let mut seen = done();
    seen.machines[0].status.node_ref = None;
    seen.machines[0].status.conditions[0].last_transition_time = Some(minutes_ago(9));
    let progress = look(&seen);
    assert_eq!(progress.reasons[0].code, ReasonCode::NodeDoesNotJoin);

    let mut seen = done();
    let mut unready = condition(
        "NodeReady",
        "False",
        "NodeNotReady",
        "container runtime is down",
    );
    seen.machines[0].status.conditions = vec![yes("InfrastructureReady"), unready.clone()];
    assert_eq!(look(&seen).reasons, []);
    unready.last_transition_time = Some(minutes_ago(6));
    seen.machines[0].status.conditions[1] = unready;
    let progress = look(&seen);
    assert_eq!(progress.reasons[0].code, ReasonCode::NodeNotReady);
    assert_eq!(
        progress.reasons[0].detail.as_deref(),
        Some("container runtime is down")
    );
    seen.machines[0].status.conditions[1].message =
        "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady"
            .into();
    let reason = &look(&seen).reasons[0];
    assert!(reason.message.contains("no pod network"), "{reason:?}");
    // Without a pod network no node gets ready: that is not the node's fault.
    seen.addons[0].state = StepState::Running;
    assert_eq!(look(&seen).reasons, []);
}

#[test]
fn a_machine_that_is_not_behind_the_load_balancer_is_told() {
    let mut seen = done();
    let mut infra = view::OpenStackMachine {
        metadata: metadata("c1"),
        ..view::OpenStackMachine::default()
    };
    infra.status.conditions = vec![condition(
        "APIServerIngressReadyCondition",
        "False",
        "LoadBalancerMemberError",
        "Reconciling load balancer member failed: timeout",
    )];
    seen.openstack_machines = vec![infra];
    let progress = look(&seen);
    assert_eq!(progress.reasons[0].code, ReasonCode::LoadBalancerError);
    assert_eq!(phase(&progress, Phase::ControlPlane).0, StepState::Blocked);
}

#[test]
fn emptying_a_node_says_what_it_waits_for() {
    let mut seen = done();
    seen.machines.push(ready(machine("w0", false)));
    let going = seen.machines.last_mut().unwrap();
    going.metadata.deletion_timestamp = Some(minutes_ago(2));
    going.status.conditions = vec![condition(
        "Deleting",
        "True",
        "DrainingNode",
        "Drain not completed yet: cannot evict pod as it would violate the pod's disruption budget: app-1",
    )];
    let progress = look(&seen);
    assert_eq!(node(&progress, "w0").state, StepState::Removing);
    assert_eq!(progress.reasons[0].code, ReasonCode::DrainBlocked);
    assert!(!is_done(&progress));
    let workers = progress
        .phases
        .iter()
        .find(|found| found.phase == Phase::Workers)
        .unwrap();
    assert_eq!(workers.message, "1 of 1 ready, 1 being removed");
}

#[test]
fn an_addon_that_stands_still_is_told() {
    let mut seen = done();
    seen.addons[0].state = StepState::Blocked;
    seen.addons[0].message = "daemonset kube-flannel-ds: 0 of 2 ready".into();
    let progress = look(&seen);
    assert_eq!(progress.reasons[0].code, ReasonCode::AddonUnhealthy);
    assert_eq!(phase(&progress, Phase::Addons).0, StepState::Blocked);
}

#[test]
fn many_nodes_with_one_cause_are_one_reason() {
    let mut seen = done();
    seen.machines = (0..5).map(|n| machine(&format!("w{n}"), false)).collect();
    seen.openstack_servers = (0..5)
        .map(|n| {
            let fault = condition(
                "InstanceReady",
                "False",
                "InstanceCreateFailed",
                "No valid host was found.",
            );
            server(&format!("w{n}"), "ERROR", vec![fault])
        })
        .collect();
    assert_eq!(look(&seen).reasons.len(), 1);
}

#[test]
fn a_cluster_that_goes_counts_what_is_left() {
    let mut seen = done();
    seen.cluster.as_mut().unwrap().metadata.deletion_timestamp = Some(minutes_ago(1));
    seen.machines.remove(0);
    seen.infrastructure.as_mut().unwrap().status.conditions = vec![condition(
        "Ready",
        "False",
        "OpenStackError",
        "failed to delete router: something odd",
    )];
    let progress = look(&seen);
    assert_eq!(phase(&progress, Phase::Workers), (StepState::Done, 100));
    assert_eq!(
        phase(&progress, Phase::ControlPlane),
        (StepState::Removing, 0)
    );
    assert_eq!(phase(&progress, Phase::Network), (StepState::Removing, 0));
    assert_eq!(progress.reasons[0].code, ReasonCode::DeletionBlocked);
}

#[test]
fn an_upgrade_is_followed_move_by_move() {
    let version = |minor| KubernetesVersion::new(1, minor, 3);
    let (plane, workers) = (Move::ControlPlane(version(37)), Move::Workers(version(37)));
    let told = |seen: &Observation, this: Phase| {
        let progress = look(seen);
        assert!(!is_done(&progress), "{progress:#?}");
        let found = progress.phases.into_iter().find(|one| one.phase == this);
        let found = found.unwrap();
        (found.state, found.message)
    };
    let mut seen = done();
    seen.control_plane.as_mut().unwrap().spec.version = "v1.36.3".into();
    seen.pools[0].spec.template.spec.version = "v1.36.3".into();
    seen.moves = vec![plane, workers];
    assert_eq!(
        told(&seen, Phase::ControlPlane),
        (StepState::Running, "1 of 1 ready; then v1.37.3".to_owned())
    );
    assert_eq!(
        told(&seen, Phase::Workers),
        (StepState::Waiting, "1 of 1 ready; then v1.37.3".to_owned())
    );

    // The first move has begun, and nobody has seen it yet.
    seen.moves = vec![workers];
    seen.told = Some(Versions {
        control_plane: version(37),
        workers: version(36),
    });
    assert_eq!(told(&seen, Phase::ControlPlane).0, StepState::Running);

    // The control plane is rolled: the new machine is there, the old one is going.
    let control_plane = seen.control_plane.as_mut().unwrap();
    control_plane.spec.version = "v1.37.3".into();
    control_plane.status.replicas = 2;
    let mut new = ready(machine("c2", true));
    new.spec.version = "v1.37.3".into();
    seen.machines.push(new);
    let (state, message) = told(&seen, Phase::ControlPlane);
    assert_eq!(
        (state, message.as_str()),
        (StepState::Running, "2 of 1 ready, 1 of them v1.37.3")
    );
    assert_eq!(told(&seen, Phase::Workers).0, StepState::Waiting);

    // The last move has begun, and nobody has seen it yet.
    let mut seen = done();
    seen.control_plane.as_mut().unwrap().spec.version = "v1.37.3".into();
    seen.pools[0].spec.template.spec.version = "v1.36.3".into();
    seen.told = Some(Versions {
        control_plane: version(37),
        workers: version(37),
    });
    assert_eq!(told(&seen, Phase::ControlPlane).0, StepState::Done);
    assert_eq!(told(&seen, Phase::Workers).0, StepState::Running);

    // It has heard, and still counts the old machines as up to date.
    seen.pools[0].spec.template.spec.version = "v1.37.3".into();
    assert_eq!(told(&seen, Phase::Workers).0, StepState::Running);
    seen.machines[0].spec.version = "v1.37.3".into();
    assert!(is_done(&progress(&spec(), &name(), &seen)));
}

#[test]
fn a_pool_that_is_pinned_to_a_version_is_as_wanted_there() {
    let version = |minor| KubernetesVersion::new(1, minor, 3);
    let mut seen = done();
    let plane = seen.control_plane.as_mut().unwrap();
    plane.spec.version = "v1.37.3".into();
    seen.pools[0].spec.template.spec.version = "v1.36.3".into();
    seen.told = Some(Versions {
        control_plane: version(37),
        workers: version(37),
    });
    let mut pinned = spec();
    pinned.workers[0].version = Some(version(36));
    let progress_of = |spec: &WorkloadClusterSpec, seen: &Observation| {
        let progress = progress(spec, &name(), seen);
        let workers = progress.phases.iter();
        let mut workers = workers.filter(|one| one.phase == Phase::Workers);
        (is_done(&progress), workers.next().unwrap().message.clone())
    };
    assert!(!progress_of(&spec(), &seen).0, "it is to follow");
    let at_rest = (true, "1 of 1 ready".to_owned());
    assert_eq!(progress_of(&pinned, &seen), at_rest);

    // Beside one that follows, and has another version.
    let mut other = seen.pools[0].clone();
    other.metadata.name = name().pool("other");
    other.spec.template.spec.version = "v1.37.3".into();
    seen.pools.push(other);
    pinned.workers.push(WorkerPool {
        replicas: 1,
        ..WorkerPool::new("other", "m1.small")
    });
    let mut follows = ready(machine("o1", false));
    let labels = &mut follows.metadata.labels;
    labels.insert(label::DEPLOYMENT_NAME.to_owned(), name().pool("other"));
    seen.machines.push(follows);
    let lags = (false, "2 of 2 ready, 0 of them v1.37.3".to_owned());
    assert_eq!(progress_of(&pinned, &seen), lags);
    seen.machines[2].spec.version = "v1.37.3".into();
    let at_rest = (true, "2 of 2 ready".to_owned());
    assert_eq!(progress_of(&pinned, &seen), at_rest);
}

#[test]
fn a_machine_that_joins_a_control_plane_is_done_when_its_etcd_is() {
    let mut seen = done();
    let mut second = ready(machine("c2", true));
    second.metadata.creation_timestamp = Some(minutes_ago(1));
    let starts = condition("EtcdPodHealthy", "False", "Provisioning", "");
    second.status.conditions.push(starts);
    seen.machines.push(second);
    let progress = look(&seen);
    assert_eq!(
        node(&progress, "c2").message,
        "node is ready, its etcd starts"
    );
    assert_eq!(node(&progress, "c2").state, StepState::Running);
    // Later it is a fault that others tell of, and alone it has nobody to join.
    seen.machines[2].metadata.creation_timestamp = Some(minutes_ago(11));
    assert_eq!(node(&look(&seen), "c2").state, StepState::Done);
    seen.machines[2].metadata.creation_timestamp = Some(minutes_ago(1));
    seen.machines.remove(1);
    assert_eq!(node(&look(&seen), "c2").state, StepState::Done);
}
