//! Why an operation on a management server did not succeed, in kinds a caller can act on.

use capstan_kubernetes::ErrorKind;
use capstan_openstack::{Entry, Kind, Shortage, Unknown};

use crate::adoption::AdoptionError;
use crate::cloudinit::UserDataError;
use crate::engine::EngineError;
use crate::identity::{Identity, IdentityError};
use crate::lock::LockError;
use crate::pki::PkiError;
use crate::plan::Question;
use crate::providers::ProviderError;
use crate::settings::SettingsError;
use crate::state::StateError;

/// What kind of trouble it is; the command line has one exit code for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// Something broke that is none of the below.
    Failed,
    /// A choice or an approval is missing, and nobody is there to be asked.
    NeedsAnswer,
    /// Something named does not exist.
    NotFound,
    /// Somebody else is at it, or the name is taken.
    Conflict,
    /// The project's quota does not suffice.
    Quota,
    /// The credential is refused or may not do this.
    Permission,
    /// A file or a value the user gave is wrong.
    Input,
    /// The cloud or the server's API does not answer.
    Unreachable,
    /// Something of ours remains in the cloud.
    Left,
    /// The server is there and does not work.
    NotUsable,
    /// The user stopped it.
    Interrupted,
}

/// See [`Error::category`] and [`Error::hint`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The cloud said no.
    #[error(transparent)]
    Cloud(#[from] capstan_openstack::Error),
    /// A name the cloud does not know.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// Local files.
    #[error(transparent)]
    State(#[from] StateError),
    /// Another run on this machine.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// What is installed in Kubernetes, or Kubernetes itself.
    #[error(transparent)]
    Providers(#[from] ProviderError),
    /// An existing cluster that cannot be the server.
    #[error(transparent)]
    Adoption(#[from] AdoptionError),
    /// A wrong name.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A wrong settings file.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Certificates.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// First-boot data.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// First-boot data does not fit.
    #[error(transparent)]
    UserData(#[from] UserDataError),
    /// The kubeconfig could not be written.
    #[error("failed to write the kubeconfig")]
    Kubeconfig(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The client for the server's API could not be made.
    #[error("failed to prepare a connection to the server's API")]
    Connection(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The catalogue does not know something.
    #[error(transparent)]
    Catalogue(#[from] capstan_catalog::CatalogueError),
    /// The sum of a download could not be read.
    #[error("failed to read the checksum {url}: {reason}")]
    Checksum {
        /// Where it should be.
        url: String,
        /// Why not.
        reason: String,
    },
    /// Choices are open.
    #[error("failed to choose {}", .0.iter().map(|question| question.what).collect::<Vec<_>>().join(", "))]
    Questions(Vec<Question>),
    /// Values that do not go together.
    #[error("{problem}")]
    Invalid {
        /// What is wrong.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// Quota.
    #[error("the project's quota does not suffice: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Quota(Vec<Shortage>),
    /// An application credential that may not make others.
    #[error(
        "the application credential in clouds.yaml is restricted: it may not make the server's own credential"
    )]
    RestrictedCredential,
    /// Another machine is at it.
    #[error("another run works on server {name:?}: {holder}")]
    HeldElsewhere {
        /// The server's name.
        name: String,
        /// Who, since when.
        holder: String,
    },
    /// Another machine took the mutex away from us.
    #[error("the lock on server {name:?} was taken over by {holder}")]
    LockLost {
        /// The server's name.
        name: String,
        /// By whom.
        holder: String,
    },
    /// A server of this name exists, and its keys are not here.
    #[error("server {identity} exists, and its certificate authority is not on this machine")]
    KeysLost {
        /// Which.
        identity: Identity,
        /// Why it is not simply replaced.
        clusters: bool,
    },
    /// Several servers of one name.
    #[error("there are several servers {name:?}: uids {}", .uids.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// Their uids.
        uids: Vec<String>,
    },
    /// No such server.
    #[error("there is no management server {name:?} in project {project}")]
    NoServer {
        /// The name asked for.
        name: String,
        /// Where it was looked for.
        project: String,
        /// Names that are there.
        known: Vec<String>,
    },
    /// The server has no address yet, so nothing can reach it.
    #[error("server {0} has no address yet")]
    NoAddress(String),
    /// The first boot went wrong.
    #[error("failed {what} on the server{}", log_lines(.context))]
    Boot {
        /// What it was doing.
        what: String,
        /// The lines of its log that led to it.
        context: Vec<String>,
    },
    /// The API did not come up in time, or went away.
    #[error("the server's API at {endpoint} does not answer as it should: {state}")]
    Api {
        /// Where.
        endpoint: String,
        /// What was seen last.
        state: String,
    },
    /// Clusters live on the server.
    #[error("server {name:?} has clusters: {}", .clusters.join(", "))]
    HasClusters {
        /// The server.
        name: String,
        /// Its clusters.
        clusters: Vec<String>,
    },
    /// Clouds were added to the server.
    #[error("server {name:?} has clouds that were added: {}", clouds.join(", "))]
    HasClouds {
        /// The server.
        name: String,
        /// Their names.
        clouds: Vec<String>,
    },
    /// Nobody can say whether clusters live on the server.
    #[error("server {name:?} cannot be asked for its clusters: {reason}")]
    ClustersUnknown {
        /// The server.
        name: String,
        /// Why not.
        reason: String,
        /// What looks like a cluster's in the project.
        found: Vec<Entry>,
    },
    /// The audit after `down` found something.
    #[error("created {created}, gone {}: {} left: {}", created - left.len(), left.len(), entries(left))]
    Left {
        /// How many there were.
        created: usize,
        /// What is still there.
        left: Vec<Entry>,
    },
    /// Not approved.
    #[error("not approved, nothing was changed")]
    NotApproved,
    /// Stopped by the user.
    #[error("stopped; of server {name:?} there is {}", what_exists(.exists.as_deref()))]
    Interrupted {
        /// The server.
        name: String,
        /// What of it is in the cloud now; `None` if that could not be found out in time.
        exists: Option<Vec<Entry>>,
    },
    /// A step was run before what it needs: a mistake of ours.
    #[error("failed to find what step {0} needs; this is a mistake in capstan")]
    Order(&'static str),
}

pub(crate) fn log_lines(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| {
        format!(
            "{text}
    {line}"
        )
    })
}

fn what_exists(exists: Option<&[Entry]>) -> String {
    match exists {
        None => "perhaps something".into(),
        Some([]) => "nothing".into(),
        Some(some) => entries(some),
    }
}

fn entries(entries: &[Entry]) -> String {
    entries
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

impl Error {
    /// What kind of trouble it is.
    pub fn category(&self) -> Category {
        match self {
            Self::Cloud(error) => cloud_category(error.kind()),
            Self::Providers(error) => error.category(),
            Self::Adoption(error) => error.category(),
            Self::Unknown(_) | Self::NoServer { .. } => Category::NotFound,
            Self::Lock(LockError::Held { .. })
            | Self::HeldElsewhere { .. }
            | Self::LockLost { .. }
            | Self::Ambiguous { .. }
            | Self::KeysLost { .. }
            | Self::HasClusters { .. }
            | Self::HasClouds { .. }
            | Self::ClustersUnknown { .. } => Category::Conflict,
            Self::Settings(_) | Self::Identity(_) | Self::Invalid { .. } | Self::Catalogue(_) => {
                Category::Input
            }
            Self::Checksum { .. } => Category::Unreachable,
            Self::Questions(_) | Self::NotApproved => Category::NeedsAnswer,
            Self::Quota(_) => Category::Quota,
            Self::RestrictedCredential => Category::Permission,
            Self::Api { .. } | Self::Boot { .. } | Self::NoAddress(_) => Category::NotUsable,
            Self::Left { .. } => Category::Left,
            Self::Interrupted { .. } => Category::Interrupted,
            Self::State(_)
            | Self::Lock(_)
            | Self::Pki(_)
            | Self::Engine(_)
            | Self::UserData(_)
            | Self::Kubeconfig(_)
            | Self::Connection(_)
            | Self::Order(_) => Category::Failed,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Cloud(error) => return error.hint().map(str::to_owned),
            Self::Providers(error) => return error.hint().map(str::to_owned),
            Self::Adoption(error) => error.hint(),
            Self::Unknown(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::Identity(error) => error.hint(),
            Self::Settings(error) => error.hint(),
            Self::Catalogue(error) => return error.hint(),
            Self::Checksum { .. } => {
                "a vanilla image needs a mirror of files (--mirror-files) or the internet; a Cluster API node image needs neither".into()
            }
            Self::Lock(_) => "wait for it to end, or stop it there".into(),
            Self::Invalid { hint, .. } => hint.clone(),
            Self::Questions(questions) => {
                questions.iter().map(Question::remedy).collect::<Vec<_>>().join("\n      ")
            }
            Self::Quota(_) => "free something in the project or ask the cloud's operator for a higher quota".into(),
            Self::RestrictedCredential => {
                "use a password or an unrestricted application credential (openstack application credential create \
                 --unrestricted); working with a restricted one alone is not possible yet"
                    .into()
            }
            Self::HeldElsewhere { name, .. } => format!(
                "wait for it to end; its lock can be taken over when it is {} minutes old, or at once if you know that it \
                 is dead and remove the keypair {}",
                crate::mutex::STALE_AFTER.as_secs() / 60,
                crate::mutex::lock_name(name)
            ),
            Self::LockLost { .. } => "let that run end, then run this again".into(),
            Self::KeysLost { clusters: false, .. } => "no cluster is known in this project: --replace makes the server anew".into(),
            Self::KeysLost { clusters: true, .. } => {
                "copy the state directory from the machine that made it; without it the server can only be removed with \
                 capstan down --abandon-clusters, and its clusters by hand"
                    .into()
            }
            Self::Ambiguous { .. } => "say which with --uid".into(),
            Self::NoServer { known, .. } if known.is_empty() => "capstan up makes one".into(),
            Self::NoServer { known, .. } => format!("there are {}", known.join(", ")),
            Self::NoAddress(_) => "capstan up goes on making it".into(),
            Self::Boot { .. } => "the same command goes on waiting; the first boot is tried again every 15 seconds".into(),
            Self::Api { .. } => {
                "check that --api-cidr contains the address the cloud sees you by; the console log of the server may say more"
                    .into()
            }
            Self::HasClusters { .. } => "delete them first, or take them along with --with-clusters".into(),
            Self::HasClouds { .. } => {
                "each has a credential of the server in another project: remove them first, by capstan cloud remove".into()
            }
            Self::ClustersUnknown { .. } => {
                "start the server again, or give up its clusters with --abandon-clusters: what they have in the cloud then stays"
                    .into()
            }
            Self::Left { .. } => "run the same command again; what stays then is in use by something that is not ours".into(),
            Self::NotApproved => "--yes approves without asking".into(),
            Self::Interrupted { name, .. } => {
                format!("the same command goes on where it stopped; capstan down --name {name} removes what there is")
            }
            Self::Pki(_)
            | Self::Engine(_)
            | Self::UserData(_)
            | Self::Kubeconfig(_)
            | Self::Connection(_)
            | Self::Order(_) => return None,
        })
    }
}

/// The category of a failure of the cloud.
pub fn cloud_category(kind: Kind) -> Category {
    match kind {
        Kind::NotFound => Category::NotFound,
        Kind::Conflict => Category::Conflict,
        Kind::QuotaExceeded => Category::Quota,
        Kind::Forbidden | Kind::Unauthorized => Category::Permission,
        Kind::Unreachable | Kind::Tls | Kind::Timeout | Kind::Transient => Category::Unreachable,
        _ => Category::Failed,
    }
}

/// The category of a failure of a Kubernetes API.
pub fn kubernetes_category(kind: ErrorKind) -> Category {
    match kind {
        ErrorKind::NotFound => Category::NotFound,
        ErrorKind::AlreadyExists | ErrorKind::Conflict => Category::Conflict,
        ErrorKind::Unauthorized | ErrorKind::Forbidden => Category::Permission,
        ErrorKind::Invalid => Category::Input,
        ErrorKind::Unreachable | ErrorKind::Throttled => Category::Unreachable,
        _ => Category::Failed,
    }
}
