//! Everything a project has: "the same before and after" is a comparison of two of these.

use std::{collections::BTreeSet, fmt};

use futures::{StreamExt, TryStreamExt, stream};

use crate::{Session, error::Error, session::Service};

/// What a thing in a snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // the names are the words of the field
pub enum ResourceKind {
    Server,
    ServerGroup,
    Keypair,
    Volume,
    Image,
    Network,
    Subnet,
    Router,
    Port,
    FloatingIp,
    SecurityGroup,
    SecurityGroupRule,
    LoadBalancer,
    Listener,
    Pool,
    Member,
    HealthMonitor,
    ApplicationCredential,
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Server => "server",
            Self::ServerGroup => "server group",
            Self::Keypair => "keypair",
            Self::Volume => "volume",
            Self::Image => "image",
            Self::Network => "network",
            Self::Subnet => "subnet",
            Self::Router => "router",
            Self::Port => "port",
            Self::FloatingIp => "floating IP",
            Self::SecurityGroup => "security group",
            Self::SecurityGroupRule => "security group rule",
            Self::LoadBalancer => "load balancer",
            Self::Listener => "listener",
            Self::Pool => "pool",
            Self::Member => "member",
            Self::HealthMonitor => "health monitor",
            Self::ApplicationCredential => "application credential",
        })
    }
}

/// One thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Entry {
    /// What it is.
    pub kind: ResourceKind,
    /// Its id (a keypair's is its name).
    pub id: String,
    /// Its name; a floating IP's is its address; empty where it has none.
    pub name: String,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() || self.name == self.id {
            write!(f, "{} {}", self.kind, self.id)
        } else {
            write!(f, "{} {} ({})", self.kind, self.name, self.id)
        }
    }
}

/// Everything the project has and the user has in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Sorted by kind, id, name.
    pub entries: BTreeSet<Entry>,
}

/// What changed between two snapshots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// There now, not before.
    pub added: Vec<Entry>,
    /// There before, not now.
    pub removed: Vec<Entry>,
}

impl Difference {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.added {
            writeln!(f, "+ {entry}")?;
        }
        for entry in &self.removed {
            writeln!(f, "- {entry}")?;
        }
        Ok(())
    }
}

impl Snapshot {
    /// What changed from `self` to `later`.
    pub fn difference(&self, later: &Self) -> Difference {
        Difference {
            added: later.entries.difference(&self.entries).cloned().collect(),
            removed: self.entries.difference(&later.entries).cloned().collect(),
        }
    }
}

fn entry(kind: ResourceKind, id: impl Into<String>, name: impl Into<String>) -> Entry {
    Entry {
        kind,
        id: id.into(),
        name: name.into(),
    }
}

impl Session {
    /// Lists everything the project has. Services the cloud does not have are skipped; a list that fails fails all.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let (compute, network, volume, image, balancers, credentials) = tokio::try_join!(
            self.snapshot_compute(),
            self.snapshot_network(),
            self.snapshot_volume(),
            self.snapshot_image(),
            self.snapshot_load_balancer(),
            self.snapshot_identity(),
        )?;
        let entries = [compute, network, volume, image, balancers, credentials]
            .into_iter()
            .flatten()
            .collect();
        Ok(Snapshot { entries })
    }

    async fn snapshot_compute(&self) -> Result<Vec<Entry>, Error> {
        let compute = self.compute();
        let (servers, groups, keypairs) = tokio::try_join!(
            compute.servers(),
            compute.server_groups(),
            compute.keypairs()
        )?;
        let servers = servers
            .into_iter()
            .map(|server| entry(ResourceKind::Server, server.id, server.name));
        let groups = groups
            .into_iter()
            .map(|group| entry(ResourceKind::ServerGroup, group.id, group.name));
        let keypairs = keypairs
            .into_iter()
            .map(|key| entry(ResourceKind::Keypair, key.name.clone(), key.name));
        Ok(servers.chain(groups).chain(keypairs).collect())
    }

    async fn snapshot_network(&self) -> Result<Vec<Entry>, Error> {
        use ResourceKind as Kind;
        let own = [("project_id", self.project_id())];
        let network = self.network();
        let (networks, subnets, routers, ports, addresses, groups, rules) = tokio::try_join!(
            network.networks(&own),
            network.subnets(&own),
            network.routers(&own),
            network.ports(&own),
            network.floating_ips(&own),
            network.security_groups(&own),
            network.security_group_rules(&own),
        )?;
        let mut entries = Vec::new();
        entries.extend(
            networks
                .into_iter()
                .map(|network| entry(Kind::Network, network.id, network.name)),
        );
        entries.extend(
            subnets
                .into_iter()
                .map(|subnet| entry(Kind::Subnet, subnet.id, subnet.name)),
        );
        entries.extend(
            routers
                .into_iter()
                .map(|router| entry(Kind::Router, router.id, router.name)),
        );
        entries.extend(
            ports
                .into_iter()
                .map(|port| entry(Kind::Port, port.id, port.name)),
        );
        entries.extend(
            addresses
                .into_iter()
                .map(|ip| entry(Kind::FloatingIp, ip.id, ip.floating_ip_address)),
        );
        entries.extend(
            groups
                .into_iter()
                .map(|group| entry(Kind::SecurityGroup, group.id, group.name)),
        );
        entries.extend(
            rules
                .into_iter()
                .map(|rule| entry(Kind::SecurityGroupRule, rule.id, "")),
        );
        Ok(entries)
    }

    async fn snapshot_volume(&self) -> Result<Vec<Entry>, Error> {
        if !self.has(Service::Volume).await {
            return Ok(Vec::new());
        }
        let volumes = self.volume().volumes().await?;
        Ok(volumes
            .into_iter()
            .map(|volume| {
                entry(
                    ResourceKind::Volume,
                    volume.id,
                    volume.name.unwrap_or_default(),
                )
            })
            .collect())
    }

    async fn snapshot_image(&self) -> Result<Vec<Entry>, Error> {
        let images = self.image().images(&[("owner", self.project_id())]).await?;
        Ok(images
            .into_iter()
            .map(|image| entry(ResourceKind::Image, image.id.clone(), image.label()))
            .collect())
    }

    async fn snapshot_load_balancer(&self) -> Result<Vec<Entry>, Error> {
        use ResourceKind as Kind;
        if !self.has(Service::LoadBalancer).await {
            return Ok(Vec::new());
        }
        let own = [("project_id", self.project_id())];
        let api = self.load_balancer();
        let (balancers, listeners, pools, monitors) = tokio::try_join!(
            api.load_balancers(&own),
            api.listeners(&own),
            api.pools(&own),
            api.health_monitors(&own),
        )?;
        let members: Vec<_> = stream::iter(&pools)
            .map(|pool| async move {
                match api.members(&pool.id).await {
                    // The pool went between the two lists, and its members with it.
                    Err(error) if error.is_not_found() => Ok(Vec::new()),
                    members => members,
                }
            })
            .buffer_unordered(4)
            .try_concat()
            .await?;
        let mut entries = Vec::new();
        entries.extend(
            balancers
                .into_iter()
                .map(|balancer| entry(Kind::LoadBalancer, balancer.id, balancer.name)),
        );
        entries.extend(
            listeners
                .into_iter()
                .map(|listener| entry(Kind::Listener, listener.id, listener.name)),
        );
        entries.extend(
            pools
                .into_iter()
                .map(|pool| entry(Kind::Pool, pool.id, pool.name)),
        );
        entries.extend(
            members
                .into_iter()
                .map(|member| entry(Kind::Member, member.id, member.name)),
        );
        entries.extend(
            monitors
                .into_iter()
                .map(|monitor| entry(Kind::HealthMonitor, monitor.id, monitor.name)),
        );
        Ok(entries)
    }

    async fn snapshot_identity(&self) -> Result<Vec<Entry>, Error> {
        let credentials = self.identity().application_credentials().await?;
        Ok(credentials
            .into_iter()
            .filter(|credential| credential.project_id == self.project_id())
            .map(|credential| {
                entry(
                    ResourceKind::ApplicationCredential,
                    credential.id,
                    credential.name,
                )
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_names_what_came_and_went() {
        let snapshot = |ids: &[&str]| Snapshot {
            entries: ids
                .iter()
                .map(|id| entry(ResourceKind::Server, *id, format!("name-{id}")))
                .collect(),
        };
        let difference = snapshot(&["a", "b"]).difference(&snapshot(&["b", "c"]));
        assert_eq!(
            difference.to_string(),
            "+ server name-c (c)\n- server name-a (a)\n"
        );
        assert!(snapshot(&["a"]).difference(&snapshot(&["a"])).is_empty());
    }
}
