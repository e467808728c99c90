//! What the project has already that something new can refer to.

use crate::{
    Session,
    compute::Keypair,
    error::Error,
    inventory::{Unknown, pick},
    network::{Router, SecurityGroup, Subnet},
};

/// What the project has already that something new can refer to, beside what the [`Inventory`](crate::Inventory) lists.
#[derive(Debug, Clone, Default)]
pub struct Holdings {
    /// Subnets the project sees.
    pub subnets: Vec<Subnet>,
    /// Routers of the project.
    pub routers: Vec<Router>,
    /// Security groups the project sees.
    pub security_groups: Vec<SecurityGroup>,
    /// Keypairs of the user.
    pub keypairs: Vec<Keypair>,
}

impl Holdings {
    /// A subnet of the network by name or id.
    pub fn subnet(&self, network: &str, wanted: &str) -> Result<&Subnet, Unknown> {
        let subnets = self.subnets_of(network);
        pick(
            "subnet",
            wanted,
            subnets,
            |subnet| &subnet.id,
            |subnet| &subnet.name,
        )
    }

    /// The subnets of the network.
    pub fn subnets_of<'a>(&'a self, network: &str) -> impl Iterator<Item = &'a Subnet> {
        self.subnets
            .iter()
            .filter(move |subnet| subnet.network_id == network)
    }

    /// A router by name or id.
    pub fn router(&self, wanted: &str) -> Result<&Router, Unknown> {
        pick(
            "router",
            wanted,
            &self.routers,
            |router| &router.id,
            |router| &router.name,
        )
    }

    /// A security group by name or id.
    pub fn security_group(&self, wanted: &str) -> Result<&SecurityGroup, Unknown> {
        pick(
            "security group",
            wanted,
            &self.security_groups,
            |group| &group.id,
            |group| &group.name,
        )
    }

    /// A keypair by name, which is its id, too.
    pub fn keypair(&self, wanted: &str) -> Result<&Keypair, Unknown> {
        pick(
            "keypair",
            wanted,
            &self.keypairs,
            |key| &key.name,
            |key| &key.name,
        )
    }
}

impl Session {
    /// Reads what the project has, everything at once.
    pub async fn holdings(&self) -> Result<Holdings, Error> {
        let (network, compute) = (self.network(), self.compute());
        let (subnets, routers, security_groups, keypairs) = tokio::try_join!(
            network.subnets(&[]),
            network.routers(&[]),
            network.security_groups(&[]),
            compute.keypairs(),
        )?;
        Ok(Holdings {
            subnets,
            routers,
            security_groups,
            keypairs,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_subnet_is_looked_for_in_its_network_only() {
        let subnets = json!([
            {"id": "s1", "name": "nodes", "network_id": "n1", "cidr": "10.0.0.0/24"},
            {"id": "s2", "name": "nodes", "network_id": "n2", "cidr": "10.0.1.0/24"},
        ]);
        let holdings = Holdings {
            subnets: serde_json::from_value(subnets).unwrap(),
            ..Holdings::default()
        };
        assert_eq!(holdings.subnet("n2", "nodes").unwrap().id, "s2");
        let unknown = holdings.subnet("n2", "node").unwrap_err();
        assert!(
            unknown.to_string().contains("did you mean \"nodes\"?"),
            "{unknown}"
        );
        assert!(holdings.subnet("n1", "s2").is_err());
    }
}
