//! One run per server on one machine: an advisory lock on a file beside the server's files.
//!
//! The kernel lets go of it when the process dies, so there is no stale lock to clear. Other machines are kept out by
//! [`crate::mutex`].

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::state::{ServerFiles, StateError, create_private_directory};

/// The lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run works on the same server.
    #[error("another run works on this server: {holder}")]
    Held {
        /// Who, since when, doing what.
        holder: String,
    },
    /// The lock file itself is the trouble.
    #[error("failed to lock {}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Its directory could not be made.
    #[error("failed to make room for the lock")]
    State(#[from] StateError),
}

/// Held as long as this lives.
#[derive(Debug)]
pub struct RunLock {
    path: PathBuf,
    // Closing it lets go of the lock.
    _file: File,
}

impl RunLock {
    /// Takes the lock at once or says who has it; `holder` is what the next one will be told.
    ///
    /// # Errors
    /// [`LockError::Held`] if another process has it.
    pub fn acquire(files: &ServerFiles, holder: &str) -> Result<Self, LockError> {
        let path = files.path().with_extension("lock");
        create_private_directory(path.parent().unwrap_or_else(|| Path::new("/")))?;
        let failed = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    file.read_to_string(&mut holder).map_err(failed)?;
                    return Err(LockError::Held { holder });
                }
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
            // A `down` that has just ended removed the file between our open and our lock: what we hold is no name any more.
            let held = file.metadata().map_err(failed)?;
            if fs::metadata(&path)
                .is_ok_and(|named| named.ino() == held.ino() && named.dev() == held.dev())
            {
                file.set_len(0)
                    .and_then(|()| file.rewind())
                    .and_then(|()| file.write_all(holder.as_bytes()))
                    .map_err(failed)?;
                return Ok(Self { path, _file: file });
            }
        }
    }

    /// Lets go and removes the file; for `down`, after which nothing shall remain.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn remove(self) -> Result<(), LockError> {
        fs::remove_file(&self.path).map_err(|source| LockError::Io {
            path: self.path.clone(),
            source,
        })?;
        if let Some(cloud) = self.path.parent() {
            // Not empty while other servers live there, which is no error.
            let _ = fs::remove_dir(cloud);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{CloudKey, StateRoot};

    fn files(directory: &Path) -> ServerFiles {
        let cloud = CloudKey {
            auth_url: "http://a".into(),
            project_id: "p".into(),
        };
        StateRoot::at(directory).server(&cloud, "default")
    }

    #[test]
    fn the_loser_hears_who_holds_it() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path());
        let first = RunLock::acquire(&files, "alice@host, pid 1, up").unwrap();
        let error = RunLock::acquire(&files, "bob").unwrap_err();
        assert_eq!(
            error.to_string(),
            "another run works on this server: alice@host, pid 1, up"
        );
        drop(first);
        RunLock::acquire(&files, "bob").unwrap();
    }

    #[test]
    fn nothing_remains_after_removal() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path());
        RunLock::acquire(&files, "a").unwrap().remove().unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        RunLock::acquire(&files, "b").unwrap();
    }
}
