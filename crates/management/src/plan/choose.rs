//! Makes the choices: what is said is taken, what only one thing fits is found out, the rest is asked.

use std::net::IpAddr;

use capstan_openstack::compute::Flavor;
use capstan_openstack::image::Image;
use capstan_openstack::{Choice, Inventory};
use ipnet::IpNet;
use serde::Serialize;

use super::Question;
use crate::error::Error;
use crate::settings::{Mirror, Settings};

/// Range of the server's network, unless chosen.
const NETWORK_CIDR: &str = "10.0.0.0/24";
/// Range of its pods, unless chosen; flannel's and many examples' default.
const POD_CIDR: &str = "10.244.0.0/16";
/// Range of its services, unless chosen; kubeadm's default.
const SERVICE_CIDR: &str = "10.96.0.0/12";
/// Kubernetes of a vanilla image, unless chosen.
const KUBERNETES_VERSION: &str = "v1.36.3";
/// kubeadm's preflight wants two (`minimum number of CPUs`).
const LEAST_VCPUS: u32 = 2;
/// MiB. Measured: control plane, Cluster API's managers and Capstan's take 2 GiB and a half.
const LEAST_RAM: u64 = 4096;
/// GiB of a root disk that holds the system, Kubernetes' images and etcd.
const LEAST_DISK: u64 = 20;
/// Largest packet where the cloud does not say.
const MTU: u32 = 1500;
/// Roles that servers, networks, volumes and load balancers need, where the caller has them.
const ROLES: [&str; 2] = ["member", "load-balancer_member"];

/// Something chosen by the user's name for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct NamedId {
    pub id: String,
    pub name: String,
}

/// How an image comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ImageKind {
    /// With container runtime, kubelet and kubeadm.
    Node,
    /// A plain distribution.
    Vanilla,
}

/// The image chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ImageChoice {
    pub id: String,
    pub name: String,
    pub kind: ImageKind,
}

/// The flavor chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct FlavorChoice {
    pub id: String,
    pub name: String,
    pub vcpus: u32,
    /// MiB.
    pub ram: u64,
    /// GiB.
    pub disk: u64,
}

/// The root volume, where the flavor has no disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VolumeChoice {
    /// GiB.
    pub size: u64,
    /// Type; `None`: the cloud's default.
    pub kind: Option<String>,
}

/// All choices, made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Choices {
    pub external_network: NamedId,
    pub network_cidr: IpNet,
    pub dns: Vec<IpAddr>,
    pub image: ImageChoice,
    pub flavor: FlavorChoice,
    pub availability_zone: Option<String>,
    pub volume: Option<VolumeChoice>,
    pub api_cidr: Vec<IpNet>,
    pub ssh_key: Option<String>,
    pub ssh_cidr: Vec<IpNet>,
    pub kubernetes_version: String,
    pub pod_cidr: IpNet,
    pub service_cidr: IpNet,
    pub mirror: Option<Mirror>,
    /// Roles of the server's application credential.
    pub roles: Vec<String>,
    /// Largest packet assumed where the network does not tell its own.
    pub mtu: u32,
}

impl Choices {
    /// How many rules the security group gets.
    pub fn rules(&self) -> usize {
        let ssh = if self.ssh_key.is_some() {
            self.ssh_cidr.len()
        } else {
            0
        };
        self.api_cidr.len() * 2 + ssh
    }
}

/// Makes the choices from what is said and what the cloud offers; `roles` are the caller's.
///
/// # Errors
/// [`Error::Questions`] with all open ones at once, [`Error::Unknown`] for a name the cloud does not have,
/// [`Error::Invalid`] for values that do not go together.
pub fn choose(
    settings: &Settings,
    inventory: &Inventory,
    roles: &[String],
) -> Result<Choices, Error> {
    let (network_cidr, pod_cidr, service_cidr) = ranges(settings)?;
    ssh(settings)?;
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
        open.push(Question {
            what: "who may reach the API",
            key: "apiCidr",
            flag: "--api-cidr",
            reason: "the API is closed to everybody who is not named".into(),
            options: Vec::new(),
        });
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
        roles: least_roles(roles),
        mtu: MTU,
    })
}

/// The roles of [`ROLES`] the caller has; all of the caller's where the cloud names them otherwise.
fn least_roles(held: &[String]) -> Vec<String> {
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

fn ranges(settings: &Settings) -> Result<(IpNet, IpNet, IpNet), Error> {
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
            });
            return Ok(None);
        }
    };
    Ok(Some(NamedId {
        id: network.id.clone(),
        name: network.name.clone(),
    }))
}

/// What an image is, by its properties and, as many images have none, its name.
fn kind(image: &Image) -> Option<ImageKind> {
    if node_version(image).is_some() {
        return Some(ImageKind::Node);
    }
    let is = |name: &str| {
        image
            .property("os_distro")
            .is_some_and(|distro| distro.eq_ignore_ascii_case(name))
            || image.label().to_lowercase().starts_with(name)
    };
    ["debian", "ubuntu"]
        .into_iter()
        .any(is)
        .then_some(ImageKind::Vanilla)
}

/// The Kubernetes of a node image: its property, or the last `vX.Y.Z` in its name (`ubuntu-capi-image-v1.36.3`).
fn node_version(image: &Image) -> Option<String> {
    if let Some(version) = image.property("kube_version") {
        return Some(format!("v{}", version.trim_start_matches('v')));
    }
    image
        .label()
        .split(['-', '_', ' '])
        .rev()
        .find(|part| {
            part.strip_prefix('v').is_some_and(|version| {
                version.split('.').count() == 3
                    && version
                        .split('.')
                        .all(|number| number.parse::<u32>().is_ok())
            })
        })
        .map(str::to_owned)
}

fn number(version: &str) -> Vec<u32> {
    version
        .trim_start_matches('v')
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect()
}

fn image<'a>(
    settings: &Settings,
    inventory: &'a Inventory,
    open: &mut Vec<Question>,
) -> Result<Option<(&'a Image, ImageKind)>, Error> {
    if let Some(wanted) = &settings.image {
        // Several of one name are the rule where images are rebuilt: the newest is meant.
        let named = inventory
            .images
            .iter()
            .filter(|image| image.label() == wanted);
        let image = match named.max_by_key(|image| image.created_at) {
            Some(image) => image,
            None => inventory.image(wanted)?,
        };
        return Ok(Some((image, kind(image).unwrap_or(ImageKind::Vanilla))));
    }
    let suits = |image: &&Image| {
        let version = node_version(image);
        match (&settings.kubernetes_version, version) {
            (Some(wanted), Some(has)) => number(wanted) == number(&has),
            _ => true,
        }
    };
    let of = |wanted: ImageKind| {
        inventory
            .images
            .iter()
            .filter(suits)
            .filter(move |image| kind(image) == Some(wanted))
    };
    let node = of(ImageKind::Node)
        .max_by_key(|image| (node_version(image).map(|v| number(&v)), image.created_at));
    if let Some(node) = node {
        return Ok(Some((node, ImageKind::Node)));
    }
    if let Some(vanilla) = of(ImageKind::Vanilla).max_by_key(|image| image.created_at) {
        return Ok(Some((vanilla, ImageKind::Vanilla)));
    }
    open.push(Question {
        what: "the image",
        key: "image",
        flag: "--image",
        reason: "no image says that it is a Cluster API node image, Debian or Ubuntu".into(),
        options: inventory
            .images
            .iter()
            .map(|image| image.label().to_owned())
            .collect(),
    });
    Ok(None)
}

fn kubernetes_version(
    settings: &Settings,
    image: &Image,
    kind: ImageKind,
) -> Result<String, Error> {
    let wanted = settings
        .kubernetes_version
        .as_ref()
        .map(|version| format!("v{}", version.trim_start_matches('v')));
    match (kind, node_version(image)) {
        (ImageKind::Node, Some(has)) => match wanted {
            Some(wanted) if wanted != has => Err(Error::Invalid {
                problem: format!("image {} has Kubernetes {has}, not {wanted}", image.label()),
                hint: "choose an image of that version, a vanilla one, or leave --kubernetes-version out".into(),
            }),
            _ => Ok(has),
        },
        _ => Ok(wanted.unwrap_or_else(|| KUBERNETES_VERSION.to_owned())),
    }
}

fn flavor(
    settings: &Settings,
    inventory: &Inventory,
    image: Option<&Image>,
    open: &mut Vec<Question>,
) -> Result<Option<FlavorChoice>, Error> {
    let least_ram = image.map_or(LEAST_RAM, |image| image.min_ram.max(LEAST_RAM));
    let least_disk = image.map_or(LEAST_DISK, |image| image.min_disk.max(LEAST_DISK));
    let big_enough = |flavor: &Flavor| flavor.vcpus >= LEAST_VCPUS && flavor.ram >= least_ram;
    let flavor = if let Some(wanted) = &settings.flavor {
        let flavor = inventory.flavor(wanted)?;
        if !big_enough(flavor) {
            return Err(Error::Invalid {
                problem: format!(
                    "flavor {} has {} vCPU and {} MiB",
                    flavor.name, flavor.vcpus, flavor.ram
                ),
                hint: format!("a management server needs {LEAST_VCPUS} vCPU and {least_ram} MiB"),
            });
        }
        Some(flavor)
    } else {
        // Without a disk a volume is made; with one it must hold everything. A disk of its own comes first: etcd likes it.
        inventory
            .flavors
            .iter()
            .filter(|flavor| big_enough(flavor) && (flavor.disk == 0 || flavor.disk >= least_disk))
            .min_by_key(|flavor| {
                (
                    flavor.ram,
                    flavor.vcpus,
                    flavor.disk == 0,
                    flavor.disk,
                    &flavor.name,
                )
            })
    };
    let Some(flavor) = flavor else {
        open.push(Question {
            what: "the flavor",
            key: "flavor",
            flag: "--flavor",
            reason: format!(
                "no flavor has {LEAST_VCPUS} vCPU, {least_ram} MiB and {least_disk} GiB or no disk"
            ),
            options: inventory
                .flavors
                .iter()
                .filter(|flavor| big_enough(flavor))
                .map(|flavor| flavor.name.clone())
                .collect(),
        });
        return Ok(None);
    };
    Ok(Some(FlavorChoice {
        id: flavor.id.clone(),
        name: flavor.name.clone(),
        vcpus: flavor.vcpus,
        ram: flavor.ram,
        disk: flavor.disk,
    }))
}
