//! What the project may still use.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    Session,
    error::Error,
    session::{Call, Service},
};

/// What a cloud counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Resource {
    /// Servers.
    Instances,
    /// Virtual processors.
    Cores,
    /// Memory in MiB.
    Ram,
    /// Server groups.
    ServerGroups,
    /// Servers in one server group; `used` is that of the fullest group.
    ServerGroupMembers,
    /// Keypairs, per user.
    Keypairs,
    /// Volumes.
    Volumes,
    /// GiB of all volumes.
    Gigabytes,
    /// Networks.
    Networks,
    /// Subnets.
    Subnets,
    /// Routers.
    Routers,
    /// Ports.
    Ports,
    /// Floating IPs.
    FloatingIps,
    /// Security groups.
    SecurityGroups,
    /// Rules of all security groups.
    SecurityGroupRules,
    /// Load balancers.
    LoadBalancers,
    /// Listeners of all load balancers.
    Listeners,
    /// Pools of all load balancers.
    Pools,
    /// Members of all pools.
    Members,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Instances => "instances",
            Self::Cores => "cores",
            Self::Ram => "RAM (MiB)",
            Self::ServerGroups => "server groups",
            Self::ServerGroupMembers => "server group members",
            Self::Keypairs => "keypairs",
            Self::Volumes => "volumes",
            Self::Gigabytes => "volume gigabytes",
            Self::Networks => "networks",
            Self::Subnets => "subnets",
            Self::Routers => "routers",
            Self::Ports => "ports",
            Self::FloatingIps => "floating IPs",
            Self::SecurityGroups => "security groups",
            Self::SecurityGroupRules => "security group rules",
            Self::LoadBalancers => "load balancers",
            Self::Listeners => "listeners",
            Self::Pools => "pools",
            Self::Members => "members",
        })
    }
}

/// One resource's limit and use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaLine {
    /// `None` is unlimited.
    pub limit: Option<u64>,
    /// In use or reserved.
    pub used: u64,
}

impl QuotaLine {
    fn new(limit: i64, used: u64) -> Self {
        // Negative is unlimited, in every service.
        Self {
            limit: u64::try_from(limit).ok(),
            used,
        }
    }

    /// What is left; `None` is unlimited. More used than allowed leaves nothing.
    pub fn free(&self) -> Option<u64> {
        self.limit.map(|limit| limit.saturating_sub(self.used))
    }
}

/// A need that the quota does not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortage {
    /// Of what.
    pub resource: Resource,
    /// Needed.
    pub need: u64,
    /// Left.
    pub free: u64,
    /// Allowed in all.
    pub limit: u64,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            resource,
            need,
            free,
            limit,
        } = self;
        write!(f, "{resource}: {need} needed, {free} of {limit} free")
    }
}

/// The project's quota at one moment. Resources of services that the cloud does not have are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quota {
    lines: BTreeMap<Resource, QuotaLine>,
}

impl FromIterator<(Resource, QuotaLine)> for Quota {
    fn from_iter<I: IntoIterator<Item = (Resource, QuotaLine)>>(lines: I) -> Self {
        Self {
            lines: lines.into_iter().collect(),
        }
    }
}

impl Quota {
    /// One resource's line.
    pub fn get(&self, resource: Resource) -> Option<QuotaLine> {
        self.lines.get(&resource).copied()
    }

    /// Every line.
    pub fn lines(&self) -> impl Iterator<Item = (Resource, QuotaLine)> {
        self.lines.iter().map(|(resource, line)| (*resource, *line))
    }

    /// What is missing for a need; empty when it fits. A resource the quota does not know is not limited.
    /// [`Resource::ServerGroupMembers`] is compared with the limit alone, for a new group starts empty.
    pub fn shortages(&self, need: impl IntoIterator<Item = (Resource, u64)>) -> Vec<Shortage> {
        need.into_iter()
            .filter_map(|(resource, need)| {
                let line = self.get(resource)?;
                let limit = line.limit?;
                let free = if resource == Resource::ServerGroupMembers {
                    limit
                } else {
                    line.free()?
                };
                (need > free).then_some(Shortage {
                    resource,
                    need,
                    free,
                    limit,
                })
            })
            .collect()
    }
}

/// Neutron's line; counted by Neutron.
#[derive(Deserialize)]
struct Detail {
    limit: i64,
    used: u64,
    /// Some versions write text.
    #[serde(default)]
    reserved: serde_json::Value,
}

const NETWORK: [(&str, Resource); 7] = [
    ("network", Resource::Networks),
    ("subnet", Resource::Subnets),
    ("router", Resource::Routers),
    ("port", Resource::Ports),
    ("floatingip", Resource::FloatingIps),
    ("security_group", Resource::SecurityGroups),
    ("security_group_rule", Resource::SecurityGroupRules),
];

impl Session {
    /// The project's quota and use, asked of all services at once.
    pub async fn quota(&self) -> Result<Quota, Error> {
        let (compute, network, volume, balancers) = tokio::try_join!(
            self.compute_quota(),
            self.network_quota(),
            self.volume_quota(),
            self.balancer_quota()
        )?;
        Ok([compute, network, volume, balancers]
            .into_iter()
            .flatten()
            .collect())
    }

    async fn compute_quota(&self) -> Result<Vec<(Resource, QuotaLine)>, Error> {
        let compute = self.compute();
        let (limits, keypairs, groups) = tokio::try_join!(
            compute.limits(),
            compute.keypairs(),
            compute.server_groups()
        )?;
        let fullest = groups
            .iter()
            .map(|group| group.members.len())
            .max()
            .unwrap_or(0);
        let groups_used = limits.server_groups_used.max(groups.len() as u64);
        Ok(vec![
            (
                Resource::Instances,
                QuotaLine::new(limits.instances, limits.instances_used),
            ),
            (
                Resource::Cores,
                QuotaLine::new(limits.cores, limits.cores_used),
            ),
            (Resource::Ram, QuotaLine::new(limits.ram, limits.ram_used)),
            (
                Resource::ServerGroups,
                QuotaLine::new(limits.server_groups, groups_used),
            ),
            (
                Resource::ServerGroupMembers,
                QuotaLine::new(limits.server_group_members, fullest as u64),
            ),
            // Nova always says that none is in use.
            (
                Resource::Keypairs,
                QuotaLine::new(limits.keypairs, keypairs.len() as u64),
            ),
        ])
    }

    async fn network_quota(&self) -> Result<Vec<(Resource, QuotaLine)>, Error> {
        let path = ["quotas", self.project_id(), "details.json"];
        let call = Call::read(Service::Network, &path, "network quota");
        match self
            .fetch::<BTreeMap<String, Detail>>(&call, Some("quota"))
            .await
        {
            Ok(details) => Ok(NETWORK
                .into_iter()
                .filter_map(|(key, resource)| {
                    let detail = details.get(key)?;
                    let reserved = match &detail.reserved {
                        serde_json::Value::String(text) => text.parse().unwrap_or(0),
                        other => other.as_u64().unwrap_or(0),
                    };
                    Some((
                        resource,
                        QuotaLine::new(detail.limit, detail.used + reserved),
                    ))
                })
                .collect()),
            // The extension `quota_details` is not everywhere.
            Err(error) if error.is_not_found() => self.network_quota_counted().await,
            Err(error) => Err(error),
        }
    }

    /// Limits from Neutron, use by counting.
    async fn network_quota_counted(&self) -> Result<Vec<(Resource, QuotaLine)>, Error> {
        let project = [("project_id", self.project_id())];
        let path = ["quotas", self.project_id()];
        let call = Call::read(Service::Network, &path, "network quota");
        let network = self.network();
        let (limits, networks, subnets, routers, ports, addresses, groups, rules) = tokio::try_join!(
            self.fetch::<BTreeMap<String, serde_json::Value>>(&call, Some("quota")),
            network.networks(&project),
            network.subnets(&project),
            network.routers(&project),
            network.ports(&project),
            network.floating_ips(&project),
            network.security_groups(&project),
            network.security_group_rules(&project),
        )?;
        let used = [
            networks.len(),
            subnets.len(),
            routers.len(),
            ports.len(),
            addresses.len(),
            groups.len(),
            rules.len(),
        ];
        Ok(NETWORK
            .into_iter()
            .zip(used)
            .filter_map(|((key, resource), used)| {
                limits
                    .get(key)?
                    .as_i64()
                    .map(|limit| (resource, QuotaLine::new(limit, used as u64)))
            })
            .collect())
    }

    async fn volume_quota(&self) -> Result<Vec<(Resource, QuotaLine)>, Error> {
        if !self.has(Service::Volume).await {
            return Ok(Vec::new());
        }
        let limits = self.volume().limits().await?;
        Ok(vec![
            (
                Resource::Volumes,
                QuotaLine::new(limits.max_total_volumes, limits.total_volumes_used),
            ),
            (
                Resource::Gigabytes,
                QuotaLine::new(
                    limits.max_total_volume_gigabytes,
                    limits.total_gigabytes_used,
                ),
            ),
        ])
    }

    async fn balancer_quota(&self) -> Result<Vec<(Resource, QuotaLine)>, Error> {
        if !self.has(Service::LoadBalancer).await {
            return Ok(Vec::new());
        }
        let project = [("project_id", self.project_id())];
        let api = self.load_balancer();
        let (limits, balancers, listeners, pools) = tokio::try_join!(
            api.limits(),
            api.load_balancers(&project),
            api.listeners(&project),
            api.pools(&project),
        )?;
        let members: usize = pools.iter().map(|pool| pool.member_ids().count()).sum();
        Ok(vec![
            (
                Resource::LoadBalancers,
                QuotaLine::new(limits.load_balancer, balancers.len() as u64),
            ),
            (
                Resource::Listeners,
                QuotaLine::new(limits.listener, listeners.len() as u64),
            ),
            (
                Resource::Pools,
                QuotaLine::new(limits.pool, pools.len() as u64),
            ),
            (
                Resource::Members,
                QuotaLine::new(limits.member, members as u64),
            ),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortages_name_what_is_missing() {
        let quota: Quota = [
            (Resource::Instances, QuotaLine::new(10, 8)),
            (Resource::Cores, QuotaLine::new(-1, 800)),
            (Resource::Ports, QuotaLine::new(5, 9)),
            (Resource::ServerGroupMembers, QuotaLine::new(10, 10)),
        ]
        .into_iter()
        .collect();
        let need = [
            (Resource::Instances, 3),
            (Resource::Cores, 1000),
            (Resource::Ports, 1),
            (Resource::ServerGroupMembers, 10),
            (Resource::Volumes, 7),
        ];
        let short: Vec<_> = quota
            .shortages(need)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            short,
            [
                "instances: 3 needed, 2 of 10 free",
                "ports: 1 needed, 0 of 5 free"
            ]
        );
    }
}
