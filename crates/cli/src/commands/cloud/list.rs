//! `capstan cloud list`.

use capstan_management::clouds;
use capstan_spec::status::{Condition, ConditionStatus};
use capstan_workload::resource::Cloud;
use clap::Args;

use crate::arguments::Global;
use crate::commands::cluster::Target;
use crate::failure::Failure;
use crate::printer::{Printer, table};

/// List the clouds of a management server.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    target: Target,
}

impl List {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let client = self.target.client(global).await?;
        let all = clouds::list(&client).await?;
        let mut rows = Vec::new();
        for cloud in &all {
            let clusters = clouds::clusters_on(&client, cloud).await?.len();
            rows.push(row(cloud, clusters));
        }
        printer.result(&all, || {
            if all.is_empty() {
                return "no clouds; capstan cloud add adds one".to_owned();
            }
            table(
                &["namespace", "name", "answers", "looked at", "clusters"],
                rows,
            )
        })
    }
}

fn row(cloud: &Cloud, clusters: usize) -> Vec<String> {
    let status = cloud.status.clone().unwrap_or_default();
    let ready = status
        .conditions
        .iter()
        .find(|condition| condition.kind == Condition::READY);
    let answers = match ready {
        None => "not asked yet".to_owned(),
        Some(ready) if ready.status == ConditionStatus::True => "yes".to_owned(),
        Some(ready) => format!("no: {}", ready.message),
    };
    let taken = status.inventory.and_then(|inventory| inventory.taken_at);
    vec![
        cloud.metadata.namespace.clone().unwrap_or_default(),
        cloud.metadata.name.clone().unwrap_or_default(),
        answers,
        taken.map_or_else(|| "-".to_owned(), |at| format!("{at:.0}")),
        clusters.to_string(),
    ]
}
