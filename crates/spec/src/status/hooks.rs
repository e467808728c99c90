//! What became of hooks.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of the hooks of a cluster, those of each list in the order of the spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookRuns {
    /// Of `spec.hooks.afterCreate`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after_create: Vec<HookRun>,
    /// Of `spec.hooks.beforeDelete`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before_delete: Vec<HookRun>,
}

impl HookRuns {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.after_create.is_empty() && self.before_delete.is_empty()
    }
}

/// What became of one hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookRun {
    /// The hook's name.
    pub name: String,
    /// Hash over its manifest, or over where that is: another one is another hook.
    pub content: String,
    /// How far it is.
    pub state: HookState,
    /// How often it was begun.
    #[serde(default)]
    pub attempts: u32,
    /// Whether all of its objects are applied. From then on they are only looked at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub applied: bool,
    /// When it was begun, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
    /// What it waits for, or why it ended so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl HookRun {
    /// One whose turn has not come.
    pub fn waiting(name: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            content: content.into(),
            state: HookState::Waiting,
            attempts: 0,
            applied: false,
            started: None,
            finished: None,
            message: String::new(),
        }
    }
}

/// How far a hook is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum HookState {
    /// Its turn has not come.
    Waiting,
    /// It is being applied, or waited for.
    Running,
    /// Everything in it is applied, done and running.
    Succeeded,
    /// It ended otherwise, or did not end in time.
    Failed,
    /// It could not run: there is no API to run it in.
    Skipped,
}

impl HookState {
    /// In words for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waits",
            Self::Running => "runs",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "was left out",
        }
    }
}
