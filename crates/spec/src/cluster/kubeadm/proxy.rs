//! The way out through a proxy.

use ipnet::IpNet;
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
    /// What is always reached without a proxy: the node itself, the metadata service (which answers only to the server that
    /// asks), names within the cluster.
    pub const NEVER: [&str; 5] = [
        "localhost",
        "127.0.0.1",
        "169.254.169.254",
        ".svc",
        ".cluster.local",
    ];

    /// What is reached without a proxy: that, what is within a cluster's own `ranges` (nodes, pods, services), and `besides`.
    pub fn directly<'a>(
        ranges: impl IntoIterator<Item = &'a IpNet>,
        besides: &[String],
    ) -> Vec<String> {
        Self::NEVER
            .into_iter()
            .map(str::to_owned)
            .chain(ranges.into_iter().map(ToString::to_string))
            .chain(besides.iter().cloned())
            .collect()
    }
}
