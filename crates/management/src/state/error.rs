//! Why local state could not be read or written.

use std::io;
use std::path::{Path, PathBuf};

/// The local state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file system said no.
    #[error("failed to {verb} {}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file of ours is not what we wrote.
    #[error("failed to understand {}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// Neither `XDG_STATE_HOME` nor `HOME` says where state goes.
    #[error("failed to find a directory for local state")]
    NoHome,
}

impl StateError {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Io { .. } => "check that the directory belongs to you and has room".into(),
            Self::Content { path, .. } => format!(
                "move {} away if you did not change it; the server is found again in the cloud",
                path.display()
            ),
            Self::NoHome => "set HOME or XDG_STATE_HOME".into(),
        }
    }
}

pub(super) fn io_error(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { verb, path, source }
}
