use capstan_capi::view::Metadata;
use capstan_spec::KubernetesVersion;

use super::*;

const QUOTA: &str =
    "got 403 instead: {\"forbidden\": {\"message\": \"Quota exceeded for cores: Requested 2\"}}";
const NO_HOST: &str = "No valid host was found. There are not enough hosts available.";

type Change = fn(&mut Observation);

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn seconds_ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

fn name() -> ClusterName {
    ClusterName::new("team-a", "demo", "x7k2p".parse().unwrap())
}

fn spec(workers: u32) -> WorkloadClusterSpec {
    let mut spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
    spec.control_plane.replicas = 1;
    spec.workers[0].replicas = workers;
    spec
}

/// A cluster without machines.
fn empty() -> Observation {
    Observation {
        now: now(),
        cluster: Some(view::Cluster::default()),
        ..Observation::default()
    }
}

fn machine(name: &str) -> Machine {
    let mut machine = Machine {
        metadata: Metadata {
            name: name.to_owned(),
            uid: format!("uid-of-{name}"),
            ..Metadata::default()
        },
        ..Machine::default()
    };
    let (key, value) = if name.starts_with('c') {
        (label::CONTROL_PLANE, "")
    } else {
        (label::DEPLOYMENT_NAME, "demo-x7k2p-workers")
    };
    machine
        .metadata
        .labels
        .insert(key.to_owned(), value.to_owned());
    machine
}

fn node(name: &str) -> Machine {
    let mut machine = machine(name);
    machine.status.node_ref = Some(view::NodeReference {
        name: name.to_owned(),
    });
    machine
}

/// Adds a machine whose server failed so long ago; `id` is that of the server, if Nova made one.
fn fails(seen: &mut Observation, name: &str, ago: i64, why: &str, id: Option<&str>) {
    seen.machines.push(machine(name));
    let mut server = OpenStackServer {
        metadata: Metadata {
            name: name.to_owned(),
            ..Metadata::default()
        },
        ..OpenStackServer::default()
    };
    let (reason, message) = if id.is_some() {
        seen.faults.insert(name.to_owned(), why.to_owned());
        ("InstanceStateError", "")
    } else {
        ("InstanceCreateFailed", why)
    };
    server.status.instance_state = Some("ERROR".to_owned());
    server.status.instance_id = id.map(str::to_owned);
    server.status.conditions = vec![Condition {
        kind: "InstanceReady".to_owned(),
        status: "False".to_owned(),
        severity: Some("Error".to_owned()),
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition_time: Some(seconds_ago(ago)),
    }];
    seen.openstack_servers.push(server);
}

fn past(attempts: u32, ago: i64) -> Replacement {
    Replacement {
        attempts,
        last: seconds_ago(ago),
        machines: vec!["w0".to_owned()],
        reason: crate::progress::reason(NO_HOST, None, (ReasonCode::Other, "", "")),
    }
}

fn room(cores: u64) -> Room {
    let need = Need::from([
        (Resource::Instances, 1),
        (Resource::Cores, 2),
        (Resource::Ports, 1),
    ]);
    Room {
        machine: ["workers", CONTROL_PLANE]
            .map(|pool| (pool.to_owned(), need.clone()))
            .into(),
        free: BTreeMap::from([
            (Resource::Instances, Some(10)),
            (Resource::Cores, Some(cores)),
            (Resource::Ports, Some(0)),
        ]),
    }
}

fn names(failed: &[Failed]) -> Vec<&str> {
    failed.iter().map(|one| one.machine.as_str()).collect()
}

fn decided(seen: &Observation, past: Option<Replacement>, room: &Room) -> Decision {
    let failed = failed(&spec(2), &name(), seen);
    let past = past.map(|past| ("workers".to_owned(), past));
    decide(&failed, &past.into_iter().collect(), room, now())
}

#[test]
fn only_what_capo_has_given_up_and_never_was_a_node_is_ours() {
    let final_reasons = [
        ("InstanceStateError", "ERROR", true),
        ("InstanceCreateFailed", "ERROR", true),
        ("InstanceDeleted", "DELETED", true),
        ("InstanceNotFound", "ACTIVE", true),
        // CAPO tries these again by itself.
        ("PortCreateFailed", "", false),
        ("DependencyFailed", "", false),
        ("OpenStackError", "ACTIVE", false),
        ("InstanceNotReady", "SHUTOFF", false),
        ("WaitingForBootstrapData", "", false),
    ];
    for (reason, state, ours) in final_reasons {
        let mut seen = empty();
        fails(&mut seen, "w1", 5, NO_HOST, None);
        let status = &mut seen.openstack_servers[0].status;
        status.instance_state = Some(state.to_owned());
        status.conditions[0].reason = reason.to_owned();
        let found = failed(&spec(1), &name(), &seen);
        assert_eq!(!found.is_empty(), ours, "{reason}");
    }

    let mut seen = empty();
    fails(&mut seen, "w1", 5, NO_HOST, Some("id"));
    seen.machines = vec![node("w1")];
    assert_eq!(failed(&spec(1), &name(), &seen), []);
}

#[test]
fn nothing_is_touched_while_paused_or_going() {
    let mut seen = empty();
    fails(&mut seen, "w1", 900, NO_HOST, None);
    assert_eq!(names(&failed(&spec(1), &name(), &seen)), ["w1"]);

    let mut paused = spec(1);
    paused.paused = true;
    assert_eq!(failed(&paused, &name(), &seen), []);

    let changes: [Change; 6] = [
        |seen| seen.cluster = None,
        |seen| seen.cluster.as_mut().unwrap().spec.paused = true,
        |seen| seen.cluster.as_mut().unwrap().metadata.deletion_timestamp = Some(now()),
        |seen| {
            let metadata = &mut seen.cluster.as_mut().unwrap().metadata;
            metadata
                .annotations
                .insert(label::PAUSED.to_owned(), String::new());
        },
        |seen| {
            let metadata = &mut seen.machines[0].metadata;
            metadata
                .annotations
                .insert(label::PAUSED.to_owned(), String::new());
        },
        |seen| seen.machines[0].metadata.deletion_timestamp = Some(now()),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut seen = seen.clone();
        change(&mut seen);
        assert_eq!(failed(&spec(1), &name(), &seen), [], "change {index}");
    }
}

#[test]
fn a_full_cloud_is_tried_again_after_pauses_that_double() {
    // Rounds so far, seconds since the failure, whether it is time.
    for (attempts, ago, replaced) in [
        (0, 59, false),
        (0, 60, true),
        (1, 119, false),
        (1, 120, true),
        (2, 239, false),
        (2, 240, true),
        (4, 959, false),
        (4, 960, true),
        (5, 1799, false),
        (5, 1800, true),
        (1000, 1799, false),
        (1000, 1800, true),
    ] {
        let mut seen = empty();
        fails(&mut seen, "w1", ago, NO_HOST, Some("id"));
        let past = (attempts > 0).then(|| past(attempts, ago + 30));
        let decision = decided(&seen, past, &Room::default());
        let expected: &[&str] = if replaced { &["w1"] } else { &[] };
        assert_eq!(
            names(&decision.replace),
            expected,
            "try {attempts} after {ago} s"
        );
        assert_eq!(decision.again.is_some(), !replaced);
    }
}

#[test]
fn what_waits_says_for_what_and_in_the_same_words_at_every_look() {
    let mut seen = empty();
    fails(&mut seen, "w1", 30, NO_HOST, Some("id"));
    let failed = failed(&spec(1), &name(), &seen);
    let look = |at| decide(&failed, &BTreeMap::new(), &Room::default(), at);
    let first = look(now());
    assert_eq!(
        first.outlook["w1"],
        "is made anew after 10:00:30 UTC, try 1"
    );
    assert_eq!(first.again, Some(now() + SignedDuration::from_secs(30)));
    assert_eq!(look(now() + SignedDuration::from_secs(3)), first);
}

#[test]
fn a_refusal_for_quota_waits_for_quota_and_then_for_nothing() {
    let mut seen = empty();
    fails(&mut seen, "w1", 0, QUOTA, None);
    let waits = decided(&seen, None, &room(1));
    assert_eq!(waits.replace, []);
    assert_eq!(
        waits.outlook["w1"],
        "is made anew when there is quota: 2 cores needed, 1 free"
    );
    // The port of the failed machine is there already, so that none is free does not matter.
    assert_eq!(names(&decided(&seen, None, &room(2)).replace), ["w1"]);
    let unlimited = Room {
        free: BTreeMap::new(),
        ..room(0)
    };
    assert_eq!(names(&decided(&seen, None, &unlimited).replace), ["w1"]);
}

#[test]
fn quota_that_was_there_and_did_not_suffice_makes_a_pause() {
    let mut seen = empty();
    fails(&mut seen, "w1", 10, QUOTA, None);
    let decision = decided(&seen, Some(past(1, 20)), &room(100));
    assert_eq!(decision.replace, []);
    assert!(decision.again.is_some());
}

#[test]
fn no_more_machines_are_replaced_than_there_is_quota_for() {
    let mut seen = empty();
    fails(&mut seen, "w1", 10, QUOTA, None);
    fails(&mut seen, "w2", 20, QUOTA, None);
    fails(&mut seen, "w3", 30, QUOTA, None);
    let decision = decided(&seen, None, &room(4));
    // The oldest failures first.
    assert_eq!(names(&decision.replace), ["w3", "w2"]);
    assert!(decision.outlook["w1"].contains("0 free"), "{decision:?}");
}

#[test]
fn a_server_in_error_for_quota_gives_back_what_it_uses() {
    let mut seen = empty();
    fails(
        &mut seen,
        "w1",
        100,
        "Build of instance aborted: VolumeSizeExceedsAvailableQuota: Requested volume exceeds allowed gigabytes quota.",
        Some("id"),
    );
    assert_eq!(names(&decided(&seen, None, &room(0)).replace), ["w1"]);
}

#[test]
fn pools_are_counted_apart() {
    let mut seen = empty();
    fails(&mut seen, "c1", 90, NO_HOST, Some("id"));
    fails(&mut seen, "w1", 90, NO_HOST, Some("id"));
    let failed = failed(&spec(1), &name(), &seen);
    let mut history = BTreeMap::from([("workers".to_owned(), past(1, 100))]);
    let decision = decide(&failed, &history, &Room::default(), now());
    assert_eq!(names(&decision.replace), ["c1"]);
    assert!(decision.replace[0].is_control_plane());
    assert_eq!(decision.replace[0].uid, "uid-of-c1");
    count(&mut history, &decision.replace, now());
    assert_eq!(history[CONTROL_PLANE].attempts, 1);
    assert_eq!(history["workers"].attempts, 1);
    count(&mut history, &decision.replace, now());
    assert_eq!(history[CONTROL_PLANE].attempts, 2);
}

#[test]
fn the_control_plane_is_marked_when_its_owner_will_act() {
    // Seconds since the last round; the failure is older than any pause after one round.
    for (since_round, replaced) in [(200, false), (314, false), (315, true)] {
        let mut seen = empty();
        fails(&mut seen, "c1", 190, NO_HOST, Some("id"));
        let failed = failed(&spec(1), &name(), &seen);
        let history = BTreeMap::from([(CONTROL_PLANE.to_owned(), past(1, since_round))]);
        let decision = decide(&failed, &history, &Room::default(), now());
        assert_eq!(!decision.replace.is_empty(), replaced, "{since_round} s");
    }
}

#[test]
fn a_machine_that_is_marked_is_left_to_its_owner_and_its_words_are_told() {
    let mut seen = empty();
    fails(&mut seen, "c1", 9000, NO_HOST, Some("id"));
    seen.machines[0]
        .metadata
        .annotations
        .insert(label::REMEDIATE_MACHINE.to_owned(), String::new());
    let decision = decided(&seen, None, &Room::default());
    assert_eq!(decision.replace, []);
    assert_eq!(
        decision.outlook["c1"],
        "is being made anew by the control plane"
    );
    seen.machines[0].status.conditions = vec![Condition {
        kind: "OwnerRemediated".to_owned(),
        status: "False".to_owned(),
        message: "the operation already failed 3 times (MaxRetry)".to_owned(),
        ..Condition::default()
    }];
    let told = decided(&seen, None, &Room::default());
    assert!(told.outlook["c1"].contains("MaxRetry"), "{told:?}");
    assert!(!wants_room(&failed(&spec(1), &name(), &seen)));
}

#[test]
fn rounds_are_forgotten_when_the_pool_is_whole_and_not_before() {
    let look = |machines: Vec<Machine>, workers: u32| {
        let mut seen = empty();
        seen.machines = machines;
        let mut history = BTreeMap::from([("workers".to_owned(), past(3, 10))]);
        forget(&mut history, &spec(workers), &name(), &seen);
        history.is_empty()
    };
    assert!(look(vec![node("w1"), node("w2"), machine("c1")], 2));
    // The failed one is deleted, its successor not there yet: the count must survive.
    assert!(!look(vec![node("w1")], 2));
    assert!(!look(vec![node("w1"), machine("w2")], 2));
    assert!(look(vec![node("w1")], 1));
    assert!(look(vec![], 0), "a pool that is wanted no more");
}

#[test]
fn the_reason_stays_visible_while_the_server_is_made_anew() {
    let history = BTreeMap::from([("workers".to_owned(), past(2, 10))]);
    let told = reasons(&history, &[]);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].code, ReasonCode::NoValidHost);
    assert!(told[0].message.contains("try 2"), "{told:?}");
    assert_eq!(told[0].detail.as_deref(), Some(NO_HOST));
    assert_eq!(told[0].object.as_deref(), Some("Machine w0"));

    let mut seen = empty();
    fails(&mut seen, "w1", 10, NO_HOST, Some("id"));
    assert_eq!(reasons(&history, &failed(&spec(1), &name(), &seen)), []);
}
