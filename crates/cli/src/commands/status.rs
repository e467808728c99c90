//! `capstan status`.

use capstan_management::providers::CheckLine;
use capstan_management::status::status;
use clap::Args;
use serde::Serialize;

use crate::arguments::{Global, ServerName};
use crate::commands::plane;
use crate::environment::{desk, server_name};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, table};

/// Tell whether a management server is usable; the exit code is 0 only then.
#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    server: ServerName,
}

/// What `-o json` gets.
#[derive(Serialize)]
struct Outcome<'a> {
    #[serde(flatten)]
    server: &'a capstan_management::status::Status,
    /// Deployments and webhooks, once the API answers.
    inside: &'a [CheckLine],
    usable: bool,
}

impl Status {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let name = server_name(&self.server)?;
        let desk = desk(global).await?;
        let status = status(&desk, &name).await?;
        let kubeconfig = desk.files(&name).kubeconfig_path();
        let inside = if status.usable() {
            plane::check(&kubeconfig).await?
        } else {
            Vec::new()
        };
        let usable = status.usable() && inside.iter().all(CheckLine::is_good);
        let outcome = Outcome {
            server: &status,
            inside: &inside,
            usable,
        };
        printer.result(&outcome, || {
            let rows = status.checks.iter().map(|check| {
                vec![
                    check.name.to_owned(),
                    if check.ok { "ok" } else { "NOT OK" }.to_owned(),
                    check.detail.clone(),
                ]
            });
            let rows = rows.chain(inside.iter().map(|line| {
                vec![
                    line.what.clone(),
                    if line.is_good() { "ok" } else { "NOT OK" }.to_owned(),
                    line.problem.clone().unwrap_or_default(),
                ]
            }));
            let endpoint = status.endpoint.as_deref().unwrap_or("no address yet");
            format!(
                "Management server {} (uid {}): {endpoint}\n\n{}",
                status.name,
                status.uid,
                table(&["check", "", "seen"], rows)
            )
        })?;
        if usable {
            Ok(())
        } else {
            Err(
                Failure::new(Exit::NotUsable, format!("server {name} is not usable"))
                    .hint("capstan up goes on making it, or waits for it"),
            )
        }
    }
}
