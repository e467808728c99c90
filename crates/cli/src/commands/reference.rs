//! The pages of the documentation that are written by the program itself.

mod catalogue;
mod cluster_file;
mod kinds;
mod plan_rules;

use std::path::PathBuf;

use capstan_management::settings::Settings;
use clap::{Args, CommandFactory as _};

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Write the reference pages.
#[derive(Debug, Args)]
pub(crate) struct Reference {
    /// Directory to write them to
    #[arg(
        long,
        value_name = "DIRECTORY",
        required_unless_present = "definitions"
    )]
    write: Option<PathBuf>,
    /// Print the definitions of Capstan's kinds, as a list in JSON
    #[arg(long)]
    definitions: bool,
}

impl Reference {
    /// Runs it.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        if self.definitions {
            Printer::write(&definitions_of_kinds());
        }
        let Some(directory) = &self.write else {
            return Ok(());
        };
        for (file, text) in pages() {
            let path = directory.join(file);
            std::fs::create_dir_all(directory)
                .and_then(|()| std::fs::write(&path, text))
                .map_err(|error| {
                    Failure::new(
                        Exit::Failed,
                        format!("failed to write {}: {error}", path.display()),
                    )
                })?;
        }
        Ok(())
    }
}

fn pages() -> [(&'static str, String); 9] {
    [
        (cluster_file::SCHEMA, cluster_file::schema()),
        ("cluster-file.md", cluster_file::page()),
        ("kinds.md", kinds::page()),
        ("plan-rules.md", plan_rules::page()),
        ("catalogue.md", catalogue::page()),
        ("commands.md", commands()),
        ("exit-codes.md", exit_codes()),
        ("settings.md", settings()),
        ("metrics.md", capstan_controller::metrics::page()),
    ]
}

/// They cannot fail for the kinds of this program.
fn definitions_of_kinds() -> String {
    let items = capstan_workload::resource::definitions().unwrap_or_default();
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
    format!("{list}\n")
}

fn commands() -> String {
    let mut text =
        "# Commands\n\nWritten by `make reference`; the same as `capstan help`.\n".to_owned();
    let mut root = Arguments::command();
    root.build();
    describe(&mut root, &mut text);
    text
}

fn describe(command: &mut clap::Command, text: &mut String) {
    let name = command
        .get_bin_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned();
    let help = command.clone().term_width(110).render_long_help();
    for part in [
        "\n## ",
        &name,
        "\n\n```text\n",
        help.to_string().trim_end(),
        "\n```\n",
    ] {
        text.push_str(part);
    }
    for sub in command
        .get_subcommands_mut()
        .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
    {
        describe(sub, text);
    }
}

fn exit_codes() -> String {
    let rows = Exit::TABLE
        .iter()
        .fold(String::new(), |rows, (exit, meaning)| {
            format!("{rows}| {} | {meaning} |\n", exit.code())
        });
    format!(
        "# Exit codes\n\nWritten by `make reference`. A code never changes its meaning.\n\n| code | meaning |\n|---|---|\n{rows}"
    )
}

fn settings() -> String {
    let keys: Vec<_> = Settings::KEYS
        .iter()
        .map(|key| format!("* `{key}`"))
        .collect();
    format!(
        "# Settings of `capstan up`\n\nWritten by `make reference`. Lines of a YAML file, given by `--settings FILE` or kept as \
         `servers/<name>.yaml` in\n`$XDG_CONFIG_HOME/capstan`. Each is also a flag of `capstan up`, which wins over the file.\n\n{}\n",
        keys.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_in_the_book_are_what_the_program_says() {
        let book = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference");
        for (file, text) in pages() {
            let there = std::fs::read_to_string(book.join(file)).unwrap_or_default();
            assert!(
                there == text,
                "docs/src/reference/{file} is not up to date: run `make reference` and commit it"
            );
        }
    }

    #[test]
    fn every_setting_is_a_flag() {
        let root = Arguments::command();
        let up = root.find_subcommand("up").unwrap();
        let flags: Vec<_> = up.get_arguments().filter_map(clap::Arg::get_long).collect();
        for key in Settings::KEYS {
            let flag = key.chars().fold(String::new(), |flag, letter| {
                if letter.is_uppercase() {
                    format!("{flag}-{}", letter.to_lowercase())
                } else {
                    format!("{flag}{letter}")
                }
            });
            assert!(
                flags
                    .iter()
                    .any(|known| **known == flag || known.starts_with(&format!("{flag}-"))),
                "{key}"
            );
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
