//! The part of `up` and `status` that looks into the server's Kubernetes.

use std::path::Path;

use capstan_catalog::Catalogue;
use capstan_kubernetes::Connection;
use capstan_management::desk::Desk;
use capstan_management::providers::{self, CheckLine, InstallEvent, Plane, ProviderError};
use kube::Client;
use secrecy::SecretString;

use super::cluster::failure;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Installs the providers and the controller on a server, unless all of it is usable; `anew` also then, because something
/// was chosen that the server is to know.
pub(crate) async fn install(
    desk: &Desk,
    name: &str,
    kubeconfig: &Path,
    anew: bool,
    printer: &Printer,
) -> Result<(), Failure> {
    let client = client(kubeconfig).await?;
    if !anew
        && providers::check(client.clone())
            .await
            .iter()
            .all(CheckLine::is_good)
    {
        return Ok(());
    }
    let catalogue = catalogue()?;
    let plan = Plane::of_server(desk, name)
        .await?
        .install_plan(&catalogue)?;
    let mut told = 0;
    providers::install(client.clone(), &plan, |event| match event {
        InstallEvent::Fetching { files } => {
            printer.note(&format!("providers: fetching {files} manifests"));
        }
        // A line for each fifth is enough of two hundred objects.
        InstallEvent::Applied { done, of, .. } if done * 5 / of.max(1) > told => {
            told = done * 5 / of.max(1);
            printer.note(&format!("providers: {done} of {of} objects applied"));
        }
        InstallEvent::Applied { .. } => {}
        InstallEvent::Removed { count } => printer.note(&format!(
            "providers: {count} objects of an older version removed"
        )),
        InstallEvent::Waiting { deployment, reason } => {
            printer.note(&format!("{deployment}: {reason}"));
        }
        InstallEvent::Available { deployment } => printer.note(&format!("{deployment}: available")),
    })
    .await?;
    usable(client, printer).await
}

/// Waits until the webhooks answer: a Deployment is available a moment before its Service leads to it.
async fn usable(client: Client, printer: &Printer) -> Result<(), Failure> {
    for _ in 0..30 {
        if providers::check(client.clone())
            .await
            .iter()
            .all(CheckLine::is_good)
        {
            printer.note("every provider is available and its webhooks answer");
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    let bad = providers::check(client)
        .await
        .into_iter()
        .filter(|line| !line.is_good());
    let causes = bad
        .map(|line| format!("{}: {}", line.what, line.problem.unwrap_or_default()))
        .collect();
    Err(Failure {
        exit: Exit::NotUsable,
        message: "failed to see every provider usable".to_owned(),
        causes,
        hint: Some("capstan up goes on; capstan status tells more".to_owned()),
    })
}

/// What `status` tells of the inside of a server.
pub(crate) async fn check(kubeconfig: &Path) -> Result<Vec<CheckLine>, Failure> {
    Ok(providers::check(client(kubeconfig).await?).await)
}

/// A client for a kubeconfig of ours.
pub(crate) async fn client(kubeconfig: &Path) -> Result<Client, Failure> {
    let text = std::fs::read_to_string(kubeconfig).map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("failed to read {}: {error}", kubeconfig.display()),
        )
    })?;
    let connection = Connection::from_kubeconfig(&SecretString::from(text), None)
        .await
        .map_err(failure)?;
    connection.client().map_err(failure)
}

/// The versions this Capstan installs.
pub(crate) fn catalogue() -> Result<Catalogue, Failure> {
    Ok(Catalogue::bundled().map_err(ProviderError::from)?)
}
