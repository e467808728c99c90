//! `capstan template delete`.

use capstan_workload::resource::ClusterTemplate;
use capstan_workload::template;
use clap::Args;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::json;

use super::{failed, find};
use crate::arguments::Global;
use crate::ask;
use crate::commands::cluster::{Target, failure};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Delete a template. Clusters that were made from it are listed, and keep what they took
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Name of the template
    #[arg(value_name = "NAME")]
    name: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    target: Target,
}

impl Delete {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let client = self.target.client(global).await?;
        let found = find(&client, &self.target.namespace, &self.name).await?;
        let home = found.metadata.namespace.clone().unwrap_or_default();
        let clusters = template::clusters_of(&client, &found)
            .await
            .map_err(failed)?;
        let keep = if clusters.is_empty() {
            "no cluster was made from it".to_owned()
        } else {
            format!(
                "these clusters keep what they took from it: {}",
                clusters.join(", ")
            )
        };
        if !self.yes {
            printer.note(&keep);
            let question = format!("Delete template {home}/{}?", self.name);
            if !ask::possible() || !ask::confirm(&question)? {
                return Err(Failure::new(Exit::NeedsAnswer, "nothing was deleted")
                    .hint("--yes deletes without asking"));
            }
        }
        let api: Api<ClusterTemplate> = Api::namespaced(client, &home);
        let done = api.delete(&self.name, &DeleteParams::default()).await;
        done.map_err(|error| {
            let object = format!("template {home}/{}", self.name);
            failure(capstan_kubernetes::Error::request("delete", object, error))
        })?;
        printer.result(
            &json!({"deleted": self.name, "namespace": home, "clusters": clusters}),
            || format!("template {home}/{} is deleted; {keep}", self.name),
        )
    }
}
