//! `capstan cluster scale`.

use clap::Args;

use super::target::Target;
use super::watch::{Watching, accepted};
use super::write::write;
use crate::arguments::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Change the number of workers or control plane machines.
#[derive(Debug, Args)]
pub(crate) struct Scale {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    #[command(flatten)]
    target: Target,
    /// Machines of the worker pool
    #[arg(long, value_name = "COUNT", required_unless_present = "control_plane")]
    workers: Option<u32>,
    /// Which worker pool; needed when there are several
    #[arg(long, requires = "workers")]
    pool: Option<String>,
    /// Machines of the control plane: 1, 3 or 5
    #[arg(long, value_name = "COUNT")]
    control_plane: Option<u32>,
    #[command(flatten)]
    watching: Watching,
}

impl Scale {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let api = self.target.clusters(global).await?;
        let cluster = self.target.cluster(&api, &self.cluster).await?;
        let mut spec = cluster.spec.clone();
        if let Some(count) = self.workers {
            let known: Vec<String> = spec.workers.iter().map(|pool| pool.name.clone()).collect();
            let name = match (&self.pool, known.as_slice()) {
                (Some(name), _) => name.clone(),
                (None, [only]) => only.clone(),
                (None, _) => {
                    return Err(Failure::new(
                        Exit::NeedsAnswer,
                        "failed to choose a worker pool: give --pool",
                    )
                    .hint(format!("the cluster has: {}", known.join(", "))));
                }
            };
            let Some(pool) = spec.pool_mut(&name) else {
                return Err(Failure::new(
                    Exit::NotFound,
                    format!("failed to find worker pool {name}"),
                )
                .hint(format!("the cluster has: {}", known.join(", "))));
            };
            if let Some(bounds) = pool.autoscaling {
                let text = format!(
                    "failed to scale worker pool {name}: an autoscaler does, from {} to {}",
                    bounds.min, bounds.max
                );
                return Err(Failure::new(Exit::Conflict, text)
                    .hint("change the pool's autoscaling, or take it away"));
            }
            pool.replicas = count;
        }
        if let Some(count) = self.control_plane {
            spec.control_plane.replicas = count;
        }
        write(&self.target, &api, &cluster, &spec, &[]).await?;
        accepted(&self.target, &api, &self.cluster, &self.watching, printer).await
    }
}
