//! What lies on the caller's disk: identity, certificates and settings of the servers it made, mode 0600.
//!
//! Layout: `$XDG_STATE_HOME/capstan/<cloud>/<name>/`, where `<cloud>` is a hash of the identity endpoint and the project. Written
//! before the first request to the cloud, removed after the last one, each file by rename, so that a killed process leaves
//! either the old or the new content. Everything but the keys can be found again in the cloud.

mod cloud_key;
mod error;
mod files;
mod record;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use cloud_key::CloudKey;
pub use error::StateError;
pub use files::ServerFiles;
pub(crate) use files::create_private_directory;
pub use record::{Adopted, Record};

use error::io_error;

/// The directory above all servers.
#[derive(Debug, Clone)]
pub struct StateRoot(PathBuf);

/// A server as `env list` shows it.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its record.
    pub record: Record,
    /// Where its files are.
    pub path: PathBuf,
}

impl Known {
    /// Its files.
    pub fn files(&self) -> ServerFiles {
        ServerFiles(self.path.clone())
    }
}

impl StateRoot {
    /// By the XDG base directory specification; `state_home` and `home` are the values of the variables.
    ///
    /// # Errors
    /// [`StateError::NoHome`] if neither is set.
    pub fn from_env(state_home: Option<&str>, home: Option<&str>) -> Result<Self, StateError> {
        // The specification: a relative path is invalid and to be ignored.
        let set = |value: Option<&str>| {
            value
                .filter(|path| path.starts_with('/'))
                .map(PathBuf::from)
        };
        set(state_home)
            .or_else(|| set(home).map(|home| home.join(".local/state")))
            .map(|base| Self(base.join("capstan")))
            .ok_or(StateError::NoHome)
    }

    /// At a given place (tests).
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The files of one server.
    pub fn server(&self, cloud: &CloudKey, name: &str) -> ServerFiles {
        ServerFiles(self.0.join(cloud.directory()).join(name))
    }

    /// All servers made from here.
    ///
    /// # Errors
    /// If a directory cannot be listed or a record not be read.
    pub fn servers(&self) -> Result<Vec<Known>, StateError> {
        let mut known = Vec::new();
        for cloud in subdirectories(&self.0)? {
            for path in subdirectories(&cloud)? {
                if let Some(record) = ServerFiles(path.clone()).record()? {
                    known.push(Known { record, path });
                }
            }
        }
        known.sort_by(|a, b| a.record.identity.cmp(&b.record.identity));
        Ok(known)
    }
}

fn subdirectories(path: &Path) -> Result<Vec<PathBuf>, StateError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error("list", path)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io_error("list", path))?;
        if entry.path().is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
