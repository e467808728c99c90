//! Networks.

use capstan_openstack::network::Network;
use capstan_openstack::{Choice, Holdings, Inventory};
use capstan_spec::WorkloadClusterSpec;
use capstan_spec::cloud::CloudDefaults;
use capstan_spec::cluster::{ExistingNetwork, Ipv6};
use capstan_spec::progress::{Reason, ReasonCode};
use capstan_spec::status::{Resolved, ResolvedNetwork, ResolvedSubnet};

use super::{not_found, reason};

const CODE: ReasonCode = ReasonCode::NetworkUnusable;

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
    let wants_ipv6 = spec.network.ipv6.is_some();
    let pinned = resolved.existing_network.as_ref();
    if pinned.is_some_and(|network| network.ipv6.is_some() == wants_ipv6) {
        return;
    }
    let ipv6 = spec.network.ipv6.as_ref();
    match existing_network(wanted, ipv6, inventory, holdings) {
        Ok(network) => resolved.existing_network = Some(network),
        Err(reason) => reasons.push(reason),
    }
}

fn existing_network(
    wanted: &ExistingNetwork,
    ipv6: Option<&Ipv6>,
    inventory: &Inventory,
    holdings: &Holdings,
) -> Result<ResolvedNetwork, Reason> {
    let network = inventory
        .network(&wanted.network)
        .map_err(|unknown| not_found(CODE, "spec.network.existing.network", &unknown))?;
    let of_ipv4 = Family {
        version: 4,
        path: "spec.network.existing.subnet",
    };
    let found = subnet(network, wanted.subnet.as_deref(), of_ipv4, holdings)?;
    let of_ipv6 = Family {
        version: 6,
        path: "spec.network.ipv6.subnet",
    };
    let ipv6 = ipv6.map(|ipv6| subnet(network, ipv6.subnet.as_deref(), of_ipv6, holdings));
    let router = wanted.router.as_deref().map(|router| {
        holdings
            .router(router)
            .map_err(|unknown| not_found(CODE, "spec.network.existing.router", &unknown))
    });
    Ok(ResolvedNetwork {
        id: network.id.clone(),
        subnet_id: found.id,
        subnet_cidr: found.cidr,
        ipv6: ipv6.transpose()?,
        router_id: router.transpose()?.map(|router| router.id.clone()),
    })
}

/// Subnets of one kind of addresses, and where the spec names one.
#[derive(Clone, Copy)]
struct Family {
    version: u8,
    path: &'static str,
}

/// The subnet of that name, else the only one of the kind.
fn subnet(
    network: &Network,
    wanted: Option<&str>,
    family: Family,
    holdings: &Holdings,
) -> Result<ResolvedSubnet, Reason> {
    let Family { version, path } = family;
    let refused = |text: String, remedy: String| reason(CODE, path, text, remedy);
    let subnet = if let Some(subnet) = wanted {
        holdings
            .subnet(&network.id, subnet)
            .map_err(|unknown| not_found(CODE, path, &unknown))?
    } else {
        let of_network = holdings.subnets_of(&network.id);
        let of_family = of_network.filter(|subnet| subnet.ip_version == version);
        match of_family.collect() {
            Choice::One(subnet) => subnet,
            Choice::None => {
                let text = format!("network {:?} has no subnet with IPv{version}", network.name);
                return Err(refused(text, "add one, or name another network".to_owned()));
            }
            Choice::Several(subnets) => {
                let names: Vec<&str> = subnets.iter().map(|one| one.name.as_str()).collect();
                let text = format!("network {:?} has several subnets", network.name);
                return Err(refused(text, format!("name one of: {}", names.join(", "))));
            }
        }
    };
    if subnet.ip_version != version {
        let text = format!(
            "subnet {:?} is one of IPv{}",
            subnet.name, subnet.ip_version
        );
        return Err(refused(text, format!("name one of IPv{version}")));
    }
    let cidr = subnet.cidr.parse().map_err(|_| {
        let text = format!(
            "the range {:?} of subnet {:?} cannot be read",
            subnet.cidr, subnet.name
        );
        refused(text, "name another subnet".to_owned())
    })?;
    Ok(ResolvedSubnet {
        id: subnet.id.clone(),
        cidr,
    })
}
