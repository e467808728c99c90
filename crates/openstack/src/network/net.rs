//! Networks.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::NetworkApi;
use crate::{
    error::Error,
    session::{Call, Removal, Service},
};

/// A network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Network {
    /// Id.
    pub id: String,
    /// Name, not unique.
    #[serde(default)]
    pub name: String,
    /// Free text; Capstan's identity of what it made.
    #[serde(default)]
    pub description: String,
    /// `ACTIVE`, `DOWN`, `BUILD`, `ERROR`.
    #[serde(default)]
    pub status: String,
    /// Whether floating IPs and router gateways can come from it.
    #[serde(default, rename = "router:external")]
    pub external: bool,
    /// Whether every project may use it.
    #[serde(default)]
    pub shared: bool,
    /// Largest packet in bytes; `None` where the cloud does not say.
    #[serde(default)]
    pub mtu: Option<u32>,
    /// Ids of its subnets.
    #[serde(default)]
    pub subnets: Vec<String>,
    /// Owner.
    #[serde(default)]
    pub project_id: String,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// What a new network shall be.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NetworkCreate {
    /// Name.
    pub name: String,
    /// Identity.
    pub description: String,
    /// Largest packet in bytes; `None` lets the cloud choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Whether ports have security groups by default; `None` lets the cloud choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_security_enabled: Option<bool>,
    /// Availability zones for its DHCP agents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub availability_zone_hints: Vec<String>,
    /// External, for administrators.
    #[serde(rename = "router:external", skip_serializing_if = "std::ops::Not::not")]
    pub external: bool,
}

impl NetworkApi<'_> {
    /// Networks by filters.
    pub async fn networks(self, filters: &[(&str, &str)]) -> Result<Vec<Network>, Error> {
        self.0
            .list(
                Call::list(Service::Network, &["networks"], "networks").filters(filters),
                "networks",
            )
            .await
    }

    /// One network.
    pub async fn network(self, id: &str) -> Result<Network, Error> {
        let call = Call::read(Service::Network, &["networks", id], format!("network {id}"));
        self.0.fetch(&call, Some("network")).await
    }

    /// Makes a network.
    pub async fn create_network(self, new: &NetworkCreate) -> Result<Network, Error> {
        let object = format!("network {}", new.name);
        let call = Call::create(
            Service::Network,
            &["networks"],
            object,
            json!({"network": new}),
        );
        self.0.fetch(&call, Some("network")).await
    }

    /// Deletes a network.
    pub async fn delete_network(self, id: &str) -> Result<Removal, Error> {
        self.0
            .remove(&Call::delete(
                Service::Network,
                &["networks", id],
                format!("network {id}"),
            ))
            .await
    }
}
