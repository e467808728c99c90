//! One registration of an image at a time on this machine, and a place for its files.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::ImagesError;

/// Held as long as it lives; the kernel lets go of it when the process dies, however it dies.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    fetched: PathBuf,
    converted: PathBuf,
}

impl Lock {
    /// Locks the image of this identity; what a killed run left of its files is removed.
    pub(super) fn take(directory: &Path, identity: &str, name: &str) -> Result<Self, ImagesError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ImagesError::File { path, source }
        };
        std::fs::create_dir_all(directory).map_err(failed(directory))?;
        let stem = hex::encode(&Sha256::digest(identity.as_bytes())[..12]);
        let path = directory.join(format!("{stem}.lock"));
        let file = File::create(&path).map_err(failed(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ImagesError::Busy(name.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(&path)(error)),
        }
        let lock = Self {
            _file: file,
            fetched: directory.join(format!("{stem}.fetched")),
            converted: directory.join(format!("{stem}.raw")),
        };
        lock.clear();
        Ok(lock)
    }

    /// Where what is fetched lies.
    pub(super) fn fetched(&self) -> &Path {
        &self.fetched
    }

    /// Where what is converted lies.
    pub(super) fn converted(&self) -> &Path {
        &self.converted
    }

    fn clear(&self) {
        for path in [&self.fetched, &self.converted] {
            // Not there is what is wanted; and what cannot be removed is written over.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_and_files_of_the_dead_are_removed() {
        let home = tempfile::tempdir().unwrap();
        let first = Lock::take(home.path(), "one", "node").unwrap();
        std::fs::write(first.fetched(), "half").unwrap();
        assert!(matches!(
            Lock::take(home.path(), "one", "node"),
            Err(ImagesError::Busy(_))
        ));
        assert!(Lock::take(home.path(), "other", "node").is_ok());
        let left = first.fetched().to_owned();
        drop(first);
        assert!(!left.exists());
        std::fs::write(&left, "of a killed run").unwrap();
        let _again = Lock::take(home.path(), "one", "node").unwrap();
        assert!(!left.exists());
    }
}
