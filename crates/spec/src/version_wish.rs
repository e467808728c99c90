//! What a person says for a version: an exact one, or a release line.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::version::{KubernetesVersion, VersionError};

/// A version as it is asked for: `v1.36.3`, or `v1.36` and `v1.36.x` for the newest of that line.
///
/// Only the doors and templates know wishes. What is written down of a cluster is always exact: it changes when its file or object does, and
/// not because a newer Capstan knows a newer version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum VersionWish {
    /// This one.
    Exact(KubernetesVersion),
    /// The newest of a release line.
    Line {
        /// Always 1 so far.
        major: u64,
        /// The minor version.
        minor: u64,
    },
}

impl VersionWish {
    /// The release line of the first version, which is the newest of a list that begins with it.
    pub fn newest_of(versions: &[KubernetesVersion]) -> Self {
        let newest = versions.first();
        newest.map_or(Self::Line { major: 1, minor: 0 }, |newest| Self::Line {
            major: newest.major,
            minor: newest.minor,
        })
    }

    /// Whether the version is what was asked for.
    pub fn allows(self, version: KubernetesVersion) -> bool {
        match self {
            Self::Exact(exact) => exact == version,
            Self::Line { major, minor } => (version.major, version.minor) == (major, minor),
        }
    }
}

impl fmt::Display for VersionWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(version) => version.fmt(f),
            Self::Line { major, minor } => write!(f, "v{major}.{minor}.x"),
        }
    }
}

impl From<VersionWish> for String {
    fn from(wish: VersionWish) -> Self {
        wish.to_string()
    }
}

impl TryFrom<String> for VersionWish {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl JsonSchema for VersionWish {
    fn schema_name() -> Cow<'static, str> {
        "VersionWish".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^v?[0-9]+\.[0-9]+(\.([0-9]+|x))?$",
            "description": "Kubernetes version, for instance v1.36.3, or a release line, v1.36.x",
        })
    }
}

impl FromStr for VersionWish {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.strip_prefix('v').unwrap_or(text);
        let line = bare.strip_suffix(".x").unwrap_or(bare);
        let numbers: Vec<Option<u64>> = line.split('.').map(|part| part.parse().ok()).collect();
        match numbers[..] {
            [Some(major), Some(minor)] => Ok(Self::Line { major, minor }),
            _ => text.parse().map(Self::Exact),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_told_from_a_version() {
        let wish = |text: &str| text.parse::<VersionWish>().unwrap();
        let version = KubernetesVersion::new(1, 36, 3);
        assert_eq!(wish("1.36.3"), VersionWish::Exact(version));
        for text in ["v1.36", "1.36", "v1.36.x"] {
            assert_eq!(wish(text).to_string(), "v1.36.x");
            assert!(wish(text).allows(version), "{text}");
        }
        assert!(!wish("v1.35.x").allows(version));
        assert!(!wish("v1.36.4").allows(version));
        for text in ["", "v1", "v1.x", "v1.36.y", "v1.36.3.x", "latest"] {
            assert!(text.parse::<VersionWish>().is_err(), "{text}");
        }
    }
}
