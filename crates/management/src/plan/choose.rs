//! Makes the choices: what is said is taken, what only one thing fits is found out, the rest is asked.

mod flavor;
mod image;

use capstan_openstack::{Choice, Inventory};
use ipnet::IpNet;

use super::{Choices, ImageChoice, NamedId, Question, VolumeChoice};
use crate::error::Error;
use crate::proxy::ServerProxy;
use crate::settings::Settings;

use flavor::flavor;
use image::{image, kubernetes_version};

/// Range of the server's network, unless chosen.
const NETWORK_CIDR: &str = "10.0.0.0/24";
/// Range of its pods, unless chosen; flannel's and many examples' default.
const POD_CIDR: &str = "10.244.0.0/16";
/// Range of its services, unless chosen; kubeadm's default.
const SERVICE_CIDR: &str = "10.96.0.0/12";
/// GiB of a root disk that holds the system, Kubernetes' images and etcd.
const LEAST_DISK: u64 = 20;
/// Largest packet where the cloud does not say.
const MTU: u32 = 1500;
/// Roles that servers, networks, volumes and load balancers need, where the caller has them.
const ROLES: [&str; 2] = ["member", "load-balancer_member"];

/// Makes the choices from what is said and what the cloud offers; `roles` are the caller's, `caller` is
/// the address it is probably seen by.
///
/// # Errors
/// [`Error::Questions`] with all open ones at once, [`Error::Unknown`] for a name the cloud does not have,
/// [`Error::Invalid`] for values that do not go together.
pub fn choose(
    settings: &Settings,
    inventory: &Inventory,
    roles: &[String],
    caller: Option<IpNet>,
) -> Result<Choices, Error> {
    let (network_cidr, pod_cidr, service_cidr) = ranges(settings)?;
    ssh(settings)?;
    let own = [network_cidr, pod_cidr, service_cidr];
    let proxy = ServerProxy::chosen(settings, &own, None)?;
    let mut open = Vec::new();
    let external_network = external_network(settings, inventory, &mut open)?;
    let image = image(settings, inventory, &mut open)?;
    let flavor = flavor(
        settings,
        inventory,
        image.as_ref().map(|(image, _)| *image),
        &mut open,
    )?;
    if let Some(zone) = &settings.availability_zone {
        inventory.compute_zone(zone)?;
    }
    if let Some(kind) = &settings.volume_type {
        inventory.volume_type(kind)?;
    }
    if settings.api_cidr.is_empty() {
        open.push(who_may_reach_the_api(caller));
    }
    let (Some(external_network), Some((image, kind)), Some(flavor), true) =
        (external_network, image, flavor, open.is_empty())
    else {
        return Err(Error::Questions(open));
    };
    let volume = (flavor.disk == 0 || settings.volume_size.is_some()).then(|| VolumeChoice {
        size: settings
            .volume_size
            .unwrap_or(LEAST_DISK)
            .max(image.min_disk),
        kind: settings.volume_type.clone(),
    });
    Ok(Choices {
        external_network,
        network_cidr,
        dns: settings.dns.clone(),
        kubernetes_version: kubernetes_version(settings, image, kind)?,
        image: ImageChoice {
            id: image.id.clone(),
            name: image.label().to_owned(),
            kind,
        },
        flavor,
        availability_zone: settings.availability_zone.clone(),
        volume,
        api_cidr: settings.api_cidr.clone(),
        ssh_key: settings.ssh_key.clone(),
        ssh_cidr: settings.ssh_cidr.clone(),
        pod_cidr,
        service_cidr,
        mirror: settings.mirror.clone(),
        proxy,
        roles: least_roles(roles),
        mtu: MTU,
    })
}

fn who_may_reach_the_api(caller: Option<IpNet>) -> Question {
    let closed = "the API is closed to everybody who is not named";
    Question {
        what: "who may reach the API",
        key: "apiCidr",
        flag: "--api-cidr",
        reason: match caller {
            Some(caller) => format!(
                "{closed}; this machine sends from {}, which is what the cloud sees unless addresses are translated on \
                 the way (NAT)",
                caller.addr()
            ),
            None => closed.to_owned(),
        },
        options: Vec::new(),
        proposal: caller.map(|caller| caller.to_string()),
    }
}

/// The roles of [`ROLES`] the caller has; all of the caller's where the cloud names them otherwise.
pub(crate) fn least_roles(held: &[String]) -> Vec<String> {
    let least: Vec<_> = ROLES
        .into_iter()
        .filter(|role| held.iter().any(|held| held == role))
        .map(str::to_owned)
        .collect();
    if least.is_empty() {
        held.to_vec()
    } else {
        least
    }
}

/// Ranges of the server's network, of its pods and of its services.
pub(crate) fn ranges(settings: &Settings) -> Result<(IpNet, IpNet, IpNet), Error> {
    let or = |chosen: Option<IpNet>, default: &str| {
        chosen.map_or_else(
            || default.parse().map_err(|_| Error::Order("a default range")),
            Ok,
        )
    };
    let network = or(settings.network_cidr, NETWORK_CIDR)?;
    let (pod, service) = (
        or(settings.pod_cidr, POD_CIDR)?,
        or(settings.service_cidr, SERVICE_CIDR)?,
    );
    let named = [
        ("networkCidr", network),
        ("podCidr", pod),
        ("serviceCidr", service),
    ];
    for (index, (name, range)) in named.iter().enumerate() {
        for (other_name, other) in &named[index + 1..] {
            if range.contains(other) || other.contains(range) {
                return Err(Error::Invalid {
                    problem: format!("{name} {range} overlaps {other_name} {other}"),
                    hint: "choose ranges that have no address in common".into(),
                });
            }
        }
    }
    Ok((network, pod, service))
}

fn ssh(settings: &Settings) -> Result<(), Error> {
    if settings.ssh_key.is_none() && !settings.ssh_cidr.is_empty() {
        return Err(Error::Invalid {
            problem: "port 22 would be open, and nobody could log in".into(),
            hint: "give a key with --ssh-key, too".into(),
        });
    }
    Ok(())
}

fn external_network(
    settings: &Settings,
    inventory: &Inventory,
    open: &mut Vec<Question>,
) -> Result<Option<NamedId>, Error> {
    let network = match (&settings.external_network, inventory.external_networks()) {
        (Some(wanted), _) => inventory.external_network(wanted)?,
        (None, Choice::One(only)) => only,
        (None, Choice::None) => {
            return Err(Error::Invalid {
                problem: "the cloud has no external network".into(),
                hint: "floating IPs come from one; ask the cloud's operator".into(),
            });
        }
        (None, Choice::Several(several)) => {
            open.push(Question {
                what: "the external network",
                key: "externalNetwork",
                flag: "--external-network",
                reason: "the cloud has several external networks".into(),
                options: several.iter().map(|network| network.name.clone()).collect(),
                proposal: None,
            });
            return Ok(None);
        }
    };
    Ok(Some(NamedId {
        id: network.id.clone(),
        name: network.name.clone(),
    }))
}
