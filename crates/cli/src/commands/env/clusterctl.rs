//! `capstan env clusterctl`.

use std::path::PathBuf;

use capstan_management::access::access;
use capstan_management::providers::{self, ManifestSource, ProviderError, clusterctl};
use clap::Args;
use serde_json::json;

use crate::arguments::{Global, ServerName};
use crate::commands::plane;
use crate::environment::{desk, server_name};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::shell::{export, word};

/// Let clusterctl work with a management server.
///
/// Writes a clusterctl.yaml for the providers that are installed there, with a copy of their manifests where they come from a
/// mirror, and prints what a shell needs to use it. Without it clusterctl looks for newer releases on GitHub.
///
/// Example:
///
///     eval "$(capstan env clusterctl)"
///     clusterctl describe cluster demo-x7k2p     # names: kubectl get clusters
///     clusterctl upgrade plan                    # to look only: upgrading is capstan's
///     clusterctl move --dry-run
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Clusterctl {
    #[command(flatten)]
    server: ServerName,
    /// Where to write to, instead of the server's own directory
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

impl Clusterctl {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let name = server_name(&self.server)?;
        let desk = desk(global).await?;
        let way = access(&desk, &name)?;
        let files = desk.files(&name);
        let mirror = files.record()?.and_then(|record| record.settings.mirror);
        let source = ManifestSource::of(mirror.and_then(|mirror| mirror.files));
        let directory = self
            .directory
            .unwrap_or_else(|| files.path().join("clusterctl"));
        let client = plane::client(&way.kubeconfig).await?;
        let catalogue = plane::catalogue()?;
        let newest = providers::catalogued_releases(&catalogue).map_err(ProviderError::from)?;
        let config = clusterctl::write(client, &catalogue, &source, &newest, &directory).await?;
        printer.result(
            &json!({ "kubeconfig": way.kubeconfig, "config": config }),
            || {
                format!(
                    "{}\nclusterctl() {{ command clusterctl --config {} \"$@\"; }}",
                    export("KUBECONFIG", &way.kubeconfig.display().to_string()),
                    word(&config)
                )
            },
        )
    }
}
