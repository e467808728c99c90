//! Neutron: networks, subnets, routers, ports, security groups, floating IPs.

mod floating_ip;
mod net;
mod port;
mod router;
mod security_group;
mod subnet;
mod tags;

pub use floating_ip::{FloatingIp, FloatingIpCreate};
pub use net::{Network, NetworkCreate};
pub use port::{AddressPair, FixedIp, Port, PortCreate};
pub use router::{ExternalGateway, Router, RouterCreate};
pub use security_group::{
    Direction, EtherType, SecurityGroup, SecurityGroupCreate, SecurityGroupRule,
    SecurityGroupRuleCreate,
};
pub use subnet::{AllocationPool, Subnet, SubnetCreate};
pub use tags::Taggable;

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::{
    Session,
    error::Error,
    session::{Call, Service},
};

/// The network service. By value everywhere: it is only a borrowed [`Session`].
///
/// Filters are Neutron's own (`name`, `description`, `network_id`, `project_id` …) and exact. An administrator sees the
/// resources of every project: give `project_id` where that matters.
#[derive(Debug, Clone, Copy)]
pub struct NetworkApi<'a>(pub(crate) &'a Session);

impl Session {
    /// The network service.
    pub fn network(&self) -> NetworkApi<'_> {
        NetworkApi(self)
    }
}

/// An availability zone for networks or routers.
#[derive(Debug, Clone, Deserialize)]
pub struct NetworkZone {
    /// Name.
    pub name: String,
    /// `network` or `router`.
    #[serde(default)]
    pub resource: String,
    /// `available` or `unavailable`.
    #[serde(default)]
    pub state: String,
}

impl NetworkApi<'_> {
    /// Aliases of the extensions the cloud has, for example `standard-attr-tag`.
    pub async fn extensions(self) -> Result<BTreeSet<String>, Error> {
        #[derive(Deserialize)]
        struct Extension {
            alias: String,
        }
        let call = Call::list(Service::Network, &["extensions"], "network extensions");
        let extensions: Vec<Extension> = self.0.list(call, "extensions").await?;
        Ok(extensions
            .into_iter()
            .map(|extension| extension.alias)
            .collect())
    }

    /// Availability zones for networks and routers. A cloud without them has an empty list.
    pub async fn availability_zones(self) -> Result<Vec<NetworkZone>, Error> {
        let call = Call::list(
            Service::Network,
            &["availability_zones"],
            "network availability zones",
        );
        match self.0.list(call, "availability_zones").await {
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            zones => zones,
        }
    }
}
