//! The files of one server.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::error::io_error;
use super::{Record, StateError};
use crate::pki::{CertifiedKey, ClusterPki, TokenKey};

/// The directory of one server.
#[derive(Debug, Clone)]
pub struct ServerFiles(pub(super) PathBuf);

const RECORD: &str = "server.json";
const KUBECONFIG: &str = "kubeconfig";
const CREDENTIAL: &str = "credential.secret";
const INVENTORY: &str = "inventory-before.json";
/// Certificate and key in one file, so that both are made anew in one step.
const CLIENT: &str = "pki/client.pem";

impl ServerFiles {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the kubeconfig is, whether or not it has been written.
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.0.join(KUBECONFIG)
    }

    /// The record, or none if this machine did not make the server.
    ///
    /// # Errors
    /// If it is there but cannot be read.
    pub fn record(&self) -> Result<Option<Record>, StateError> {
        self.read_json(RECORD)
    }

    /// Writes the record.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn save_record(&self, record: &Record) -> Result<(), StateError> {
        self.write_json(RECORD, record)
    }

    /// Changes the record, if there is one.
    ///
    /// # Errors
    /// If it cannot be read, or the file system refuses.
    pub fn update_record(&self, change: impl FnOnce(&mut Record)) -> Result<(), StateError> {
        match self.record()? {
            Some(mut record) => {
                change(&mut record);
                self.save_record(&record)
            }
            None => Ok(()),
        }
    }

    /// The snapshot of what the project held before `up`, kept as it was when it was first taken.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn save_inventory_once(&self, inventory: &impl Serialize) -> Result<(), StateError> {
        if self.0.join(INVENTORY).exists() {
            Ok(())
        } else {
            self.write_json(INVENTORY, inventory)
        }
    }

    /// Certificates and keys, or none if any of them is missing: a half-written set is no set.
    ///
    /// # Errors
    /// If a file is there but cannot be read.
    pub fn pki(&self) -> Result<Option<(ClusterPki, CertifiedKey)>, StateError> {
        let authority = |name: &str| -> Result<Option<CertifiedKey>, StateError> {
            let certificate = self.read(&format!("pki/{name}.crt"))?;
            let key = self.read(&format!("pki/{name}.key"))?;
            Ok(certificate.zip(key).map(|(certificate, key)| CertifiedKey {
                certificate,
                key: key.into(),
            }))
        };
        let sa = self.read("pki/sa.pub")?.zip(self.read("pki/sa.key")?);
        let service_accounts = sa.map(|(public, key)| TokenKey {
            public,
            key: key.into(),
        });
        let (ca, etcd_ca, front_proxy_ca, client) = (
            authority("ca")?,
            authority("etcd/ca")?,
            authority("front-proxy-ca")?,
            self.read(CLIENT)?
                .and_then(|text| CertifiedKey::from_pem(&text)),
        );
        Ok((|| {
            let pki = ClusterPki {
                ca: ca?,
                etcd_ca: etcd_ca?,
                front_proxy_ca: front_proxy_ca?,
                service_accounts: service_accounts?,
            };
            Some((pki, client?))
        })())
    }

    /// Writes certificates and keys.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn save_pki(&self, pki: &ClusterPki, client: &CertifiedKey) -> Result<(), StateError> {
        for file in pki.files() {
            self.write(&format!("pki/{}", file.path), file.content.as_bytes())?;
        }
        self.save_client(client)
    }

    /// Writes the caller's certificate with its key.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn save_client(&self, client: &CertifiedKey) -> Result<(), StateError> {
        self.write(CLIENT, client.to_pem().expose_secret().as_bytes())
    }

    /// The secret of the server's application credential. It is drawn here, not by Keystone, so that a lost answer loses
    /// nothing.
    ///
    /// # Errors
    /// If the file is there but cannot be read.
    pub fn credential(&self) -> Result<Option<SecretString>, StateError> {
        Ok(self.read(CREDENTIAL)?.map(SecretString::from))
    }

    /// Writes it.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn save_credential(&self, secret: &SecretString) -> Result<(), StateError> {
        self.write(CREDENTIAL, secret.expose_secret().as_bytes())
    }

    /// Writes the kubeconfig.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn save_kubeconfig(&self, kubeconfig: &SecretString) -> Result<(), StateError> {
        self.write(KUBECONFIG, kubeconfig.expose_secret().as_bytes())
    }

    /// Removes the directory and all in it; the last act of `down`. The directory of the cloud goes too if it is empty now.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn remove(&self) -> Result<(), StateError> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", &self.0)(error));
            }
            _ => {}
        }
        if let Some(cloud) = self.0.parent() {
            // Another server's files keep it alive, which is no error.
            let _ = fs::remove_dir(cloud);
        }
        Ok(())
    }

    fn read(&self, name: &str) -> Result<Option<String>, StateError> {
        let path = self.0.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error("read", &path)(error)),
        }
    }

    fn read_json<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, StateError> {
        let Some(text) = self.read(name)? else {
            return Ok(None);
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|source| StateError::Content {
                path: self.0.join(name),
                source,
            })
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), StateError> {
        let text = serde_json::to_vec_pretty(value).map_err(|source| StateError::Content {
            path: self.0.join(name),
            source,
        })?;
        self.write(name, &text)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), StateError> {
        let path = self.0.join(name);
        let parent = path.parent().unwrap_or(&self.0);
        create_private_directory(parent)?;
        // A temporary file has mode 0600 from birth: at no time can another user read a key.
        let mut file = tempfile::NamedTempFile::new_in(parent).map_err(io_error("write", &path))?;
        file.write_all(content).map_err(io_error("write", &path))?;
        file.as_file()
            .sync_all()
            .map_err(io_error("write", &path))?;
        file.persist(&path)
            .map_err(|error| io_error("write", &path)(error.error))?;
        File::open(parent)
            .and_then(|directory| directory.sync_all())
            .map_err(io_error("write", parent))
    }
}

/// Makes a directory that only its owner can enter, and its parents.
pub(crate) fn create_private_directory(path: &Path) -> Result<(), StateError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(io_error("create", path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(io_error("protect", path))
}
