//! What servers are made of: flavors, zones, volumes, groups, keys.

use capstan_openstack::image::Image;
use capstan_openstack::{Holdings, Inventory};
use capstan_spec::cluster::DataVolume;
use capstan_spec::progress::{Reason, ReasonCode};
use capstan_spec::status::{Capacity, Resolved};
use capstan_spec::{Machines, WorkerPool, WorkloadClusterSpec, defaults};

use super::{not_found, reason};

pub(super) fn machines(
    spec: &WorkloadClusterSpec,
    inventory: &Inventory,
    holdings: &Holdings,
    resolved: &mut Resolved,
    reasons: &mut Vec<Reason>,
) {
    for pool in spec.pools() {
        root(&pool, inventory, resolved, reasons);
        zones(&pool, inventory, reasons);
        volumes(&pool, inventory, reasons);
        networks(&pool, inventory, holdings, resolved, reasons);
        groups(&pool, holdings, resolved, reasons);
    }
    for pool in &spec.workers {
        gpus(pool, inventory, reasons);
    }
    capacities(spec, inventory, resolved);
    if let Some(key) = &spec.ssh_key
        && let Err(unknown) = holdings.keypair(key)
    {
        reasons.push(not_found(ReasonCode::Other, "spec.sshKey", &unknown));
    }
}

/// Flavor and root volume: what the spec names, else what is needed because the flavor has no disk.
fn root(
    pool: &Machines<'_>,
    inventory: &Inventory,
    resolved: &mut Resolved,
    reasons: &mut Vec<Reason>,
) {
    let flavor = match inventory.flavor(pool.flavor) {
        Ok(flavor) => flavor,
        Err(unknown) => {
            reasons.push(not_found(ReasonCode::FlavorUnusable, pool.pool, &unknown));
            return;
        }
    };
    let sizes = &mut resolved.root_volumes;
    match pool.root_volume.size_gib {
        Some(size) => {
            sizes.insert(pool.pool.to_owned(), size);
        }
        None if flavor.disk == 0 || pool.root_volume.is_wanted() => {
            sizes
                .entry(pool.pool.to_owned())
                .or_insert(defaults::ROOT_VOLUME_GIB);
        }
        None => {
            sizes.remove(pool.pool);
        }
    }
    let image = image(pool, inventory, resolved);
    let (disk_least, ram_least) = image.map_or((0, 0), |image| (image.min_disk, image.min_ram));
    let size = resolved.root_volumes.get(pool.pool);
    let disk = size.map_or(flavor.disk, |size| u64::from(*size));
    if disk < disk_least {
        let text = format!(
            "the root disk of {} has {disk} GiB, and the image wants {disk_least}",
            pool.pool
        );
        let remedy =
            format!("set rootVolume.sizeGib to {disk_least} or more, or take a larger flavor");
        reasons.push(reason(ReasonCode::FlavorUnusable, pool.pool, text, remedy));
    }
    if flavor.ram < ram_least {
        let text = format!(
            "flavor {} has {} MiB of memory, and the image wants {ram_least}",
            flavor.name, flavor.ram
        );
        let remedy = "take a larger flavor".to_owned();
        reasons.push(reason(ReasonCode::FlavorUnusable, pool.pool, text, remedy));
    }
}

/// What the spec says of graphics processors must be what the flavor says, as far as it says anything.
fn gpus(pool: &WorkerPool, inventory: &Inventory, reasons: &mut Vec<Reason>) {
    let Ok(flavor) = inventory.flavor(&pool.flavor) else {
        return;
    };
    let (text, remedy) = match (&pool.gpu, flavor.gpus()) {
        (Some(gpu), Some(has)) if gpu.count.is_some_and(|count| count != has) => {
            let text = format!(
                "flavor {} gives a server {has} graphics processors",
                flavor.name
            );
            (text, format!("write count: {has}, or leave it out"))
        }
        (Some(gpu), None) if gpu.count.is_none() => {
            let text = format!(
                "flavor {} does not say that it has graphics processors",
                flavor.name
            );
            (text, "take one that has, or write gpu.count".to_owned())
        }
        _ => return,
    };
    let object = format!("spec.workers[{}].gpu", pool.name);
    reasons.push(reason(ReasonCode::FlavorUnusable, &object, text, remedy));
}

/// What nodes of pools with an autoscaler have: without one to look at it must be told.
fn capacities(spec: &WorkloadClusterSpec, inventory: &Inventory, resolved: &mut Resolved) {
    let pools = spec
        .workers
        .iter()
        .filter(|pool| pool.autoscaling.is_some());
    resolved.capacities = pools
        .filter_map(|pool| {
            let flavor = inventory.flavor(&pool.flavor).ok()?;
            let volume = resolved.root_volumes.get(&pool.name).copied();
            let disk = u32::try_from(flavor.disk).unwrap_or(u32::MAX);
            let capacity = Capacity {
                vcpus: flavor.vcpus,
                ram_mib: flavor.ram,
                disk_gib: volume.unwrap_or(disk),
                gpus: pool.gpu.as_ref().map_or(0, |gpu| {
                    gpu.count.or_else(|| flavor.gpus()).unwrap_or_default()
                }),
            };
            Some((pool.name.clone(), capacity))
        })
        .collect();
}

fn image<'a>(
    pool: &Machines<'_>,
    inventory: &'a Inventory,
    resolved: &Resolved,
) -> Option<&'a Image> {
    let own = resolved.pool_images.get(pool.pool).map(|image| &image.id);
    let id = own.or(resolved.image_id.as_ref())?;
    inventory.images.iter().find(|image| image.id == *id)
}

fn zones(pool: &Machines<'_>, inventory: &Inventory, reasons: &mut Vec<Reason>) {
    for zone in &pool.availability_zones {
        if let Err(unknown) = inventory.compute_zone(zone) {
            reasons.push(not_found(ReasonCode::Other, pool.pool, &unknown));
        }
    }
}

/// Types and zones of all volumes.
fn volumes(pool: &Machines<'_>, inventory: &Inventory, reasons: &mut Vec<Reason>) {
    let root = pool.root_volume;
    let places = pool
        .volumes
        .iter()
        .map(|volume| (volume.kind, volume.availability_zone))
        .chain([(root.kind.as_deref(), root.availability_zone.as_deref())]);
    for (kind, zone) in places {
        if let Some(kind) = kind
            && let Err(unknown) = inventory.volume_type(kind)
        {
            reasons.push(not_found(ReasonCode::Other, pool.pool, &unknown));
        }
        if let Some(zone) = zone.filter(|zone| *zone != DataVolume::ZONE_OF_MACHINE)
            && let Err(unknown) = inventory.volume_zone(zone)
        {
            reasons.push(not_found(ReasonCode::Other, pool.pool, &unknown));
        }
    }
}

/// Further networks and their subnets are pinned by what the spec calls them.
fn networks(
    pool: &Machines<'_>,
    inventory: &Inventory,
    holdings: &Holdings,
    resolved: &mut Resolved,
    reasons: &mut Vec<Reason>,
) {
    const CODE: ReasonCode = ReasonCode::NetworkUnusable;
    for wanted in pool.networks {
        let id = match inventory.network(&wanted.network) {
            Ok(network) => network.id.clone(),
            Err(unknown) => {
                reasons.push(not_found(CODE, pool.pool, &unknown));
                continue;
            }
        };
        if let (Some(key), Some(subnet)) = (wanted.subnet_key(), &wanted.subnet) {
            match holdings.subnet(&id, subnet) {
                Ok(subnet) => {
                    resolved
                        .subnets
                        .entry(key)
                        .or_insert_with(|| subnet.id.clone());
                }
                Err(unknown) => reasons.push(not_found(CODE, pool.pool, &unknown)),
            }
        }
        resolved
            .networks
            .entry(wanted.network.clone())
            .or_insert(id);
    }
}

/// Security groups are pinned by what the spec calls them, and looked up anew when they are gone.
fn groups(
    pool: &Machines<'_>,
    holdings: &Holdings,
    resolved: &mut Resolved,
    reasons: &mut Vec<Reason>,
) {
    for wanted in pool.named_groups() {
        let pinned = resolved.security_groups.get(wanted);
        let there = |id: &String| holdings.security_groups.iter().any(|group| group.id == *id);
        if pinned.is_some_and(there) {
            continue;
        }
        match holdings.security_group(wanted) {
            Ok(group) => {
                let (name, id) = (wanted.clone(), group.id.clone());
                resolved.security_groups.insert(name, id);
            }
            Err(unknown) => reasons.push(not_found(ReasonCode::Other, pool.pool, &unknown)),
        }
    }
}
