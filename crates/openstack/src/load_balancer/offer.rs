//! What Octavia offers: providers, flavors, zones, quota.

use serde::{Deserialize, Serialize};

use super::LoadBalancerApi;
use crate::{
    error::Error,
    session::{Call, Service},
};

/// What makes load balancers, for example `amphora` or `ovn`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoadBalancerProvider {
    /// Name.
    pub name: String,
    /// Free text.
    #[serde(default)]
    pub description: String,
}

/// A size of load balancers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoadBalancerFlavor {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Whether it can be used.
    #[serde(default)]
    pub enabled: bool,
}

/// The project's quota. `-1` means unlimited. Octavia does not say what is used.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Limits {
    #[serde(alias = "loadbalancer")]
    pub(crate) load_balancer: i64,
    pub(crate) listener: i64,
    pub(crate) pool: i64,
    pub(crate) member: i64,
}

impl LoadBalancerApi<'_> {
    /// What makes load balancers here.
    pub async fn providers(self) -> Result<Vec<LoadBalancerProvider>, Error> {
        let call = Call::list(
            Service::LoadBalancer,
            &["lbaas", "providers"],
            "load balancer providers",
        );
        self.0.list(call, "providers").await
    }

    /// Sizes of load balancers; a cloud too old for them (before API 2.6) has none.
    pub async fn flavors(self) -> Result<Vec<LoadBalancerFlavor>, Error> {
        let call = Call::list(
            Service::LoadBalancer,
            &["lbaas", "flavors"],
            "load balancer flavors",
        );
        match self.0.list(call, "flavors").await {
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            flavors => flavors,
        }
    }

    /// Names of the availability zones for load balancers, sorted; a cloud too old for them (before API 2.14) has none.
    pub async fn availability_zones(self) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Zone {
            name: String,
            #[serde(default)]
            enabled: bool,
        }
        let call = Call::list(
            Service::LoadBalancer,
            &["lbaas", "availabilityzones"],
            "load balancer availability zones",
        );
        let zones: Vec<Zone> = match self.0.list(call, "availability_zones").await {
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            zones => zones?,
        };
        let mut names: Vec<_> = zones
            .into_iter()
            .filter(|zone| zone.enabled)
            .map(|zone| zone.name)
            .collect();
        names.sort();
        Ok(names)
    }

    pub(crate) async fn limits(self) -> Result<Limits, Error> {
        let path = ["lbaas", "quotas", self.0.project_id()];
        self.0
            .fetch(
                &Call::read(Service::LoadBalancer, &path, "load balancer quota"),
                Some("quota"),
            )
            .await
    }
}
