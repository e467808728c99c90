//! Further programs a test runs beside its API server.

use std::path::{Path, PathBuf};

use crate::BINARIES;
use crate::child::GuardedChild;

/// A program of [`BINARIES`] that is killed when this is dropped, or when the test process ends in any way.
pub struct Program {
    child: GuardedChild,
    log: PathBuf,
}

impl Program {
    /// Starts it; its output goes to `<name>.log` in `directory`. `None` when [`BINARIES`] is not set or lacks it.
    pub fn start(
        name: &str,
        arguments: &[String],
        directory: &Path,
    ) -> std::io::Result<Option<Self>> {
        let Some(path) =
            std::env::var_os(BINARIES).map(|binaries| PathBuf::from(binaries).join(name))
        else {
            return Ok(None);
        };
        if !path.is_file() {
            return Ok(None);
        }
        let log = directory.join(format!("{name}.log"));
        let child = GuardedChild::start(&path, arguments, &log)?;
        Ok(Some(Self { child, log }))
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.is_running()
    }

    /// What it has printed so far.
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}
