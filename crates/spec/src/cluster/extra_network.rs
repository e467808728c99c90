//! Further networks of servers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults;

/// A network that is there already and in which each server has a port, beside the one of the nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtraNetwork {
    /// Its name or id.
    pub network: String,
    /// Name or id of its subnet that the port gets its address from. Without it Neutron chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// Names or ids of the port's security groups, in place of those of the server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
    /// Whether Neutron lets only the port's own addresses out, and only what the security groups allow in.
    #[serde(default = "defaults::yes")]
    pub port_security: bool,
    /// What Neutron binds the port to: for instance `direct` for SR-IOV. Without it a virtual interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnic_type: Option<String>,
}

impl ExtraNetwork {
    /// By what its subnet is known: names of subnets are only unique within a network, if at all.
    pub fn subnet_key(&self) -> Option<String> {
        let subnet = self.subnet.as_ref()?;
        Some(format!("{}/{subnet}", self.network))
    }
}
