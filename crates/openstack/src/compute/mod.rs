//! Nova: flavors, servers, keypairs, server groups, availability zones, limits.

mod flavor;
mod keypair;
mod server;
mod server_action;
mod server_group;

pub use flavor::Flavor;
pub use keypair::Keypair;
pub use server::{BlockDevice, Fault, Server, ServerCreate, ServerNetwork};
pub use server_action::{RebootKind, ServerAction};
pub use server_group::{GroupPolicy, ServerGroup};

use serde::Deserialize;

use crate::{
    Session,
    error::Error,
    session::{Call, Service},
};

/// The compute service. By value everywhere: it is only a borrowed [`Session`].
#[derive(Debug, Clone, Copy)]
pub struct ComputeApi<'a>(pub(crate) &'a Session);

impl Session {
    /// The compute service.
    pub fn compute(&self) -> ComputeApi<'_> {
        ComputeApi(self)
    }
}

/// Limits and use of the project, as Nova counts them. `-1` means unlimited.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Limits {
    #[serde(rename = "maxTotalInstances")]
    pub(crate) instances: i64,
    #[serde(rename = "totalInstancesUsed")]
    pub(crate) instances_used: u64,
    #[serde(rename = "maxTotalCores")]
    pub(crate) cores: i64,
    #[serde(rename = "totalCoresUsed")]
    pub(crate) cores_used: u64,
    #[serde(rename = "maxTotalRAMSize")]
    pub(crate) ram: i64,
    #[serde(rename = "totalRAMUsed")]
    pub(crate) ram_used: u64,
    #[serde(rename = "maxServerGroups")]
    pub(crate) server_groups: i64,
    #[serde(rename = "totalServerGroupsUsed", default)]
    pub(crate) server_groups_used: u64,
    #[serde(rename = "maxServerGroupMembers")]
    pub(crate) server_group_members: i64,
    #[serde(rename = "maxTotalKeypairs")]
    pub(crate) keypairs: i64,
}

impl ComputeApi<'_> {
    /// Names of the availability zones that are available, sorted.
    pub async fn availability_zones(self) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Zone {
            zone_name: String,
            zone_state: State,
        }
        #[derive(Deserialize)]
        struct State {
            available: bool,
        }
        let call = Call::list(
            Service::Compute,
            &["os-availability-zone"],
            "compute availability zones",
        );
        let zones: Vec<Zone> = self.0.fetch(&call, Some("availabilityZoneInfo")).await?;
        let mut names: Vec<_> = zones
            .into_iter()
            .filter(|zone| zone.zone_state.available)
            .map(|zone| zone.zone_name)
            .collect();
        names.sort();
        Ok(names)
    }

    pub(crate) async fn limits(self) -> Result<Limits, Error> {
        #[derive(Deserialize)]
        struct Body {
            absolute: Limits,
        }
        let call = Call::read(Service::Compute, &["limits"], "compute limits");
        Ok(self.0.fetch::<Body>(&call, Some("limits")).await?.absolute)
    }
}
