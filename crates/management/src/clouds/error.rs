//! What goes wrong with the clouds of a server.

use crate::error::{Category, cloud_category};
use crate::identity::NAME_MAX;

/// See [`CloudsError::category`] and [`CloudsError::hint`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloudsError {
    /// The server's API.
    #[error(transparent)]
    Kubernetes(#[from] capstan_kubernetes::Error),
    /// The credentials on the server.
    #[error(transparent)]
    Credentials(#[from] capstan_workload::Error),
    /// The cloud itself.
    #[error(transparent)]
    Cloud(#[from] capstan_openstack::Error),
    /// An object of ours that has no form.
    #[error("failed to write a Cloud")]
    Shape(#[from] serde_json::Error),
    /// No `Cloud` of this name.
    #[error("failed to find Cloud {name} for namespace {namespace}")]
    NoCloud {
        /// The name.
        name: String,
        /// For whom.
        namespace: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// The name is taken by another one.
    #[error("failed to add Cloud {0}: there is one of that name")]
    Taken(String),
    /// A name that cannot be one.
    #[error("failed to add Cloud {0:?}: that is no name for one")]
    Name(String),
    /// A credential that may not mint others.
    #[error("failed to add Cloud {0}: a restricted application credential may not mint others")]
    Restricted(String),
    /// Clusters are on it.
    #[error("failed to remove Cloud {name}: {} on it: {}", count(clusters.len()), clusters.join(", "))]
    InUse {
        /// The name.
        name: String,
        /// `namespace/name` of each.
        clusters: Vec<String>,
    },
    /// The cloud the server itself is in.
    #[error("failed to remove Cloud {0}: it was not added by capstan cloud add")]
    NotAdded(String),
    /// The namespace does not say which server it is.
    #[error("failed to find out which management server this is")]
    NoServer,
}

fn count(clusters: usize) -> String {
    if clusters == 1 {
        "one cluster is".to_owned()
    } else {
        format!("{clusters} clusters are")
    }
}

impl CloudsError {
    /// What kind of trouble it is.
    pub fn category(&self) -> Category {
        use capstan_kubernetes::ErrorKind;
        match self {
            Self::Cloud(error) => cloud_category(error.kind()),
            Self::Credentials(capstan_workload::Error::Cloud(error)) => {
                cloud_category(error.kind())
            }
            Self::Kubernetes(error)
            | Self::Credentials(capstan_workload::Error::Kubernetes(error)) => match error.kind() {
                ErrorKind::NotFound => Category::NotFound,
                ErrorKind::AlreadyExists | ErrorKind::Conflict => Category::Conflict,
                ErrorKind::Unauthorized | ErrorKind::Forbidden => Category::Permission,
                ErrorKind::Unreachable => Category::Unreachable,
                _ => Category::Failed,
            },
            Self::Credentials(_) | Self::Shape(_) => Category::Failed,
            Self::NoCloud { .. } => Category::NotFound,
            Self::Taken(_) | Self::InUse { .. } | Self::NotAdded(_) => Category::Conflict,
            Self::Name(_) => Category::Input,
            Self::Restricted(_) => Category::Permission,
            Self::NoServer => Category::NotUsable,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Kubernetes(error) => return error.hint().map(str::to_owned),
            Self::Cloud(error) => return error.hint().map(str::to_owned),
            Self::Credentials(error) => return Some(error.reason().remedy),
            Self::Shape(_) => return None,
            Self::NoCloud { name, known, .. } => {
                match capstan_openstack::closest(name, known.iter()) {
                    Some(close) => format!("did you mean {close}?"),
                    None if known.is_empty() => "capstan cloud add adds one".to_owned(),
                    None => format!("there are: {}", known.join(", ")),
                }
            }
            Self::Taken(_) => "choose another name, or remove that one first".to_owned(),
            Self::Name(_) => format!(
                "a name has 1 to {NAME_MAX} characters, only a-z, 0-9 and -, and begins with a letter"
            ),
            Self::Restricted(_) => {
                "each cluster gets a credential of its own, so give a clouds.yaml with a password (which stays here) or an \
                 unrestricted application credential: openstack application credential create --unrestricted NAME"
                    .to_owned()
            }
            Self::InUse { .. } => "remove the clusters first: capstan cluster delete".to_owned(),
            Self::NotAdded(_) => {
                "the cloud of the server itself goes with it: capstan down; one that somebody wrote by hand, with kubectl"
                    .to_owned()
            }
            Self::NoServer => "capstan up makes one, or goes on making it".to_owned(),
        })
    }
}
