//! `capstan cluster`: workload clusters.

mod apply;
mod create;
mod defragment;
mod delete;
mod export;
mod file;
mod import;
mod kubeconfig;
mod list;
mod plan;
mod refusal;
mod render;
mod rollout;
mod scale;
mod show;
mod target;
mod upgrade;
mod validate;
mod watch;
mod wished;
mod write;

pub(crate) use target::{Target, failure};

use clap::Subcommand;

use crate::arguments::Global;
use crate::failure::Failure;
use crate::printer::Printer;

/// Workload clusters.
#[derive(Debug, Subcommand)]
pub(crate) enum Cluster {
    /// Make a cluster, from flags or a cluster file
    Create(Box<create::Create>),
    /// Check a cluster file, with or without a cloud
    Validate(Box<validate::Validate>),
    /// Write a cluster file as objects of Cluster API, without a cloud
    Render(render::Render),
    /// Write a cluster as a cluster file
    Export(export::Export),
    Import(import::Import),
    /// Say what a change would do, before it is done
    Plan(plan::Plan),
    /// Carry out a change after its plan was accepted
    Apply(apply::Apply),
    /// List clusters
    List(list::List),
    /// Show one cluster: phases, nodes, reasons
    Show(show::Show),
    /// Reach a cluster with kubectl: print its kubeconfig or merge it into one's own
    Kubeconfig(kubeconfig::Kubeconfig),
    /// Change the number of workers or control plane machines
    Scale(scale::Scale),
    /// Stop, continue, repeat and watch how changes are brought to machines
    #[command(subcommand)]
    Rollout(rollout::Rollout),
    /// Bring a cluster to another Kubernetes version, node by node
    Upgrade(upgrade::Upgrade),
    Defragment(defragment::Defragment),
    /// Remove a cluster and everything made for it
    Delete(delete::Delete),
}

impl Cluster {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        match self {
            Self::Create(create) => Box::pin(create.run(global, printer)).await,
            Self::Validate(validate) => validate.run(global, printer).await,
            Self::Render(render) => render.run(printer),
            Self::Export(export) => export.run(global, printer).await,
            Self::Import(import) => import.run(printer),
            Self::Plan(plan) => plan.run(global, printer).await,
            Self::Apply(apply) => Box::pin(apply.run(global, printer)).await,
            Self::List(list) => list.run(global, printer).await,
            Self::Show(show) => show.run(global, printer).await,
            Self::Kubeconfig(kubeconfig) => kubeconfig.run(global, printer).await,
            Self::Scale(scale) => scale.run(global, printer).await,
            Self::Rollout(rollout) => rollout.run(global, printer).await,
            Self::Upgrade(upgrade) => Box::pin(upgrade.run(global, printer)).await,
            Self::Defragment(defragment) => defragment.run(global, printer).await,
            Self::Delete(delete) => delete.run(global, printer).await,
        }
    }
}
