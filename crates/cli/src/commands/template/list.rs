//! `capstan template list`.

use capstan_spec::VersionWish;
use capstan_workload::resource::ClusterTemplate;
use capstan_workload::template;
use clap::Args;

use super::failed;
use crate::arguments::Global;
use crate::commands::cluster::Target;
use crate::failure::Failure;
use crate::printer::{Printer, table};

/// List what clusters of a namespace can be made from.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    target: Target,
}

impl List {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let client = self.target.client(global).await?;
        let all = template::offered(&client, &self.target.namespace).await;
        let all = all.map_err(failed)?;
        printer.result(&all, || {
            if all.is_empty() {
                return "no templates; capstan template apply makes one".to_owned();
            }
            table(
                &[
                    "namespace",
                    "name",
                    "availability",
                    "versions",
                    "description",
                ],
                all.iter().map(row),
            )
        })
    }
}

fn row(template: &ClusterTemplate) -> Vec<String> {
    let spec = &template.spec;
    let versions: Vec<String> = spec.versions.iter().map(VersionWish::to_string).collect();
    let versions = if versions.is_empty() {
        "any".to_owned()
    } else {
        versions.join(", ")
    };
    vec![
        template.metadata.namespace.clone().unwrap_or_default(),
        template.metadata.name.clone().unwrap_or_default(),
        spec.told()
            .unwrap_or_else(|| spec.availability.as_str().to_owned()),
        versions,
        spec.description.clone().unwrap_or_default(),
    ]
}
