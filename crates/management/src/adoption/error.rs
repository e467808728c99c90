//! Why an existing cluster cannot be the management server.

use std::path::PathBuf;

use capstan_catalog::Lines;

use crate::error::{Category, kubernetes_category};
use crate::identity::Identity;

/// A failure of this module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptionError {
    /// The kubeconfig, or a file it names, is not there.
    #[error("failed to read {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no kubeconfig.
    #[error("failed to understand {} as a kubeconfig", .path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No such context.
    #[error("failed to find context {wanted:?} in the kubeconfig")]
    Context {
        /// What was asked for.
        wanted: String,
        /// What is there.
        known: Vec<String>,
    },
    /// There is nothing to take.
    #[error("failed to choose a context: the kubeconfig names no current one")]
    NoContext {
        /// What is there.
        known: Vec<String>,
    },
    /// A context whose cluster or user is not in the file.
    #[error("failed to find the {what} {name:?} of context {context:?} in the kubeconfig")]
    Dangling {
        /// Cluster or user.
        what: &'static str,
        /// Its name.
        name: String,
        /// Of which context.
        context: String,
    },
    /// A way of logging in, or of getting there, that this build does not have.
    #[error("failed to use the kubeconfig: {0}")]
    Unsupported(String),
    /// The program that gives the credentials.
    #[error("failed to get credentials from {command:?}, which the kubeconfig names: {reason}")]
    Plugin {
        /// The program.
        command: String,
        /// Why.
        reason: String,
    },
    /// The copy of the kubeconfig is lost.
    #[error("failed to find the kubeconfig of the adopted cluster on this machine")]
    NoKubeconfig,
    /// The API cannot be talked to.
    #[error("failed to talk to the cluster at {endpoint}")]
    Reach {
        /// Where.
        endpoint: String,
        /// Why.
        #[source]
        source: Box<capstan_kubernetes::Error>,
    },
    /// Too few rights.
    #[error("the user of context {0:?} may not do everything on the cluster")]
    Rights(String),
    /// No version the providers run on.
    #[error("the cluster has Kubernetes {version}; the providers run on {} to {}", .hosts.oldest, .hosts.newest)]
    Version {
        /// The cluster's.
        version: String,
        /// The providers'.
        hosts: Lines,
    },
    /// Nothing would run.
    #[error("no node of the cluster is Ready ({all} there)")]
    NoReadyNode {
        /// How many nodes there are.
        all: usize,
    },
    /// The cluster was made by `up`.
    #[error("the cluster is a server that capstan up made: {0}")]
    Made(Identity),
    /// The name is that of a server that `up` made.
    #[error("server {0} was made by capstan up, not from a kubeconfig")]
    NameOfMade(Identity),
    /// The name is in use in the project.
    #[error("server {0} exists in this project, and the cluster is not known as it")]
    NameTaken(Identity),
    /// The record is of another cluster.
    #[error(
        "server {identity} is the cluster at {recorded}; the kubeconfig leads to another one, at {given}"
    )]
    OtherCluster {
        /// The server.
        identity: Identity,
        /// Where it is.
        recorded: String,
        /// Where the kubeconfig leads.
        given: String,
    },
    /// A Capstan that left no name.
    #[error("the cluster carries an installation of Capstan that does not say of which server")]
    Unnamed,
    /// Nobody can look what is installed.
    #[error(
        "server {identity}: the cluster it was installed on cannot be asked what is there: {reason}"
    )]
    Unasked {
        /// The server.
        identity: Identity,
        /// Why not.
        reason: String,
    },
    /// In the cloud there is what an adopted cluster has there, and nobody here knows which cluster.
    #[error(
        "of server {0} there is only a credential in the cloud, as of a cluster that was adopted from another machine"
    )]
    PerhapsAdopted(Identity),
}

impl AdoptionError {
    /// What kind of trouble it is.
    pub fn category(&self) -> Category {
        match self {
            Self::Read { .. }
            | Self::Content { .. }
            | Self::Dangling { .. }
            | Self::Unsupported(_)
            | Self::Version { .. } => Category::Input,
            Self::Context { .. } => Category::NotFound,
            Self::NoContext { .. } | Self::NoKubeconfig => Category::NeedsAnswer,
            Self::Plugin { .. } | Self::Rights(_) => Category::Permission,
            Self::Reach { source, .. } => kubernetes_category(source.kind()),
            Self::NoReadyNode { .. } => Category::NotUsable,
            Self::Made(_)
            | Self::NameOfMade(_)
            | Self::NameTaken(_)
            | Self::OtherCluster { .. }
            | Self::Unnamed
            | Self::Unasked { .. }
            | Self::PerhapsAdopted(_) => Category::Conflict,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> String {
        let contexts = |known: &[String]| {
            if known.is_empty() {
                "it has none: is it the right file?".to_owned()
            } else {
                format!("--context names one of {}", known.join(", "))
            }
        };
        match self {
            Self::Read { .. } => "check the path, and that the file may be read".into(),
            Self::Content { .. } => "kubectl config view --kubeconfig FILE shows what kubectl makes of it".into(),
            Self::Context { wanted, known } => {
                match capstan_openstack::closest(wanted, known.iter()) {
                    Some(near) => format!("did you mean {near}?"),
                    None => contexts(known),
                }
            }
            Self::NoContext { known } => contexts(known),
            Self::Dangling { .. } => "the file was cut short, or edited by hand; take it from its source again".into(),
            Self::Unsupported(_) => {
                "give a kubeconfig with a client certificate, a token or a credential program (exec); a token of a service \
                 account bound to cluster-admin does (kubectl create token)"
                    .into()
            }
            Self::Plugin { .. } => {
                "run it by hand to see what it wants; or give a kubeconfig with a token of a service account bound to \
                 cluster-admin (kubectl create token)"
                    .into()
            }
            Self::NoKubeconfig => "give it again: capstan up --kubeconfig FILE".into(),
            Self::Reach { source, .. } => match source.kind() {
                capstan_kubernetes::ErrorKind::Unauthorized => {
                    "the certificate or token of the kubeconfig is not accepted; it may have expired".into()
                }
                _ => "kubectl --kubeconfig FILE get nodes tries the same; does the address answer from this machine?".into(),
            },
            Self::Rights(_) => {
                "roles are installed, and only who holds a right may give it: take a user bound to the ClusterRole \
                 cluster-admin"
                    .into()
            }
            Self::Version { hosts, .. } => {
                format!("upgrade the cluster, or take one of {} to {}", hosts.oldest, hosts.newest)
            }
            Self::NoReadyNode { .. } => "kubectl describe nodes says why".into(),
            Self::Made(identity) => format!(
                "it needs no --kubeconfig: --name {} is its name where it was made",
                identity.name
            ),
            Self::NameOfMade(_) => "take another --name for the cluster of the kubeconfig".into(),
            Self::NameTaken(identity) => format!(
                "take another --name, or remove what is there with capstan down --name {} --uid {}",
                identity.name, identity.uid
            ),
            Self::OtherCluster { .. } => "take another --name for it".into(),
            Self::Unnamed => "remove it with the capstan that installed it".into(),
            Self::Unasked { .. } => {
                "make the cluster reachable, or give a kubeconfig that works with --kubeconfig; --abandon-clusters removes \
                 only what the server has in the cloud: what is installed on the cluster, and what its workload clusters \
                 have in the cloud, then stays"
                    .into()
            }
            Self::PerhapsAdopted(_) => {
                "--kubeconfig FILE names the cluster, and what is installed there goes, too; --abandon-clusters removes the \
                 credential alone"
                    .into()
            }
        }
    }
}
