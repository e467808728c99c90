//! `capstan env`.

mod clusterctl;
mod show;

use capstan_management::identity::check_name;
use clap::Subcommand;
use serde_json::json;

use crate::arguments::{Global, ServerName};
use crate::environment::{chosen_file, server_name, state_root};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, table};

/// Choose between management servers, and let other tools use them.
#[derive(Debug, Subcommand)]
pub(crate) enum Env {
    /// List the servers made from this machine
    List,
    Show(show::Show),
    /// Let clusterctl work with a server
    Clusterctl(clusterctl::Clusterctl),
    /// Use a server in all later commands that name none
    Use {
        /// Its name
        name: String,
    },
}

impl Env {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        match self {
            Self::List => list(printer),
            Self::Show(show) => show.run(printer).await,
            Self::Clusterctl(clusterctl) => clusterctl.run(global, printer).await,
            Self::Use { name } => choose(&name, printer),
        }
    }
}

fn list(printer: &Printer) -> Result<(), Failure> {
    let used = server_name(&ServerName { name: None })?;
    let servers = state_root()?.servers()?;
    let value: Vec<_> = servers
        .iter()
        .map(|known| {
            let record = &known.record;
            json!({
                "name": record.identity.name,
                "uid": record.identity.uid.as_str(),
                "cloud": record.cloud_name,
                "endpoint": record.endpoint,
                "adopted": record.adopted.as_ref().map(|adopted| &adopted.context),
                "created": record.created.to_string(),
                "used": record.identity.name == used,
            })
        })
        .collect();
    printer.result(&value, || {
        let rows = servers.iter().map(|known| {
            let record = &known.record;
            let mark = if record.identity.name == used {
                "*"
            } else {
                ""
            };
            vec![
                mark.to_owned(),
                record.identity.name.clone(),
                record.identity.uid.to_string(),
                record.cloud_name.clone(),
                record.endpoint.clone().unwrap_or_default(),
                match &record.adopted {
                    Some(adopted) => format!("context {}", adopted.context),
                    None => "made".to_owned(),
                },
                format!("{:.0}", record.created),
            ]
        });
        table(
            &["", "name", "uid", "cloud", "endpoint", "from", "created"],
            rows,
        )
    })
}

fn choose(name: &str, printer: &Printer) -> Result<(), Failure> {
    check_name(name).map_err(capstan_management::Error::from)?;
    let servers = state_root()?.servers()?;
    if servers
        .iter()
        .all(|known| known.record.identity.name != name)
    {
        let names: Vec<_> = servers
            .iter()
            .map(|known| known.record.identity.name.as_str())
            .collect();
        let failure = Failure::new(
            Exit::NotFound,
            format!("no server {name} was made from this machine"),
        );
        return Err(match capstan_openstack::closest(name, names.iter()) {
            Some(near) => failure.hint(format!("did you mean {near}?")),
            None => failure.hint("capstan env list shows them"),
        });
    }
    let path = chosen_file()?;
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&path, format!("{name}\n")));
    written.map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("failed to write {}: {error}", path.display()),
        )
    })?;
    printer.note(&format!("commands that name no server now use {name}"));
    Ok(())
}
