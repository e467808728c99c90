//! The one place that writes results and errors.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;
use serde_json::json;

use crate::arguments::Output;
use crate::exit::Exit;
use crate::failure::Failure;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// Writes results to standard output and everything else to standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    output: Output,
}

impl Printer {
    /// Writes in this form.
    pub(crate) fn new(output: Output) -> Self {
        Self { output }
    }

    /// The form.
    pub(crate) fn output(&self) -> Output {
        self.output
    }

    /// A result: `table` makes what people get.
    pub(crate) fn result(
        &self,
        value: &impl Serialize,
        table: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        let text = match self.output {
            Output::Table => table(),
            Output::Json => {
                serde_json::to_string_pretty(value).map_err(|error| unwritten(&error))?
            }
            Output::Yaml => serde_saphyr::to_string(value).map_err(|error| unwritten(&error))?,
        };
        Self::write(&text);
        Ok(())
    }

    /// Text that is the result itself: a kubeconfig, completions.
    pub(crate) fn write(text: &str) {
        let mut out = anstream::stdout();
        // A reader that has gone away (`| head`) is no error of ours.
        let _ = out
            .write_all(text.trim_end_matches('\n').as_bytes())
            .and_then(|()| out.write_all(b"\n"));
    }

    /// A word to people beside the result.
    pub(crate) fn note(&self, text: &str) {
        let mut out = anstream::stderr();
        let _ = match self.output {
            Output::Table => writeln!(out, "{text}"),
            Output::Json | Output::Yaml => writeln!(out, "{}", json!({ "note": text })),
        };
    }

    /// An error, its causes and what to do.
    pub(crate) fn failure(&self, failure: &Failure) {
        let mut out = anstream::stderr();
        let Failure {
            exit,
            message,
            causes,
            hint,
        } = failure;
        if self.output == Output::Json {
            let value = json!({ "error": message, "causes": causes, "hint": hint, "exitCode": exit.code() });
            let _ = writeln!(out, "{value}");
            return;
        }
        let _ = writeln!(out, "{ERROR}error{ERROR:#}: {message}");
        for cause in causes {
            let _ = writeln!(out, "  why: {cause}");
        }
        if let Some(hint) = hint {
            let _ = writeln!(out, "{HINT}hint{HINT:#}: {hint}");
        }
    }
}

fn unwritten(error: &dyn std::error::Error) -> Failure {
    Failure::of(Exit::Failed, error, None)
}

/// Columns without lines, as wide as the terminal.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(
        head.iter()
            .map(|title| title.to_uppercase())
            .collect::<Vec<_>>(),
    );
    for row in rows {
        table.add_row(row);
    }
    // Columns are padded to the left by default, which would indent the whole table.
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<_> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}
