//! Ports.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::NetworkApi;
use crate::{
    error::Error,
    session::{Call, Removal, Service},
};

/// A port.
#[derive(Debug, Clone, Deserialize)]
pub struct Port {
    /// Id.
    pub id: String,
    /// Name, not unique, often empty.
    #[serde(default)]
    pub name: String,
    /// Free text; Capstan's identity of what it made.
    #[serde(default)]
    pub description: String,
    /// Its network.
    pub network_id: String,
    /// `ACTIVE`, `DOWN`, `BUILD`, `ERROR`.
    #[serde(default)]
    pub status: String,
    /// Hardware address.
    #[serde(default)]
    pub mac_address: String,
    /// Its addresses.
    #[serde(default)]
    pub fixed_ips: Vec<FixedIp>,
    /// What it is plugged into: id of a server, router, load balancer; empty when it is free.
    #[serde(default)]
    pub device_id: String,
    /// Kind of that, for example `compute:nova`.
    #[serde(default)]
    pub device_owner: String,
    /// Ids of its security groups.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// Further addresses it may send from.
    #[serde(default)]
    pub allowed_address_pairs: Vec<AddressPair>,
    /// Owner.
    #[serde(default)]
    pub project_id: String,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// An address of a port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedIp {
    /// Its subnet.
    pub subnet_id: String,
    /// The address; empty lets the cloud choose.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ip_address: String,
}

/// A further address a port may send from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressPair {
    /// Address or range.
    pub ip_address: String,
    /// Hardware address; `None` is the port's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
}

/// What a new port shall be.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PortCreate {
    /// Name.
    pub name: String,
    /// Identity.
    pub description: String,
    /// Its network.
    pub network_id: String,
    /// Its addresses; empty lets the cloud choose.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fixed_ips: Vec<FixedIp>,
    /// Ids of its security groups; `None` takes the project's default group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<String>>,
    /// Further addresses it may send from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_address_pairs: Vec<AddressPair>,
}

impl NetworkApi<'_> {
    /// Ports by filters.
    pub async fn ports(self, filters: &[(&str, &str)]) -> Result<Vec<Port>, Error> {
        self.0
            .list(
                Call::list(Service::Network, &["ports"], "ports").filters(filters),
                "ports",
            )
            .await
    }

    /// One port.
    pub async fn port(self, id: &str) -> Result<Port, Error> {
        let call = Call::read(Service::Network, &["ports", id], format!("port {id}"));
        self.0.fetch(&call, Some("port")).await
    }

    /// Makes a port.
    pub async fn create_port(self, new: &PortCreate) -> Result<Port, Error> {
        let object = format!("port {}", new.name);
        let call = Call::create(Service::Network, &["ports"], object, json!({"port": new}));
        self.0.fetch(&call, Some("port")).await
    }

    /// Deletes a port.
    pub async fn delete_port(self, id: &str) -> Result<Removal, Error> {
        self.0
            .remove(&Call::delete(
                Service::Network,
                &["ports", id],
                format!("port {id}"),
            ))
            .await
    }
}
