//! Whether the project's quota has room for what is wanted. Pure.

use std::collections::BTreeMap;

use capstan_openstack::{Quota, Resource as Counted};
use capstan_plan::Observation;
use capstan_plan::facts::CONTROL_PLANE;
use capstan_plan::quota::{self, Line, Need, Resource};
use capstan_plan::render::POOL_LABEL;
use capstan_plan::replacement::Room;
use capstan_spec::WorkloadClusterSpec;
use capstan_spec::cloud::Flavor;
use capstan_spec::cluster::Bastion;
use capstan_spec::progress::{Reason, ReasonCode};
use capstan_spec::status::Resolved;

use crate::resolve;

/// What exists of a cluster already, as far as quota is concerned.
#[derive(Debug, Clone, Default)]
pub struct Existing {
    /// Machines of the control plane.
    pub control_plane: u32,
    /// Whether network and load balancer are there.
    pub infrastructure: bool,
    /// Flavors of the machines that there are, by pool; those of the spec where none is known.
    pub flavors: BTreeMap<String, String>,
    /// Flavor of the bastion's server; `None` while there is none.
    pub bastion: Option<String>,
    /// Machines more than wanted while a change is rolled out, by pool.
    pub surge: BTreeMap<String, u32>,
}

/// Machines that there are, by pool ([`CONTROL_PLANE`] for the control plane).
pub fn machines(seen: &Observation) -> BTreeMap<String, u32> {
    let mut machines = BTreeMap::new();
    for machine in &seen.machines {
        if let Some(pool) = machine.metadata.label(POOL_LABEL) {
            *machines.entry(pool.to_owned()).or_insert(0) += 1;
        } else if machine.is_control_plane() {
            *machines.entry(CONTROL_PLANE.to_owned()).or_insert(0) += 1;
        }
    }
    machines
}

/// Quota lines of a change from what exists to what is wanted. A flavor that is not known makes no line: [`resolve`
/// ](crate::resolve::resolve) tells it.
pub fn lines(
    spec: &WorkloadClusterSpec,
    resolved: &Resolved,
    flavors: &BTreeMap<String, Flavor>,
    machines: &BTreeMap<String, u32>,
    existing: &Existing,
    quota: &Quota,
) -> Vec<Line> {
    let Ok(mut wanted) = quota::need(spec, flavors, &resolved.root_volumes) else {
        return Vec::new();
    };
    for (resource, more) in surge(spec, resolved, flavors, existing) {
        *wanted.entry(resource).or_default() += more;
    }
    let mut now_spec = spec.clone();
    now_spec.control_plane.replicas = existing.control_plane;
    let known = |pool: &str| {
        let flavor = existing.flavors.get(pool)?;
        flavors.contains_key(flavor).then(|| flavor.clone())
    };
    if let Some(flavor) = known(CONTROL_PLANE) {
        now_spec.control_plane.flavor = flavor;
    }
    for pool in &mut now_spec.workers {
        pool.replicas = machines.get(&pool.name).copied().unwrap_or(0);
        if let Some(flavor) = known(&pool.name) {
            pool.flavor = flavor;
        }
    }
    now_spec.bastion = existing
        .bastion
        .as_ref()
        .filter(|flavor| flavors.contains_key(*flavor))
        .and_then(|flavor| {
            let wanted = spec.bastion.clone()?;
            let flavor = flavor.clone();
            Some(Bastion { flavor, ..wanted })
        });
    let mut now = quota::need(&now_spec, flavors, &resolved.root_volumes).unwrap_or_default();
    if existing.bastion.is_none()
        && let Some(made) = &resolved.bastion
    {
        // What was made before its server.
        let there = |id: &Option<String>| u64::from(id.is_some());
        *now.entry(Resource::FloatingIps).or_default() += there(&made.floating_ip_id);
        *now.entry(Resource::SecurityGroups).or_default() += there(&made.security_group_id);
    }
    if !existing.infrastructure {
        for resource in SURROUNDINGS {
            now.remove(resource);
        }
        now.insert(Resource::Ports, u64::from(machines.values().sum::<u32>()));
        now.insert(
            Resource::FloatingIps,
            u64::from(resolved.floating_ip_id.is_some())
                + u64::from(
                    resolved
                        .bastion
                        .as_ref()
                        .is_some_and(|made| made.floating_ip_id.is_some()),
                ),
        );
        now.insert(Resource::ServerGroups, resolved.server_groups.len() as u64);
    }
    quota::check(&quota::beyond(&wanted, &now), &free(quota, &wanted))
}

/// What a roll uses meanwhile: the control plane is rolled before the pools, so that of either counts, whichever is dearer.
fn surge(
    spec: &WorkloadClusterSpec,
    resolved: &Resolved,
    flavors: &BTreeMap<String, Flavor>,
    existing: &Existing,
) -> Need {
    let mut rolled = spec.clone();
    let none = |pool: &str| existing.surge.get(pool).copied().unwrap_or(0);
    rolled.control_plane.rollout.max_surge = none(CONTROL_PLANE);
    for pool in &mut rolled.workers {
        pool.rollout.max_surge = none(&pool.name);
    }
    quota::surge(&rolled, flavors, &resolved.root_volumes).unwrap_or_default()
}

/// Room for single machines, for those that are made anew. A pool whose flavor is not known has no need that could be told,
/// and so waits for no quota.
pub fn room(
    spec: &WorkloadClusterSpec,
    resolved: &Resolved,
    flavors: &[capstan_openstack::compute::Flavor],
    quota: &Quota,
) -> Room {
    let flavors = resolve::flavors(flavors);
    let machine: BTreeMap<String, Need> = spec
        .pools()
        .filter_map(|pool| {
            let need = quota::machine(&pool, &flavors, &resolved.root_volumes).ok()?;
            Some((pool.pool.to_owned(), need))
        })
        .collect();
    let all: Need = machine.values().flatten().map(|(r, n)| (*r, *n)).collect();
    Room {
        free: free(quota, &all),
        machine,
    }
}

/// What a cluster has once, whatever its size.
const SURROUNDINGS: &[Resource] = &[
    Resource::Networks,
    Resource::Subnets,
    Resource::Routers,
    Resource::SecurityGroups,
    Resource::SecurityGroupRules,
    Resource::LoadBalancers,
    Resource::Listeners,
    Resource::Pools,
    Resource::HealthMonitors,
    Resource::Members,
];

/// The reason for every line that does not fit.
pub fn reasons(lines: &[Line]) -> Vec<Reason> {
    lines
        .iter()
        .filter(|line| !line.fits())
        .map(|line| Reason {
            code: ReasonCode::QuotaExceeded,
            message: format!(
                "the quota for {} does not suffice: {} needed, {} free",
                line.resource,
                line.need,
                line.free.unwrap_or_default()
            ),
            remedy: format!(
                "free {} of them, make the cluster smaller, or ask for more quota; the work goes on by itself",
                line.missing()
            ),
            object: None,
            detail: None,
        })
        .collect()
}

fn free(quota: &Quota, need: &Need) -> BTreeMap<Resource, Option<u64>> {
    need.keys()
        .map(|resource| {
            let line = counted(*resource).and_then(|counted| quota.get(counted));
            let free = match resource {
                // A limit per group, not a sum.
                Resource::ServerGroupMembers => line.and_then(|line| line.limit),
                _ => line.and_then(|line| line.free()),
            };
            (*resource, free)
        })
        .collect()
}

const fn counted(resource: Resource) -> Option<Counted> {
    Some(match resource {
        Resource::Instances => Counted::Instances,
        Resource::Cores => Counted::Cores,
        Resource::Ram => Counted::Ram,
        Resource::ServerGroups => Counted::ServerGroups,
        Resource::ServerGroupMembers => Counted::ServerGroupMembers,
        Resource::Volumes => Counted::Volumes,
        Resource::Gigabytes => Counted::Gigabytes,
        Resource::Networks => Counted::Networks,
        Resource::Subnets => Counted::Subnets,
        Resource::Routers => Counted::Routers,
        Resource::Ports => Counted::Ports,
        Resource::FloatingIps => Counted::FloatingIps,
        Resource::SecurityGroups => Counted::SecurityGroups,
        Resource::SecurityGroupRules => Counted::SecurityGroupRules,
        Resource::LoadBalancers => Counted::LoadBalancers,
        Resource::Listeners => Counted::Listeners,
        Resource::Pools => Counted::Pools,
        Resource::Members => Counted::Members,
        Resource::HealthMonitors => return None,
    })
}

#[cfg(test)]
mod tests {
    use capstan_spec::KubernetesVersion;
    use capstan_spec::status::ResolvedBastion;

    use super::*;

    #[test]
    fn a_bastion_needs_what_is_not_there_of_it() {
        let mut spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "a");
        spec.bastion = Some(Bastion {
            flavor: "a".into(),
            image: None,
            ssh_key: None,
            allowed_cidrs: vec!["203.0.113.0/24".parse().unwrap()],
            availability_zone: None,
        });
        let flavor = Flavor {
            name: "a".into(),
            vcpus: 2,
            ram_mib: 4096,
            disk_gib: 20,
        };
        let flavors = [("a".to_owned(), flavor)].into();
        let machines = [("workers".to_owned(), 3)].into();
        let needed = |bastion: Option<&str>, made: &ResolvedBastion| {
            let existing = Existing {
                control_plane: 1,
                infrastructure: true,
                bastion: bastion.map(str::to_owned),
                ..Existing::default()
            };
            let resolved = Resolved {
                bastion: Some(made.clone()),
                ..Resolved::default()
            };
            let quota = Quota::default();
            let lines = lines(&spec, &resolved, &flavors, &machines, &existing, &quota);
            let of = |wanted| lines.iter().find(|line| line.resource == wanted);
            [
                Resource::Instances,
                Resource::FloatingIps,
                Resource::SecurityGroups,
            ]
            .map(|resource| of(resource).map_or(0, |line| line.need))
        };
        let nothing = ResolvedBastion::default();
        let before_its_server = ResolvedBastion {
            floating_ip_id: Some("ip".into()),
            security_group_id: Some("group".into()),
            ..ResolvedBastion::default()
        };
        assert_eq!(needed(None, &nothing), [1, 1, 2]);
        assert_eq!(needed(None, &before_its_server), [1, 0, 1]);
        assert_eq!(needed(Some("a"), &before_its_server), [0, 0, 0]);
    }
}
