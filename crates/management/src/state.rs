//! What lies on the caller's disk: identity, certificates and settings of the servers it made, mode 0600.
//!
//! Layout: `$XDG_STATE_HOME/capstan/<cloud>/<name>/`, where `<cloud>` is a hash of the identity endpoint and the project. Written
//! before the first request to the cloud, removed after the last one, each file by rename, so that a killed process leaves
//! either the old or the new content. Everything but the keys can be found again in the cloud.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::identity::Identity;
use crate::pki::{CertifiedKey, ClusterPki, TokenKey};
use crate::settings::Settings;

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

fn io_error(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { verb, path, source }
}

/// The directory above all servers.
#[derive(Debug, Clone)]
pub struct StateRoot(PathBuf);

/// Which project of which cloud a server lies in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudKey {
    /// Identity endpoint.
    pub auth_url: String,
    /// Project id.
    pub project_id: String,
}

impl CloudKey {
    /// Directory name: stable, short, and without characters a file system minds.
    pub fn directory(&self) -> String {
        let url = self.auth_url.trim_end_matches('/');
        let url = url.strip_suffix("/v3").unwrap_or(url);
        let digest = Sha256::digest(format!("{url}\n{}", self.project_id));
        hex::encode(&digest[..6])
    }
}

/// What is remembered about one server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Who it is.
    pub identity: Identity,
    /// Where it is.
    pub cloud: CloudKey,
    /// The name the cloud has in `clouds.yaml`, for messages only.
    pub cloud_name: String,
    /// When the uid was drawn.
    pub created: jiff::Timestamp,
    /// The choices made; a later run continues with them.
    pub settings: Settings,
    /// Names this machine and state directory in the mutex other machines see.
    pub holder: String,
    /// `https://<floating IP>:6443`, as soon as the address is known.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Whether the server in the cloud was made with other keys and is still to be replaced.
    #[serde(default)]
    pub replaces: bool,
    /// When `up` first saw the server usable.
    #[serde(default)]
    pub usable_since: Option<jiff::Timestamp>,
}

/// A server as `env list` shows it.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its record.
    pub record: Record,
    /// Where its files are.
    pub path: PathBuf,
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

/// The directory of one server.
#[derive(Debug, Clone)]
pub struct ServerFiles(PathBuf);

const RECORD: &str = "server.json";
const KUBECONFIG: &str = "kubeconfig";
const CREDENTIAL: &str = "credential.secret";
const INVENTORY: &str = "inventory-before.json";
const CLIENT: &str = "client";

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
            authority(CLIENT)?,
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
        self.write(&format!("pki/{CLIENT}.crt"), client.certificate.as_bytes())?;
        self.write(
            &format!("pki/{CLIENT}.key"),
            client.key.expose_secret().as_bytes(),
        )
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

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;

    fn cloud() -> CloudKey {
        CloudKey {
            auth_url: "https://keystone.example:5000/v3".into(),
            project_id: "p1".into(),
        }
    }

    fn record(name: &str) -> Record {
        Record {
            identity: Identity::draw(name).unwrap(),
            cloud: cloud(),
            cloud_name: "demo".into(),
            created: jiff::Timestamp::UNIX_EPOCH,
            settings: Settings::default(),
            holder: "h".into(),
            endpoint: None,
            replaces: false,
            usable_since: None,
        }
    }

    #[test]
    fn the_cloud_is_the_same_however_its_url_is_written() {
        let plain = CloudKey {
            auth_url: "https://keystone.example:5000/".into(),
            ..cloud()
        };
        assert_eq!(plain.directory(), cloud().directory());
        let other = CloudKey {
            project_id: "p2".into(),
            ..cloud()
        };
        assert_ne!(other.directory(), cloud().directory());
    }

    #[test]
    fn files_are_private_and_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let files = StateRoot::at(directory.path()).server(&cloud(), "default");
        assert!(files.record().unwrap().is_none());
        let pki = ClusterPki::generate(OffsetDateTime::UNIX_EPOCH).unwrap();
        let client = pki
            .ca
            .sign_client("a", "b", OffsetDateTime::UNIX_EPOCH)
            .unwrap();
        files.save_pki(&pki, &client).unwrap();
        files.save_record(&record("default")).unwrap();
        let (read, _) = files.pki().unwrap().unwrap();
        assert_eq!(read.ca.key.expose_secret(), pki.ca.key.expose_secret());
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(files.path().join("pki/etcd/ca.key")), 0o600);
        assert_eq!(mode(files.path().join("pki/etcd")), 0o700);
        assert_eq!(mode(files.path().to_owned()), 0o700);
        fs::remove_file(files.path().join("pki/sa.pub")).unwrap();
        assert!(
            files.pki().unwrap().is_none(),
            "a set with a hole is no set"
        );
    }

    #[test]
    fn the_first_inventory_stays() {
        let directory = tempfile::tempdir().unwrap();
        let files = StateRoot::at(directory.path()).server(&cloud(), "default");
        files.save_inventory_once(&["before"]).unwrap();
        files.save_inventory_once(&["after"]).unwrap();
        assert_eq!(
            files.read_json::<Vec<String>>(INVENTORY).unwrap().unwrap(),
            ["before"]
        );
    }

    #[test]
    fn lists_servers_and_forgets_removed_ones() {
        let directory = tempfile::tempdir().unwrap();
        let root = StateRoot::at(directory.path().join("none-yet"));
        assert!(root.servers().unwrap().is_empty());
        for name in ["b", "a"] {
            root.server(&cloud(), name)
                .save_record(&record(name))
                .unwrap();
        }
        let names = |root: &StateRoot| -> Vec<_> {
            root.servers()
                .unwrap()
                .into_iter()
                .map(|known| known.record.identity.name)
                .collect()
        };
        assert_eq!(names(&root), ["a", "b"]);
        root.server(&cloud(), "a").remove().unwrap();
        root.server(&cloud(), "a").remove().unwrap();
        assert_eq!(names(&root), ["b"]);
        root.server(&cloud(), "b").remove().unwrap();
        assert!(!root.0.join(cloud().directory()).exists());
    }
}
