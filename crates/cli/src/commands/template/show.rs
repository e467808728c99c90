//! `capstan template show`.

use capstan_workload::template;
use clap::Args;

use super::{failed, find};
use crate::arguments::Global;
use crate::commands::cluster::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Show a template: what it offers, what it gives where a wish is silent, and which clusters were made from it.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Name of the template
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    target: Target,
}

impl Show {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let client = self.target.client(global).await?;
        let found = find(&client, &self.target.namespace, &self.name).await?;
        let clusters = template::clusters_of(&client, &found)
            .await
            .map_err(failed)?;
        let spec = capstan_spec::yaml::to_string(&found.spec)
            .map_err(|error| Failure::of(Exit::Failed, &error, None))?;
        printer.result(&found, || {
            let home = found.metadata.namespace.as_deref().unwrap_or_default();
            let clusters = if clusters.is_empty() {
                "no cluster was made from it".to_owned()
            } else {
                format!("made from it: {}", clusters.join(", "))
            };
            format!(
                "template {home}/{}\n{}\n{clusters}",
                self.name,
                spec.trim_end()
            )
        })
    }
}
