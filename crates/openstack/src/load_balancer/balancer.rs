//! Load balancers as a whole.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::LoadBalancerApi;
use crate::{
    error::{Error, Kind, Optional},
    session::{Call, Removal, Service},
    wait::{Look, Wait, wait_for},
};

/// A load balancer.
#[derive(Debug, Clone, Deserialize)]
pub struct LoadBalancer {
    /// Id.
    pub id: String,
    /// Name, not unique.
    #[serde(default)]
    pub name: String,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// `ACTIVE`, `PENDING_CREATE`, `PENDING_UPDATE`, `PENDING_DELETE`, `ERROR`.
    pub provisioning_status: String,
    /// `ONLINE`, `OFFLINE`, `DEGRADED`, `ERROR`, `NO_MONITOR`.
    #[serde(default)]
    pub operating_status: String,
    /// Its address.
    #[serde(default)]
    pub vip_address: String,
    /// The port with its address: where a floating IP leads to.
    #[serde(default)]
    pub vip_port_id: Option<String>,
    /// The subnet of its address.
    #[serde(default)]
    pub vip_subnet_id: Option<String>,
    /// What makes it, for example `amphora` or `ovn`.
    #[serde(default)]
    pub provider: String,
    /// Owner.
    #[serde(default)]
    pub project_id: String,
    /// Tags; identity of what Capstan made.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// What a new load balancer shall be.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LoadBalancerCreate {
    /// Name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Subnet of its address.
    pub vip_subnet_id: String,
    /// What makes it; `None` lets the cloud choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Octavia's flavor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flavor_id: Option<String>,
    /// Availability zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// Identity.
    pub tags: Vec<String>,
}

/// The status of a load balancer and everything in it.
#[derive(Debug, Clone, Deserialize)]
pub struct StatusTree {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// As of [`LoadBalancer`].
    #[serde(default)]
    pub provisioning_status: String,
    /// As of [`LoadBalancer`].
    #[serde(default)]
    pub operating_status: String,
    /// Its listeners.
    #[serde(default)]
    pub listeners: Vec<StatusTreeListener>,
}

/// A listener in a status tree.
#[derive(Debug, Clone, Deserialize)]
pub struct StatusTreeListener {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// As of [`LoadBalancer`].
    #[serde(default)]
    pub provisioning_status: String,
    /// As of [`LoadBalancer`].
    #[serde(default)]
    pub operating_status: String,
    /// Its pools.
    #[serde(default)]
    pub pools: Vec<StatusTreePool>,
}

/// A pool in a status tree.
#[derive(Debug, Clone, Deserialize)]
pub struct StatusTreePool {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// As of [`LoadBalancer`].
    #[serde(default)]
    pub provisioning_status: String,
    /// As of [`LoadBalancer`].
    #[serde(default)]
    pub operating_status: String,
    /// Its members.
    #[serde(default)]
    pub members: Vec<StatusTreeMember>,
}

/// A member in a status tree.
#[derive(Debug, Clone, Deserialize)]
pub struct StatusTreeMember {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// Its address.
    #[serde(default)]
    pub address: String,
    /// Its port.
    #[serde(default)]
    pub protocol_port: u16,
    /// As of [`LoadBalancer`].
    #[serde(default)]
    pub provisioning_status: String,
    /// As of [`LoadBalancer`].
    #[serde(default)]
    pub operating_status: String,
}

impl LoadBalancerApi<'_> {
    /// Load balancers by filters, for example `("name", x)` or `("tags", x)`; administrators see every project's.
    pub async fn load_balancers(
        self,
        filters: &[(&str, &str)],
    ) -> Result<Vec<LoadBalancer>, Error> {
        let call = Call::list(
            Service::LoadBalancer,
            &["lbaas", "loadbalancers"],
            "load balancers",
        );
        self.0.list(call.filters(filters), "loadbalancers").await
    }

    /// One load balancer.
    pub async fn load_balancer(self, id: &str) -> Result<LoadBalancer, Error> {
        let path = ["lbaas", "loadbalancers", id];
        let call = Call::read(Service::LoadBalancer, &path, format!("load balancer {id}"));
        self.0.fetch(&call, Some("loadbalancer")).await
    }

    /// Asks for a load balancer; see [`wait_for_load_balancer`](Self::wait_for_load_balancer).
    pub async fn create_load_balancer(
        self,
        new: &LoadBalancerCreate,
    ) -> Result<LoadBalancer, Error> {
        let object = format!("load balancer {}", new.name);
        let body = json!({ "loadbalancer": new });
        let call = Call::create(
            Service::LoadBalancer,
            &["lbaas", "loadbalancers"],
            object,
            body,
        );
        self.0.fetch(&call, Some("loadbalancer")).await
    }

    /// Deletes a load balancer with everything in it, its address's port included; a floating IP stays.
    pub async fn delete_load_balancer(self, id: &str) -> Result<Removal, Error> {
        let path = ["lbaas", "loadbalancers", id];
        let call = Call::delete(Service::LoadBalancer, &path, format!("load balancer {id}"));
        self.0.remove(&call.query("cascade", "true")).await
    }

    /// The status of a load balancer and everything in it, in one answer.
    pub async fn status_tree(self, id: &str) -> Result<StatusTree, Error> {
        #[derive(Deserialize)]
        struct Statuses {
            loadbalancer: StatusTree,
        }
        let path = ["lbaas", "loadbalancers", id, "status"];
        let call = Call::read(
            Service::LoadBalancer,
            &path,
            format!("status of load balancer {id}"),
        );
        Ok(self
            .0
            .fetch::<Statuses>(&call, Some("statuses"))
            .await?
            .loadbalancer)
    }

    /// Waits until a load balancer is `ACTIVE`; `ERROR` is [`Kind::Failed`].
    pub async fn wait_for_load_balancer(self, id: &str, wait: Wait) -> Result<LoadBalancer, Error> {
        wait_for(format_args!("load balancer {id}"), wait, || async move {
            let balancer = self.load_balancer(id).await?;
            match balancer.provisioning_status.as_str() {
                "ACTIVE" => Ok(Look::Done(balancer)),
                "ERROR" => Err(failed("start", &balancer)),
                status => Ok(Look::Pending(status.to_owned())),
            }
        })
        .await
    }

    /// Waits until Octavia is not at work on a load balancer, so that it can be changed or deleted: `ACTIVE` or `ERROR`.
    /// `None` when it is gone.
    pub async fn wait_for_load_balancer_idle(
        self,
        id: &str,
        wait: Wait,
    ) -> Result<Option<LoadBalancer>, Error> {
        wait_for(
            format_args!("Octavia's work on load balancer {id}"),
            wait,
            || async move {
                match self.load_balancer(id).await.optional()? {
                    None => Ok(Look::Done(None)),
                    Some(balancer) if balancer.provisioning_status.starts_with("PENDING") => {
                        Ok(Look::Pending(balancer.provisioning_status))
                    }
                    Some(balancer) if balancer.provisioning_status == "DELETED" => {
                        Ok(Look::Done(None))
                    }
                    Some(balancer) => Ok(Look::Done(Some(balancer))),
                }
            },
        )
        .await
    }

    /// Waits until a load balancer is gone; `ERROR` is [`Kind::Failed`].
    pub async fn wait_for_load_balancer_gone(self, id: &str, wait: Wait) -> Result<(), Error> {
        wait_for(
            format_args!("the end of load balancer {id}"),
            wait,
            || async move {
                match self.load_balancer(id).await {
                    Err(error) if error.is_not_found() => Ok(Look::Done(())),
                    Err(error) => Err(error),
                    Ok(balancer) => match balancer.provisioning_status.as_str() {
                        "DELETED" => Ok(Look::Done(())),
                        "ERROR" => Err(failed("delete", &balancer)),
                        status => Ok(Look::Pending(status.to_owned())),
                    },
                }
            },
        )
        .await
    }
}

fn failed(verb: &'static str, balancer: &LoadBalancer) -> Error {
    let object = format!("load balancer {}", balancer.name);
    Error::new(
        Kind::Failed,
        verb,
        object,
        "Octavia left it in provisioning status ERROR",
    )
}
