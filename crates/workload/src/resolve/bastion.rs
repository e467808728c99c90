//! The bastion.

use capstan_openstack::{Holdings, Inventory};
use capstan_plan::quota::bastion_root_volume;
use capstan_spec::WorkloadClusterSpec;
use capstan_spec::cluster::Bastion;
use capstan_spec::progress::{Reason, ReasonCode};
use capstan_spec::status::{Resolved, ResolvedBastion};

use super::{not_found, reason};

/// Its image is pinned: the one that the spec names, else the cluster's as it was when the bastion came, so that an upgrade
/// of Kubernetes does not make it anew. What was made for one that is no longer wished stays known until it is gone.
pub(super) fn bastion(
    spec: &WorkloadClusterSpec,
    inventory: &Inventory,
    holdings: &Holdings,
    resolved: &mut Resolved,
    reasons: &mut Vec<Reason>,
) {
    let Some(wanted) = &spec.bastion else {
        let made = |pinned: &ResolvedBastion| pinned.is_made();
        resolved.bastion = resolved.bastion.take().filter(made);
        return;
    };
    let mut pinned = resolved.bastion.clone().unwrap_or_default();
    image(wanted, inventory, resolved, &mut pinned, reasons);
    flavor(wanted, inventory, &mut pinned, reasons);
    if let Some(zone) = &wanted.availability_zone
        && let Err(unknown) = inventory.compute_zone(zone)
    {
        let object = "spec.bastion.availabilityZone";
        reasons.push(not_found(ReasonCode::Other, object, &unknown));
    }
    if let Some(key) = &wanted.ssh_key
        && let Err(unknown) = holdings.keypair(key)
    {
        reasons.push(not_found(
            ReasonCode::Other,
            "spec.bastion.sshKey",
            &unknown,
        ));
    }
    resolved.bastion = Some(pinned);
}

fn image(
    wanted: &Bastion,
    inventory: &Inventory,
    resolved: &Resolved,
    pinned: &mut ResolvedBastion,
    reasons: &mut Vec<Reason>,
) {
    if pinned.image_id.is_some() && pinned.image_asked == wanted.image {
        return;
    }
    let found = match &wanted.image {
        // Where the cluster has none, that is told already.
        None => resolved.image_id.clone(),
        Some(image) => match inventory.image(image) {
            Ok(image) => Some(image.id.clone()),
            Err(unknown) => {
                let object = "spec.bastion.image";
                reasons.push(not_found(ReasonCode::ImageUnusable, object, &unknown));
                None
            }
        },
    };
    if found.is_some() {
        pinned.image_id = found;
        pinned.image_asked.clone_from(&wanted.image);
    }
}

/// Whether its flavor is there and large enough for the image.
fn flavor(
    wanted: &Bastion,
    inventory: &Inventory,
    pinned: &mut ResolvedBastion,
    reasons: &mut Vec<Reason>,
) {
    const CODE: ReasonCode = ReasonCode::FlavorUnusable;
    const OBJECT: &str = "spec.bastion.flavor";
    let flavor = match inventory.flavor(&wanted.flavor) {
        Ok(flavor) => flavor,
        Err(unknown) => {
            reasons.push(not_found(CODE, OBJECT, &unknown));
            return;
        }
    };
    let disk = u32::try_from(flavor.disk).unwrap_or(u32::MAX);
    pinned.root_volume_gib = bastion_root_volume(disk);
    let mut images = inventory.images.iter();
    let Some(image) = images.find(|image| Some(&image.id) == pinned.image_id.as_ref()) else {
        return;
    };
    let has = u64::from(pinned.root_volume_gib.unwrap_or(disk));
    let needs = [
        ("GiB of disk", has, image.min_disk),
        ("MiB of memory", flavor.ram, image.min_ram),
    ];
    for (what, has, least) in needs {
        if has < least {
            let text = format!(
                "a bastion of flavor {} has {has} {what}, and its image wants {least}",
                flavor.name
            );
            let remedy = "take a larger flavor, or a smaller image by bastion.image".to_owned();
            reasons.push(reason(CODE, OBJECT, text, remedy));
        }
    }
}
