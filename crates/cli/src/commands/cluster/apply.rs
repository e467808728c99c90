//! `capstan cluster apply`.

use std::path::PathBuf;

use clap::Args;

use super::refusal::Wish;
use super::target::Target;
use super::watch::{Watching, until_ready};
use super::wished::Wished;
use crate::arguments::Global;
use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Carry out a change after its plan was shown and accepted. What was accepted is that very plan: if the cluster changes
/// before the controller begins, it waits again instead of doing something else. Without a file the plan that waits is
/// accepted.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  capstan cluster apply demo -f demo/clusterctl.yaml
  capstan cluster apply demo -f demo/clusterctl.yaml --yes --watch
  capstan cluster apply demo                      accept the plan that waits")]
pub(crate) struct Apply {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    #[command(flatten)]
    target: Target,
    /// Cluster file that shall hold
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Accept the plan without being asked
    #[arg(short, long)]
    yes: bool,
    /// Accept only this plan, by its hash; another one is not carried out
    #[arg(long, value_name = "HASH")]
    plan: Option<String>,
    #[command(flatten)]
    watching: Watching,
}

impl Apply {
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
        printer.note(&planned.text());
        if let Some(failure) = planned.refusal() {
            return Err(failure);
        }
        if let Some(expected) = self.plan.as_ref().filter(|hash| **hash != planned.hash()) {
            return Err(Failure::new(
                Exit::Conflict,
                format!("failed to accept plan {expected}: it would be another one now"),
            )
            .hint(format!("read it above; its hash is {}", planned.hash())));
        }
        if wished.changes_nothing() && planned.is_empty() && !planned.waits() {
            return Ok(());
        }
        if !self.yes && self.plan.is_none() && !planned.is_empty() {
            accept(&self.cluster)?;
        }
        wished.write(&planned).await?;
        printer.note(&format!(
            "the plan for cluster {} is accepted; the controller carries it out",
            self.cluster
        ));
        if self.watching.wanted() {
            let wish = match (wished.is_new(), wished.changes_nothing()) {
                (true, _) => Wish::Creation,
                (false, true) => Wish::Acceptance,
                (false, false) => Wish::Change,
            };
            let api = wished.api();
            until_ready(&self.target, api, &self.cluster, Some(wish), printer).await?;
        }
        Ok(())
    }
}

fn accept(cluster: &str) -> Result<(), Failure> {
    let declined = |why: &str| {
        Failure::new(
            Exit::NeedsAnswer,
            format!("failed to accept the plan for cluster {cluster}: {why}"),
        )
    };
    if !ask::possible() {
        return Err(declined("there is no terminal to ask on")
            .hint("read the plan above, and give --yes, or --plan with its hash"));
    }
    if ask::confirm("Carry it out?")? {
        Ok(())
    } else {
        Err(declined("it was declined; nothing was changed"))
    }
}
