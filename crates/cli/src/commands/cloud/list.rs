//! `capstan cloud list`.

use capstan_management::clouds;
use capstan_spec::status::{Condition, ConditionStatus};
use capstan_workload::resource::Cloud;
use clap::Args;
use jiff::Timestamp;

use crate::age::age;
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
            rows.push(row(cloud, clusters, Timestamp::now()));
        }
        printer.result(&all, || {
            if all.is_empty() {
                return "no clouds; capstan cloud add adds one".to_owned();
            }
            table(
                &[
                    "namespace",
                    "name",
                    "answers",
                    "asked",
                    "listed",
                    "clusters",
                ],
                rows,
            )
        })
    }
}

fn row(cloud: &Cloud, clusters: usize, now: Timestamp) -> Vec<String> {
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
    let ago = |at: Option<Timestamp>| {
        at.map_or_else(|| "-".to_owned(), |at| format!("{} ago", age(at, now)))
    };
    let taken = status.inventory.and_then(|inventory| inventory.taken_at);
    vec![
        cloud.metadata.namespace.clone().unwrap_or_default(),
        cloud.metadata.name.clone().unwrap_or_default(),
        answers,
        ago(status.asked_at),
        ago(taken),
        clusters.to_string(),
    ]
}
