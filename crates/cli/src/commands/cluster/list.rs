//! `capstan cluster list`.

use capstan_spec::status::ReplicaCounts;
use capstan_workload::resource::WorkloadCluster;
use clap::Args;
use kube::Api;
use kube::api::ListParams;

use super::target::Target;
use crate::arguments::Global;
use crate::failure::Failure;
use crate::printer::{Printer, table};

/// List clusters.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    target: Target,
    /// Of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
}

impl List {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let client = self.target.client(global).await?;
        let api: Api<WorkloadCluster> = if self.all_namespaces {
            Api::all(client)
        } else {
            Api::namespaced(client, &self.target.namespace)
        };
        let found = api.list(&ListParams::default()).await;
        let clusters = found
            .map_err(|error| self.target.refused("list", "*", error))?
            .items;
        printer.result(&clusters, || {
            if clusters.is_empty() {
                return "no clusters; capstan cluster create makes one".to_owned();
            }
            table(
                &[
                    "namespace",
                    "name",
                    "phase",
                    "version",
                    "control plane",
                    "workers",
                    "endpoint",
                ],
                clusters.iter().map(row),
            )
        })
    }
}

fn row(cluster: &WorkloadCluster) -> Vec<String> {
    let status = cluster.status.clone().unwrap_or_default();
    let counts = |counts: &ReplicaCounts| format!("{}/{}", counts.ready, counts.desired);
    let workers: Vec<String> = status.workers.values().map(counts).collect();
    vec![
        cluster.metadata.namespace.clone().unwrap_or_default(),
        cluster.metadata.name.clone().unwrap_or_default(),
        status.phase.map_or("-", |phase| phase.as_str()).to_owned(),
        cluster.spec.version.to_string(),
        status
            .control_plane
            .as_ref()
            .map(counts)
            .unwrap_or_default(),
        workers.join(" "),
        status.endpoint.unwrap_or_default(),
    ]
}
