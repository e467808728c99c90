//! `capstan cluster validate`.

use std::path::PathBuf;

use capstan_spec::{Finding, WorkloadClusterSpec, validate};
use clap::Args;

use super::file;
use crate::failure::Failure;
use crate::printer::Printer;

/// Check a cluster file by all rules that need no look at the cloud. Errors come with line and column, all at once, and
/// the same exit code as those of `create`.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Cluster file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Name the cluster is to have, whose length is checked, too
    #[arg(long, value_name = "CLUSTER")]
    name: Option<String>,
}

impl Validate {
    /// Runs it.
    pub(crate) fn run(&self, printer: &Printer) -> Result<(), Failure> {
        let spec = file::read(&self.file, printer)?;
        let at = self.file.display();
        if let Some(name) = &self.name {
            let pools = spec.workers.iter().map(|pool| pool.name.as_str());
            let wrong: Vec<Finding> = validate::name(name, pools);
            if !wrong.is_empty() {
                let causes = wrong.iter().map(ToString::to_string).collect();
                return Err(file::refused(
                    format!("failed to accept cluster {name}"),
                    causes,
                ));
            }
        }
        printer.result(&spec, || format!("{at} is good: {}", summary(&spec)))
    }
}

fn summary(spec: &WorkloadClusterSpec) -> String {
    let pools: Vec<String> = spec
        .pools()
        .map(|pool| format!("{} {} × {}", pool.pool, pool.replicas, pool.flavor))
        .collect();
    format!("Kubernetes {}, {}", spec.version, pools.join(", "))
}
