//! Which cloud, and who we are there: `clouds.yaml` as OpenStack's own tools read it.

mod files;
mod parse;
mod write;

use std::{collections::BTreeMap, fmt, path::PathBuf};

use secrecy::SecretString;

pub use files::{Environment, from_text, load};
pub use write::clouds_yaml;

/// One cloud out of `clouds.yaml`, complete and checked as far as that is possible without asking the cloud.
#[derive(Debug, Clone)]
pub struct CloudConfig {
    /// Name in the file.
    pub name: String,
    /// The file it was read from; `None` when it was made in memory.
    pub file: Option<PathBuf>,
    /// Keystone's URL, ending in `/v3`.
    pub auth_url: url::Url,
    /// Who we are.
    pub auth: Auth,
    /// Region; needed only where the catalogue has several.
    pub region: Option<String>,
    /// Which endpoints of the catalogue to use.
    pub interface: Interface,
    /// Authorities to trust instead of the system's.
    pub ca: Option<CaBundle>,
    /// `false` accepts any certificate.
    pub verify: bool,
    /// Our certificate and key (PEM, both), where the cloud wants mutual TLS.
    pub client_identity: Option<SecretString>,
    /// `<service>_endpoint_override` lines by service type, for example `network`, `load-balancer`.
    pub endpoint_overrides: BTreeMap<String, url::Url>,
}

/// Authorities in PEM, and the file they came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaBundle {
    /// Where it was read.
    pub path: Option<PathBuf>,
    /// The certificates.
    pub pem: String,
}

/// How to authenticate with Keystone v3.
#[derive(Debug, Clone)]
pub enum Auth {
    /// User and password in a project.
    Password {
        /// Who.
        user: User,
        /// The secret.
        password: SecretString,
        /// Where.
        project: Project,
    },
    /// An application credential; its project is part of it.
    ApplicationCredential {
        /// Which.
        credential: ApplicationCredentialRef,
        /// The secret.
        secret: SecretString,
    },
    /// A token somebody else got. It cannot be renewed.
    Token {
        /// The secret.
        token: SecretString,
        /// Where; `None` keeps the token's own project.
        project: Option<Project>,
    },
}

/// A user as Keystone wants it named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// By id.
    Id(String),
    /// By name inside a domain.
    Name(String, Domain),
}

/// A project as Keystone wants it named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Project {
    /// By id.
    Id(String),
    /// By name inside a domain.
    Name(String, Domain),
}

/// A domain as Keystone wants it named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Domain {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
}

impl Default for Domain {
    /// Keystone's first domain has the id `default`; OpenStack's own client assumes it, too.
    fn default() -> Self {
        Self::Id("default".to_owned())
    }
}

/// An application credential as Keystone wants it named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplicationCredentialRef {
    /// By id.
    Id(String),
    /// By name; names are unique per user.
    Name(String, User),
}

/// Which of a service's endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interface {
    /// For everybody.
    #[default]
    Public,
    /// For the inside of the cloud.
    Internal,
    /// For operators.
    Admin,
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        })
    }
}

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No `clouds.yaml` anywhere.
    #[error("failed to find clouds.yaml: looked at {}", list(.looked_at))]
    NoFile {
        /// In this order.
        looked_at: Vec<PathBuf>,
    },
    /// The file is there and cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not YAML, or not shaped like `clouds.yaml`; the cause has line and column.
    #[error("failed to understand {}", path.display())]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Why, with line and column.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No cloud of this name.
    #[error("failed to find cloud {wanted:?} in {}: it has {}{}", path.display(), list_names(.known), did_you_mean(.close.as_deref()))]
    UnknownCloud {
        /// The file.
        path: PathBuf,
        /// The name asked for.
        wanted: String,
        /// The names there are.
        known: Vec<String>,
        /// The one that was probably meant.
        close: Option<String>,
    },
    /// Several clouds and none named.
    #[error("failed to choose a cloud from {}: it has {}", path.display(), list_names(.known))]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// The names there are.
        known: Vec<String>,
    },
    /// A field is missing or has a value that cannot be used.
    #[error("failed to use cloud {cloud:?} ({}{}): {problem}", path.display(), at(*.line, *.column))]
    Field {
        /// The file.
        path: PathBuf,
        /// The cloud.
        cloud: String,
        /// Line of the cloud's entry, from 1; 0 when unknown.
        line: u64,
        /// Column of the cloud's entry, from 1.
        column: u64,
        /// What is wrong with which field.
        problem: String,
    },
}

impl ConfigError {
    /// What a human can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoFile { .. } => {
                "download clouds.yaml from your cloud's dashboard (API access) to ~/.config/openstack/clouds.yaml, or \
                 set OS_CLIENT_CONFIG_FILE"
            }
            Self::UnknownCloud { .. } | Self::Ambiguous { .. } => {
                "name one of them with --cloud or OS_CLOUD"
            }
            Self::Read { .. } | Self::Syntax { .. } | Self::Field { .. } => return None,
        })
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

fn list_names(names: &[String]) -> String {
    if names.is_empty() {
        "no clouds".to_owned()
    } else {
        names.join(", ")
    }
}

fn did_you_mean(close: Option<&str>) -> String {
    close
        .map(|name| format!("; did you mean {name:?}?"))
        .unwrap_or_default()
}

fn at(line: u64, column: u64) -> String {
    if line == 0 {
        String::new()
    } else {
        format!(", line {line}, column {column}")
    }
}
