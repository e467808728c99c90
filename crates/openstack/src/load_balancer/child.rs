//! Listeners, pools, members, health monitors.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::LoadBalancerApi;
use crate::{
    error::Error,
    session::{Call, Removal, Service},
};

/// An id inside another resource.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Reference {
    pub(crate) id: String,
}

/// A listener: a port of a load balancer.
#[derive(Debug, Clone, Deserialize)]
pub struct Listener {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// `TCP`, `HTTP`, `UDP` …
    pub protocol: String,
    /// Its port.
    pub protocol_port: u16,
    /// The pool it forwards to.
    #[serde(default)]
    pub default_pool_id: Option<String>,
    /// Who may connect; `None` or empty is everybody.
    #[serde(default)]
    pub allowed_cidrs: Option<Vec<String>>,
    /// As of [`LoadBalancer`](super::LoadBalancer).
    #[serde(default)]
    pub provisioning_status: String,
    #[serde(default)]
    loadbalancers: Vec<Reference>,
}

impl Listener {
    /// Id of its load balancer.
    pub fn load_balancer_id(&self) -> Option<&str> {
        self.loadbalancers
            .first()
            .map(|balancer| balancer.id.as_str())
    }
}

/// What a new listener shall be.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ListenerCreate {
    /// Name.
    pub name: String,
    /// Its load balancer.
    pub loadbalancer_id: String,
    /// `TCP`, `HTTP`, `UDP` …
    pub protocol: String,
    /// Its port.
    pub protocol_port: u16,
    /// The pool it forwards to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_pool_id: Option<String>,
    /// Who may connect; empty is everybody.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_cidrs: Vec<String>,
    /// Tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// A pool: members and how the load is spread over them.
#[derive(Debug, Clone, Deserialize)]
pub struct Pool {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// `TCP`, `HTTP`, `UDP` …
    pub protocol: String,
    /// As of [`LoadBalancer`](super::LoadBalancer).
    #[serde(default)]
    pub provisioning_status: String,
    /// Id of its health monitor.
    #[serde(default)]
    pub healthmonitor_id: Option<String>,
    #[serde(default)]
    loadbalancers: Vec<Reference>,
    #[serde(default)]
    members: Vec<Reference>,
}

impl Pool {
    /// Id of its load balancer.
    pub fn load_balancer_id(&self) -> Option<&str> {
        self.loadbalancers
            .first()
            .map(|balancer| balancer.id.as_str())
    }

    /// Ids of its members.
    pub fn member_ids(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.id.as_str())
    }
}

/// What a new pool shall be.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PoolCreate {
    /// Name.
    pub name: String,
    /// Its load balancer.
    pub loadbalancer_id: String,
    /// `TCP`, `HTTP`, `UDP` …
    pub protocol: String,
    /// `ROUND_ROBIN`, `LEAST_CONNECTIONS`, `SOURCE_IP`, `SOURCE_IP_PORT`.
    pub lb_algorithm: String,
    /// Tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// A member of a pool.
#[derive(Debug, Clone, Deserialize)]
pub struct Member {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its port.
    pub protocol_port: u16,
    /// As of [`LoadBalancer`](super::LoadBalancer).
    #[serde(default)]
    pub provisioning_status: String,
    /// As of [`LoadBalancer`](super::LoadBalancer).
    #[serde(default)]
    pub operating_status: String,
}

/// What a new member shall be.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MemberCreate {
    /// Name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its port.
    pub protocol_port: u16,
    /// The subnet it is reached through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
}

/// What checks whether members work.
#[derive(Debug, Clone, Deserialize)]
pub struct HealthMonitor {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// `TCP`, `HTTP`, `HTTPS`, `PING` …
    #[serde(rename = "type")]
    pub kind: String,
}

impl LoadBalancerApi<'_> {
    /// Listeners by filters, for example `("loadbalancer_id", id)`.
    pub async fn listeners(self, filters: &[(&str, &str)]) -> Result<Vec<Listener>, Error> {
        let call = Call::list(Service::LoadBalancer, &["lbaas", "listeners"], "listeners");
        self.0.list(call.filters(filters), "listeners").await
    }

    /// Pools by filters, for example `("loadbalancer_id", id)`.
    pub async fn pools(self, filters: &[(&str, &str)]) -> Result<Vec<Pool>, Error> {
        let call = Call::list(Service::LoadBalancer, &["lbaas", "pools"], "pools");
        self.0.list(call.filters(filters), "pools").await
    }

    /// Health monitors by filters, for example `("pool_id", id)`.
    pub async fn health_monitors(
        self,
        filters: &[(&str, &str)],
    ) -> Result<Vec<HealthMonitor>, Error> {
        let call = Call::list(
            Service::LoadBalancer,
            &["lbaas", "healthmonitors"],
            "health monitors",
        );
        self.0.list(call.filters(filters), "healthmonitors").await
    }

    /// The members of a pool.
    pub async fn members(self, pool_id: &str) -> Result<Vec<Member>, Error> {
        let path = ["lbaas", "pools", pool_id, "members"];
        self.0
            .list(
                Call::list(
                    Service::LoadBalancer,
                    &path,
                    &format!("members of pool {pool_id}"),
                ),
                "members",
            )
            .await
    }

    /// Makes a listener.
    pub async fn create_listener(self, new: &ListenerCreate) -> Result<Listener, Error> {
        let body = json!({ "listener": new });
        let object = format!("listener {}", new.name);
        let call = Call::create(Service::LoadBalancer, &["lbaas", "listeners"], object, body);
        self.0.fetch(&call, Some("listener")).await
    }

    /// Makes a pool.
    pub async fn create_pool(self, new: &PoolCreate) -> Result<Pool, Error> {
        let body = json!({ "pool": new });
        let object = format!("pool {}", new.name);
        let call = Call::create(Service::LoadBalancer, &["lbaas", "pools"], object, body);
        self.0.fetch(&call, Some("pool")).await
    }

    /// Makes a member of a pool.
    pub async fn create_member(self, pool_id: &str, new: &MemberCreate) -> Result<Member, Error> {
        let path = ["lbaas", "pools", pool_id, "members"];
        let call = Call::create(
            Service::LoadBalancer,
            &path,
            format!("member {}", new.name),
            json!({ "member": new }),
        );
        self.0.fetch(&call, Some("member")).await
    }

    /// Deletes a listener.
    pub async fn delete_listener(self, id: &str) -> Result<Removal, Error> {
        let path = ["lbaas", "listeners", id];
        self.0
            .remove(&Call::delete(
                Service::LoadBalancer,
                &path,
                format!("listener {id}"),
            ))
            .await
    }

    /// Deletes a pool with its members.
    pub async fn delete_pool(self, id: &str) -> Result<Removal, Error> {
        let path = ["lbaas", "pools", id];
        self.0
            .remove(&Call::delete(
                Service::LoadBalancer,
                &path,
                format!("pool {id}"),
            ))
            .await
    }

    /// Takes a member out of a pool.
    pub async fn delete_member(self, pool_id: &str, id: &str) -> Result<Removal, Error> {
        let path = ["lbaas", "pools", pool_id, "members", id];
        self.0
            .remove(&Call::delete(
                Service::LoadBalancer,
                &path,
                format!("member {id}"),
            ))
            .await
    }
}
