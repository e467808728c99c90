//! What can go wrong in a cluster's life, and whether trying again helps.

use capstan_spec::progress::{Reason, ReasonCode};

/// A failure of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The cloud.
    #[error(transparent)]
    Cloud(#[from] capstan_openstack::Error),
    /// The credentials in a Secret.
    #[error("failed to read the credentials of cloud {cloud}")]
    Credentials {
        /// Name of the `Cloud`.
        cloud: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A `Cloud` or Secret that is not there, or lacks something.
    #[error("failed to find {0}")]
    Missing(String),
    /// The management server's or the workload cluster's API.
    #[error(transparent)]
    Kubernetes(#[from] capstan_kubernetes::Error),
    /// A fact that rendering needs.
    #[error(transparent)]
    Fact(#[from] capstan_plan::facts::MissingFact),
    /// Rendering.
    #[error(transparent)]
    Render(#[from] capstan_plan::RenderError),
    /// etcd of a workload cluster, of which no further member is touched.
    #[error("failed to look after etcd: {0}")]
    Etcd(#[from] capstan_plan::etcd::Refusal),
    /// An object that does not have the shape of its kind.
    #[error("failed to read {what}")]
    Shape {
        /// Which.
        what: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The catalogue.
    #[error(transparent)]
    Catalogue(#[from] capstan_catalog::CatalogueError),
    /// A chart.
    #[error(transparent)]
    Chart(#[from] capstan_addons::Error),
}

impl Error {
    /// The reason as a person is told it, for the cluster's status.
    pub fn reason(&self) -> Reason {
        let (code, remedy) = match self {
            Self::Cloud(error) => {
                use capstan_openstack::Kind;
                let code = match error.kind() {
                    Kind::QuotaExceeded => ReasonCode::QuotaExceeded,
                    Kind::Unauthorized | Kind::Forbidden => ReasonCode::Unauthorized,
                    kind if error.is_transient() || kind == Kind::Tls => ReasonCode::ApiUnreachable,
                    _ => ReasonCode::Other,
                };
                (code, error.hint())
            }
            Self::Kubernetes(error) if error.kind().is_transient() => {
                (ReasonCode::ApiUnreachable, error.hint())
            }
            Self::Kubernetes(error) => (ReasonCode::Other, error.hint()),
            Self::Chart(error) => (ReasonCode::AddonUnhealthy, error.hint()),
            Self::Credentials { .. } => (
                ReasonCode::Unauthorized,
                Some("check the Secret with the clouds.yaml"),
            ),
            Self::Missing(_) => (
                ReasonCode::Other,
                Some("create it, or name another one in the cluster"),
            ),
            _ => (ReasonCode::Other, None),
        };
        Reason {
            code,
            message: self.to_string(),
            remedy: remedy.unwrap_or("it is tried again by itself").to_owned(),
            object: None,
            // The API server's words are in the message already.
            detail: match self {
                Self::Kubernetes(_) => None,
                other => std::error::Error::source(other).map(ToString::to_string),
            },
        }
    }

    /// The kind of error in one word, for counting.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Cloud(error) => {
                use capstan_openstack::Kind;
                match error.kind() {
                    Kind::QuotaExceeded => "cloud_quota",
                    Kind::Unauthorized | Kind::Forbidden => "cloud_unauthorized",
                    Kind::Unreachable | Kind::Tls | Kind::Timeout => "cloud_unreachable",
                    Kind::Transient => "cloud_transient",
                    _ => "cloud",
                }
            }
            Self::Kubernetes(_) if self.is_conflict() => "conflict",
            Self::Kubernetes(error) if error.kind().is_transient() => "kubernetes_transient",
            Self::Kubernetes(_) => "kubernetes",
            Self::Credentials { .. } => "credentials",
            Self::Missing(_) => "missing",
            Self::Chart(_) => "chart",
            Self::Etcd(_) => "etcd",
            Self::Fact(_) | Self::Render(_) | Self::Shape { .. } | Self::Catalogue(_) => {
                "rendering"
            }
        }
    }

    /// Whether somebody else changed an object between our reading and writing it.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Kubernetes(error) if error.kind() == capstan_kubernetes::ErrorKind::Conflict)
    }

    /// Whether the same may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Cloud(error) => error.is_transient(),
            Self::Kubernetes(error) => {
                error.kind().is_transient()
                    || error.kind() == capstan_kubernetes::ErrorKind::Conflict
            }
            Self::Chart(_) => true,
            _ => false,
        }
    }
}
