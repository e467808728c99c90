//! `capstan image list`.

use capstan_management::images::{Stocked, stock};
use clap::Args;
use serde_json::{Value, json};

use super::{size, used};
use crate::arguments::Global;
use crate::commands::cluster::Target;
use crate::commands::plane;
use crate::environment::desk;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, table};

/// List node images, and which clusters use each
///
/// Those that carry a Kubernetes version, by property or name, and those that Capstan registered in this project, hidden ones
/// included. Which clusters use them says the management server; without one, only servers of the project are counted.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {
    /// Every image that the project sees
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    target: Target,
}

impl List {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let session = desk(global).await?.session;
        let catalogue = plane::catalogue()?;
        let users = match self.target.client(global).await {
            Ok(client) => used(&client).await?,
            Err(failure) if failure.exit == Exit::NotFound => {
                printer.note("no management server is known here, so clusters are not asked");
                capstan_workload::image_use::ImageUse::default()
            }
            Err(failure) => return Err(failure),
        };
        let mut images = stock(&session, catalogue.node_image_rules(), &users).await?;
        let wanted = |stocked: &Stocked| {
            self.all || stocked.known.ours || stocked.known.kubernetes.is_some()
        };
        images.retain(wanted);
        let values: Vec<Value> = images.iter().map(value).collect();
        printer.result(&values, || {
            if images.is_empty() {
                return "no node images; capstan image register registers one".to_owned();
            }
            table(
                &[
                    "name", "version", "state", "format", "size", "seen by", "made", "used by",
                    "id",
                ],
                images.iter().map(row),
            )
        })
    }
}

fn value(stocked: &Stocked) -> Value {
    let Stocked { image, known } = stocked;
    json!({
        "id": image.id, "name": image.label(), "kubernetesVersion": known.kubernetes, "state": state(stocked),
        "registeredByCapstan": known.ours, "checksum": known.digest, "diskFormat": image.disk_format,
        "size": image.size, "visibility": image.visibility, "hidden": image.os_hidden, "protected": image.protected,
        "architecture": known.architecture, "createdAt": image.created_at, "usedBy": known.users,
    })
}

fn state(stocked: &Stocked) -> String {
    match &stocked.known.unfinished {
        Some(who) if stocked.known.ours => format!("unfinished, by {who}"),
        _ if stocked.image.os_hidden => format!("{}, hidden", stocked.image.status),
        _ => stocked.image.status.clone(),
    }
}

fn row(stocked: &Stocked) -> Vec<String> {
    let Stocked { image, known } = stocked;
    let version = known.kubernetes.map(|version| version.to_string());
    let users = if known.users.is_empty() {
        "-".to_owned()
    } else {
        known.users.join(", ")
    };
    vec![
        image.label().to_owned(),
        version.unwrap_or_else(|| "-".to_owned()),
        state(stocked),
        image.disk_format.clone().unwrap_or_default(),
        size(image.size),
        image.visibility.clone(),
        known.created_at.chars().take(10).collect(),
        users,
        image.id.clone(),
    ]
}
