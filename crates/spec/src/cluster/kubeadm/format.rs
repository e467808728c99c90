//! What nodes are set up by.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What nodes are set up by at their first start; Cluster API's own words (`format` of a `KubeadmConfig`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BootstrapFormat {
    /// cloud-init: Ubuntu, Debian and most others.
    #[default]
    CloudConfig,
    /// Ignition: Flatcar Container Linux.
    Ignition,
}

impl BootstrapFormat {
    /// What the image of that distribution (its property `os_distro`) is set up by.
    pub fn of_distribution(os_distro: &str) -> Self {
        if os_distro.eq_ignore_ascii_case("flatcar") {
            Self::Ignition
        } else {
            Self::CloudConfig
        }
    }
}

impl fmt::Display for BootstrapFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CloudConfig => "cloud-init",
            Self::Ignition => "Ignition (Flatcar)",
        })
    }
}
