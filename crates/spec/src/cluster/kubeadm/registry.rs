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
}
