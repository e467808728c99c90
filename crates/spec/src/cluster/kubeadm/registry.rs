//! Registries that stand in for others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where images of one registry are pulled from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistryMirror {
    /// The registry that stands in names of images, for instance `docker.io`.
    pub registry: String,
    /// URLs that are tried one after the other. A path in one is taken as it is, as Harbor's proxies need it.
    pub endpoints: Vec<String>,
    /// Whether the registry itself is never asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only: bool,
    /// Secret in the cluster's namespace with the keys `username` and `password` (type `kubernetes.io/basic-auth`), by which
    /// nodes log in at every endpoint. When its content changes, machines are replaced, once the plan of that is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub credentials_secret: Option<String>,
}

impl RegistryMirror {
    /// containerd's directory for registries that have none of their own (containerd, `docs/hosts.md`).
    pub const DEFAULT: &str = "_default";

    /// Where containerd looks for what stands in for a registry; node images point its `config_path` there.
    pub fn path(registry: &str) -> String {
        format!("/etc/containerd/certs.d/{registry}/hosts.toml")
    }
}
