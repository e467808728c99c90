//! `capstan access`.

use capstan_management::Error;
use clap::Args;
use serde_json::json;

use crate::arguments::{Global, ServerName};
use crate::environment::{desk, server_name};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Reach a management server with kubectl: says where its kubeconfig is.
#[derive(Debug, Args)]
pub(crate) struct Access {
    #[command(flatten)]
    server: ServerName,
    /// Print the kubeconfig itself
    #[arg(long)]
    print: bool,
}

impl Access {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let name = server_name(&self.server)?;
        let desk = desk(global).await?;
        let files = desk.files(&name);
        let record = files.record()?.ok_or_else(|| Error::NoServer {
            name: name.clone(),
            project: desk.project().to_owned(),
            known: Vec::new(),
        })?;
        let path = files.kubeconfig_path();
        if !path.exists() {
            return Err(
                Failure::new(Exit::NotUsable, format!("server {name} has no address yet"))
                    .hint("capstan up goes on making it"),
            );
        }
        if self.print {
            let text = std::fs::read_to_string(&path).map_err(|error| {
                Failure::new(
                    Exit::Failed,
                    format!("failed to read {}: {error}", path.display()),
                )
            })?;
            Printer::write(&text);
            return Ok(());
        }
        printer.result(
            &json!({ "endpoint": record.endpoint, "kubeconfig": path }),
            || format!("export KUBECONFIG={}", path.display()),
        )
    }
}
