//! Routers: interfaces to subnets, a gateway to the outside.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{FixedIp, NetworkApi};
use crate::{
    error::Error,
    session::{Call, Removal, Service},
};

/// A router.
#[derive(Debug, Clone, Deserialize)]
pub struct Router {
    /// Id.
    pub id: String,
    /// Name, not unique.
    #[serde(default)]
    pub name: String,
    /// Free text; Capstan's identity of what it made.
    #[serde(default)]
    pub description: String,
    /// `ACTIVE`, `DOWN`, `ERROR`, `ALLOCATING`.
    #[serde(default)]
    pub status: String,
    /// Its way outside.
    #[serde(default)]
    pub external_gateway_info: Option<ExternalGateway>,
    /// Owner.
    #[serde(default)]
    pub project_id: String,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A router's way outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalGateway {
    /// The external network.
    pub network_id: String,
    /// Whether servers without a floating IP reach the outside; `None` lets the cloud choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_snat: Option<bool>,
    /// Its addresses outside: what the servers behind it are seen as.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_fixed_ips: Vec<FixedIp>,
}

/// What a new router shall be.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RouterCreate {
    /// Name.
    pub name: String,
    /// Identity.
    pub description: String,
    /// Its way outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_gateway_info: Option<ExternalGateway>,
    /// Availability zones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub availability_zone_hints: Vec<String>,
}

impl NetworkApi<'_> {
    /// Routers by filters.
    pub async fn routers(self, filters: &[(&str, &str)]) -> Result<Vec<Router>, Error> {
        self.0
            .list(
                Call::list(Service::Network, &["routers"], "routers").filters(filters),
                "routers",
            )
            .await
    }

    /// One router.
    pub async fn router(self, id: &str) -> Result<Router, Error> {
        let call = Call::read(Service::Network, &["routers", id], format!("router {id}"));
        self.0.fetch(&call, Some("router")).await
    }

    /// Makes a router.
    pub async fn create_router(self, new: &RouterCreate) -> Result<Router, Error> {
        let object = format!("router {}", new.name);
        let call = Call::create(
            Service::Network,
            &["routers"],
            object,
            json!({"router": new}),
        );
        self.0.fetch(&call, Some("router")).await
    }

    /// Deletes a router.
    pub async fn delete_router(self, id: &str) -> Result<Removal, Error> {
        self.0
            .remove(&Call::delete(
                Service::Network,
                &["routers", id],
                format!("router {id}"),
            ))
            .await
    }

    /// Connects a subnet. One that is connected already is what was wanted.
    pub async fn add_router_interface(self, router_id: &str, subnet_id: &str) -> Result<(), Error> {
        let already = |interfaces: Vec<super::Port>| {
            interfaces
                .iter()
                .any(|port| port.fixed_ips.iter().any(|ip| ip.subnet_id == subnet_id))
        };
        if already(self.router_interfaces(router_id).await?) {
            return Ok(());
        }
        let call = Call::update(
            Service::Network,
            &["routers", router_id, "add_router_interface"],
            format!("subnet {subnet_id} to router {router_id}"),
            json!({ "subnet_id": subnet_id }),
        )
        .verb("connect");
        match self.0.run(&call).await {
            // Done by an attempt whose answer was lost, or by somebody at the same time.
            Err(error) if error.kind() != crate::Kind::NotFound => {
                if already(self.router_interfaces(router_id).await?) {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            result => result,
        }
    }

    /// Disconnects a subnet. One that is not connected is what was wanted.
    pub async fn remove_router_interface(
        self,
        router_id: &str,
        subnet_id: &str,
    ) -> Result<Removal, Error> {
        let call = Call::update(
            Service::Network,
            &["routers", router_id, "remove_router_interface"],
            format!("subnet {subnet_id} from router {router_id}"),
            json!({ "subnet_id": subnet_id }),
        )
        .verb("disconnect");
        self.0.remove(&call).await
    }

    /// The ports a router has in subnets, whatever kind of router it is (plain, distributed, highly available).
    pub async fn router_interfaces(self, router_id: &str) -> Result<Vec<super::Port>, Error> {
        let ports = self.ports(&[("device_id", router_id)]).await?;
        let is_interface = |owner: &str| {
            matches!(
                owner,
                "network:router_interface"
                    | "network:router_interface_distributed"
                    | "network:ha_router_replicated_interface"
            )
        };
        Ok(ports
            .into_iter()
            .filter(|port| is_interface(&port.device_owner))
            .collect())
    }

    /// Gives a router another way outside, or none.
    pub async fn set_router_gateway(
        self,
        id: &str,
        gateway: Option<&ExternalGateway>,
    ) -> Result<Router, Error> {
        let body = json!({"router": {"external_gateway_info": gateway}});
        let call = Call::update(
            Service::Network,
            &["routers", id],
            format!("gateway of router {id}"),
            body,
        );
        self.0.fetch(&call, Some("router")).await
    }
}
