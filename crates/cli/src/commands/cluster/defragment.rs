//! `capstan cluster defragment`.

use capstan_plan::etcd::{Member, settled};
use capstan_spec::ClusterName;
use capstan_workload::etcd::{Which, defragment};
use clap::Args;

use super::target::Target;
use crate::arguments::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, table};

/// Let etcd of a cluster give back the space it no longer needs: one member after the other, the leader last, only while all
/// are healthy. The controller does so by itself at night where it is worth it.
#[derive(Debug, Args)]
pub(crate) struct Defragment {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    #[command(flatten)]
    target: Target,
    /// Only tell how large the members' files are and how much of them is free
    #[arg(long)]
    look: bool,
}

impl Defragment {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let client = self.target.client(global).await?;
        let api = kube::Api::namespaced(client.clone(), &self.target.namespace);
        let cluster = self.target.cluster(&api, &self.cluster).await?;
        let status = cluster.status.unwrap_or_default();
        let show = format!("capstan cluster show {} says how far it is", self.cluster);
        let refused = |why: String| {
            let text = format!("failed to defragment cluster {}: {why}", self.cluster);
            Failure::new(Exit::NotUsable, text).hint(show.clone())
        };
        if !self.look {
            settled(&cluster.spec, cluster.metadata.generation, &status)
                .map_err(|refusal| refused(refusal.to_string()))?;
        }
        let uid = status
            .uid
            .ok_or_else(|| refused("nothing of it is there yet".to_owned()))?;
        let name = ClusterName::new(&self.target.namespace, &self.cluster, uid);
        let which = if self.look { Which::None } else { Which::All };
        let replicas = cluster.spec.control_plane.replicas;
        let report = defragment(&client, &name, replicas, which).await;
        let report = report.map_err(|error| Failure::of(Exit::NotUsable, &error, None))?;
        printer.result(&report, || {
            let row = |(before, after): (&Member, &Member)| {
                vec![
                    before.name.clone(),
                    if before.leader { "leader" } else { "follower" }.to_owned(),
                    mib(before.size),
                    format!("{} %", before.free_percent()),
                    mib(after.size),
                    format!("{} %", after.free_percent()),
                ]
            };
            let head = ["member", "was", "before", "free", "after", "free"];
            let pairs = report.before.iter().filter_map(|before| {
                let after = report
                    .after
                    .iter()
                    .find(|after| after.name == before.name)?;
                Some((before, after))
            });
            table(&head, pairs.map(row))
        })
    }
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
