//! What a cluster needs of the project's quota, and whether it fits.

use std::collections::BTreeMap;
use std::fmt;

use capstan_spec::cloud::Flavor;
use capstan_spec::cluster::Bastion;
use capstan_spec::{Cni, Machines, ServerGroupPolicy, WorkloadClusterSpec, defaults};
use serde::{Deserialize, Serialize};

/// What a cloud counts, as far as clusters use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// Servers in one server group: that of the largest pool.
    ServerGroupMembers,
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
    /// Health monitors of all pools.
    HealthMonitors,
    /// Members of all pools.
    Members,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Instances => "servers",
            Self::Cores => "cores",
            Self::Ram => "memory (MiB)",
            Self::ServerGroups => "server groups",
            Self::ServerGroupMembers => "servers per group",
            Self::Volumes => "volumes",
            Self::Gigabytes => "volume storage (GiB)",
            Self::Networks => "networks",
            Self::Subnets => "subnets",
            Self::Routers => "routers",
            Self::Ports => "ports",
            Self::FloatingIps => "floating IPs",
            Self::SecurityGroups => "security groups",
            Self::SecurityGroupRules => "security group rules",
            Self::LoadBalancers => "load balancers",
            Self::Listeners => "listeners",
            Self::Pools => "load balancer pools",
            Self::HealthMonitors => "health monitors",
            Self::Members => "load balancer members",
        })
    }
}

/// How much of each resource.
pub type Need = BTreeMap<Resource, u64>;

/// The flavor of a pool is not known, so its need cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to add up the quota: flavor {flavor:?} of {pool} is not known")]
pub struct UnknownFlavor {
    /// Pool or `control-plane`.
    pub pool: String,
    /// Name that was not found.
    pub flavor: String,
}

/// One line of the preflight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Of what.
    pub resource: Resource,
    /// Needed beyond what is used already.
    pub need: u64,
    /// Free; `None` is unlimited or not counted by this cloud.
    pub free: Option<u64>,
}

impl Line {
    /// Whether the need is covered.
    pub fn fits(&self) -> bool {
        self.free.is_none_or(|free| self.need <= free)
    }

    /// How much is missing.
    pub fn missing(&self) -> u64 {
        self.free.map_or(0, |free| self.need.saturating_sub(free))
    }
}

/// What the whole cluster uses once it runs. `flavors` must know every flavor of the spec; `root_volumes` are the sizes
/// in GiB for pools whose flavor has no disk.
pub fn need(
    spec: &WorkloadClusterSpec,
    flavors: &BTreeMap<String, Flavor>,
    root_volumes: &BTreeMap<String, u32>,
) -> Result<Need, UnknownFlavor> {
    let mut need = surroundings(spec);
    if let Some(wanted) = &spec.bastion {
        add(&mut need, &bastion(wanted, flavors)?);
    }
    for pool in spec.pools() {
        let machine = machine(&pool, flavors, root_volumes)?;
        add(&mut need, &times(&machine, u64::from(pool.replicas)));
        let members = need.entry(Resource::ServerGroupMembers).or_default();
        if pool.server_group != ServerGroupPolicy::None {
            *members = (*members).max(u64::from(pool.replicas));
        }
    }
    Ok(need)
}

/// What a rolling change uses beyond [`need`]: the machines more of the control plane, or those of all pools, whichever
/// are dearer per resource; the control plane is rolled before the pools.
pub fn surge(
    spec: &WorkloadClusterSpec,
    flavors: &BTreeMap<String, Flavor>,
    root_volumes: &BTreeMap<String, u32>,
) -> Result<Need, UnknownFlavor> {
    let (mut plane, mut pools, mut members) = (Need::new(), Need::new(), 0);
    for pool in spec.pools().filter(|pool| pool.replicas > 0) {
        let more = u64::from(pool.max_surge);
        let need = times(&machine(&pool, flavors, root_volumes)?, more);
        if pool.is_control_plane() {
            plane = need;
            plane.insert(Resource::Members, more);
        } else {
            add(&mut pools, &need);
        }
        members = members.max(more);
    }
    for (resource, amount) in pools {
        let entry = plane.entry(resource).or_default();
        *entry = (*entry).max(amount);
    }
    plane.insert(Resource::ServerGroupMembers, members);
    Ok(plane)
}

/// What a change uses beyond what is there: `wanted` less `now`, never below nothing.
///
/// [`Resource::ServerGroupMembers`] is not a sum but a limit of each group, so it stays as wanted.
pub fn beyond(wanted: &Need, now: &Need) -> Need {
    wanted
        .iter()
        .map(|(resource, amount)| match resource {
            Resource::ServerGroupMembers => (*resource, *amount),
            _ => (
                *resource,
                amount.saturating_sub(now.get(resource).copied().unwrap_or(0)),
            ),
        })
        .collect()
}

/// Compares the need with what is free. A resource missing in `free`, or `None` there, is not limited.
///
/// For [`Resource::ServerGroupMembers`] the free amount is the limit per group.
pub fn check(need: &Need, free: &BTreeMap<Resource, Option<u64>>) -> Vec<Line> {
    need.iter()
        .filter(|(_, amount)| **amount > 0)
        .map(|(resource, amount)| Line {
            resource: *resource,
            need: *amount,
            free: free.get(resource).copied().flatten(),
        })
        .collect()
}

/// Everything but machines: network, groups, load balancer.
fn surroundings(spec: &WorkloadClusterSpec) -> Need {
    let made = u64::from(spec.network.existing.is_none());
    // Router interface, and one for DHCP or metadata of the subnet, both of a network that is made; address of the load
    // balancer. The router's gateway and the floating IP have ports, too, but Neutron counts those to nobody.
    let ports = 2 * made + 1;
    let access = &spec.api_access;
    let allocated = u64::from(access.floating_ip.is_none() && !access.private);
    let grouped = |pool: &Machines<'_>| pool.server_group != ServerGroupPolicy::None;
    let groups = spec.pools().filter(grouped).count() as u64;
    let node_ports = 2 * spec.network.node_port_cidrs.len() as u64;
    let own_port = u64::from(access.port != defaults::API_PORT);
    Need::from([
        (Resource::ServerGroups, groups),
        (Resource::Networks, made),
        (Resource::Subnets, made),
        (Resource::Routers, made),
        (Resource::Ports, ports),
        (Resource::FloatingIps, allocated),
        (Resource::SecurityGroups, 2),
        (
            Resource::SecurityGroupRules,
            security_group_rules(spec) + own_port + node_ports,
        ),
        (Resource::LoadBalancers, 1),
        (Resource::Listeners, 1),
        (Resource::Pools, 1),
        (Resource::HealthMonitors, 1),
        (Resource::Members, u64::from(spec.control_plane.replicas)),
    ])
}

/// CAPO's own rules (`pkg/cloud/services/networking/securitygroups_rules.go`, v0.14.7), plus those of the pod network,
/// which come once per group and per remote group.
fn security_group_rules(spec: &WorkloadClusterSpec) -> u64 {
    let control_plane = 2 + 1; // egress, API
    let worker = 2 + 2 + 4; // egress, node ports from the subnet, node ports from both groups
    let ipv6 = u64::from(spec.network.ipv6.is_some());
    let among_nodes = match spec.cni {
        Cni::Flannel => (1 + 2) + 2 + 2 * 2 * (1 + ipv6), // etcd and kubelet, kubelet, VXLAN
        Cni::None => 2 + 2 + 2 * 2 * 2 * ipv6, // everything from both groups; TCP and UDP of IPv6
    };
    control_plane + worker + among_nodes
}

/// A bastion: its server and address, the security group that Capstan makes for it and the one that CAPO does. Of their rules
/// CAPO's group has three and ours two and one for each network, and the nodes' two groups have one for either.
fn bastion(wanted: &Bastion, flavors: &BTreeMap<String, Flavor>) -> Result<Need, UnknownFlavor> {
    let found = flavors.get(&wanted.flavor).ok_or_else(|| UnknownFlavor {
        pool: "the bastion".to_owned(),
        flavor: wanted.flavor.clone(),
    })?;
    let mut need = Need::from([
        (Resource::Instances, 1),
        (Resource::Cores, u64::from(found.vcpus)),
        (Resource::Ram, found.ram_mib),
        (Resource::Ports, 1),
        (Resource::FloatingIps, 1),
        (Resource::SecurityGroups, 2),
        (
            Resource::SecurityGroupRules,
            3 + 2 + 2 * 2 + wanted.allowed().len() as u64,
        ),
    ]);
    if let Some(size) = bastion_root_volume(found.disk_gib) {
        need.insert(Resource::Volumes, 1);
        need.insert(Resource::Gigabytes, u64::from(size));
    }
    Ok(need)
}

/// Size in GiB of a bastion's root volume: only where its flavor has no disk.
pub fn bastion_root_volume(flavor_disk_gib: u32) -> Option<u32> {
    (flavor_disk_gib == 0).then_some(defaults::ROOT_VOLUME_GIB)
}

/// What one machine of a pool uses.
pub fn machine(
    pool: &Machines<'_>,
    flavors: &BTreeMap<String, Flavor>,
    root_volumes: &BTreeMap<String, u32>,
) -> Result<Need, UnknownFlavor> {
    let found = flavors.get(pool.flavor).ok_or_else(|| UnknownFlavor {
        pool: pool.pool.to_owned(),
        flavor: pool.flavor.to_owned(),
    })?;
    let mut need = Need::from([
        (Resource::Instances, 1),
        (Resource::Cores, u64::from(found.vcpus)),
        (Resource::Ram, found.ram_mib),
        (Resource::Ports, 1 + pool.networks.len() as u64),
    ]);
    let root = root_volumes.get(pool.pool).copied();
    let sizes: Vec<u64> = root
        .into_iter()
        .chain(pool.volumes.iter().map(|volume| volume.size_gib))
        .map(u64::from)
        .collect();
    if !sizes.is_empty() {
        need.insert(Resource::Volumes, sizes.len() as u64);
        need.insert(Resource::Gigabytes, sizes.iter().sum());
    }
    Ok(need)
}

fn times(need: &Need, count: u64) -> Need {
    need.iter()
        .map(|(resource, amount)| (*resource, amount * count))
        .collect()
}

fn add(sum: &mut Need, more: &Need) {
    for (resource, amount) in more {
        *sum.entry(*resource).or_default() += amount;
    }
}

#[cfg(test)]
mod tests;
