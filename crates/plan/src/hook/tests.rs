use capstan_capi::view;
use capstan_spec::KubernetesVersion;
use capstan_spec::cluster::ManifestSource;
use capstan_spec::progress::PhaseProgress;

use super::JobState::{Active, Complete, Failed, Going};
use super::*;

const MANIFEST: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

fn hook(name: &str, on_failure: OnFailure) -> Hook {
    Hook {
        name: name.to_owned(),
        manifest: Some(MANIFEST.to_owned()),
        from: None,
        timeout_seconds: 60,
        on_failure,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn pending(message: &str) -> Seen {
    Seen::Pending {
        applied: true,
        message: message.to_owned(),
    }
}

fn two(first: OnFailure) -> (Vec<Hook>, Vec<HookRun>) {
    let hooks = vec![hook("one", first), hook("two", OnFailure::Stop)];
    let runs = lay_out(&hooks, &[]);
    (hooks, runs)
}

#[test]
fn the_content_is_what_is_applied_and_not_how_it_is_written() {
    let of = |text: &str| {
        content(&Hook {
            manifest: Some(text.to_owned()),
            ..hook("a", OnFailure::Stop)
        })
    };
    assert_eq!(
        of(MANIFEST),
        of("# why\n---\n{kind: ConfigMap, apiVersion: \"v1\", metadata: {name: a}}\n")
    );
    assert_ne!(
        of(MANIFEST),
        of("{kind: ConfigMap, apiVersion: v1, metadata: {name: b}}")
    );
    assert_ne!(of("a: {"), of("a: {{"), "what cannot be read is its text");
    let mut patient = hook("other", OnFailure::Continue);
    patient.timeout_seconds = 90;
    assert_eq!(content(&patient), of(MANIFEST));
    let from = |secret: &str| {
        content(&Hook {
            manifest: None,
            from: Some(ManifestSource {
                config_map: None,
                secret: Some(secret.to_owned()),
                key: "k".to_owned(),
            }),
            ..hook("a", OnFailure::Stop)
        })
    };
    assert_ne!(from("a"), from("b"));
}

#[test]
fn one_runs_after_the_other_and_none_twice() {
    let (hooks, mut runs) = two(OnFailure::Stop);
    for place in 0..2 {
        assert_eq!(next(&hooks, &runs, None, at(0)), Step::Begin(place));
        begin(&mut runs[place], at(0));
        assert_eq!(next(&hooks, &runs, None, at(0)), Step::GoOn(place));
        enter(&hooks[place], &mut runs[place], pending("Job a"), at(59));
        assert!(runs[place].applied && !is_over(&hooks, &runs));
        assert_eq!(next(&hooks, &runs, None, at(0)), Step::GoOn(place));
        enter(&hooks[place], &mut runs[place], Seen::Succeeded, at(59));
    }
    assert!(is_over(&hooks, &runs));
    // As after a restart, and when the wish is made once more.
    let runs = lay_out(&hooks, &runs);
    assert_eq!(next(&hooks, &runs, Some(at(999)), at(999)), Step::Nothing);
    assert!(is_over(&[], &[]));
}

#[test]
fn what_is_new_or_changed_runs_and_what_is_gone_is_forgotten() {
    let (mut hooks, mut runs) = two(OnFailure::Stop);
    for run in &mut runs {
        begin(run, at(0));
        run.state = HookState::Succeeded;
    }
    hooks[0].manifest = Some("{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}".to_owned());
    hooks.push(hook("three", OnFailure::Stop));
    let laid = lay_out(&hooks, &runs);
    let states: Vec<_> = laid.iter().map(|run| (run.state, run.attempts)).collect();
    assert_eq!(
        states,
        [
            (HookState::Waiting, 0),
            (HookState::Succeeded, 1),
            (HookState::Waiting, 0)
        ]
    );
    let of = |hooks: &[Hook]| Hooks {
        after_create: hooks.to_vec(),
        before_delete: hooks.to_vec(),
    };
    let known = HookRuns {
        after_create: runs.clone(),
        before_delete: runs,
    };
    hooks.remove(1);
    let told: Vec<_> = changes(&of(&hooks), &known)
        .iter()
        .map(HookChange::told)
        .collect();
    assert_eq!(
        told,
        [
            "hook one runs once the cluster stands, again if it ran before: its content is another",
            "hook three runs once the cluster stands",
            "hook two is dropped; what it applied stays",
            "hook one will run with another content before the cluster is deleted",
            "hook three will run before the cluster is deleted",
            "hook two will no longer run before the cluster is deleted",
        ]
    );
    let laid = HookRuns {
        after_create: lay_out(&hooks, &[]),
        before_delete: lay_out(&hooks, &[]),
    };
    assert_eq!(changes(&of(&hooks), &laid), [], "what is laid out is known");
}

#[test]
fn what_takes_too_long_has_failed_and_is_tried_again_after_pauses() {
    let (hooks, mut runs) = two(OnFailure::Stop);
    begin(&mut runs[0], at(100));
    enter(&hooks[0], &mut runs[0], pending("Job a"), at(159));
    assert_eq!(runs[0].state, HookState::Running);
    enter(&hooks[0], &mut runs[0], pending("Job a"), at(160));
    assert_eq!(runs[0].state, HookState::Failed);
    assert_eq!(runs[0].message, "not done within 60 s: Job a");
    let mut now = at(160);
    for minutes in [1, 2, 4, 8, 16, 30, 30] {
        let again = now + SignedDuration::from_mins(minutes);
        assert_eq!(next(&hooks, &runs, None, now), Step::Pause(0, again));
        assert_eq!(
            next(&hooks, &runs, Some(now), now),
            Step::Pause(0, again),
            "asked before it failed"
        );
        let asked = now + SignedDuration::from_secs(1);
        assert_eq!(next(&hooks, &runs, Some(asked), asked), Step::Begin(0));
        now = again;
        assert_eq!(next(&hooks, &runs, None, now), Step::Begin(0));
        begin(&mut runs[0], now);
        assert!(!runs[0].applied && runs[0].finished.is_none());
        enter(&hooks[0], &mut runs[0], Seen::Failed("no".to_owned()), now);
    }
}

#[test]
fn one_that_may_fail_is_passed_over_and_not_tried_again() {
    let (hooks, mut runs) = two(OnFailure::Continue);
    begin(&mut runs[0], at(0));
    enter(
        &hooks[0],
        &mut runs[0],
        Seen::Failed("no".to_owned()),
        at(1),
    );
    assert_eq!(
        next(&hooks, &runs, Some(at(9999)), at(9999)),
        Step::Begin(1)
    );
    runs[1].state = HookState::Succeeded;
    assert!(is_over(&hooks, &runs));
    let (phase, reason) = phase("demo", When::AfterCreate, &hooks, &runs).unwrap();
    assert_eq!(
        (phase.state, phase.message.as_str()),
        (StepState::Done, "1 of 2 failed")
    );
    assert_eq!(reason, None);
    let runs = HookRuns {
        after_create: runs,
        ..HookRuns::default()
    };
    let lists = [(When::AfterCreate, &hooks[..]), (When::BeforeDelete, &[])];
    let told = condition(lists, &runs, None, at(0)).unwrap().message;
    assert_eq!(
        told,
        "hook one (after creation) failed: no; everything else goes on without it"
    );
}

#[test]
fn what_fails_holds_up_and_says_what_to_do() {
    let (hooks, mut runs) = two(OnFailure::Stop);
    let told = |when, runs: &[HookRun]| phase("demo", when, &hooks, runs).unwrap();
    assert_eq!(told(When::AfterCreate, &runs).0.state, StepState::Waiting);
    begin(&mut runs[0], at(0));
    enter(
        &hooks[0],
        &mut runs[0],
        pending("Job default/a: 1 pod runs"),
        at(1),
    );
    let (running, _) = told(When::AfterCreate, &runs);
    assert_eq!(running.state, StepState::Running);
    assert_eq!(
        running.message,
        "hook one, until 00:01:00 UTC at the latest: Job default/a: 1 pod runs"
    );
    enter(
        &hooks[0],
        &mut runs[0],
        Seen::Failed("no".to_owned()),
        at(2),
    );
    let (blocked, reason) = told(When::BeforeDelete, &runs);
    assert_eq!(blocked.state, StepState::Blocked);
    let reason = reason.unwrap();
    assert_eq!(reason.message, "hook one (before deletion) failed: no");
    assert!(
        reason
            .remedy
            .contains("capstan cluster delete demo --skip-hooks"),
        "{reason:?}"
    );
    assert!(reason.remedy.contains("at 00:01:02 UTC"), "{reason:?}");
    assert_eq!(phase("demo", When::BeforeDelete, &[], &[]), None);

    skip(&hooks, &mut runs, "its API never answered", at(3));
    assert!(is_over(&hooks, &runs));
    assert_eq!(runs[0].message, "its API never answered");
}

#[test]
fn a_job_is_made_once_per_run_and_nobody_elses_is_touched() {
    let (_, mut runs) = two(OnFailure::Stop);
    let run = &mut runs[0];
    begin(run, at(0));
    let first = mark(run);
    let of = |mark: Option<&str>, state, run: &HookRun| {
        let seen = JobSeen {
            mark: mark.map(str::to_owned),
            state,
        };
        job(Some(&seen), run)
    };
    assert_eq!(job(None, run), JobStep::Apply);
    for state in [Active, Complete, Failed] {
        assert_eq!(of(Some(&first), state, run), JobStep::Apply, "{state:?}");
        assert_eq!(of(None, state, run), JobStep::Foreign, "{state:?}");
        assert_eq!(
            of(Some("other.1"), state, run),
            JobStep::Replace,
            "{state:?}"
        );
    }
    assert_eq!(of(Some(&first), Going, run), JobStep::Wait);
    begin(run, at(0));
    for (state, step) in [
        (Active, JobStep::Apply),
        (Complete, JobStep::Apply),
        (Failed, JobStep::Replace),
    ] {
        assert_eq!(of(Some(&first), state, run), step, "{state:?}");
    }
}

#[test]
fn hooks_begin_when_all_else_is_done_or_where_the_pod_network_may_be_theirs() {
    let of = |states: &[(Phase, StepState)]| Progress {
        phases: states
            .iter()
            .map(|(phase, state)| PhaseProgress {
                phase: *phase,
                state: *state,
                percent: 0,
                message: String::new(),
            })
            .collect(),
        ..Progress::default()
    };
    let mut spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
    let mut seen = Observation::default();
    let (done, running) = (StepState::Done, StepState::Running);
    let waiting = (Phase::Hooks, StepState::Waiting);
    assert!(stands(
        &spec,
        &seen,
        &of(&[(Phase::Workers, done), waiting])
    ));
    assert!(!stands(
        &spec,
        &seen,
        &of(&[(Phase::Workers, running), waiting])
    ));
    assert!(!stands(&spec, &seen, &of(&[])));
    spec.cni = Cni::None;
    let unready = of(&[(Phase::Workers, running), waiting]);
    assert!(!stands(&spec, &seen, &unready), "there is no API yet");
    let mut plane = view::ControlPlane::default();
    plane.status.initialization.control_plane_initialized = true;
    seen.control_plane = Some(plane);
    assert!(stands(&spec, &seen, &unready));
}
