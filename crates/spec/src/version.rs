//! A Kubernetes version, always with three numbers: `v1.36.3`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// An exact Kubernetes version. Written with a leading `v`, read with or without it.
///
/// Pre-releases and build metadata are refused: no node image carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct KubernetesVersion {
    /// Always 1 so far.
    pub major: u64,
    /// The release line.
    pub minor: u64,
    /// The patch within the release line.
    pub patch: u64,
}

/// Why a text is no Kubernetes version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to read Kubernetes version {text:?}: {reason}")]
pub struct VersionError {
    /// What was given.
    pub text: String,
    /// What is wrong with it, in plain words.
    pub reason: String,
}

impl KubernetesVersion {
    /// Builds a version from its numbers.
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// `1.36`: the release line, as charts and support tables name it.
    pub fn line(self) -> String {
        format!("{}.{}", self.major, self.minor)
    }

    /// The version without the leading `v`.
    pub fn bare(self) -> String {
        format!("{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for KubernetesVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason: &str| VersionError {
            text: text.to_owned(),
            reason: reason.to_owned(),
        };
        let bare = text.strip_prefix('v').unwrap_or(text);
        if bare.split('.').count() == 2 && bare.split('.').all(is_number) {
            return Err(error("the patch is missing; write for instance v1.36.3"));
        }
        let parsed = semver::Version::parse(bare)
            .map_err(|_| error("expected three numbers like v1.36.3"))?;
        if !parsed.pre.is_empty() || !parsed.build.is_empty() {
            return Err(error("pre-releases and build suffixes are not supported"));
        }
        Ok(Self::new(parsed.major, parsed.minor, parsed.patch))
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl TryFrom<String> for KubernetesVersion {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<KubernetesVersion> for String {
    fn from(version: KubernetesVersion) -> Self {
        version.to_string()
    }
}

impl JsonSchema for KubernetesVersion {
    fn schema_name() -> Cow<'static, str> {
        "KubernetesVersion".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^v?[0-9]+\.[0-9]+\.[0-9]+$",
            "description": "Kubernetes version with three numbers, for instance v1.36.3",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_with_and_without_v_and_writes_with_it() {
        for text in ["v1.36.3", "1.36.3"] {
            let version: KubernetesVersion = text.parse().unwrap();
            assert_eq!(version, KubernetesVersion::new(1, 36, 3));
            assert_eq!(version.to_string(), "v1.36.3");
            assert_eq!(version.line(), "1.36");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let reason = |text: &str| text.parse::<KubernetesVersion>().unwrap_err().reason;
        assert!(reason("v1.36").contains("patch is missing"));
        assert!(reason("v1.36.x").contains("three numbers"));
        assert!(reason("1.36.0-rc.1").contains("pre-releases"));
        assert!(reason("").contains("three numbers"));
    }
}
