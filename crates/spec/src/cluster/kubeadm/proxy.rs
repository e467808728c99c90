//! The way out through a proxy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A proxy through which nodes pull images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proxy {
    /// URL for requests by `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// URL for requests by `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https: Option<String>,
    /// Names, addresses and ranges that are reached without it, beside those of the cluster itself, which always are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub no_proxy: Vec<String>,
}

impl Proxy {
    /// Where it is said on nodes: a drop-in of containerd's unit.
    pub const PATH: &str = "/etc/systemd/system/containerd.service.d/http-proxy.conf";
}
