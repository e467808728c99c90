//! `capstan cluster plan`.

use std::path::PathBuf;

use clap::Args;

use super::target::Target;
use super::wished::Wished;
use crate::arguments::Global;
use crate::failure::Failure;
use crate::printer::Printer;

/// Say what a change would do before it is done: which nodes are replaced, in what order and for how long, what stays as it
/// is, what cannot be changed, and what quota it needs. Nothing is written.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  capstan cluster plan demo -f demo/clusterctl.yaml
  capstan cluster plan demo                       what waits or has drifted
  capstan cluster plan demo -f demo.yaml --markdown > comment.md")]
pub(crate) struct Plan {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    #[command(flatten)]
    target: Target,
    /// Cluster file that shall hold; without it the cluster as it is wished
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write markdown, for a comment on a change in git
    #[arg(long)]
    markdown: bool,
}

impl Plan {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let wished = Wished::read(
            &self.target,
            &self.cluster,
            self.file.as_deref(),
            global,
            printer,
        )
        .await?;
        let planned = Box::pin(wished.plan()).await?;
        if self.markdown {
            Printer::write(&planned.markdown());
        } else {
            planned.print(printer)?;
        }
        match planned.refusal() {
            Some(failure) => Err(failure),
            None if planned.waits() => {
                printer.note("it waits for an approval: capstan cluster apply accepts it");
                Ok(())
            }
            None => Ok(()),
        }
    }
}
