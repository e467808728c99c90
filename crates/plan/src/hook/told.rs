//! Hooks in progress, reasons and conditions.

use capstan_spec::cluster::{Hook, OnFailure};
use capstan_spec::progress::{Phase, PhaseProgress, Reason, ReasonCode, StepState};
use capstan_spec::status::{Condition, ConditionStatus, HookRun, HookRuns, HookState};
use jiff::Timestamp;

use super::{When, again, deadline, is_over, passes};

/// How far the hooks of a list are, and why they stand still. `None` where there are none.
pub fn phase(
    cluster: &str,
    when: When,
    hooks: &[Hook],
    runs: &[HookRun],
) -> Option<(PhaseProgress, Option<Reason>)> {
    if hooks.is_empty() {
        return None;
    }
    let of = |state, done: usize, message: String| PhaseProgress {
        phase: Phase::Hooks,
        state,
        percent: u8::try_from(done * 100 / hooks.len()).unwrap_or(100),
        message,
    };
    if is_over(hooks, runs) {
        let failed = runs.iter().filter(|run| run.state == HookState::Failed);
        let message = match failed.count() {
            0 => String::new(),
            failed => format!("{failed} of {} failed", hooks.len()),
        };
        return Some((of(StepState::Done, hooks.len(), message), None));
    }
    let pairs = || hooks.iter().zip(runs);
    let done = pairs().filter(|(hook, run)| passes(hook, run)).count();
    let Some((hook, run)) = pairs().find(|(hook, run)| !passes(hook, run)) else {
        return Some((of(StepState::Waiting, 0, String::new()), None));
    };
    Some(match run.state {
        HookState::Failed => {
            let reason = reason(cluster, when, hook, run);
            let message = format!("hook {} failed", run.name);
            (of(StepState::Blocked, done, message), Some(reason))
        }
        HookState::Running => {
            let end = clock(deadline(hook, run));
            let message = format!(
                "hook {}, until {end} at the latest: {}",
                run.name, run.message
            );
            (of(StepState::Running, done, message), None)
        }
        _ => {
            let text = format!("{} of {} done", done, hooks.len());
            (of(StepState::Waiting, done, text), None)
        }
    })
}

/// Why a hook that has failed holds things up, and what to do.
pub fn reason(cluster: &str, when: When, hook: &Hook, run: &HookRun) -> Reason {
    let without = match when {
        When::AfterCreate => {
            "onFailure: continue, or taking it out of the cluster, goes on without it".to_owned()
        }
        When::BeforeDelete => {
            format!("capstan cluster delete {cluster} --skip-hooks goes on without it")
        }
    };
    let remedy = format!(
        "put right what it says: it is tried again at {}, and at once when the hook is changed; {without}",
        clock(again(run))
    );
    Reason {
        code: ReasonCode::HookFailed,
        message: failure(when, run),
        remedy,
        object: Some(format!("spec.hooks, {}", hook.name)),
        detail: None,
    }
}

fn failure(when: When, run: &HookRun) -> String {
    format!(
        "hook {} ({}) failed: {}",
        run.name,
        when.as_str(),
        run.message
    )
}

/// The condition [`Condition::HOOKS`]: `False` with what has failed; nothing while nothing has.
pub fn condition(
    lists: [(When, &[Hook]); 2],
    runs: &HookRuns,
    generation: Option<i64>,
    now: Timestamp,
) -> Option<Condition> {
    let mut told = Vec::new();
    for (when, hooks) in lists {
        let runs = match when {
            When::AfterCreate => &runs.after_create,
            When::BeforeDelete => &runs.before_delete,
        };
        let failed = hooks
            .iter()
            .zip(runs)
            .filter(|(_, run)| run.state == HookState::Failed);
        told.extend(failed.map(|(hook, run)| {
            let goes_on = if hook.on_failure == OnFailure::Continue {
                "; everything else goes on without it"
            } else {
                ""
            };
            format!("{}{goes_on}", failure(when, run))
        }));
    }
    (!told.is_empty()).then(|| Condition {
        kind: Condition::HOOKS.to_owned(),
        status: ConditionStatus::False,
        reason: "HookFailed".to_owned(),
        message: told.join("; "),
        last_transition_time: now,
        observed_generation: generation,
    })
}

/// The time of day, to the second: what is said must not change from one look to the next.
fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S UTC").to_string()
}
