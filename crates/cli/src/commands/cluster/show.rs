//! `capstan cluster show`.

use clap::Args;

use super::target::Target;
use super::watch::{Watching, lines, until_ready};
use crate::arguments::Global;
use crate::failure::Failure;
use crate::printer::Printer;

/// Show one cluster: phases, nodes, reasons.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    #[command(flatten)]
    target: Target,
    /// Watch until it is ready
    #[arg(short, long)]
    watch: bool,
}

impl Show {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let api = self.target.clusters(global).await?;
        if self.watch {
            return until_ready(&self.target, &api, &self.cluster, None, printer).await;
        }
        let cluster = self.target.cluster(&api, &self.cluster).await?;
        printer.result(&cluster, || lines(&cluster, None).join("\n"))
    }
}

/// Says the same of all commands that can watch.
impl Watching {
    /// Whether to watch: as said, else on a terminal.
    pub(crate) fn wanted(&self) -> bool {
        use std::io::IsTerminal as _;
        match (self.watch, self.no_watch) {
            (true, _) => true,
            (_, true) => false,
            _ => std::io::stderr().is_terminal(),
        }
    }
}
