//! Who reaches the Kubernetes API, and how.

use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults;

/// Who reaches the Kubernetes API, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiAccess {
    /// Networks from which the API is reachable. The nodes and the management server always are; with an empty list
    /// nobody else is. `0.0.0.0/0` opens the API to everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_cidrs: Vec<IpNet>,
    /// Address of a floating IP that the project owns already. Without it one is allocated and released again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floating_ip: Option<IpAddr>,
    /// No floating IP: the API is reached at the inner address of its load balancer. The management server must have a
    /// way there, so this needs `network.existing`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// TCP port.
    #[serde(
        default = "defaults::api_port",
        skip_serializing_if = "defaults::is_api_port"
    )]
    pub port: u16,
    /// Further names and addresses in the API's certificate, for those who reach it by another way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sans: Vec<String>,
    /// Octavia provider. Without it one is chosen from the cloud's inventory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer_provider: Option<String>,
    /// Name of the Octavia flavor. Without it Octavia's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer_flavor: Option<String>,
    /// Octavia availability zone. Without it Octavia's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer_zone: Option<String>,
}

impl Default for ApiAccess {
    fn default() -> Self {
        Self {
            allowed_cidrs: Vec::new(),
            floating_ip: None,
            private: false,
            port: defaults::API_PORT,
            sans: Vec::new(),
            load_balancer_provider: None,
            load_balancer_flavor: None,
            load_balancer_zone: None,
        }
    }
}
