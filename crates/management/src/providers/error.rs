//! What can go wrong when providers are installed.

use std::path::PathBuf;

use capstan_kubernetes::ObjectName;

use super::substitution::SubstitutionError;
use super::webhook_certificate::CertificateError;
use crate::error::{Category, kubernetes_category};
use crate::identity::Identity;

/// How many of a list are named in a message.
const NAMED: usize = 4;

/// A failure of this module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// A file that could not be fetched.
    #[error("failed to fetch {url}")]
    Fetch {
        /// From where.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// A file that is not in the directory.
    #[error("failed to read {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file that is not the one it should be.
    #[error("failed to verify {file}: its sha256 is {found}, not {expected}")]
    Checksum {
        /// Which.
        file: String,
        /// By the catalogue.
        expected: String,
        /// By its content.
        found: String,
    },
    /// A file from the internet whose checksum nobody has written down.
    #[error("failed to verify {0}: the catalogue knows no sha256 for it")]
    NoChecksum(String),
    /// Variables in a manifest.
    #[error("failed to fill in the variables of {release}")]
    Substitution {
        /// Which release.
        release: String,
        /// Why.
        #[source]
        source: SubstitutionError,
    },
    /// A manifest that is not what a release looks like.
    #[error("failed to use the manifest of {release}: {message}")]
    Manifest {
        /// Which release.
        release: String,
        /// What is wrong.
        message: String,
    },
    /// The cluster is another server's.
    #[error("the cluster is management server {0} already")]
    Claimed(Identity),
    /// What would be installed is there already, by somebody else.
    #[error("failed to install: {} on the cluster already and not ours: {}", count(.0), list(.0))]
    Foreign(Vec<(ObjectName, Vec<String>)>),
    /// What was removed is still there.
    #[error("failed to remove {}", names(.0))]
    Remains(Vec<ObjectName>),
    /// There is nothing of Cluster API.
    #[error("failed to find providers of Cluster API on the server")]
    NoProviders,
    /// A file that could not be written.
    #[error("failed to write {}", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The catalogue.
    #[error(transparent)]
    Catalogue(#[from] capstan_catalog::CatalogueError),
    /// A certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// One of our own objects could not be written as JSON.
    #[error("failed to write our own objects")]
    Own(#[from] serde_json::Error),
    /// The API server.
    #[error(transparent)]
    Kubernetes(#[from] capstan_kubernetes::Error),
}

fn count(objects: &[(ObjectName, Vec<String>)]) -> String {
    match objects.len() {
        1 => "1 object is".to_owned(),
        several => format!("{several} objects are"),
    }
}

/// The first ones with whoever wrote them: `CustomResourceDefinition clusters.cluster.x-k8s.io (by kubectl)`.
fn list(objects: &[(ObjectName, Vec<String>)]) -> String {
    let told = objects.iter().map(|(name, by)| {
        if by.is_empty() {
            name.to_string()
        } else {
            format!("{name} (by {})", by.join(", "))
        }
    });
    shortened(told.collect())
}

fn names(objects: &[ObjectName]) -> String {
    shortened(objects.iter().map(ToString::to_string).collect())
}

fn shortened(mut told: Vec<String>) -> String {
    let more = told.len().saturating_sub(NAMED);
    told.truncate(NAMED);
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    told.join(", ")
}

impl ProviderError {
    /// The namespace of the installation is somebody else's.
    pub(crate) fn foreign_namespace(by: Vec<String>) -> Self {
        let name = ObjectName {
            api_version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            namespace: None,
            name: super::own::NAMESPACE.to_owned(),
        };
        Self::Foreign(vec![(name, by)])
    }

    /// What kind of trouble it is.
    pub fn category(&self) -> Category {
        match self {
            Self::Fetch { .. } => Category::Unreachable,
            Self::NoChecksum(_) | Self::Read { .. } => Category::Input,
            Self::Claimed(_) | Self::Foreign(_) => Category::Conflict,
            Self::Remains(_) => Category::Left,
            // After a time-out the API answers; what runs on it does not come up.
            Self::NoProviders | Self::Kubernetes(capstan_kubernetes::Error::Timeout { .. }) => {
                Category::NotUsable
            }
            Self::Kubernetes(error) => kubernetes_category(error.kind()),
            _ => Category::Failed,
        }
    }

    /// What the person at the keyboard can do, if anything is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Fetch { .. } => Some(
                "is the mirror (or the internet) reachable from here? See --mirror-files of capstan up",
            ),
            Self::Read { .. } => {
                Some("the directory must be laid out as <component>/<version>/<file>")
            }
            Self::Checksum { .. } => {
                Some("the file was changed or cut short on the way; do not use it")
            }
            Self::NoChecksum(_) => Some("take it from a mirror, or use a version of the catalogue"),
            Self::Substitution { .. } => Some("set the variables among the provider settings"),
            Self::Claimed(_) => Some(
                "use it by that name; or let it go first, with capstan down where it was made. A cluster is never taken over",
            ),
            Self::Foreign(_) => Some(
                "take another cluster, or remove them by the tool that installed them. What is somebody else's is never taken \
                 over",
            ),
            Self::Remains(_) => Some(
                "run the same command again; what stays then is held by a finalizer of somebody else",
            ),
            Self::NoProviders => Some("capstan up installs them"),
            Self::Kubernetes(capstan_kubernetes::Error::Timeout { last, .. })
                if last.contains("ErrImagePull") =>
            {
                Some(
                    "nodes that are not Capstan's need a way to the registries, or the mirror in their own configuration; then \
                     the same command goes on",
                )
            }
            Self::Kubernetes(error) => error.hint(),
            _ => None,
        }
    }
}
