//! `capstan template`: what an operator offers.

mod apply;
mod chosen;
mod delete;
mod list;
mod show;

use capstan_workload::resource::ClusterTemplate;
use capstan_workload::template;
use clap::Subcommand;
use kube::Client;

use crate::arguments::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

pub(crate) use chosen::Chosen;

/// What clusters can be made from.
#[derive(Debug, Subcommand)]
pub(crate) enum Template {
    List(list::List),
    Show(show::Show),
    Apply(apply::Apply),
    Delete(delete::Delete),
}

impl Template {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(global, printer).await,
            Self::Show(show) => show.run(global, printer).await,
            Self::Apply(apply) => apply.run(global, printer).await,
            Self::Delete(delete) => delete.run(global, printer).await,
        }
    }
}

/// The template that clusters of a namespace mean by this name; that there is none is a failure with the names there are.
async fn find(client: &Client, namespace: &str, name: &str) -> Result<ClusterTemplate, Failure> {
    if let Some(found) = template::find(client, namespace, name)
        .await
        .map_err(failed)?
    {
        return Ok(found);
    }
    let known = template::offered(client, namespace).await.map_err(failed)?;
    let reason = template::missing(name, &known);
    let text = format!("failed to find template {name} for namespace {namespace}");
    Err(Failure::new(Exit::NotFound, text).hint(reason.remedy))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is handed to map_err, which gives the error away"
)]
fn failed(error: capstan_workload::Error) -> Failure {
    match &error {
        capstan_workload::Error::Kubernetes(inner) if inner.kind().is_transient() => {
            Failure::of(Exit::Unreachable, &error, inner.hint().map(str::to_owned))
        }
        _ => Failure::of(Exit::Failed, &error, None),
    }
}
