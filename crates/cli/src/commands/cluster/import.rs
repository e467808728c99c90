//! `capstan cluster import`.

use std::path::{Path, PathBuf};

use capstan_spec::file::import::{Import as Imported, ImportOptions, OldFile, Outcome};
use capstan_spec::file::{import, write};
use capstan_spec::{KubernetesVersion, defaults};
use clap::Args;
use serde_json::json;

use super::file;
use crate::arguments::Output;
use crate::commands::plane;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, table};

/// Make a cluster file from the files of the SCS scripts (k8s-cluster-api-provider, R2 to R6), without a cloud
///
/// Reads `clusterctl.yaml`, the environment's `.tfvars`, `harbor-settings` and `.capi-settings`, and tells what became of
/// every line: mapped, changed, not needed, not mapped, and why. Of two lines that say the same the later counts, over
/// all files in their order. No value of a line that is not mapped is repeated.
///
/// Example:
///
///     capstan cluster import environment-gx-scs.tfvars demo/clusterctl.yaml --to demo.yaml
///     capstan cluster create demo -f demo.yaml
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Import {
    /// Files of the scripts
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Write the cluster file to this one, which must not exist; without it it goes to standard output, and what became
    /// of the lines to standard error
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Cloud of the management server the cluster shall run on: the scripts' names are those of a clouds.yaml
    #[arg(long, value_name = "CLOUD", default_value = defaults::CLOUD)]
    on: String,
    /// Version where theirs is too old or unclear [default: the newest of the catalogue]
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<KubernetesVersion>,
}

impl Import {
    /// Runs it.
    pub(crate) fn run(&self, printer: &Printer) -> Result<(), Failure> {
        let version = match self.kubernetes_version {
            Some(version) => version,
            None => *plane::catalogue()?.versions().first().ok_or_else(|| {
                Failure::new(
                    Exit::Usage,
                    "failed to choose a version: give --kubernetes-version",
                )
            })?,
        };
        let options = ImportOptions {
            cloud: self.on.clone(),
            version,
        };
        let texts = self.texts()?;
        let files: Vec<OldFile<'_>> = texts
            .iter()
            .map(|(name, text)| OldFile { name, text })
            .collect();
        let imported = import(&files, &options).map_err(|error| {
            let causes = error.findings.iter().map(ToString::to_string).collect();
            file::refused("failed to import".to_owned(), causes)
        })?;
        let text =
            write(&imported.spec).map_err(|error| Failure::of(Exit::Failed, &error, None))?;
        self.tell(&imported, &text, printer)
    }

    fn texts(&self) -> Result<Vec<(String, String)>, Failure> {
        let read = |path: &PathBuf| {
            let text = std::fs::read_to_string(path).map_err(|error| {
                let message = format!("failed to read {}: {error}", path.display());
                Failure::new(Exit::Input, message)
            })?;
            Ok((path.display().to_string(), text))
        };
        self.files.iter().map(read).collect()
    }

    fn tell(&self, imported: &Imported, text: &str, printer: &Printer) -> Result<(), Failure> {
        for warning in &imported.warnings {
            printer.note(&warning.to_string());
        }
        if let Some(path) = &self.to {
            file::write_new(path, text)?;
        }
        match (printer.output(), &self.to) {
            (Output::Table, None) => {
                printer.note(&report(imported));
                Printer::write(text);
                Ok(())
            }
            (_, to) => printer.result(
                &json!({
                    "lines": imported.lines,
                    "warnings": imported.warnings,
                    "path": to,
                    "file": text,
                    "spec": imported.spec,
                }),
                || format!("{}\n{}", report(imported), next(to.as_deref())),
            ),
        }
    }
}

fn next(to: Option<&Path>) -> String {
    let path = to.map_or_else(|| "FILE".to_owned(), |path| path.display().to_string());
    format!("the cluster file is {path}; capstan cluster create NAME -f {path} makes the cluster")
}

/// What became of every line, and how many of each.
fn report(imported: &Imported) -> String {
    let rows = imported.lines.iter().map(|line| {
        let file = line.file.as_deref().unwrap_or("(in no file)");
        let place = match line.position {
            Some(place) => format!("{file}:{}", place.line),
            None => file.to_owned(),
        };
        let outcome = line.outcome.as_str().to_owned();
        vec![place, line.key.clone(), outcome, line.told.clone()]
    });
    let counts = [
        Outcome::Mapped,
        Outcome::Changed,
        Outcome::NotNeeded,
        Outcome::NotMapped,
    ]
    .map(|outcome| {
        let lines = imported.lines.iter();
        let count = lines.filter(|line| line.outcome == outcome).count();
        format!("{count} {}", outcome.as_str())
    });
    format!(
        "{}\n{}",
        table(&["line", "key", "outcome", "what"], rows),
        counts.join(", ")
    )
}
