//! What a change will do, before it is done: which nodes are rolled, what stays as it is, what cannot be.
//!
//! The objects that shall be are compared with those that are, field by field. Every field has a rule ([`rule`]) that says
//! what a change of it does, with the source of that knowledge; what no rule knows counts as the worst that can be. The
//! templates of machines are named after their content, so a machine is rolled exactly when the name in its pool changes;
//! for people the contents of both templates are compared, and those fields are told.
//!
//! | module | holds |
//! |---|---|
//! | [`rule`] | what a change of each field does, and who says so |
//! | [`compare`] | the fields in which a live object is other than the one that shall be |
//! | [`part`] | what becomes of one part of a cluster: the surroundings, the bastion, the control plane, a pool |
//! | [`roll`] | how many machines are replaced, how long it takes, what is interrupted |
//! | [`approval`] | whether somebody has to agree first |
//! | [`text`] | a plan for people, as text and as markdown |

pub mod approval;
mod bastion;
pub mod compare;
pub mod part;
pub mod roll;
pub mod rule;
pub mod text;

use std::collections::BTreeMap;

use capstan_capi::{Kind, kind, view};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::addons::AddonChange;
use crate::hook::HookChange;
use crate::quota;
use crate::render::{POOL_LABEL, Rendered, canonical};

pub use approval::Approval;
pub use compare::{FieldChange, replaces};
pub use part::{Effect, Part, Subject};
pub use roll::{Interruption, Roll};

/// An object as it is on the management server.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveObject {
    /// Kind and version.
    pub kind: Kind,
    /// Name.
    pub name: String,
    /// The whole object, with its `managedFields`.
    pub value: Value,
}

/// Digits of a plan's hash: enough that no two plans of a cluster share one, and few enough to read out.
const HASH: usize = 16;

/// Everything of a cluster that a plan looks at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// The objects that the renderer makes, as they are; none while the cluster is not begun.
    pub objects: Vec<LiveObject>,
    /// Machines that there are, by pool ([`CONTROL_PLANE`](crate::facts::CONTROL_PLANE) for the control plane).
    pub machines: BTreeMap<String, u32>,
    /// Seconds that a machine took from its creation to a ready node; `None` when none is known.
    pub pace: Option<u32>,
}

impl Live {
    /// The object of that kind and name.
    pub fn object(&self, kind: Kind, name: &str) -> Option<&LiveObject> {
        self.objects
            .iter()
            .find(|object| object.kind == kind && object.name == name)
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &LiveObject> {
        self.objects
            .iter()
            .filter(move |object| object.kind == kind)
    }

    fn count(&self, pool: &str) -> u32 {
        self.machines.get(pool).copied().unwrap_or(0)
    }
}

impl LiveObject {
    /// The pool it belongs to; `None` for what belongs to the whole cluster.
    pub fn pool(&self) -> Option<&str> {
        self.value
            .pointer("/metadata/labels")?
            .get(POOL_LABEL)?
            .as_str()
    }
}

/// What a change will do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// By which it is accepted: equal hashes, equal plans. Quota is not in it, because that of the moment changes.
    pub hash: String,
    /// The surroundings, the bastion where there is one, the control plane, then the pools in the order of the spec, then
    /// pools that go.
    pub parts: Vec<Part>,
    /// Quota needed meanwhile beyond what is used now, and what is free. Empty when the change needs none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quota: Vec<quota::Line>,
    /// Names of templates that go once no machine uses them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collected: Vec<String>,
    /// What becomes of addons. Not in the hash, for the same reason as hooks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addons: Vec<AddonChange>,
    /// What becomes of hooks. Not in the hash, which is over what becomes of objects: of a hook nobody has to know before it
    /// is asked for, and it is asked for with its content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookChange>,
}

impl Plan {
    /// Whether anything changes.
    pub fn is_empty(&self) -> bool {
        let unchanged = |part: &Part| part.effect == Effect::Unchanged;
        self.parts.iter().all(unchanged) && self.addons.is_empty() && self.hooks.is_empty()
    }

    /// The parts of which something cannot be changed.
    pub fn forbidden(&self) -> impl Iterator<Item = &Part> {
        self.parts
            .iter()
            .filter(|part| part.effect == Effect::Forbidden)
    }

    /// Whether machines are replaced or taken away that nobody's deletion of a cluster asked for.
    pub fn rolls(&self) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part.effect, Effect::Rolled | Effect::Removed))
    }
}

/// Plans the change from what is to what shall be. `manager` is the field manager under which objects are applied: what it
/// owns and no longer says is taken away.
pub fn plan(rendered: &Rendered, live: &Live, manager: &str) -> Plan {
    let parts = part::all(rendered, live, manager);
    let collected = collected(rendered, live);
    let told: Vec<Value> = parts
        .iter()
        .map(|part| {
            json!({
                "part": part.subject.to_string(), "effect": part.effect, "before": part.before, "after": part.after,
                "fields": part.fields,
            })
        })
        .collect();
    Plan {
        hash: canonical::hash(&Value::Array(told))[..HASH].to_owned(),
        parts,
        quota: Vec::new(),
        collected,
        addons: Vec::new(),
        hooks: Vec::new(),
    }
}

fn collected(rendered: &Rendered, live: &Live) -> Vec<String> {
    [
        kind::OPENSTACK_MACHINE_TEMPLATE,
        kind::KUBEADM_CONFIG_TEMPLATE,
    ]
    .into_iter()
    .flat_map(|kind| live.of(kind))
    .filter(|object| {
        !rendered
            .of(object.kind)
            .any(|desired| desired.name == object.name)
    })
    .map(|object| object.name.clone())
    .collect()
}

/// Seconds from a machine's creation until its node was ready, the median of those that tell; within bounds, because a node
/// that was away last week says nothing.
pub fn pace(machines: &[view::Machine]) -> Option<u32> {
    const BOUNDS: std::ops::RangeInclusive<i64> = 20..=1800;
    let mut seconds: Vec<i64> = machines
        .iter()
        .filter_map(|machine| {
            let ready = view::condition(&machine.status.conditions, "NodeReady")?;
            let since = ready.is_true().then_some(ready.last_transition_time?)?;
            let took = since.duration_since(machine.metadata.creation_timestamp?);
            Some(took.as_secs()).filter(|took| BOUNDS.contains(took))
        })
        .collect();
    seconds.sort_unstable();
    let median = *seconds.get(seconds.len() / 2)?;
    u32::try_from(median).ok()
}

#[cfg(test)]
mod tests;
