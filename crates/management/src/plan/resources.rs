//! The resources of a plan and what they take of the quota.

use std::collections::{BTreeMap, BTreeSet};

use capstan_openstack::{Resource, ResourceKind};
use ipnet::IpNet;

use super::{Choices, ResourceLine, Subject};
use crate::identity::Identity;
use crate::survey::Found;

/// All resources, in the order people read them.
pub(super) fn resources(
    subject: Subject<'_>,
    choices: &Choices,
    found: &Found,
) -> Vec<ResourceLine> {
    let name = subject.identity.map_or_else(
        || format!("capstan-{}-<uid>", subject.name),
        Identity::resource_name,
    );
    let there: BTreeSet<_> = found
        .entries()
        .into_iter()
        .map(|entry| entry.kind)
        .collect();
    let kinds = [
        ResourceKind::Network,
        ResourceKind::Subnet,
        ResourceKind::Router,
        ResourceKind::SecurityGroup,
        ResourceKind::FloatingIp,
        ResourceKind::Port,
        ResourceKind::ServerGroup,
        ResourceKind::Keypair,
        ResourceKind::ApplicationCredential,
        ResourceKind::Volume,
        ResourceKind::Server,
    ];
    let wanted = |kind: &ResourceKind| match kind {
        ResourceKind::Keypair => choices.ssh_key.is_some(),
        ResourceKind::Volume => choices.volume.is_some(),
        _ => true,
    };
    kinds
        .into_iter()
        .filter(wanted)
        .map(|kind| ResourceLine {
            kind: kind.to_string(),
            // A floating IP has no name.
            name: if kind == ResourceKind::FloatingIp {
                String::new()
            } else {
                name.clone()
            },
            detail: detail(kind, choices, found),
            exists: there.contains(&kind),
        })
        .collect()
}

fn detail(kind: ResourceKind, choices: &Choices, found: &Found) -> String {
    let ranges = |ranges: &[IpNet]| {
        ranges
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let outside = &choices.external_network.name;
    match kind {
        ResourceKind::Subnet => choices.network_cidr.to_string(),
        ResourceKind::Router => format!("to {outside}"),
        ResourceKind::SecurityGroup => {
            let api = format!("TCP 6443 and ICMP from {}", ranges(&choices.api_cidr));
            if choices.ssh_key.is_some() && !choices.ssh_cidr.is_empty() {
                format!("{api}; TCP 22 from {}", ranges(&choices.ssh_cidr))
            } else {
                api
            }
        }
        ResourceKind::FloatingIp => found.floating_ips.first().map_or_else(
            || format!("from {outside}"),
            |address| address.floating_ip_address.clone(),
        ),
        ResourceKind::ServerGroup => "soft anti-affinity".to_owned(),
        ResourceKind::ApplicationCredential => {
            format!("unrestricted, roles {}", choices.roles.join(", "))
        }
        ResourceKind::Volume => choices.volume.as_ref().map_or_else(String::new, |volume| {
            let kind = volume
                .kind
                .as_deref()
                .map(|kind| format!(", type {kind}"))
                .unwrap_or_default();
            format!("{} GiB{kind}", volume.size)
        }),
        ResourceKind::Server => {
            let flavor = &choices.flavor;
            format!(
                "flavor {} ({} vCPU, {} MiB, {} GiB), image {}",
                flavor.name, flavor.vcpus, flavor.ram, flavor.disk, choices.image.name
            )
        }
        _ => String::new(),
    }
}

/// What of the quota the missing resources take.
pub(super) fn need(choices: &Choices, resources: &[ResourceLine]) -> BTreeMap<Resource, u64> {
    let mut need = BTreeMap::new();
    let mut add = |resource, count: u64| *need.entry(resource).or_default() += count;
    for line in resources.iter().filter(|line| !line.exists) {
        match line.kind.as_str() {
            "server" => {
                add(Resource::Instances, 1);
                add(Resource::Cores, u64::from(choices.flavor.vcpus));
                add(Resource::Ram, choices.flavor.ram);
            }
            "server group" => {
                add(Resource::ServerGroups, 1);
                add(Resource::ServerGroupMembers, 1);
            }
            // One more than is kept: the lock that holds off other machines while `up` runs.
            "keypair" => add(Resource::Keypairs, 1),
            "volume" => {
                add(Resource::Volumes, 1);
                add(
                    Resource::Gigabytes,
                    choices.volume.as_ref().map_or(0, |volume| volume.size),
                );
            }
            "network" => add(Resource::Networks, 1),
            "subnet" => add(Resource::Subnets, 1),
            // With its port in the subnet.
            "router" => {
                add(Resource::Routers, 1);
                add(Resource::Ports, 1);
            }
            "port" => add(Resource::Ports, 1),
            "floating IP" => add(Resource::FloatingIps, 1),
            // Neutron adds two rules that let everything out.
            "security group" => {
                add(Resource::SecurityGroups, 1);
                add(Resource::SecurityGroupRules, 2 + choices.rules() as u64);
            }
            _ => {}
        }
    }
    if !need.is_empty() {
        *need.entry(Resource::Keypairs).or_default() += 1;
    }
    need
}
