//! What becomes of the bastion.

use serde_json::Value;

use super::part::{Effect, Part, Subject};
use super::roll::Roll;
use super::{FieldChange, compare};
use crate::render::BASTION_ALLOWED_ANNOTATION;

/// Whether a field of an `OpenStackCluster` is about the bastion.
pub(super) fn is_about(field: &FieldChange) -> bool {
    let path = field.field.as_str();
    let below = |stem: &str| {
        path.strip_prefix(stem)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    below("spec.bastion") || path.ends_with(BASTION_ALLOWED_ANNOTATION)
}

/// What becomes of the bastion between two forms of an `OpenStackCluster`, whose fields about it are `fields`. `None` where
/// there is none before nor after.
pub(super) fn part(
    before: Option<&Value>,
    after: &Value,
    mut fields: Vec<FieldChange>,
    pace: Option<u32>,
) -> Option<Part> {
    let (was, shall) = (before.is_some_and(is_enabled), is_enabled(after));
    let worst = fields.iter().map(|field| field.effect).max();
    let effect = match (was, shall) {
        (false, false) => worst?,
        (false, true) => Effect::Created,
        // CAPO's webhook: cannot be removed before disabling it. The renderer never asks for that.
        (true, false) if after.pointer("/spec/bastion").is_none() => Effect::Forbidden,
        (true, false) => Effect::Removed,
        (true, true) => worst.unwrap_or(Effect::Unchanged),
    };
    if was != shall {
        for field in &mut fields {
            field.effect = effect;
            if effect == Effect::Forbidden {
                field.remedy = Some(compare::DISABLE_FIRST.to_owned());
            }
        }
    }
    Some(Part {
        subject: Subject::Bastion,
        effect,
        before: Some(u32::from(was)),
        after: Some(u32::from(shall)),
        roll: (effect == Effect::Rolled).then(|| Roll::of_bastion(pace)),
        fields,
    })
}

/// CAPO takes a missing `enabled` for yes.
fn is_enabled(cluster: &Value) -> bool {
    cluster
        .pointer("/spec/bastion")
        .is_some_and(|bastion| bastion.is_object() && bastion["enabled"] != Value::Bool(false))
}

/// What becomes of it, in words for people.
pub(super) fn summary(part: &Part) -> String {
    match (part.effect, &part.roll) {
        (Effect::Created, _) => {
            "a server with an address of its own; no node is touched".to_owned()
        }
        (Effect::Removed, _) => {
            "its server, address and security group go; no node is touched".to_owned()
        }
        (Effect::Rolled, Some(roll)) => format!(
            "its server is made anew, about {} min; {}; its address stays, no node is touched",
            roll.minutes,
            roll.interruption.as_str()
        ),
        _ => String::new(),
    }
}
