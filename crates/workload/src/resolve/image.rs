//! Node images.

use capstan_catalog::{ImageCandidate, ImageWish, NodeImageRules, node_image};
use capstan_openstack::Inventory;
use capstan_openstack::image::Image;
use capstan_plan::upgrade::{Move, take};
use capstan_spec::progress::{Reason, ReasonCode};
use capstan_spec::status::{NodeImage, PoolImage, Resolved};
use capstan_spec::{KubernetesVersion, WorkerPool, WorkloadClusterSpec};

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
    let system = spec.system(None);
    let pinned = resolved.image_id.is_some() && resolved.version == Some(spec.version);
    if pinned && still_means(wanted, resolved) && system == resolved.image_system {
        return;
    }
    if resolved.workers.is_some() && system != resolved.image_system {
        // Workers that lag behind would be made of the image they have, and set up for another.
        let text = format!("nodes cannot become {system} in the middle of an upgrade");
        let remedy = "change architecture and kubeadm.format back, or wait for the upgrade's end";
        let object = "spec.kubeadm.format";
        reasons.push(reason(
            ReasonCode::ImageUnusable,
            object,
            text,
            remedy.to_owned(),
        ));
        return;
    }
    match find(
        of_cluster(spec, spec.version),
        inventory,
        rules,
        "spec.image",
    ) {
        Ok(image) => {
            resolved.image_id = Some(image.id);
            resolved.image_name = Some(image.name);
            resolved.image_asked = wanted.map(str::to_owned);
            resolved.image_system = system;
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

/// The images of pools that name their own, or are of another version than the cluster.
pub(super) fn pools(
    spec: &WorkloadClusterSpec,
    inventory: &Inventory,
    rules: &NodeImageRules,
    resolved: &mut Resolved,
    reasons: &mut Vec<Reason>,
) {
    let own = |pool: &str| spec.pool(pool).is_some_and(WorkerPool::has_own_image);
    resolved.pool_images.retain(|pool, _| own(pool));
    // Workers that lag behind keep what they were made of.
    let lagging = resolved.workers.as_ref().map(|image| image.version);
    for pool in spec.workers.iter().filter(|pool| pool.has_own_image()) {
        // A pool of another version has no use for an image that the cluster names for its own.
        let wanted = pool.image.as_deref();
        let asked = wanted.unwrap_or_default();
        let lagging = lagging.filter(|_| pool.version.is_none());
        let version = pool.version.or(lagging).unwrap_or(spec.version);
        let pinned = resolved.pool_images.get(&pool.name);
        let system = spec.system(Some(pool));
        let still = |image: &PoolImage| {
            image.version == version
                && image.system == system
                && (image.asked == asked || lagging.is_some())
        };
        if pinned.is_some_and(still) {
            continue;
        }
        let wish = ImageWish {
            version,
            named: wanted,
            system,
        };
        match find(wish, inventory, rules, &object(pool)) {
            Ok(image) => {
                let image = PoolImage {
                    asked: asked.to_owned(),
                    version,
                    system,
                    id: image.id,
                };
                resolved.pool_images.insert(pool.name.clone(), image);
            }
            Err(reason) => reasons.push(reason),
        }
    }
}

/// What is missing for the moves of an upgrade: each needs an image of its version, and pools that name theirs one more.
pub fn missing(
    wish: &WorkloadClusterSpec,
    moves: &[Move],
    inventory: &Inventory,
    rules: &NodeImageRules,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for one in moves {
        let version = one.version();
        match one {
            Move::ControlPlane(_) => {
                let wish = of_cluster(wish, version);
                reasons.extend(find(wish, inventory, rules, "spec.image").err());
            }
            Move::Workers(_) => {
                for pool in moving(wish) {
                    let wish = of_pool(wish, pool, version);
                    if wish.named.is_some() || pool.architecture.is_some() {
                        reasons.extend(find(wish, inventory, rules, &object(pool)).err());
                    }
                }
            }
        }
    }
    reasons
}

/// Looks up the image of the next move and writes down that the move begins.
///
/// # Errors
/// That there is no such image (any more); nothing is written down then.
pub fn begin(
    wish: &WorkloadClusterSpec,
    next: Move,
    inventory: &Inventory,
    rules: &NodeImageRules,
    resolved: &mut Resolved,
) -> Result<(), Reason> {
    let version = next.version();
    let of_cluster = of_cluster(wish, version);
    let found = find(of_cluster, inventory, rules, "spec.image")?;
    if matches!(next, Move::Workers(_)) {
        let mut images = resolved.pool_images.clone();
        for pool in moving(wish) {
            let wish = of_pool(wish, pool, version);
            let image = PoolImage {
                asked: pool.image.clone().unwrap_or_default(),
                version,
                system: wish.system,
                id: find(wish, inventory, rules, &object(pool))?.id,
            };
            images.insert(pool.name.clone(), image);
        }
        resolved.pool_images = images;
    }
    let image = NodeImage {
        version,
        id: found.id,
    };
    let asked = of_cluster.named.map(str::to_owned);
    take(next, image, found.name, asked, resolved);
    Ok(())
}

/// The image of the cluster in that version. On the way to another version it is the image of the version; what the spec names
/// belongs to the goal.
fn of_cluster(wish: &WorkloadClusterSpec, version: KubernetesVersion) -> ImageWish<'_> {
    ImageWish {
        version,
        named: wish.image.as_deref().filter(|_| version == wish.version),
        system: wish.system(None),
    }
}

/// That of a pool, likewise.
fn of_pool<'a>(
    wish: &'a WorkloadClusterSpec,
    pool: &'a WorkerPool,
    version: KubernetesVersion,
) -> ImageWish<'a> {
    ImageWish {
        version,
        named: pool.image.as_deref().filter(|_| version == wish.version),
        system: wish.system(Some(pool)),
    }
}

/// Pools with an image of their own that has to change with the cluster's version.
fn moving(wish: &WorkloadClusterSpec) -> impl Iterator<Item = &WorkerPool> {
    let own = |pool: &&WorkerPool| pool.image.is_some() || pool.architecture.is_some();
    wish.workers.iter().filter(own)
}

fn object(pool: &WorkerPool) -> String {
    format!("spec.workers[{}].image", pool.name)
}

fn find(
    wish: ImageWish<'_>,
    inventory: &Inventory,
    rules: &NodeImageRules,
    object: &str,
) -> Result<ImageCandidate, Reason> {
    let images: Vec<ImageCandidate> = inventory.images.iter().map(candidate).collect();
    let found = node_image(rules, &images, wish);
    found.cloned().map_err(|error| {
        let (message, hint) = (error.to_string(), error.hint());
        reason(ReasonCode::ImageUnusable, object, message, hint)
    })
}

/// An image as the rules of the catalogue want it.
pub fn candidate(image: &Image) -> ImageCandidate {
    ImageCandidate {
        id: image.id.clone(),
        name: image.label().to_owned(),
        active: image.is_usable(),
        properties: ImageCandidate::ARCHITECTURE
            .into_iter()
            .chain(["kube_version", ImageCandidate::DISTRIBUTION])
            .filter_map(|key| Some((key.to_owned(), image.property(key)?.to_owned())))
            .collect(),
        created_at: image
            .created_at
            .map(|at| at.to_string())
            .unwrap_or_default(),
    }
}
