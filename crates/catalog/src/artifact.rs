//! Files: where they come from, with and without a mirror.

use capstan_spec::{Architecture, Mirror};
use serde::Deserialize;

/// A file that upstream publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// What it belongs to.
    pub component: String,
    /// Version of the component.
    pub version: String,
    /// Name of the file.
    pub file: String,
    /// Where upstream publishes it.
    pub url: String,
    /// Checksum of what upstream publishes; `None` is "not known", never "not needed".
    pub sha256: Option<String>,
    /// Where upstream publishes that checksum, if it does: alone, or in lines as `sha256sum` writes them.
    pub sums: Option<String>,
}

impl Artifact {
    /// `<component>/<version>/<file>`: its place at a mirror, and its name in settings and messages.
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.component, self.version, self.file)
    }

    /// Where to get the file: from the mirror if there is one, else from upstream.
    ///
    /// A mirror lays files out as `<component>/<version>/<file>`, with `<file>.sha256` beside each.
    pub fn location(&self, mirror: Option<&Mirror>) -> String {
        match mirror.and_then(|mirror| mirror.files.as_deref()) {
            Some(files) => format!("{}/{}", files.trim_end_matches('/'), self.path()),
            None => self.url.clone(),
        }
    }
}

/// Where upstream publishes the files of a component.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) component: String,
    url: String,
    #[serde(default)]
    sums: Option<String>,
    files: Vec<String>,
}

/// A checksum that is known.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checksum {
    component: String,
    version: String,
    file: String,
    sha256: String,
}

impl Checksum {
    pub(crate) fn new(component: &str, version: &str, file: &str, sha256: &str) -> Self {
        Self {
            component: component.to_owned(),
            version: version.to_owned(),
            file: file.to_owned(),
            sha256: sha256.to_ascii_lowercase(),
        }
    }
}

impl Source {
    pub(crate) fn artifacts(
        &self,
        version: &str,
        architecture: Architecture,
        checksums: &[Checksum],
    ) -> Vec<Artifact> {
        let filled = |template: &str| {
            template
                .replace("{version}", version)
                .replace("{bare}", version.strip_prefix('v').unwrap_or(version))
                .replace("{arch}", &architecture.to_string())
        };
        self.files
            .iter()
            .map(|template| {
                let file = filled(template);
                let of_file = |template: &str| filled(template).replace("{file}", &file);
                let (url, sums) = (of_file(&self.url), self.sums.as_deref().map(of_file));
                let known = checksums.iter().find(|checksum| {
                    checksum.component == self.component
                        && checksum.version == version
                        && checksum.file == file
                });
                Artifact {
                    component: self.component.clone(),
                    version: version.to_owned(),
                    url,
                    sums,
                    sha256: known.map(|checksum| checksum.sha256.clone()),
                    file,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::Catalogue;

    use super::*;

    #[test]
    fn upstream_and_mirror_are_told_apart() {
        let catalogue = Catalogue::bundled().unwrap();
        let artifacts = catalogue
            .artifacts("containerd", "v2.2.1", Architecture::Amd64)
            .unwrap();
        let containerd = &artifacts[0];
        assert_eq!(
            containerd.location(None),
            "https://github.com/containerd/containerd/releases/download/v2.2.1/containerd-2.2.1-linux-amd64.tar.gz"
        );
        let mirror = Mirror {
            files: Some("http://198.18.0.2:8080/".into()),
            registry: None,
        };
        assert_eq!(
            containerd.location(Some(&mirror)),
            "http://198.18.0.2:8080/containerd/v2.2.1/containerd-2.2.1-linux-amd64.tar.gz"
        );
        let images_only = Mirror {
            files: None,
            registry: Some("http://198.18.0.2:5001".into()),
        };
        assert_eq!(containerd.location(Some(&images_only)), containerd.url);
    }

    #[test]
    fn a_checksum_belongs_to_one_file_of_one_version() {
        let source = Source {
            component: "runc".into(),
            url: "https://example.org/{version}/{file}".into(),
            sums: Some("https://example.org/{version}/SUMS".into()),
            files: vec!["runc.{arch}".into()],
        };
        let checksum = Checksum {
            component: "runc".into(),
            version: "v1".into(),
            file: "runc.amd64".into(),
            sha256: "00".into(),
        };
        let known = [checksum];
        let sum = |version, architecture| {
            source.artifacts(version, architecture, &known)[0]
                .sha256
                .clone()
        };
        assert_eq!(sum("v1", Architecture::Amd64).as_deref(), Some("00"));
        assert_eq!(sum("v2", Architecture::Amd64), None);
        assert_eq!(sum("v1", Architecture::Arm64), None);
    }
}
