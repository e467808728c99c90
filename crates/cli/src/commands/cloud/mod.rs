//! `capstan cloud`: the clouds that clusters run on.

mod add;
mod check;
mod list;
mod remove;
mod show;

use capstan_catalog::NodeImageRules;
use capstan_management::clouds::cache::Cache;
use capstan_management::clouds::{self, Look};
use capstan_workload::resource::Cloud as Object;
use clap::Subcommand;
use kube::Client;

use crate::arguments::Global;
use crate::commands::cluster::Target;
use crate::environment::cache_directory;
use crate::failure::Failure;
use crate::printer::Printer;

/// The clouds that clusters run on.
#[derive(Debug, Subcommand)]
pub(crate) enum Cloud {
    Add(add::Add),
    /// List the clouds of a management server
    List(list::List),
    Show(show::Show),
    Check(check::Check),
    Remove(remove::Remove),
}

impl Cloud {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(global, printer).await,
            Self::List(list) => list.run(global, printer).await,
            Self::Show(show) => show.run(global, printer).await,
            Self::Check(check) => check.run(global, printer).await,
            Self::Remove(remove) => remove.run(global, printer).await,
        }
    }
}

/// Keeps what was seen for checks without a cloud, and notes it in the `Cloud`. Neither is what was asked for, so that a
/// failure is only said.
async fn remember(
    client: &Client,
    cloud: &Object,
    seen: Result<&Look, &str>,
    target: &Target,
    rules: &NodeImageRules,
    printer: &Printer,
) {
    if let Ok(look) = seen {
        keep(look, target, printer);
    }
    if let Err(error) = clouds::note(client, cloud, seen, rules).await {
        printer.note(&format!("note: {error}"));
    }
}

/// Keeps a look on this machine.
pub(crate) fn keep(look: &Look, target: &Target, printer: &Printer) {
    let kept = cache(target).and_then(|cache| {
        cache.save(look).map_err(|error| {
            let message = format!("failed to keep what cloud {} offers: {error}", look.name);
            Failure::new(crate::exit::Exit::Failed, message)
        })
    });
    if let Err(failure) = kept {
        printer.note(&format!("note: {}", failure.message));
    }
}

/// What is kept of the clouds of a management server.
pub(crate) fn cache(target: &Target) -> Result<Cache, Failure> {
    Ok(Cache::of_server(&cache_directory()?, &target.known_as()?))
}
