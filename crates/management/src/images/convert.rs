//! qcow2 to raw, by qemu-img.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::ImagesError;

/// The program.
pub(super) const QEMU_IMG: &str = "qemu-img";

/// Whether there is a converter; asked before anything is fetched.
pub(super) async fn ready(program: &str) -> Result<(), ImagesError> {
    let asked = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await;
    match asked {
        Ok(status) if status.success() => Ok(()),
        _ => Err(ImagesError::NoConverter),
    }
}

/// Writes the disk in a qcow2 octet by octet. That it refers to no other file was looked at before.
pub(super) async fn raw(program: &str, from: &Path, to: &Path) -> Result<(), ImagesError> {
    let done = Command::new(program)
        .args(["convert", "-f", "qcow2", "-O", "raw"])
        .args([from, to])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| ImagesError::Convert(error.to_string()))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let last = said.lines().last().unwrap_or("it failed without a word");
    Err(ImagesError::Convert(last.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_converter_that_is_missing_or_fails_is_told() {
        assert!(matches!(
            ready("no-such-converter").await,
            Err(ImagesError::NoConverter)
        ));
        // A program that is there and fails: its last word is the reason.
        let failed = raw("ls", Path::new("/nonexistent"), Path::new("/nonexistent")).await;
        let Err(ImagesError::Convert(reason)) = failed else {
            panic!("it did not fail")
        };
        assert!(!reason.is_empty());
    }
}
