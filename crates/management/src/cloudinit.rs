//! User data: what cloud-init does on the server's first boot.
//!
//! Built as data and written by a serialiser, never by pasting strings, so no content can break out of its place.

use secrecy::SecretString;
use serde::Serialize;

/// Most that Nova takes, in octets of base64 (`MAX_USERDATA_SIZE` in nova/api/openstack/compute/schemas/servers.py).
pub const USER_DATA_MAX: usize = 65_535;

/// By which cloud-init knows what follows.
const HEADER: &str = "#cloud-config\n";

/// Octets of base64, padded, for so many octets.
pub(crate) const fn encoded_len(octets: usize) -> usize {
    octets.div_ceil(3) * 4
}

/// User data could not be made.
#[derive(Debug, thiserror::Error)]
pub enum UserDataError {
    /// The serialiser failed.
    #[error("failed to write user data")]
    Write(#[source] serde_saphyr::SerializeError),
    /// Nova would refuse it.
    #[error("user data has {size} octets of base64, Nova takes at most {USER_DATA_MAX}")]
    Size {
        /// Its size.
        size: usize,
    },
}

/// One file; cloud-init writes it before services of the server that we need are started.
#[derive(Debug, Clone, Serialize)]
pub struct File {
    path: String,
    permissions: &'static str,
    owner: &'static str,
    content: String,
}

impl File {
    /// A file everybody may read.
    pub fn public(path: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            permissions: "0644",
            owner: "root:root",
            content: content.into(),
        }
    }

    /// A file only root may read.
    pub fn secret(path: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            permissions: "0600",
            ..Self::public(path, content)
        }
    }

    /// A program.
    pub fn program(path: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            permissions: "0755",
            ..Self::public(path, content)
        }
    }

    /// Where it goes.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is in it.
    pub fn content(&self) -> &str {
        &self.content
    }
}

/// The parts of `#cloud-config` we use.
#[derive(Debug, Clone, Default, Serialize)]
pub struct UserData {
    write_files: Vec<File>,
    runcmd: Vec<Vec<String>>,
}

impl UserData {
    /// Adds files.
    pub fn files(&mut self, files: impl IntoIterator<Item = File>) {
        self.write_files.extend(files);
    }

    /// Adds a command, run once, late in the first boot.
    pub fn run(&mut self, command: &[&str]) {
        self.runcmd
            .push(command.iter().map(|&word| word.to_owned()).collect());
    }

    /// The files, for tests of what is rendered.
    pub fn written(&self) -> &[File] {
        &self.write_files
    }

    /// The document. It holds keys: [`SecretString`].
    ///
    /// # Errors
    /// If its base64, which is what is sent, is larger than Nova takes.
    pub fn document(&self) -> Result<SecretString, UserDataError> {
        let yaml = serde_saphyr::to_string(self).map_err(UserDataError::Write)?;
        let size = encoded_len(yaml.len() + HEADER.len());
        if size > USER_DATA_MAX {
            return Err(UserDataError::Size { size });
        }
        Ok(format!("{HEADER}{yaml}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn content_comes_back_as_it_was() {
        let nasty =
            "#!/bin/sh\n\ttab: \"quote\" 'single' {{ jinja }} \\ %s\n\n# end without newline";
        let mut config = UserData::default();
        config.files([File::program("/a", nasty), File::secret("/b", "x: y\n")]);
        config.run(&["systemctl", "enable", "--now", "a.service"]);
        let document = config.document().unwrap();
        let document = document.expose_secret();
        assert!(document.starts_with("#cloud-config\n"));
        let read: serde_json::Value = serde_saphyr::from_str(document).unwrap();
        assert_eq!(read["write_files"][0]["content"], nasty);
        assert_eq!(read["write_files"][0]["permissions"], "0755");
        assert_eq!(read["write_files"][1]["permissions"], "0600");
        assert_eq!(read["runcmd"][0][1], "enable");
    }

    #[test]
    fn what_nova_would_refuse_is_refused_here() {
        let mut config = UserData::default();
        config.files([File::public("/a", "x".repeat(50_000))]);
        assert!(
            matches!(config.document().unwrap_err(), UserDataError::Size { size } if size > USER_DATA_MAX)
        );
    }
}
