//! Flavors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ComputeApi;
use crate::{
    error::Error,
    session::{Call, Service},
};

/// A size of servers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Flavor {
    /// Id.
    pub id: String,
    /// Name, unique among the public ones.
    pub name: String,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub ram: u64,
    /// Root disk in GiB; 0 means that the server needs a volume to boot from.
    pub disk: u64,
    /// Properties, for example of NUMA or GPU.
    #[serde(default)]
    pub extra_specs: BTreeMap<String, String>,
}

impl ComputeApi<'_> {
    /// Every flavor the project may use.
    pub async fn flavors(self) -> Result<Vec<Flavor>, Error> {
        self.0
            .list(
                Call::list(Service::Compute, &["flavors", "detail"], "flavors"),
                "flavors",
            )
            .await
    }
}
