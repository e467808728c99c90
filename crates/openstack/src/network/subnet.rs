//! Subnets.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::NetworkApi;
use crate::{
    error::Error,
    session::{Call, Removal, Service},
};

/// A subnet.
#[derive(Debug, Clone, Deserialize)]
pub struct Subnet {
    /// Id.
    pub id: String,
    /// Name, not unique.
    #[serde(default)]
    pub name: String,
    /// Free text; Capstan's identity of what it made.
    #[serde(default)]
    pub description: String,
    /// Its network.
    pub network_id: String,
    /// 4 or 6.
    #[serde(default)]
    pub ip_version: u8,
    /// Its range.
    pub cidr: String,
    /// Its router's address.
    #[serde(default)]
    pub gateway_ip: Option<String>,
    /// Name servers given to ports.
    #[serde(default)]
    pub dns_nameservers: Vec<String>,
    /// Whether DHCP serves it.
    #[serde(default)]
    pub enable_dhcp: bool,
    /// Owner.
    #[serde(default)]
    pub project_id: String,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// Addresses that ports may get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocationPool {
    /// First.
    pub start: String,
    /// Last.
    pub end: String,
}

/// What a new subnet shall be.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SubnetCreate {
    /// Name.
    pub name: String,
    /// Identity.
    pub description: String,
    /// Its network.
    pub network_id: String,
    /// 4 or 6.
    pub ip_version: u8,
    /// Its range.
    pub cidr: String,
    /// The router's address; `None` takes the first of the range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_ip: Option<String>,
    /// Name servers given to ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_nameservers: Vec<String>,
    /// Addresses that ports may get; empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allocation_pools: Vec<AllocationPool>,
    /// Whether DHCP serves it; `None` is yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_dhcp: Option<bool>,
}

impl NetworkApi<'_> {
    /// Subnets by filters.
    pub async fn subnets(self, filters: &[(&str, &str)]) -> Result<Vec<Subnet>, Error> {
        self.0
            .list(
                Call::list(Service::Network, &["subnets"], "subnets").filters(filters),
                "subnets",
            )
            .await
    }

    /// One subnet.
    pub async fn subnet(self, id: &str) -> Result<Subnet, Error> {
        let call = Call::read(Service::Network, &["subnets", id], format!("subnet {id}"));
        self.0.fetch(&call, Some("subnet")).await
    }

    /// Makes a subnet.
    pub async fn create_subnet(self, new: &SubnetCreate) -> Result<Subnet, Error> {
        let object = format!("subnet {}", new.name);
        let call = Call::create(
            Service::Network,
            &["subnets"],
            object,
            json!({"subnet": new}),
        );
        self.0.fetch(&call, Some("subnet")).await
    }

    /// Deletes a subnet.
    pub async fn delete_subnet(self, id: &str) -> Result<Removal, Error> {
        self.0
            .remove(&Call::delete(
                Service::Network,
                &["subnets", id],
                format!("subnet {id}"),
            ))
            .await
    }
}
