//! An OpenStack cloud: where its credentials are, defaults for its clusters, and what it offers.

use std::net::IpAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::status::Condition;

/// An OpenStack cloud that clusters run on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudSpec {
    /// Secret in the same namespace with the key `clouds.yaml` (and `cacert` where needed).
    pub secret: String,
    /// Name of the entry in that `clouds.yaml`.
    #[serde(default = "openstack")]
    pub cloud: String,
    /// Region; without it that of the entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// How credentials of clusters are made.
    #[serde(default)]
    pub credentials: CredentialMode,
    /// What clusters get that do not say it themselves.
    #[serde(default)]
    pub defaults: CloudDefaults,
}

fn openstack() -> String {
    "openstack".to_owned()
}

/// How credentials of clusters are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CredentialMode {
    /// Restricted application credentials are minted per cluster from the unrestricted one of the server.
    #[default]
    Mint,
}

/// What clusters get that do not say it themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudDefaults {
    /// Name servers of the nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_nameservers: Vec<IpAddr>,
    /// Name or id of the external network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_network: Option<String>,
    /// Octavia provider of the API's load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer_provider: Option<String>,
}

/// What is known about a cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudStatus {
    /// Generation of the spec this status speaks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When the cloud was last asked, whether it answered or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// What the cloud offers. When it does not answer this stays what it was, and
    /// [`INVENTORY`](Condition::INVENTORY) says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
    /// [`READY`](Condition::READY) and [`INVENTORY`](Condition::INVENTORY).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// What a cloud offers, as far as clusters need it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// When it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Timestamp>,
    /// Flavors that can be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flavors: Vec<Flavor>,
    /// Names of images with a Kubernetes version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub node_images: Vec<String>,
    /// Names of external networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_networks: Vec<String>,
    /// Nova availability zones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub availability_zones: Vec<String>,
    /// Enabled Octavia providers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub load_balancer_providers: Vec<String>,
}

/// A Nova flavor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Flavor {
    /// Name.
    pub name: String,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub ram_mib: u64,
    /// Root disk in GiB; 0 means that a volume is needed.
    pub disk_gib: u32,
}
