//! Which hook of a cluster is begun, goes on, has ended or is tried again.
//!
//! Hooks of a list run one after the other. What became of each is written into the cluster's status before it is begun and
//! after every look, and a Job carries in an annotation which run made it: so a controller that dies anywhere takes up what
//! it had begun, and a Job that is done is not run again.
//!
//! | what | is |
//! |---|---|
//! | a hook's content | the objects of its manifest (not how they are written), or where the manifest is |
//! | the same hook | one of the same name and content: it is not run again |
//! | a failed hook with `onFailure: stop` | tried again after 1, 2, 4, 8, 16 and then every 30 minutes, or when the wish is made once more |
//! | with `onFailure: continue` | told, and not tried again |

mod job;
mod told;

use capstan_spec::cluster::{Hook, Hooks, OnFailure};
use capstan_spec::progress::{Phase, Progress, StepState};
use capstan_spec::status::{HookRun, HookRuns, HookState};
use capstan_spec::{Cni, WorkloadClusterSpec, yaml};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Observation;
use crate::render::canonical;

pub use job::{JobSeen, JobState, JobStep, job, mark};
pub use told::{condition, phase, reason};

/// Digits of the hash over a hook's content: enough that no two contents of one hook share one.
const CONTENT: usize = 12;
/// Pause before a failed hook is tried again the first time, and the longest one.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(30);
/// The longest message that is kept: it stands in an object that lists of clusters carry.
const MESSAGE: usize = 600;

/// When the hooks of a list run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// Once the cluster stands.
    AfterCreate,
    /// Before it is deleted.
    BeforeDelete,
}

impl When {
    /// In words for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AfterCreate => "after creation",
            Self::BeforeDelete => "before deletion",
        }
    }
}

/// What is to be done about the hooks of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: each has ended, and none is tried again.
    Nothing,
    /// Nothing before that time: the one at this place has failed.
    Pause(usize, Timestamp),
    /// The one at this place is begun, or begun once more.
    Begin(usize),
    /// The one at this place goes on.
    GoOn(usize),
}

/// What a look into the cluster has shown of a hook that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It has not ended; the message says what it waits for.
    Pending {
        /// Whether all of its objects are applied.
        applied: bool,
        /// What it waits for.
        message: String,
    },
    /// It has ended badly; the message says why.
    Failed(String),
    /// It has done what it is there for.
    Succeeded,
}

/// Hash over what a hook applies. Of a manifest that is elsewhere it is over where that is: a hash over what is secret would
/// let whoever reads it try words against it.
pub fn content(hook: &Hook) -> String {
    let value = match &hook.manifest {
        // What cannot be read is refused elsewhere; here it only must not be taken for something else.
        Some(text) => yaml::documents::<Value>(text).map_or_else(|_| json!(text), Value::Array),
        None => json!({"from": hook.from}),
    };
    canonical::hash(&value)[..CONTENT].to_owned()
}

/// What is known about each hook of a list, in its order. One that is new or has another content waits; one that is no longer
/// there is forgotten.
pub fn lay_out(hooks: &[Hook], known: &[HookRun]) -> Vec<HookRun> {
    let of = |hook: &Hook| {
        let content = content(hook);
        let known = known.iter().find(|run| run.name == hook.name);
        known
            .filter(|run| run.content == content)
            .cloned()
            .unwrap_or_else(|| HookRun::waiting(&hook.name, content))
    };
    hooks.iter().map(of).collect()
}

/// What is to be done now. `runs` are those of [`lay_out`]; `asked` is when somebody last made the same wish once more.
pub fn next(hooks: &[Hook], runs: &[HookRun], asked: Option<Timestamp>, now: Timestamp) -> Step {
    for (place, (hook, run)) in hooks.iter().zip(runs).enumerate() {
        match run.state {
            HookState::Succeeded | HookState::Skipped => {}
            HookState::Waiting => return Step::Begin(place),
            HookState::Running => return Step::GoOn(place),
            HookState::Failed if hook.on_failure == OnFailure::Continue => {}
            HookState::Failed => {
                let again = again(run);
                let wanted = asked > run.finished;
                return if wanted || again <= now {
                    Step::Begin(place)
                } else {
                    Step::Pause(place, again)
                };
            }
        }
    }
    Step::Nothing
}

/// Whether hooks after creation may begin: everything of the cluster is as wanted but they. Without a pod network of ours as
/// soon as the API answers, because no node is ready before there is one, and a hook may be what brings it.
pub fn stands(spec: &WorkloadClusterSpec, seen: &Observation, progress: &Progress) -> bool {
    if spec.cni == Cni::None {
        return seen.is_initialized();
    }
    let mut rest = progress
        .phases
        .iter()
        .filter(|one| one.phase != Phase::Hooks);
    !progress.phases.is_empty() && rest.all(|one| one.state == StepState::Done)
}

/// Whether nothing of the list is left to wait for.
pub fn is_over(hooks: &[Hook], runs: &[HookRun]) -> bool {
    hooks.len() == runs.len() && hooks.iter().zip(runs).all(|(hook, run)| passes(hook, run))
}

/// Whether what comes after this hook may begin.
fn passes(hook: &Hook, run: &HookRun) -> bool {
    match run.state {
        HookState::Succeeded | HookState::Skipped => true,
        HookState::Failed => hook.on_failure == OnFailure::Continue,
        HookState::Waiting | HookState::Running => false,
    }
}

/// When a failed hook is tried again.
pub fn again(run: &HookRun) -> Timestamp {
    let doubled = FIRST_PAUSE * 2_i32.pow(run.attempts.saturating_sub(1).min(5));
    later(run.finished, doubled.min(LONGEST_PAUSE))
}

/// When a hook that runs has failed if it has not succeeded.
pub fn deadline(hook: &Hook, run: &HookRun) -> Timestamp {
    later(
        run.started,
        SignedDuration::from_secs(hook.timeout_seconds.into()),
    )
}

fn later(from: Option<Timestamp>, by: SignedDuration) -> Timestamp {
    let from = from.unwrap_or(Timestamp::UNIX_EPOCH);
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// It is begun. To be written down before anything is done.
pub fn begin(run: &mut HookRun, now: Timestamp) {
    run.state = HookState::Running;
    run.attempts = run.attempts.saturating_add(1);
    run.applied = false;
    run.started = Some(now);
    run.finished = None;
    "begins".clone_into(&mut run.message);
}

/// Enters what was seen of it.
pub fn enter(hook: &Hook, run: &mut HookRun, seen: Seen, now: Timestamp) {
    let (state, message) = match seen {
        Seen::Succeeded => (HookState::Succeeded, String::new()),
        Seen::Failed(message) => (HookState::Failed, message),
        Seen::Pending { applied, message } => {
            run.applied |= applied;
            if deadline(hook, run) <= now {
                let text = format!("not done within {} s: {message}", hook.timeout_seconds);
                (HookState::Failed, text)
            } else {
                (HookState::Running, message)
            }
        }
    };
    run.applied |= state == HookState::Succeeded;
    run.state = state;
    run.message = cut(&message);
    if state != HookState::Running {
        run.finished = Some(now);
    }
}

/// Those that hold anything up cannot run any more.
pub fn skip(hooks: &[Hook], runs: &mut [HookRun], why: &str, now: Timestamp) {
    let left = hooks
        .iter()
        .zip(runs)
        .filter(|(hook, run)| !passes(hook, run));
    for (_, run) in left {
        run.state = HookState::Skipped;
        run.finished = Some(now);
        run.message = cut(why);
    }
}

fn cut(message: &str) -> String {
    if message.chars().count() <= MESSAGE {
        return message.to_owned();
    }
    let cut: String = message.chars().take(MESSAGE).collect();
    format!("{cut}…")
}

/// What a change of the wish means for a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HookChange {
    /// Its name.
    pub hook: String,
    /// When it runs.
    pub when: When,
    /// What becomes of it.
    pub effect: HookEffect,
}

/// What becomes of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HookEffect {
    /// It is new: it runs when its time has come.
    New,
    /// Its content is another: it runs, also if it ran before.
    Changed,
    /// It is no longer there. What it applied stays.
    Dropped,
}

impl HookChange {
    /// In a line.
    pub fn told(&self) -> String {
        let text = match (self.when, self.effect) {
            (When::AfterCreate, HookEffect::New) => "runs once the cluster stands",
            (When::AfterCreate, HookEffect::Changed) => {
                "runs once the cluster stands, again if it ran before: its content is another"
            }
            (When::AfterCreate, HookEffect::Dropped) => "is dropped; what it applied stays",
            (When::BeforeDelete, HookEffect::New) => "will run before the cluster is deleted",
            (When::BeforeDelete, HookEffect::Changed) => {
                "will run with another content before the cluster is deleted"
            }
            (When::BeforeDelete, HookEffect::Dropped) => {
                "will no longer run before the cluster is deleted"
            }
        };
        format!("hook {} {text}", self.hook)
    }
}

/// What changes for hooks when the wish has `hooks` and `known` is what became of those there are.
pub fn changes(hooks: &Hooks, known: &HookRuns) -> Vec<HookChange> {
    let mut all = Vec::new();
    for (when, hooks, runs) in [
        (When::AfterCreate, &hooks.after_create, &known.after_create),
        (
            When::BeforeDelete,
            &hooks.before_delete,
            &known.before_delete,
        ),
    ] {
        let mut note = |hook: &str, effect| {
            let hook = hook.to_owned();
            all.push(HookChange { hook, when, effect });
        };
        for hook in hooks {
            match runs.iter().find(|run| run.name == hook.name) {
                None => note(&hook.name, HookEffect::New),
                Some(run) if run.content != content(hook) => note(&hook.name, HookEffect::Changed),
                Some(_) => {}
            }
        }
        for run in runs {
            if hooks.iter().all(|hook| hook.name != run.name) {
                note(&run.name, HookEffect::Dropped);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests;
