//! `capstan env show`.

use std::path::Path;
use std::time::Duration;

use capstan_management::state::Known;
use clap::Args;
use serde_json::json;

use crate::arguments::ServerName;
use crate::commands::plane;
use crate::environment::{chosen, server_name, state_root};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, table};

/// What a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Show which server commands use, why that one, and whether it answers
///
/// A server is meant by, in this order: `--name` (for clusters and clouds `--server`), the variable `CAPSTAN_NAME`, what
/// `capstan env use` chose, the name "default".
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Show {
    #[command(flatten)]
    server: ServerName,
}

impl Show {
    /// Runs it.
    pub(crate) async fn run(self, printer: &Printer) -> Result<(), Failure> {
        let name = server_name(&self.server)?;
        let why = why(
            self.server.name.as_deref(),
            variable().as_deref(),
            chosen()?.as_deref(),
        );
        let servers = state_root()?.servers()?;
        let meant: Vec<&Known> = servers
            .iter()
            .filter(|known| known.record.identity.name == name)
            .collect();
        if meant.is_empty() {
            return Err(Failure::new(
                Exit::NotFound,
                format!("no server {name} was made from this machine ({why})"),
            )
            .hint("capstan env list shows them; capstan up makes one"));
        }
        let mut values = Vec::new();
        let mut rows = Vec::new();
        for known in meant {
            let record = &known.record;
            let kubeconfig = known.files().kubeconfig_path();
            let answer = answer(&kubeconfig).await;
            let endpoint = record.endpoint.clone().unwrap_or_default();
            let told = match &answer {
                Ok(version) => format!("yes, Kubernetes {version}"),
                Err(why) => format!("no: {why}"),
            };
            values.push(json!({
                "name": name,
                "uid": record.identity.uid.as_str(),
                "cloud": record.cloud_name,
                "endpoint": record.endpoint,
                "kubeconfig": kubeconfig,
                "created": record.created.to_string(),
                "chosenBy": why,
                "answers": answer.is_ok(),
                "version": answer.as_ref().ok(),
                "problem": answer.as_ref().err(),
            }));
            rows.extend([
                vec!["name".to_owned(), format!("{name} ({why})")],
                vec!["uid".to_owned(), record.identity.uid.to_string()],
                vec!["cloud".to_owned(), record.cloud_name.clone()],
                vec!["endpoint".to_owned(), endpoint],
                vec!["answers".to_owned(), told],
                vec!["kubeconfig".to_owned(), kubeconfig.display().to_string()],
                vec!["created".to_owned(), format!("{:.0}", record.created)],
            ]);
        }
        printer.result(&values, || table(&["", ""], rows).trim_start().to_owned())
    }
}

fn variable() -> Option<String> {
    std::env::var("CAPSTAN_NAME").ok()
}

/// By what a server is meant. The variable fills the flag, so that they are told apart by their values.
fn why(given: Option<&str>, variable: Option<&str>, chosen: Option<&str>) -> &'static str {
    match (given, chosen) {
        (Some(_), _) if given == variable => "by CAPSTAN_NAME",
        (Some(_), _) => "by --name",
        (None, Some(_)) => "chosen by capstan env use",
        (None, None) => "the default",
    }
}

/// The version of the server's Kubernetes, or why there is none to be had.
async fn answer(kubeconfig: &Path) -> Result<String, String> {
    let ask = async {
        let client = plane::client(kubeconfig)
            .await
            .map_err(|failure| failure.message)?;
        let version = client.apiserver_version().await;
        version
            .map(|version| version.git_version)
            .map_err(|error| error.to_string())
    };
    tokio::time::timeout(PATIENCE, ask)
        .await
        .unwrap_or_else(|_| Err(format!("no answer in {} s", PATIENCE.as_secs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_choice_wins() {
        assert_eq!(why(Some("a"), None, Some("b")), "by --name");
        assert_eq!(why(Some("a"), Some("a"), Some("b")), "by CAPSTAN_NAME");
        assert_eq!(why(None, None, Some("b")), "chosen by capstan env use");
        assert_eq!(why(None, None, None), "the default");
    }
}
