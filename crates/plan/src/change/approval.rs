//! Whether somebody has to agree to a change before it is begun.

use capstan_spec::cluster::ApprovalPolicy;

use super::{Effect, Plan, Subject};

/// What a change has to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// Nothing.
    NotNeeded,
    /// Somebody accepts the plan by its hash; the text says why.
    Needed(String),
}

/// Whether a change waits, by the policy of its cluster. Creating and scaling never do, and what is accepted does not.
pub fn approval(plan: &Plan, policy: &ApprovalPolicy, accepted: Option<&str>) -> Approval {
    if accepted == Some(plan.hash.as_str()) {
        return Approval::NotNeeded;
    }
    let rolls_plane = plan
        .parts
        .iter()
        .any(|part| part.subject == Subject::ControlPlane && part.effect == Effect::Rolled);
    if policy.control_plane && rolls_plane {
        return Approval::Needed("it rolls the control plane".to_owned());
    }
    let Some(limit) = policy.workers_percent else {
        return Approval::NotNeeded;
    };
    let (replaced, all) = workers(plan);
    if all > 0 && replaced.saturating_mul(100) > all.saturating_mul(u64::from(limit)) {
        let text = format!(
            "it replaces or removes {replaced} of {all} workers, and more than {limit} % wait for an approval"
        );
        return Approval::Needed(text);
    }
    Approval::NotNeeded
}

/// Whether a change that nobody asked for waits: one that comes from a newer renderer or from other surroundings. It always
/// does when it replaces machines.
pub fn unasked(plan: &Plan, accepted: Option<&str>) -> Approval {
    if accepted == Some(plan.hash.as_str()) || !plan.rolls() {
        return Approval::NotNeeded;
    }
    Approval::Needed(
        "it replaces machines although the wish is the same: the management server has changed, or the credentials for a registry"
            .to_owned(),
    )
}

/// Workers that are replaced or go, and workers that there are.
fn workers(plan: &Plan) -> (u64, u64) {
    let (mut replaced, mut all) = (0, 0);
    for part in &plan.parts {
        if matches!(part.subject, Subject::Pool { .. }) {
            let there = u64::from(part.before.unwrap_or(0));
            all += there;
            if part.effect == Effect::Removed {
                replaced += there;
            }
            replaced += part
                .roll
                .as_ref()
                .map_or(0, |roll| u64::from(roll.machines));
        }
    }
    (replaced, all)
}
