//! The versions and their rules.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use capstan_spec::{Architecture, KubernetesVersion, VersionWish, yaml};
use serde::{Deserialize, Deserializer, de};

use crate::artifact::{Artifact, Checksum, Source};
use crate::node_image::NodeImageRules;

/// The versions that belong together. [`Catalogue::bundled`] is the one built into the binary.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Catalogue {
    /// What a management server is made of.
    pub management: Management,
    kubernetes: Vec<KubernetesRelease>,
    artifacts: Vec<Source>,
    checksums: Vec<Checksum>,
    node_images: NodeImageRules,
}

/// What a management server is made of.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Management {
    /// Its own Kubernetes version.
    pub kubernetes: KubernetesVersion,
    /// Version of each provider and tool, by component.
    pub components: BTreeMap<String, String>,
    /// Release lines of Kubernetes that these components run on.
    pub hosts: Lines,
    /// Release lines of workload clusters it can run.
    pub workload: Lines,
}

/// A range of release lines, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    /// First.
    pub oldest: Line,
    /// Last.
    pub newest: Line,
}

impl Lines {
    /// Whether a line is among them.
    pub fn contain(&self, line: Line) -> bool {
        (self.oldest..=self.newest).contains(&line)
    }
}

/// A release line like `1.36`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line(u64, u64);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl From<KubernetesVersion> for Line {
    fn from(version: KubernetesVersion) -> Self {
        Self(version.major, version.minor)
    }
}

impl FromStr for Line {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self(major.parse().ok()?, minor.parse().ok()?)))
            .ok_or_else(|| format!("{text:?} is no release line like 1.36"))
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// What belongs to a Kubernetes version.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubernetesRelease {
    /// The version.
    pub version: KubernetesVersion,
    /// Whether clusters of this version were run with this Capstan.
    pub tested: bool,
    /// Whether it is taken only by who asks for it.
    #[serde(default)]
    pub preview: bool,
    /// Tags of the images that kubeadm takes of other projects.
    pub images: KubeadmImages,
    /// Tag of the image of the cluster autoscaler, which is of the same minor.
    pub cluster_autoscaler: String,
    /// Version of each component on or for its nodes.
    pub components: BTreeMap<String, String>,
}

/// Tags of the images that kubeadm takes of other projects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeadmImages {
    /// `registry.k8s.io/etcd`.
    pub etcd: String,
    /// `registry.k8s.io/coredns/coredns`.
    pub coredns: String,
    /// `registry.k8s.io/pause`.
    pub pause: String,
}

/// Why the catalogue has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The data is broken; a fault of this build.
    #[error("failed to read the catalogue")]
    Data(#[from] yaml::YamlError),
    /// Nothing fits the version.
    #[error("failed to find Kubernetes {version} in the catalogue")]
    UnknownVersion {
        /// What was asked for.
        version: KubernetesVersion,
        /// What could be had instead.
        nearest: Option<KubernetesVersion>,
    },
    /// There is no version of the release line.
    #[error("failed to find a version {wanted} in the catalogue")]
    NoneOfLine {
        /// What was asked for.
        wanted: VersionWish,
        /// What there is, newest first.
        known: Vec<KubernetesVersion>,
    },
    /// A checksum that somebody gave cannot be used.
    #[error("failed to take the checksum of {name}: {why}")]
    Checksum {
        /// What it was said to be of.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The component is not known, or has no version here.
    #[error("failed to find component {0} in the catalogue")]
    UnknownComponent(String),
}

impl CatalogueError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownVersion {
                nearest: Some(nearest),
                ..
            } => Some(format!("use {nearest}")),
            Self::UnknownVersion { nearest: None, .. } => None,
            Self::NoneOfLine { known, .. } => {
                let known: Vec<_> = known.iter().map(ToString::to_string).collect();
                Some(format!("the catalogue has {}", known.join(", ")))
            }
            Self::Checksum { .. } => {
                Some("for example cluster-api/v1.14.2/core-components.yaml=<sha256>".to_owned())
            }
            Self::Data(_) | Self::UnknownComponent(_) => {
                Some("this is a fault of Capstan; please report it".to_owned())
            }
        }
    }
}

impl Catalogue {
    /// The catalogue built into the binary.
    pub fn bundled() -> Result<Self, CatalogueError> {
        Self::parse(include_str!("../data/catalogue.yaml"))
    }

    /// Reads a catalogue.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        Ok(yaml::from_str(text)?)
    }

    /// Kubernetes versions that are taken without being asked for by name, newest first.
    pub fn released(&self) -> Vec<KubernetesVersion> {
        let preview = |version: &KubernetesVersion| {
            self.release(*version).is_ok_and(|release| release.preview)
        };
        let mut versions = self.versions();
        versions.retain(|version| !preview(version));
        versions
    }

    /// The version that is meant: an exact one as it is, the newest of a release line otherwise, and without a wish the
    /// newest of all. Previews count only with `preview`, or when they are named exactly.
    ///
    /// # Errors
    /// [`CatalogueError::NoneOfLine`] when the catalogue has none of the line.
    pub fn meant(
        &self,
        wish: Option<VersionWish>,
        preview: bool,
    ) -> Result<KubernetesVersion, CatalogueError> {
        let known = if preview {
            self.versions()
        } else {
            self.released()
        };
        let wanted = match wish {
            Some(VersionWish::Exact(version)) => return Ok(version),
            Some(line) => line,
            None => VersionWish::newest_of(&known),
        };
        known
            .iter()
            .copied()
            .find(|version| wanted.allows(*version))
            .ok_or(CatalogueError::NoneOfLine { wanted, known })
    }

    /// All Kubernetes versions, newest first.
    pub fn versions(&self) -> Vec<KubernetesVersion> {
        let mut versions: Vec<_> = self
            .kubernetes
            .iter()
            .map(|release| release.version)
            .collect();
        versions.sort_unstable_by(|one, other| other.cmp(one));
        versions
    }

    /// What belongs to a Kubernetes version. Another patch of a known line has the same companions but for kubeadm's
    /// images, so an exact entry is demanded.
    pub fn release(
        &self,
        version: KubernetesVersion,
    ) -> Result<&KubernetesRelease, CatalogueError> {
        self.kubernetes
            .iter()
            .find(|release| release.version == version)
            .ok_or_else(|| CatalogueError::UnknownVersion {
                version,
                nearest: self.nearest(version),
            })
    }

    /// The newest version of the same line, else the newest of all.
    fn nearest(&self, version: KubernetesVersion) -> Option<KubernetesVersion> {
        let versions = self.versions();
        let line = Line::from(version);
        versions
            .iter()
            .copied()
            .find(|known| Line::from(*known) == line)
            .or_else(|| versions.first().copied())
    }

    /// Whether this management server can run workload clusters of the version, tested or not.
    pub fn supports(&self, version: KubernetesVersion) -> bool {
        self.management.workload.contain(version.into())
    }

    /// Version of a component on the management server.
    pub fn management_component(&self, component: &str) -> Result<&str, CatalogueError> {
        self.management
            .components
            .get(component)
            .map(String::as_str)
            .ok_or_else(|| CatalogueError::UnknownComponent(component.to_owned()))
    }

    /// Version of a component that goes with a Kubernetes version. `kubernetes` itself is among them.
    pub fn component(
        &self,
        kubernetes: KubernetesVersion,
        component: &str,
    ) -> Result<String, CatalogueError> {
        let release = self.release(kubernetes)?;
        if component == "kubernetes" {
            return Ok(release.version.to_string());
        }
        release
            .components
            .get(component)
            .cloned()
            .ok_or_else(|| CatalogueError::UnknownComponent(component.to_owned()))
    }

    /// The files of a component in a version.
    pub fn artifacts(
        &self,
        component: &str,
        version: &str,
        architecture: Architecture,
    ) -> Result<Vec<Artifact>, CatalogueError> {
        let source = self
            .artifacts
            .iter()
            .find(|source| source.component == component)
            .ok_or_else(|| CatalogueError::UnknownComponent(component.to_owned()))?;
        Ok(source.artifacts(version, architecture, &self.checksums))
    }

    /// Adds checksums that somebody vouches for, by `<component>/<version>/<file>`; they stand above the catalogue's own.
    ///
    /// # Errors
    /// [`CatalogueError::Checksum`] for a name of no artifact, and for what is no SHA-256.
    pub fn with_checksums(
        mut self,
        known: &BTreeMap<String, String>,
    ) -> Result<Self, CatalogueError> {
        let mut own = std::mem::take(&mut self.checksums);
        for (name, sha256) in known {
            let wrong = |why| CatalogueError::Checksum {
                name: name.clone(),
                why,
            };
            let mut parts = name.rsplitn(3, '/');
            let (Some(file), Some(version), Some(component)) =
                (parts.next(), parts.next(), parts.next())
            else {
                return Err(wrong("it is not <component>/<version>/<file>"));
            };
            if self.artifact(component, version, file).is_err() {
                return Err(wrong("the catalogue has no such file"));
            }
            if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(wrong(
                    "its value is not the 64 hexadecimal digits of a SHA-256",
                ));
            }
            self.checksums
                .push(Checksum::new(component, version, file, sha256));
        }
        self.checksums.append(&mut own);
        Ok(self)
    }

    /// One file of a component.
    pub fn artifact(
        &self,
        component: &str,
        version: &str,
        file: &str,
    ) -> Result<Artifact, CatalogueError> {
        self.artifacts(component, version, Architecture::default())?
            .into_iter()
            .find(|artifact| artifact.file == file)
            .ok_or_else(|| CatalogueError::UnknownComponent(format!("{component}/{file}")))
    }

    /// How node images are recognised.
    pub fn node_image_rules(&self) -> &NodeImageRules {
        &self.node_images
    }
}

#[cfg(test)]
mod tests;
