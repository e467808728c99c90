//! `capstan cluster export`.

use std::path::PathBuf;

use capstan_spec::file::write;
use clap::Args;
use serde_json::json;

use super::file;
use super::target::Target;
use crate::arguments::{Global, Output};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Write a cluster as a cluster file (`clusterctl.yaml`). What is as by default is left out; read again, the file gives the
/// same cluster.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    #[command(flatten)]
    target: Target,
    /// Write to this file, which must not exist, instead of to standard output
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

impl Export {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let api = self.target.clusters(global).await?;
        let cluster = self.target.cluster(&api, &self.cluster).await?;
        let text = write(&cluster.spec).map_err(|error| Failure::of(Exit::Failed, &error, None))?;
        if let Some(path) = &self.to {
            file::write_new(path, &text)?;
            printer.note(&format!(
                "cluster {} is in {}",
                self.cluster,
                path.display()
            ));
        }
        match (printer.output(), &self.to) {
            (Output::Table, Some(_)) => Ok(()),
            _ => printer.result(
                &json!({ "file": text, "path": self.to, "spec": cluster.spec }),
                || text.clone(),
            ),
        }
    }
}
