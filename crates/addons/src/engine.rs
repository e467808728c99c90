//! What is done with a chart, whoever does it.

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A chart that shall be installed under a name.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartRelease {
    /// Name of the release.
    pub name: String,
    /// Namespace it goes to. It has to exist.
    pub namespace: String,
    /// URL or path of the packed chart.
    pub chart: String,
    /// Values.
    pub values: Value,
}

impl ChartRelease {
    /// A hash over everything above: equal hashes, equal releases.
    pub fn hash(&self) -> String {
        let text = format!(
            "{}\0{}\0{}\0{}",
            self.name, self.namespace, self.chart, self.values
        );
        hex::encode(&Sha256::digest(text.as_bytes())[..8])
    }
}

/// How far a release is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseState {
    /// Revision, from 1.
    pub revision: u64,
    /// helm's word: `deployed`, `failed`, `pending-upgrade` …
    pub status: String,
    /// Name and version of the chart.
    pub chart: String,
}

/// A call to the engine that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program is not there or cannot be started.
    #[error("failed to start {program}")]
    Start {
        /// Its path.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file for the call could not be written.
    #[error("failed to prepare a call of helm")]
    Prepare(#[source] std::io::Error),
    /// It did not end in time.
    #[error("failed to {verb} {release} within {seconds}s")]
    Timeout {
        /// What was done.
        verb: &'static str,
        /// To which release.
        release: String,
        /// The limit.
        seconds: u64,
    },
    /// It ended with an error; its own words.
    #[error("failed to {verb} {release}: {message}")]
    Refused {
        /// What was done.
        verb: &'static str,
        /// To which release.
        release: String,
        /// The last words of the program.
        message: String,
    },
    /// Its answer was not understood.
    #[error("failed to read the answer of helm about {release}")]
    Answer {
        /// About which release.
        release: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl Error {
    /// What a human can do about it, if anything is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Start { .. } => Some("helm has to be in the PATH, or named by CAPSTAN_HELM"),
            Self::Timeout { .. } => {
                Some("is the workload cluster's API reachable from here? It is tried again")
            }
            Self::Refused { message, .. } if message.contains("another operation") => {
                Some("an earlier call was interrupted; it is rolled back and tried again")
            }
            _ => None,
        }
    }

    /// Whether an earlier call was cut off in the middle and holds the release.
    pub fn is_interrupted_release(&self) -> bool {
        matches!(self, Self::Refused { message, .. } if message.contains("another operation"))
    }
}

/// Does with charts what is to be done. All of it can be repeated.
#[async_trait]
pub trait ChartEngine: Send + Sync {
    /// The objects that a release would consist of, as YAML; changes nothing.
    async fn render(&self, release: &ChartRelease) -> Result<String, Error>;
    /// Installs or upgrades, without waiting for health.
    async fn upgrade(
        &self,
        release: &ChartRelease,
        kubeconfig: &SecretString,
    ) -> Result<ReleaseState, Error>;
    /// How far a release is; `None` if there is none.
    async fn status(
        &self,
        name: &str,
        namespace: &str,
        kubeconfig: &SecretString,
    ) -> Result<Option<ReleaseState>, Error>;
    /// Removes a release; that there is none is success.
    async fn uninstall(
        &self,
        name: &str,
        namespace: &str,
        kubeconfig: &SecretString,
    ) -> Result<(), Error>;
}
