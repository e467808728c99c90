//! Questions to the user. Only on a terminal; without one the caller has an exit code for it.

use std::io::IsTerminal as _;

use capstan_management::plan::Question;
use inquire::{Confirm, InquireError, Select, Text};

use crate::exit::Exit;
use crate::failure::Failure;

/// Whether somebody is there to be asked.
pub(crate) fn possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

fn answered<T>(answer: Result<T, InquireError>) -> Result<T, Failure> {
    answer.map_err(|error| match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => {
            Failure::new(Exit::Interrupted, "stopped; nothing was changed")
        }
        other => Failure::of(Exit::Failed, &other, None),
    })
}

/// Yes or no; no is the default.
pub(crate) fn confirm(question: &str) -> Result<bool, Failure> {
    answered(Confirm::new(question).with_default(false).prompt())
}

/// A choice, or free text where there is no list.
pub(crate) fn choose(question: &Question) -> Result<String, Failure> {
    let prompt = format!("Choose {}:", question.what);
    let help = format!("{}; {} says it beforehand", question.reason, question.flag);
    if question.options.is_empty() {
        let text = Text::new(&prompt).with_help_message(&help);
        // Shown as the default: taken only by the Enter of somebody who has read it.
        answered(match &question.proposal {
            Some(proposal) => text.with_default(proposal).prompt(),
            None => text.prompt(),
        })
    } else {
        answered(
            Select::new(&prompt, question.options.clone())
                .with_help_message(&help)
                .prompt(),
        )
    }
}

/// The exact name of what will be removed.
pub(crate) fn type_name(name: &str) -> Result<bool, Failure> {
    Ok(answered(Text::new(&format!("Type {name} to remove it:")).prompt())?.trim() == name)
}
