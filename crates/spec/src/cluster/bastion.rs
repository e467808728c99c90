//! The server by way of which people log in to nodes.

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A server with a floating IP of its own, by way of which people log in to nodes by ssh (`ssh -J`). Any change but that of
/// `allowedCidrs` makes the server anew; its address stays, and no node is touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bastion {
    /// Name of the Nova flavor.
    pub flavor: String,
    /// Name or id of its image. Without it the node image that the cluster had when the bastion came; later versions of
    /// Kubernetes do not change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Nova keypair whose key may log in to the bastion. Without it the cluster's `sshKey`, which is the one that nodes
    /// accept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_key: Option<String>,
    /// Networks from which the bastion is reachable, by ssh alone. Changed without making it anew.
    #[schemars(length(min = 1))]
    pub allowed_cidrs: Vec<IpNet>,
    /// Nova availability zone. Without it Nova chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
}

impl Bastion {
    /// The networks that may connect, sorted and without doubles: in whatever order a file says them, they mean the same.
    pub fn allowed(&self) -> Vec<IpNet> {
        let mut allowed: Vec<_> = self.allowed_cidrs.iter().map(IpNet::trunc).collect();
        allowed.sort_unstable();
        allowed.dedup();
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_networks_means_nothing() {
        let of = |allowed: &[&str]| Bastion {
            flavor: "small".into(),
            image: None,
            ssh_key: None,
            allowed_cidrs: allowed.iter().map(|range| range.parse().unwrap()).collect(),
            availability_zone: None,
        };
        let (one, other) = ("203.0.113.0/24", "192.0.2.7/32");
        assert_eq!(
            of(&[one, other, one]).allowed(),
            of(&[other, one]).allowed()
        );
    }
}
