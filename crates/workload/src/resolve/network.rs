//! Networks.

use capstan_openstack::{Choice, Holdings, Inventory};
use capstan_spec::WorkloadClusterSpec;
use capstan_spec::cloud::CloudDefaults;
use capstan_spec::cluster::ExistingNetwork;
use capstan_spec::progress::{Reason, ReasonCode};
use capstan_spec::status::{Resolved, ResolvedNetwork};

use super::{not_found, reason};

/// The network that floating IPs come from.
pub(super) fn external(
    spec: &WorkloadClusterSpec,
    cloud: &CloudDefaults,
    inventory: &Inventory,
    resolved: &mut Resolved,
    reasons: &mut Vec<Reason>,
) {
    if resolved.external_network_id.is_some() {
        return;
    }
    let wanted = spec
        .network
        .external_network
        .as_deref()
        .or(cloud.external_network.as_deref());
    match external_network(inventory, wanted) {
        Ok(id) => resolved.external_network_id = Some(id),
        Err(reason) => reasons.push(reason),
    }
}

fn external_network(inventory: &Inventory, wanted: Option<&str>) -> Result<String, Reason> {
    if let Some(wanted) = wanted {
        return match inventory.external_network(wanted) {
            Ok(network) => Ok(network.id.clone()),
            Err(unknown) => Err(not_found(
                ReasonCode::NetworkUnusable,
                "spec.network.externalNetwork",
                &unknown,
            )),
        };
    }
    let told = |message: &str, remedy: String| {
        reason(
            ReasonCode::NetworkUnusable,
            "spec.network.externalNetwork",
            message.to_owned(),
            remedy,
        )
    };
    match inventory.external_networks() {
        Choice::One(network) => Ok(network.id.clone()),
        Choice::None => Err(told(
            "the cloud has no external network, so the API would get no address",
            "ask the cloud's operator".to_owned(),
        )),
        Choice::Several(networks) => {
            let names: Vec<&str> = networks
                .iter()
                .map(|network| network.name.as_str())
                .collect();
            Err(told(
                "the cloud has several external networks",
                format!("name one of: {}", names.join(", ")),
            ))
        }
    }
}

/// A network that is there already, with its subnet and router.
pub(super) fn existing(
    spec: &WorkloadClusterSpec,
    inventory: &Inventory,
    holdings: &Holdings,
    resolved: &mut Resolved,
    reasons: &mut Vec<Reason>,
) {
    let Some(wanted) = &spec.network.existing else {
        resolved.existing_network = None;
        return;
    };
    if resolved.existing_network.is_some() {
        return;
    }
    match existing_network(wanted, inventory, holdings) {
        Ok(network) => resolved.existing_network = Some(network),
        Err(reason) => reasons.push(reason),
    }
}

fn existing_network(
    wanted: &ExistingNetwork,
    inventory: &Inventory,
    holdings: &Holdings,
) -> Result<ResolvedNetwork, Reason> {
    const CODE: ReasonCode = ReasonCode::NetworkUnusable;
    const SUBNET: &str = "spec.network.existing.subnet";
    let network = inventory
        .network(&wanted.network)
        .map_err(|unknown| not_found(CODE, "spec.network.existing.network", &unknown))?;
    let subnet = if let Some(subnet) = &wanted.subnet {
        holdings
            .subnet(&network.id, subnet)
            .map_err(|unknown| not_found(CODE, SUBNET, &unknown))?
    } else {
        let of_network = holdings.subnets_of(&network.id);
        let ipv4 = of_network.filter(|subnet| subnet.ip_version != 6);
        match ipv4.collect() {
            Choice::One(subnet) => subnet,
            Choice::None => {
                let text = format!("network {:?} has no subnet with IPv4", network.name);
                let remedy = "add one, or name another network".to_owned();
                return Err(reason(CODE, SUBNET, text, remedy));
            }
            Choice::Several(subnets) => {
                let names: Vec<&str> = subnets.iter().map(|one| one.name.as_str()).collect();
                let text = format!("network {:?} has several subnets", network.name);
                let remedy = format!("name one of: {}", names.join(", "));
                return Err(reason(CODE, SUBNET, text, remedy));
            }
        }
    };
    let subnet_cidr = subnet.cidr.parse().map_err(|_| {
        let text = format!(
            "the range {:?} of subnet {:?} cannot be read",
            subnet.cidr, subnet.name
        );
        reason(CODE, SUBNET, text, "name another subnet".to_owned())
    })?;
    let router = wanted.router.as_deref().map(|router| {
        holdings
            .router(router)
            .map_err(|unknown| not_found(CODE, "spec.network.existing.router", &unknown))
    });
    Ok(ResolvedNetwork {
        id: network.id.clone(),
        subnet_id: subnet.id.clone(),
        subnet_cidr,
        router_id: router.transpose()?.map(|router| router.id.clone()),
    })
}
