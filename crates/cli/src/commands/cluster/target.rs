//! Which management server and namespace a command speaks to.

use std::path::PathBuf;

use capstan_kubernetes::{Connection, Error, ErrorKind};
use capstan_workload::resource::WorkloadCluster;
use clap::Args;
use kube::{Api, Client};
use secrecy::SecretString;

use crate::arguments::{Global, ServerName};
use crate::environment::{desk, server_name};
use crate::exit::Exit;
use crate::failure::Failure;

/// Where clusters are looked for.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where")]
pub(crate) struct Target {
    /// Management server; without it the one chosen by `capstan env use`, or "default"
    #[arg(long, env = "CAPSTAN_NAME", value_name = "NAME")]
    server: Option<String>,
    /// Kubeconfig of a management server, instead of the one kept for its name
    #[arg(long, env = "CAPSTAN_KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Namespace, that is the tenant
    #[arg(short, long, env = "CAPSTAN_NAMESPACE", default_value = "default")]
    pub(crate) namespace: String,
}

impl Target {
    /// A client of the management server.
    pub(crate) async fn client(&self, global: &Global) -> Result<Client, Failure> {
        let path = if let Some(path) = &self.kubeconfig {
            path.clone()
        } else {
            let name = server_name(&ServerName {
                name: self.server.clone(),
            })?;
            let path = desk(global).await?.files(&name).kubeconfig_path();
            if !path.exists() {
                return Err(Failure::new(
                    Exit::NotFound,
                    format!("failed to find management server {name} on this machine"),
                )
                .hint("capstan up makes one; --kubeconfig names one made elsewhere"));
            }
            path
        };
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Failure::new(
                Exit::Input,
                format!("failed to read {}: {error}", path.display()),
            )
        })?;
        let connection = Connection::from_kubeconfig(&SecretString::from(text), None).await;
        connection
            .and_then(|connection| connection.client())
            .map_err(failure)
    }

    /// What the management server is called on this machine, for what is kept of it.
    pub(crate) fn known_as(&self) -> Result<String, Failure> {
        match &self.kubeconfig {
            Some(path) => Ok(path.display().to_string()),
            None => server_name(&ServerName {
                name: self.server.clone(),
            }),
        }
    }

    /// The clusters of the namespace.
    pub(crate) async fn clusters(&self, global: &Global) -> Result<Api<WorkloadCluster>, Failure> {
        Ok(Api::namespaced(self.client(global).await?, &self.namespace))
    }

    /// Reads one cluster; that there is none is a failure with the names there are.
    pub(crate) async fn cluster(
        &self,
        api: &Api<WorkloadCluster>,
        name: &str,
    ) -> Result<WorkloadCluster, Failure> {
        match api
            .get_opt(name)
            .await
            .map_err(|error| self.refused("read", name, error))?
        {
            Some(cluster) => Ok(cluster),
            None => Err(self.missing(api, name).await),
        }
    }

    async fn missing(&self, api: &Api<WorkloadCluster>, name: &str) -> Failure {
        let failure = Failure::new(
            Exit::NotFound,
            format!(
                "failed to find cluster {name} in namespace {}",
                self.namespace
            ),
        );
        let known: Vec<String> = match api.list(&kube::api::ListParams::default()).await {
            Ok(list) => list
                .items
                .into_iter()
                .filter_map(|cluster| cluster.metadata.name)
                .collect(),
            Err(_) => return failure,
        };
        match (
            capstan_openstack::closest(name, known.iter()),
            known.is_empty(),
        ) {
            (Some(close), _) => failure.hint(format!("did you mean {close}?")),
            (None, true) => failure.hint("there is none; capstan cluster create makes one"),
            (None, false) => failure.hint(format!("there are: {}", known.join(", "))),
        }
    }

    /// The failure of a request about a cluster.
    pub(crate) fn refused(&self, verb: &'static str, name: &str, error: kube::Error) -> Failure {
        failure(Error::request(
            verb,
            format!("cluster {}/{name}", self.namespace),
            error,
        ))
    }
}

/// A failure of the management server's API.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is handed to map_err, which gives the error away"
)]
pub(crate) fn failure(error: Error) -> Failure {
    let exit = match error.kind() {
        ErrorKind::NotFound => Exit::NotFound,
        ErrorKind::AlreadyExists | ErrorKind::Conflict => Exit::Conflict,
        ErrorKind::Unauthorized | ErrorKind::Forbidden => Exit::Permission,
        ErrorKind::Invalid => Exit::Input,
        ErrorKind::Unreachable => Exit::Unreachable,
        _ => Exit::Failed,
    };
    let hint = error.hint().map(str::to_owned);
    Failure::of(exit, &error, hint)
}
