//! Exit codes: the one table. They are an interface: a code never changes its meaning.

use std::process::ExitCode;

use capstan_management::Category;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Ok = 0,
    Failed = 1,
    Usage = 2,
    NeedsAnswer = 3,
    NotFound = 4,
    Conflict = 5,
    Quota = 6,
    Permission = 7,
    Input = 8,
    Unreachable = 9,
    Left = 10,
    NotUsable = 11,
    Interrupted = 130,
}

impl Exit {
    /// All of them with their meaning, for the reference.
    pub(crate) const TABLE: [(Self, &'static str); 13] = [
        (Self::Ok, "done"),
        (
            Self::Failed,
            "failed for a reason that is none of the below",
        ),
        (Self::Usage, "wrong command line"),
        (
            Self::NeedsAnswer,
            "a choice or an approval is missing and there is no terminal to ask on, or it was declined",
        ),
        (Self::NotFound, "something that was named does not exist"),
        (
            Self::Conflict,
            "in use by another run, name taken, or not allowed in this state",
        ),
        (Self::Quota, "the project's quota does not suffice"),
        (
            Self::Permission,
            "the credential is refused or may not do this",
        ),
        (Self::Input, "a file or a value is wrong"),
        (Self::Unreachable, "the cloud or an API does not answer"),
        (Self::Left, "something of ours remains in the cloud"),
        (Self::NotUsable, "the server is there but not usable (yet)"),
        (
            Self::Interrupted,
            "stopped by Ctrl-C; the same command goes on",
        ),
    ];

    /// The number.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<Category> for Exit {
    fn from(category: Category) -> Self {
        match category {
            Category::Failed => Self::Failed,
            Category::NeedsAnswer => Self::NeedsAnswer,
            Category::NotFound => Self::NotFound,
            Category::Conflict => Self::Conflict,
            Category::Quota => Self::Quota,
            Category::Permission => Self::Permission,
            Category::Input => Self::Input,
            Category::Unreachable => Self::Unreachable,
            Category::Left => Self::Left,
            Category::NotUsable => Self::NotUsable,
            Category::Interrupted => Self::Interrupted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_an_interface() {
        let table: Vec<_> = Exit::TABLE
            .iter()
            .map(|(exit, meaning)| format!("{} {meaning}", exit.code()))
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }
}
