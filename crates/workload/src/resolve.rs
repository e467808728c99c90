//! Names of a spec → what they mean in the cloud. Pure.

use capstan_catalog::{ImageCandidate, NodeImageRules, node_image};
use capstan_openstack::{Choice, Inventory, Unknown};
use capstan_plan::facts::CONTROL_PLANE;
use capstan_spec::cloud::CloudDefaults;
use capstan_spec::progress::{Reason, ReasonCode};
use capstan_spec::status::Resolved;
use capstan_spec::{WorkloadClusterSpec, defaults};

/// Root volume in GiB where the flavor has no disk: the SCS standard's smallest for control planes with etcd.
const ROOT_VOLUME: u32 = 20;

/// Looks up every name of the spec. What is pinned already (`before`) stays as long as the spec still means it, so that a
/// new image of the same name rolls no node. All that cannot be found is told at once.
pub fn resolve(
    spec: &WorkloadClusterSpec,
    cloud: &CloudDefaults,
    inventory: &Inventory,
    rules: &NodeImageRules,
    before: Option<&Resolved>,
) -> Result<Resolved, Vec<Reason>> {
    let mut resolved = before.cloned().unwrap_or_default();
    let mut reasons = Vec::new();

    if resolved.image_id.is_none() || resolved.version != Some(spec.version) {
        let images: Vec<ImageCandidate> = inventory.images.iter().map(candidate).collect();
        match node_image(rules, &images, spec.version, spec.image.as_deref()) {
            Ok(image) => {
                resolved.image_id = Some(image.id.clone());
                resolved.image_name = Some(image.name.clone());
                resolved.version = Some(spec.version);
            }
            Err(error) => {
                reasons.push(reason(
                    ReasonCode::ImageUnusable,
                    "spec.image",
                    error.to_string(),
                    error.hint(),
                ));
            }
        }
    }
    if resolved.external_network_id.is_none() {
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
    if resolved.load_balancer_provider.is_none() {
        let wanted = spec
            .api_access
            .load_balancer_provider
            .as_deref()
            .or(cloud.load_balancer_provider.as_deref());
        match load_balancer_provider(inventory, wanted) {
            Ok(provider) => resolved.load_balancer_provider = provider,
            Err(reason) => reasons.push(reason),
        }
    }
    let mut pools = vec![(CONTROL_PLANE, &spec.control_plane.flavor)];
    pools.extend(
        spec.workers
            .iter()
            .map(|pool| (pool.name.as_str(), &pool.flavor)),
    );
    for (pool, flavor) in pools {
        match inventory.flavor(flavor) {
            Ok(found) if found.disk == 0 => {
                resolved
                    .root_volumes
                    .entry(pool.to_owned())
                    .or_insert(ROOT_VOLUME);
            }
            Ok(_) => {}
            Err(unknown) => reasons.push(not_found(ReasonCode::FlavorUnusable, pool, &unknown)),
        }
    }
    for zone in spec.control_plane.availability_zones.iter().chain(
        spec.workers
            .iter()
            .filter_map(|pool| pool.availability_zone.as_ref()),
    ) {
        if let Err(unknown) = inventory.compute_zone(zone) {
            reasons.push(not_found(ReasonCode::Other, "availability zone", &unknown));
        }
    }
    if reasons.is_empty() {
        Ok(resolved)
    } else {
        Err(reasons)
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

/// The provider named, else the only one, else `amphora` (the reference driver, which honours allowed ranges; `ovn` does
/// not), else Octavia's default.
fn load_balancer_provider(
    inventory: &Inventory,
    wanted: Option<&str>,
) -> Result<Option<String>, Reason> {
    if let Some(wanted) = wanted {
        return match inventory.load_balancer_provider(wanted) {
            Ok(provider) => Ok(Some(provider.name.clone())),
            Err(unknown) => Err(not_found(
                ReasonCode::LoadBalancerError,
                "spec.apiAccess.loadBalancerProvider",
                &unknown,
            )),
        };
    }
    let providers = &inventory.load_balancer_providers;
    let chosen = match providers.as_slice() {
        [] => {
            return Err(reason(
                ReasonCode::LoadBalancerError,
                "spec.apiAccess",
                "the cloud has no load balancers".to_owned(),
                "ask the cloud's operator for Octavia".to_owned(),
            ));
        }
        [only] => Some(only),
        several => several.iter().find(|provider| provider.name == "amphora"),
    };
    Ok(chosen.map(|provider| provider.name.clone()))
}

fn candidate(image: &capstan_openstack::image::Image) -> ImageCandidate {
    ImageCandidate {
        id: image.id.clone(),
        name: image.label().to_owned(),
        active: image.is_usable(),
        properties: ["kube_version", "os_distro"]
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), image.property(key)?.to_owned())))
            .collect(),
        created_at: image
            .created_at
            .map(|at| at.to_string())
            .unwrap_or_default(),
    }
}

fn not_found(code: ReasonCode, object: &str, unknown: &Unknown) -> Reason {
    reason(code, object, unknown.to_string(), unknown.hint())
}

fn reason(code: ReasonCode, object: &str, message: String, remedy: String) -> Reason {
    Reason {
        code,
        message,
        remedy,
        object: Some(object.to_owned()),
        detail: None,
    }
}

/// Flavors by name, as quota arithmetic wants them.
pub fn flavors(
    flavors: &[capstan_openstack::compute::Flavor],
) -> std::collections::BTreeMap<String, capstan_spec::cloud::Flavor> {
    let flavors = flavors.iter().map(|flavor| capstan_spec::cloud::Flavor {
        name: flavor.name.clone(),
        vcpus: flavor.vcpus,
        ram_mib: flavor.ram,
        disk_gib: u32::try_from(flavor.disk).unwrap_or(u32::MAX),
    });
    flavors
        .map(|flavor| (flavor.name.clone(), flavor))
        .collect()
}

/// The pools of a spec, the control plane first, by the names server groups and volumes are listed under.
pub fn pools(spec: &WorkloadClusterSpec) -> Vec<&str> {
    std::iter::once(CONTROL_PLANE)
        .chain(spec.workers.iter().map(|pool| pool.name.as_str()))
        .collect()
}

/// Name of the `Cloud` when a spec names none.
pub const DEFAULT_CLOUD: &str = defaults::CLOUD;
