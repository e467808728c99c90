//! Node images.

use capstan_catalog::{ImageCandidate, NodeImageRules, node_image};
use capstan_openstack::Inventory;
use capstan_openstack::image::Image;
use capstan_spec::WorkloadClusterSpec;
use capstan_spec::progress::{Reason, ReasonCode};
use capstan_spec::status::{PoolImage, Resolved};

use super::reason;

/// The image of the cluster.
pub(super) fn cluster(
    spec: &WorkloadClusterSpec,
    inventory: &Inventory,
    rules: &NodeImageRules,
    resolved: &mut Resolved,
    reasons: &mut Vec<Reason>,
) {
    let wanted = spec.image.as_deref();
    let pinned = resolved.image_id.is_some() && resolved.version == Some(spec.version);
    if pinned && still_means(wanted, resolved) {
        return;
    }
    match find(spec, inventory, rules, wanted, "spec.image") {
        Ok(image) => {
            resolved.image_id = Some(image.id);
            resolved.image_name = Some(image.name);
            resolved.image_asked = wanted.map(str::to_owned);
            resolved.version = Some(spec.version);
        }
        Err(reason) => reasons.push(reason),
    }
}

/// Whether what is pinned is what the spec names. Before the name was written down, it was the image's own.
fn still_means(wanted: Option<&str>, resolved: &Resolved) -> bool {
    match (wanted, resolved.image_asked.as_deref()) {
        (Some(wanted), Some(asked)) => wanted == asked,
        (Some(wanted), None) => {
            let known = [&resolved.image_name, &resolved.image_id];
            known
                .into_iter()
                .any(|known| known.as_deref() == Some(wanted))
        }
        (None, asked) => asked.is_none(),
    }
}

/// The images of pools that name their own.
pub(super) fn pools(
    spec: &WorkloadClusterSpec,
    inventory: &Inventory,
    rules: &NodeImageRules,
    resolved: &mut Resolved,
    reasons: &mut Vec<Reason>,
) {
    let named = |pool: &str| spec.pool(pool).is_some_and(|pool| pool.image.is_some());
    resolved.pool_images.retain(|pool, _| named(pool));
    for pool in &spec.workers {
        let Some(wanted) = &pool.image else { continue };
        let pinned = resolved.pool_images.get(&pool.name);
        if pinned.is_some_and(|image| image.asked == *wanted && image.version == spec.version) {
            continue;
        }
        let object = format!("spec.workers[{}].image", pool.name);
        match find(spec, inventory, rules, Some(wanted), &object) {
            Ok(image) => {
                let image = PoolImage {
                    asked: wanted.clone(),
                    version: spec.version,
                    id: image.id,
                };
                resolved.pool_images.insert(pool.name.clone(), image);
            }
            Err(reason) => reasons.push(reason),
        }
    }
}

fn find(
    spec: &WorkloadClusterSpec,
    inventory: &Inventory,
    rules: &NodeImageRules,
    wanted: Option<&str>,
    object: &str,
) -> Result<ImageCandidate, Reason> {
    let images: Vec<ImageCandidate> = inventory.images.iter().map(candidate).collect();
    let found = node_image(rules, &images, spec.version, wanted);
    found.cloned().map_err(|error| {
        let (message, hint) = (error.to_string(), error.hint());
        reason(ReasonCode::ImageUnusable, object, message, hint)
    })
}

fn candidate(image: &Image) -> ImageCandidate {
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
