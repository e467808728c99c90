//! Floating IPs.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::NetworkApi;
use crate::{
    error::Error,
    session::{Call, Removal, Service},
};

/// A floating IP.
#[derive(Debug, Clone, Deserialize)]
pub struct FloatingIp {
    /// Id.
    pub id: String,
    /// The address.
    pub floating_ip_address: String,
    /// Free text; Capstan's identity of what it made.
    #[serde(default)]
    pub description: String,
    /// The external network.
    pub floating_network_id: String,
    /// The port it leads to.
    #[serde(default)]
    pub port_id: Option<String>,
    /// That port's address.
    #[serde(default)]
    pub fixed_ip_address: Option<String>,
    /// The router in between.
    #[serde(default)]
    pub router_id: Option<String>,
    /// `ACTIVE`, `DOWN`, `ERROR`.
    #[serde(default)]
    pub status: String,
    /// Owner.
    #[serde(default)]
    pub project_id: String,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// What a new floating IP shall be.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FloatingIpCreate {
    /// The external network.
    pub floating_network_id: String,
    /// Identity: a floating IP has no name.
    pub description: String,
    /// The port it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_id: Option<String>,
    /// A certain address, where the cloud lets one choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floating_ip_address: Option<String>,
}

impl NetworkApi<'_> {
    /// Floating ips by filters.
    pub async fn floating_ips(self, filters: &[(&str, &str)]) -> Result<Vec<FloatingIp>, Error> {
        self.0
            .list(
                Call::list(Service::Network, &["floatingips"], "floating IPs").filters(filters),
                "floatingips",
            )
            .await
    }

    /// One floating IP.
    pub async fn floating_ip(self, id: &str) -> Result<FloatingIp, Error> {
        let call = Call::read(
            Service::Network,
            &["floatingips", id],
            format!("floating IP {id}"),
        );
        self.0.fetch(&call, Some("floatingip")).await
    }

    /// Makes a floating IP.
    pub async fn create_floating_ip(self, new: &FloatingIpCreate) -> Result<FloatingIp, Error> {
        let object = format!("floating IP {}", new.description);
        let call = Call::create(
            Service::Network,
            &["floatingips"],
            object,
            json!({"floatingip": new}),
        );
        self.0.fetch(&call, Some("floatingip")).await
    }

    /// Deletes a floating IP.
    pub async fn delete_floating_ip(self, id: &str) -> Result<Removal, Error> {
        self.0
            .remove(&Call::delete(
                Service::Network,
                &["floatingips", id],
                format!("floating IP {id}"),
            ))
            .await
    }

    /// Leads a floating IP to a port, or to nowhere.
    pub async fn associate_floating_ip(
        self,
        id: &str,
        port_id: Option<&str>,
    ) -> Result<FloatingIp, Error> {
        let body = json!({"floatingip": {"port_id": port_id}});
        let call = Call::update(
            Service::Network,
            &["floatingips", id],
            format!("floating IP {id}"),
            body,
        );
        self.0
            .fetch(&call.verb("associate"), Some("floatingip"))
            .await
    }
}
