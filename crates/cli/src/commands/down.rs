//! `capstan down`.

use std::path::PathBuf;

use capstan_management::Error;
use capstan_management::adoption::Entrance;
use capstan_management::down::{self, Allowed, Host, Prepared, Wanted};
use capstan_management::lock::RunLock;
use capstan_management::survey::Survey;
use clap::Args;
use serde_json::json;

use crate::arguments::{Global, ServerName};
use crate::commands::stop_on_interrupt;
use crate::environment::{caller, desk, server_name};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, table};
use crate::{ask, progress};

// Each is a flag of its own, said or not said.
#[allow(clippy::struct_excessive_bools)]
/// Remove a management server and everything it has in the cloud.
///
/// Removes exactly what was made for it, by id, then looks again and says what is left. Works when the server is dead or
/// half built, and on a machine that did not make it. Of an existing cluster that was made the server what Capstan installed
/// on it is removed, and nothing else; the cluster stays.
#[derive(Debug, Args)]
pub(crate) struct Down {
    #[command(flatten)]
    server: ServerName,
    /// Which of several servers of this name
    #[arg(long)]
    uid: Option<String>,
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
    /// Only show what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Remove its clusters first
    #[arg(long)]
    with_clusters: bool,
    /// Remove the server although its clusters cannot be removed or listed; what they have in the cloud stays, and so does
    /// what is installed on an existing cluster that cannot be reached
    #[arg(long)]
    abandon_clusters: bool,
    /// Kubeconfig of the existing cluster that is the server, where none is on this machine or that one works no more
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context in it; without it the current one
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,
}

impl Down {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let name = server_name(&self.server)?;
        let entrance = self
            .kubeconfig
            .as_deref()
            .map(|path| Entrance::read(path, self.context.as_deref()))
            .transpose()
            .map_err(Error::from)?;
        let desk = desk(global).await?;
        let caller = caller("down");
        let lock = if self.dry_run {
            None
        } else {
            Some(RunLock::acquire(&desk.files(&name), &caller.who)?)
        };
        let survey = Survey::read(&desk.session).await?;
        let allowed = Allowed {
            with_clusters: self.with_clusters,
            abandon_clusters: self.abandon_clusters,
        };
        let wanted = Wanted {
            name: &name,
            uid: self.uid.as_deref(),
            entrance: entrance.as_ref(),
        };
        let prepared = match down::prepare(&desk, wanted, allowed, &survey).await {
            Err(error @ Error::NoServer { .. }) => {
                // Nothing shall remain of a server that is not there, not even the file of the lock.
                if let Some(lock) = lock {
                    lock.remove()?;
                }
                return Err(error.into());
            }
            result => result?,
        };
        if self.dry_run {
            return printer.result(&entries(&prepared), || render(&prepared));
        }
        printer.note(&render(&prepared));
        self.approve(&name)?;
        let adopted = prepared
            .host
            .as_ref()
            .is_some_and(|host| host.installed.is_some());
        let stop = stop_on_interrupt(*printer);
        let reporter = progress::reporter(printer.output());
        let gone = down::down(&desk, prepared, &caller, reporter.as_ref(), &stop).await?;
        if let Some(lock) = lock {
            lock.remove()?;
        }
        let value = json!({
            "created": gone.created, "gone": gone.created, "uninstalled": gone.uninstalled,
        });
        printer.result(&value, || {
            let cloud = format!("created {0}, gone {0}", gone.created);
            if adopted {
                format!(
                    "{cloud}; {} objects removed from the cluster, which stays",
                    gone.uninstalled
                )
            } else {
                cloud
            }
        })
    }

    fn approve(&self, name: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !ask::possible() {
            return Err(Failure::new(
                Exit::NeedsAnswer,
                "the removal needs an approval and there is no terminal to ask on",
            )
            .hint("--yes approves it, --dry-run only shows it"));
        }
        if ask::type_name(name)? {
            Ok(())
        } else {
            Err(Error::NotApproved.into())
        }
    }
}

fn entries(prepared: &Prepared) -> serde_json::Value {
    let list = |entries: &[capstan_openstack::Entry]| -> Vec<serde_json::Value> {
        entries
            .iter()
            .map(|entry| json!({ "kind": entry.kind.to_string(), "id": entry.id, "name": entry.name }))
            .collect()
    };
    let clusters: Vec<_> = prepared
        .clusters
        .iter()
        .map(|cluster| format!("{}/{}", cluster.namespace, cluster.name))
        .collect();
    json!({
        "name": prepared.identity.name,
        "uid": prepared.identity.uid.as_str(),
        "remove": list(&prepared.entries),
        "clusters": clusters,
        "abandon": list(&prepared.abandoned),
        "cluster": prepared.host.as_ref().map(|host| json!({
            "context": host.context,
            "endpoint": host.endpoint,
            "uninstall": host.installed.as_ref().map(|installed| {
                installed.objects.iter().map(ToString::to_string).collect::<Vec<_>>()
            }),
        })),
    })
}

fn render(prepared: &Prepared) -> String {
    let rows = |entries: &[capstan_openstack::Entry]| -> Vec<Vec<String>> {
        entries
            .iter()
            .map(|entry| vec![entry.kind.to_string(), entry.name.clone(), entry.id.clone()])
            .collect()
    };
    let head = ["resource", "name", "id"];
    let clusters: Vec<_> = prepared
        .clusters
        .iter()
        .map(|cluster| format!("{}/{}", cluster.namespace, cluster.name))
        .collect();
    let mut parts = vec![format!(
        "Management server {}: to be removed\n",
        prepared.identity
    )];
    parts.push(if prepared.entries.is_empty() {
        "nothing in the cloud, only local files\n".to_owned()
    } else {
        format!("{}\n", table(&head, rows(&prepared.entries)))
    });
    parts.extend(prepared.host.as_ref().map(host));
    if !clusters.is_empty() {
        parts.push(format!("with its clusters: {}\n", clusters.join(", ")));
    }
    if !prepared.abandoned.is_empty() {
        parts.push(format!(
            "abandoned, will stay:\n\n{}\n",
            table(&head, rows(&prepared.abandoned))
        ));
    }
    parts.join("\n")
}

/// What is removed from an existing cluster.
fn host(host: &Host) -> String {
    let place = format!(
        "the cluster of context {} at {}",
        host.context, host.endpoint
    );
    match &host.installed {
        Some(installed) => format!(
            "from {place}: {} objects that Capstan installed; the cluster itself stays\n",
            installed.objects.len()
        ),
        None => {
            format!("NOT from {place}, which cannot be asked: what Capstan installed there stays\n")
        }
    }
}
