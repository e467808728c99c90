//! A plan for people.

use std::fmt::Write as _;

use crate::addons::AddonChange;
use crate::hook::HookChange;

use super::{Effect, FieldChange, Part, Plan, Subject, bastion};

/// The longest value that is shown whole.
const LONGEST: usize = 60;

/// What becomes of a part, in a line without its name.
pub fn summary(part: &Part) -> String {
    if part.subject == Subject::Bastion {
        return bastion::summary(part);
    }
    let counts = match (part.before, part.after) {
        (Some(before), Some(after)) if before != after => format!("{before} → {after} machines"),
        (_, Some(after)) => format!("{}", Machines(after)),
        _ => String::new(),
    };
    match part.effect {
        Effect::Unchanged | Effect::Forbidden => String::new(),
        Effect::InPlace if part.before == part.after => String::new(),
        Effect::InPlace | Effect::Created => counts,
        Effect::Removed => format!(
            "{} emptied and deleted",
            Machines(part.before.unwrap_or_default())
        ),
        Effect::Rolled => {
            let Some(roll) = &part.roll else {
                return counts;
            };
            let mut text = format!(
                "{} replaced{} {}, about {} min; {}",
                Machines(roll.machines),
                if roll.machines == 1 { "," } else { "" },
                roll.order(),
                roll.minutes,
                roll.interruption.as_str()
            );
            if part.before != part.after {
                let _ = write!(text, "; {counts}");
            }
            text
        }
    }
}

/// A field that changes, in a line.
pub fn field(field: &FieldChange) -> String {
    let value = |value: &Option<String>| value.as_deref().map_or_else(|| "nothing".to_owned(), cut);
    let mut text = format!(
        "{}: {} → {}",
        short(&field.field),
        value(&field.before),
        value(&field.after)
    );
    if let Some(remedy) = &field.remedy {
        let _ = write!(text, " ({}; {remedy})", field.source);
    }
    text
}

/// What a change means for what runs in the cluster, addons and hooks, each in a line.
pub fn beside(plan: &Plan) -> impl Iterator<Item = String> + '_ {
    let addons = plan.addons.iter().map(AddonChange::told);
    addons.chain(plan.hooks.iter().map(HookChange::told))
}

/// The plan as markdown, for the comment on a change in git.
pub fn markdown(name: &str, plan: &Plan) -> String {
    let mut text = format!("### Plan for cluster `{name}`\n\n");
    if plan.is_empty() {
        text.push_str("Nothing changes.\n");
        return text;
    }
    text.push_str("| part | what happens | |\n|---|---|---|\n");
    for part in &plan.parts {
        let _ = writeln!(
            text,
            "| {} | **{}** | {} |",
            part.subject,
            part.effect.as_str(),
            summary(part)
        );
    }
    let changing: Vec<&Part> = plan
        .parts
        .iter()
        .filter(|part| !part.fields.is_empty())
        .collect();
    if !changing.is_empty() {
        text.push_str("\n<details><summary>Fields</summary>\n\n");
        for part in changing {
            for change in &part.fields {
                let _ = writeln!(
                    text,
                    "* {}: `{}` ({})",
                    part.subject,
                    field(change).replace('`', "'"),
                    change.effect.as_str()
                );
            }
        }
        text.push_str("\n</details>\n");
    }
    let beside: Vec<String> = beside(plan).collect();
    if !beside.is_empty() {
        text.push('\n');
    }
    for line in beside {
        let _ = writeln!(text, "* {line}");
    }
    for line in plan.quota.iter().filter(|line| !line.fits()) {
        let _ = writeln!(
            text,
            "\n**Too little quota** for {}: {} needed, {} free",
            line.resource,
            line.need,
            line.free.unwrap_or_default()
        );
    }
    let _ = writeln!(text, "\nPlan `{}`", plan.hash);
    text
}

/// The part of a path that says something to people who know Cluster API: `spec.template.spec.flavor` → `flavor`.
fn short(path: &str) -> &str {
    [
        "spec.template.spec.",
        "spec.kubeadmConfigSpec.",
        "spec.machineTemplate.",
        "spec.",
    ]
    .into_iter()
    .find_map(|stem| path.strip_prefix(stem))
    .unwrap_or(path)
}

fn cut(value: &str) -> String {
    let line = value.replace('\n', " ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    let cut: String = line.chars().take(LONGEST).collect();
    format!("{cut}…")
}

struct Machines(u32);

impl std::fmt::Display for Machines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            1 => f.write_str("1 machine"),
            count => write!(f, "{count} machines"),
        }
    }
}
