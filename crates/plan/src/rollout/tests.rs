use capstan_spec::cluster::Autoscaling;

use super::*;
use crate::render::tests as rendering;

fn name() -> ClusterName {
    ClusterName::new("team-a", "demo", "x7k2p".parse().unwrap())
}

fn spec(paused: bool) -> WorkloadClusterSpec {
    let version = KubernetesVersion::new(1, 36, 3);
    let mut spec = WorkloadClusterSpec::new(version, "a", "b");
    spec.control_plane.replicas = 3;
    spec.control_plane.rollout.paused = paused;
    spec.workers[0].replicas = 2;
    spec
}

/// A machine per word: `new` or `old`, `going` with a member in etcd, `gone` without.
fn machines(words: &[&str], control_plane: bool) -> Vec<view::Machine> {
    let machine = |word: &&str| {
        let mut machine = view::Machine::default();
        let (key, value) = if control_plane {
            (label::CONTROL_PLANE, "")
        } else {
            (label::DEPLOYMENT_NAME, "demo-x7k2p-workers")
        };
        machine.metadata.labels = [(key.to_owned(), value.to_owned())].into();
        "v1.36.3".clone_into(&mut machine.spec.version);
        if *word != "unsaid" {
            machine.status.conditions = vec![view::Condition {
                kind: UP_TO_DATE.to_owned(),
                status: if *word == "new" { "True" } else { "False" }.to_owned(),
                ..view::Condition::default()
            }];
        }
        if matches!(*word, "going" | "gone") {
            machine.metadata.deletion_timestamp = Some(Timestamp::UNIX_EPOCH);
        }
        if *word != "gone" {
            let annotations = &mut machine.metadata.annotations;
            annotations.insert(label::LEAVES_ETCD.to_owned(), String::new());
        }
        machine
    };
    words.iter().map(machine).collect()
}

fn seen(words: &[&str]) -> Observation {
    let mut plane = view::ControlPlane::default();
    plane.spec.replicas = Some(3);
    Observation {
        control_plane: Some(plane),
        machines: machines(words, true),
        ..Observation::default()
    }
}

#[test]
fn the_control_plane_is_held_between_two_replacements_only() {
    for (words, changes, held) in [
        // Nothing to roll: it goes on being healed.
        (&["new", "new", "new"][..], false, false),
        (&["new", "new", "new"], true, true),
        (&["old", "old", "old"], false, true),
        // One more is made: it has to take the place of an old one first.
        (&["old", "old", "old", "new"], false, false),
        (&["going", "old", "old", "new"], false, false),
        (&["gone", "old", "old", "new"], false, true),
        // Without surge the old one goes first.
        (&["going", "old", "old"], false, false),
        (&["gone", "old", "old"], false, false),
        (&["old", "old", "new"], false, true),
    ] {
        let seen = seen(words);
        assert_eq!(holds(&spec(true), &seen, changes), held, "{words:?}");
        assert!(!holds(&spec(false), &seen, changes), "{words:?}");
    }
    assert!(!holds(&spec(true), &Observation::default(), true));
}

#[test]
fn what_is_held_stays_held_until_the_pause_ends() {
    let mut seen = seen(&["new", "new", "new", "new"]);
    let plane = seen.control_plane.as_mut().unwrap();
    let annotations = &mut plane.metadata.annotations;
    annotations.insert(label::PAUSED.to_owned(), "true".to_owned());
    assert!(holds(&spec(true), &seen, false));
    assert!(!holds(&spec(false), &seen, false));
}

#[test]
fn a_held_control_plane_is_marked_before_anything_else_is_applied() {
    let mut rendered = rendering::rendered();
    let count = rendered.objects.len();
    hold(&mut rendered);
    assert_eq!(rendered.objects.len(), count);
    let first = &rendered.objects[0];
    assert_eq!(first.kind.kind, "KubeadmControlPlane");
    let mark = &first.value["metadata"]["annotations"][label::PAUSED];
    assert_eq!(mark, "true");
}

#[test]
fn a_machine_is_as_wanted_when_its_owner_says_so() {
    let seen = Observation {
        machines: machines(&["new", "old", "unsaid", "going"], false),
        ..Observation::default()
    };
    let version = |minor| KubernetesVersion::new(1, minor, 3);
    assert_eq!(as_wanted(&name(), &seen, "workers", version(36)), 2);
    assert_eq!(as_wanted(&name(), &seen, "workers", version(37)), 1);
    assert_eq!(as_wanted(&name(), &seen, "other", version(36)), 0);
}

#[test]
fn a_pause_is_told_with_how_far_it_came() {
    let told = |spec: &WorkloadClusterSpec, seen: &Observation| {
        condition(spec, &name(), seen, Some(1), Timestamp::UNIX_EPOCH)
    };
    let mut seen = seen(&["old", "old", "new"]);
    assert_eq!(told(&spec(false), &seen), None);
    let plane = told(&spec(true), &seen).unwrap();
    assert_eq!(plane.status, ConditionStatus::False);
    assert!(
        plane
            .message
            .contains("control-plane (1 of 3 as wanted); capstan cluster rollout resume demo"),
        "{}",
        plane.message
    );
    let annotations = &mut seen.control_plane.as_mut().unwrap().metadata.annotations;
    annotations.insert(label::PAUSED.to_owned(), "true".to_owned());
    assert!(
        told(&spec(true), &seen)
            .unwrap()
            .message
            .contains("not made anew")
    );
    let mut pool = spec(false);
    pool.workers[0].rollout.paused = true;
    seen.machines = machines(&["new", "old", "old"], false);
    let pool = told(&pool, &seen).unwrap().message;
    assert!(
        pool.contains("paused: workers (1 of 2 as wanted)"),
        "{pool}"
    );
    assert!(!pool.contains("made anew"), "{pool}");
}

#[test]
fn a_rollout_is_complete_only_when_nothing_else_is_left() {
    let state = |paused, observed, current, up_to_date| {
        let mut spec = spec(false);
        spec.workers[0].rollout.paused = paused;
        let counts = ReplicaCounts {
            desired: 2,
            current,
            ready: current,
            up_to_date,
        };
        let status = WorkloadClusterStatus {
            observed_generation: Some(observed),
            workers: [("workers".to_owned(), counts)].into(),
            ..WorkloadClusterStatus::default()
        };
        lines(&spec, Some(3), &status)[1].state
    };
    assert_eq!(state(false, 3, 2, 2), RolloutState::Complete);
    assert_eq!(state(false, 3, 3, 2), RolloutState::Running);
    assert_eq!(state(false, 3, 2, 1), RolloutState::Running);
    assert_eq!(state(false, 2, 2, 2), RolloutState::Unseen);
    assert_eq!(state(true, 3, 3, 1), RolloutState::Paused);
    let mut elastic = spec(false);
    elastic.workers[0].autoscaling = Some(Autoscaling::within_bounds(0, 9));
    let counts = ReplicaCounts {
        desired: 5,
        ..ReplicaCounts::default()
    };
    let status = WorkloadClusterStatus {
        workers: [("workers".to_owned(), counts)].into(),
        ..WorkloadClusterStatus::default()
    };
    assert_eq!(lines(&elastic, None, &status)[1].wanted, 5);
}
