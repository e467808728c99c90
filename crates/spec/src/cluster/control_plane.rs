//! The control plane.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ControlPlaneRollout, EtcdVolume, HealthCheck, RootVolume, ServerGroupPolicy};
use crate::defaults;

/// The machines that run the Kubernetes API and etcd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlane {
    /// How many machines; odd, because etcd runs on them.
    #[serde(default = "defaults::control_plane_replicas")]
    pub replicas: u32,
    /// Name of the Nova flavor.
    pub flavor: String,
    /// Nova availability zones to spread over. Empty: all the cloud offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub availability_zones: Vec<String>,
    /// Volume that the servers boot from.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub root_volume: RootVolume,
    /// Volume for etcd alone. Without it etcd writes to the root disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etcd_volume: Option<EtcdVolume>,
    /// How servers are spread over hosts.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub server_group: ServerGroupPolicy,
    /// Names or ids of security groups that the servers have beside those made for the cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
    /// Metadata of the servers: keys of letters, digits and `-_.: `, values of at most 255 characters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// When a machine is replaced without anybody asking.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub health_check: HealthCheck,
    /// How a change is brought to the machines.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub rollout: ControlPlaneRollout,
}

impl ControlPlane {
    /// One machine of that flavor, and defaults for everything else.
    pub fn new(flavor: impl Into<String>) -> Self {
        Self {
            replicas: defaults::CONTROL_PLANE_REPLICAS,
            flavor: flavor.into(),
            availability_zones: Vec::new(),
            root_volume: RootVolume::default(),
            etcd_volume: None,
            server_group: ServerGroupPolicy::default(),
            security_groups: Vec::new(),
            metadata: BTreeMap::new(),
            health_check: HealthCheck::default(),
            rollout: ControlPlaneRollout::default(),
        }
    }
}
