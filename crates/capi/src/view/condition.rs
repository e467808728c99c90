//! Conditions: those of v1beta2 (`metav1.Condition`) and the older ones of CAPO 0.14 with a severity, read alike.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something an object says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Condition {
    /// What it speaks about.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// `Error`, `Warning` or `Info`; only in older conditions that are not true.
    pub severity: Option<String>,
    /// One word of why.
    pub reason: String,
    /// A sentence of why.
    pub message: String,
    /// When the status last changed.
    pub last_transition_time: Option<Timestamp>,
}

impl Condition {
    /// Whether it holds.
    pub fn is_true(&self) -> bool {
        self.status == "True"
    }

    /// Whether it is known not to hold.
    pub fn is_false(&self) -> bool {
        self.status == "False"
    }
}

/// The condition of that type.
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}
