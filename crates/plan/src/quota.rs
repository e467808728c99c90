//! What a cluster needs of the project's quota, and whether it fits.

use std::collections::BTreeMap;
use std::fmt;

use capstan_spec::cloud::Flavor;
use capstan_spec::{Cni, WorkloadClusterSpec};
use serde::{Deserialize, Serialize};

use crate::facts::CONTROL_PLANE;

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
    let mut pools = vec![(
        CONTROL_PLANE,
        &spec.control_plane.flavor,
        spec.control_plane.replicas,
    )];
    pools.extend(
        spec.workers
            .iter()
            .map(|p| (p.name.as_str(), &p.flavor, p.replicas)),
    );
    for (pool, flavor, count) in pools {
        let machine = machine(pool, flavor, flavors, root_volumes)?;
        add(&mut need, &times(&machine, u64::from(count)));
        let members = need.entry(Resource::ServerGroupMembers).or_default();
        *members = (*members).max(u64::from(count));
    }
    Ok(need)
}

/// What a rolling change uses beyond [`need`]: one more machine of the control plane, or one more of each pool, whichever
/// is dearer per resource; the control plane is rolled before the pools.
pub fn surge(
    spec: &WorkloadClusterSpec,
    flavors: &BTreeMap<String, Flavor>,
    root_volumes: &BTreeMap<String, u32>,
) -> Result<Need, UnknownFlavor> {
    let mut need = machine(
        CONTROL_PLANE,
        &spec.control_plane.flavor,
        flavors,
        root_volumes,
    )?;
    need.insert(Resource::Members, 1);
    let mut pools = Need::new();
    for pool in spec.workers.iter().filter(|pool| pool.replicas > 0) {
        add(
            &mut pools,
            &machine(&pool.name, &pool.flavor, flavors, root_volumes)?,
        );
    }
    for (resource, amount) in pools {
        let entry = need.entry(resource).or_default();
        *entry = (*entry).max(amount);
    }
    need.insert(Resource::ServerGroupMembers, 1);
    Ok(need)
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
    // Router interface, address of the load balancer, and one for DHCP or metadata of the subnet. The router's gateway
    // and the floating IP have ports, too, but Neutron counts those to nobody.
    let ports = 3;
    let given_floating_ip = u64::from(spec.api_access.floating_ip.is_some());
    let pools = spec.workers.len() as u64;
    Need::from([
        (Resource::ServerGroups, 1 + pools),
        (Resource::Networks, 1),
        (Resource::Subnets, 1),
        (Resource::Routers, 1),
        (Resource::Ports, ports),
        (Resource::FloatingIps, 1 - given_floating_ip),
        (Resource::SecurityGroups, 2),
        (Resource::SecurityGroupRules, security_group_rules(spec.cni)),
        (Resource::LoadBalancers, 1),
        (Resource::Listeners, 1),
        (Resource::Pools, 1),
        (Resource::HealthMonitors, 1),
        (Resource::Members, u64::from(spec.control_plane.replicas)),
    ])
}

/// CAPO's own rules (`pkg/cloud/services/networking/securitygroups_rules.go`, v0.14.7), plus those of the pod network,
/// which come once per group and per remote group.
fn security_group_rules(cni: Cni) -> u64 {
    let control_plane = 2 + 1 + 1 + 2; // egress, API, etcd, kubelet
    let worker = 2 + 2 + 4 + 2; // egress, node ports from the subnet, node ports from both groups, kubelet
    let pod_network = match cni {
        Cni::Flannel => 2 * 2,
    };
    control_plane + worker + pod_network
}

/// What one machine of a pool uses.
pub fn machine(
    pool: &str,
    flavor: &str,
    flavors: &BTreeMap<String, Flavor>,
    root_volumes: &BTreeMap<String, u32>,
) -> Result<Need, UnknownFlavor> {
    let found = flavors.get(flavor).ok_or_else(|| UnknownFlavor {
        pool: pool.to_owned(),
        flavor: flavor.to_owned(),
    })?;
    let mut need = Need::from([
        (Resource::Instances, 1),
        (Resource::Cores, u64::from(found.vcpus)),
        (Resource::Ram, found.ram_mib),
        (Resource::Ports, 1),
    ]);
    if let Some(size) = root_volumes.get(pool) {
        need.insert(Resource::Volumes, 1);
        need.insert(Resource::Gigabytes, u64::from(*size));
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
mod tests {
    use super::*;

    fn flavors() -> BTreeMap<String, Flavor> {
        let flavor = |name: &str, vcpus, ram_mib| Flavor {
            name: name.to_owned(),
            vcpus,
            ram_mib,
            disk_gib: 20,
        };
        [flavor("m1.medium", 2, 4096), flavor("m1.small", 1, 2048)]
            .map(|flavor| (flavor.name.clone(), flavor))
            .into()
    }

    fn spec() -> WorkloadClusterSpec {
        let version = "v1.36.3".parse().unwrap();
        let mut spec = WorkloadClusterSpec::new(version, "m1.medium", "m1.small");
        spec.control_plane.replicas = 3;
        spec.workers[0].replicas = 2;
        spec
    }

    #[test]
    fn a_cluster_adds_up() {
        let need = need(
            &spec(),
            &flavors(),
            &BTreeMap::from([("workers".into(), 30)]),
        )
        .unwrap();
        let expected = [
            (Resource::Instances, 5),
            (Resource::Cores, 8),
            (Resource::Ram, 3 * 4096 + 2 * 2048),
            (Resource::ServerGroups, 2),
            (Resource::ServerGroupMembers, 3),
            (Resource::Volumes, 2),
            (Resource::Gigabytes, 60),
            (Resource::Ports, 8),
            (Resource::FloatingIps, 1),
            (Resource::SecurityGroupRules, 20),
            (Resource::Members, 3),
        ];
        for (resource, amount) in expected {
            assert_eq!(need.get(&resource), Some(&amount), "{resource}");
        }
    }

    #[test]
    fn scaling_needs_only_what_comes_on_top() {
        let (flavors, none) = (flavors(), BTreeMap::new());
        let now = need(&spec(), &flavors, &none).unwrap();
        let mut more = spec();
        more.workers[0].replicas = 4;
        let delta = beyond(&need(&more, &flavors, &none).unwrap(), &now);
        let touched: Vec<_> = delta.iter().filter(|(_, amount)| **amount > 0).collect();
        let expected = [
            (&Resource::Instances, &2),
            (&Resource::Cores, &2),
            (&Resource::Ram, &4096),
            (&Resource::ServerGroupMembers, &4),
            (&Resource::Ports, &2),
        ];
        assert_eq!(touched, expected);
    }

    #[test]
    fn a_roll_needs_one_machine_more() {
        let surge = surge(&spec(), &flavors(), &BTreeMap::new()).unwrap();
        assert_eq!(surge[&Resource::Instances], 1);
        assert_eq!(surge[&Resource::Cores], 2);
        assert_eq!(surge[&Resource::Members], 1);
    }

    #[test]
    fn the_verdict_is_per_line_and_unlimited_always_fits() {
        let need = Need::from([
            (Resource::Cores, 8),
            (Resource::Ports, 8),
            (Resource::Ram, 1),
        ]);
        let free = BTreeMap::from([(Resource::Cores, Some(6)), (Resource::Ports, None)]);
        let lines = check(&need, &free);
        let verdicts: Vec<_> = lines
            .iter()
            .map(|l| (l.resource, l.fits(), l.missing()))
            .collect();
        let expected = [
            (Resource::Cores, false, 2),
            (Resource::Ram, true, 0),
            (Resource::Ports, true, 0),
        ];
        assert_eq!(verdicts, expected);
    }

    #[test]
    fn a_given_floating_ip_is_not_counted() {
        let mut spec = spec();
        spec.api_access.floating_ip = Some("198.51.100.7".parse().unwrap());
        let need = need(&spec, &flavors(), &BTreeMap::new()).unwrap();
        assert_eq!(need[&Resource::FloatingIps], 0);
    }

    #[test]
    fn an_unknown_flavor_is_named() {
        let mut spec = spec();
        spec.workers[0].flavor = "m1.huge".into();
        let error = need(&spec, &flavors(), &BTreeMap::new()).unwrap_err();
        assert_eq!(error.pool, "workers");
        assert!(error.to_string().contains("m1.huge"));
    }
}
