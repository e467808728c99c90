//! The page that says what a change of each field does.

use std::fmt::Write as _;

use capstan_plan::change::rule::{RULES, Rule};

/// The whole page.
pub(super) fn page() -> String {
    let mut text = "# What a change does\n\nWritten by `make reference`, from the table that `capstan cluster plan` reads. \
                    Fields are those of the objects that Capstan\nrenders; of several rules that fit, the first counts. What no \
                    rule knows is taken for the worst. The templates of machines\nare named after their content: any other \
                    content is another name in the pool, so it rolls.\n\n| object | field | a change is | known from |\n|---|---|---|---|\n"
        .to_owned();
    for rule in RULES {
        let _ = writeln!(
            text,
            "| {} | `{}` | {} | {} |",
            rule.kind.map_or("every", |kind| kind.kind),
            rule.path,
            told(rule),
            rule.source
        );
    }
    text
}

fn told(rule: &Rule) -> String {
    match rule.remedy {
        Some(remedy) => format!("{}: {remedy}", rule.effect.as_str()),
        None => rule.effect.as_str().to_owned(),
    }
}
