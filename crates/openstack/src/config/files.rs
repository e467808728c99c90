//! Where `clouds.yaml` and `secure.yaml` are found, and how the two become one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    CaBundle, CloudConfig, ConfigError,
    parse::{self, Document},
};

/// What of the process's surroundings decides which file is read. [`Environment::from_process`] asks the process; a
/// test makes its own.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `OS_CLIENT_CONFIG_FILE`: looked at first.
    pub client_config_file: Option<PathBuf>,
    /// `OS_CLIENT_SECURE_FILE`: looked at first for the secrets.
    pub client_secure_file: Option<PathBuf>,
    /// `OS_CLOUD`: used when the caller names no cloud.
    pub cloud: Option<String>,
    /// Directories that may hold the files, in order.
    pub directories: Vec<PathBuf>,
    /// `HOME`, for `~` in paths.
    pub home: Option<PathBuf>,
}

impl Environment {
    /// The surroundings of this process: the working directory, `$XDG_CONFIG_HOME/openstack` (or
    /// `~/.config/openstack`), `/etc/openstack`.
    pub fn from_process() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = set("HOME").map(PathBuf::from);
        let user = set("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| home.as_ref().map(|home| home.join(".config")));
        let mut directories = vec![std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))];
        directories.extend(user.map(|path| path.join("openstack")));
        directories.push(PathBuf::from("/etc/openstack"));
        Self {
            client_config_file: set("OS_CLIENT_CONFIG_FILE").map(PathBuf::from),
            client_secure_file: set("OS_CLIENT_SECURE_FILE").map(PathBuf::from),
            cloud: set("OS_CLOUD").and_then(|value| value.into_string().ok()),
            directories,
            home,
        }
    }

    fn candidates(&self, first: Option<&Path>, stem: &str) -> Vec<PathBuf> {
        let in_directories = self.directories.iter().flat_map(|directory| {
            ["yaml", "yml", "json"].map(|end| directory.join(format!("{stem}.{end}")))
        });
        first
            .map(Path::to_path_buf)
            .into_iter()
            .chain(in_directories)
            .collect()
    }

    fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }
}

/// Reads the cloud `wanted`, else `OS_CLOUD`, else the only one there is.
///
/// `file` is a file the user named: it must exist. Without it the first `clouds.yaml` found is taken and no other is
/// read, as OpenStack's Python tools do; likewise `secure.yaml`, whose values win, and `clouds-public.yaml`, whose
/// entries a cloud names by `profile` and overrides.
pub fn load(
    env: &Environment,
    file: Option<&Path>,
    wanted: Option<&str>,
) -> Result<CloudConfig, ConfigError> {
    let (path, text) = if let Some(path) = file {
        (path.to_path_buf(), read(path)?)
    } else {
        let looked_at = env.candidates(env.client_config_file.as_deref(), "clouds");
        first_of(&looked_at)?.ok_or(ConfigError::NoFile { looked_at })?
    };
    let mut document = Document::read(&path, &text)?;
    let secure = env.candidates(env.client_secure_file.as_deref(), "secure");
    if let Some((path, text)) = first_of(&secure)? {
        document.merge_secrets(&Document::read(&path, &text)?);
    }
    let vendors = match first_of(&env.candidates(None, "clouds-public"))? {
        Some((path, text)) => Some(Document::read(&path, &text)?),
        None => None,
    };
    let cloud = document.choose(&path, wanted.or(env.cloud.as_deref()))?;
    let parsed = parse::cloud(&path, &cloud, vendors.as_ref())?;
    let ca = match &parsed.cacert {
        Some(cacert) => Some(read_ca(&env.expand(cacert))?),
        None => None,
    };
    let client_identity = match (&parsed.cert, &parsed.key) {
        (Some(cert), key) => {
            let mut pem = read(&env.expand(cert))?;
            if let Some(key) = key {
                pem.push('\n');
                pem.push_str(&read(&env.expand(key))?);
            }
            Some(pem.into())
        }
        (None, _) => None,
    };
    Ok(CloudConfig {
        file: Some(path),
        ca,
        client_identity,
        ..parsed.config
    })
}

/// Reads one cloud from a text that lies in no file, for instance in a Kubernetes Secret. `ca` are authorities in PEM;
/// a `cacert` path in the text is ignored, because it names a file of another machine.
pub fn from_text(
    text: &str,
    ca: Option<String>,
    wanted: Option<&str>,
) -> Result<CloudConfig, ConfigError> {
    let path = Path::new("clouds.yaml");
    let document = Document::read(path, text)?;
    let cloud = document.choose(path, wanted)?;
    let parsed = parse::cloud(path, &cloud, None)?;
    Ok(CloudConfig {
        file: None,
        ca: ca.map(|pem| CaBundle { path: None, pem }),
        ..parsed.config
    })
}

fn read_ca(path: &Path) -> Result<CaBundle, ConfigError> {
    Ok(CaBundle {
        pem: read(path)?,
        path: Some(path.to_path_buf()),
    })
}

fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_path_buf(),
        source,
    })
}

/// The first file that exists. One that exists and cannot be read is an error, not "absent".
fn first_of(paths: &[PathBuf]) -> Result<Option<(PathBuf, String)>, ConfigError> {
    for path in paths {
        match fs::read_to_string(path) {
            Ok(text) => return Ok(Some((path.clone(), text))),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) => {}
            Err(source) => {
                return Err(ConfigError::Read {
                    path: path.clone(),
                    source,
                });
            }
        }
    }
    Ok(None)
}
