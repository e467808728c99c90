//! The images that a cloud has, and taking one away.

use std::collections::BTreeMap;

use capstan_catalog::image_metadata::{DIGEST, TAG, UNFINISHED};
use capstan_catalog::{ImageCandidate, NodeImageRules};
use capstan_openstack::image::Image;
use capstan_openstack::{Removal, Session};
use capstan_plan::images::KnownImage;
use capstan_workload::image_use::ImageUse;
use capstan_workload::resolve::candidate;

use super::ImagesError;

/// An image with what is known of it.
#[derive(Debug, Clone)]
pub struct Stocked {
    /// As the cloud lists it.
    pub image: Image,
    /// As plans want it.
    pub known: KnownImage,
}

/// Every image the project sees, hidden ones of its own included, by name and newest first. `users` says who uses which;
/// servers of the project are counted here.
///
/// # Errors
/// When the cloud cannot be asked: what could not be looked at is never taken for unused.
pub async fn stock(
    session: &Session,
    rules: &NodeImageRules,
    users: &ImageUse,
) -> Result<Vec<Stocked>, ImagesError> {
    let (api, project) = (session.image(), session.project_id());
    let hidden = [("os_hidden", "true"), ("owner", project)];
    let (shown, hidden, servers) = tokio::try_join!(
        api.images(&[]),
        api.images(&hidden),
        session.compute().servers()
    )?;
    let mut running: BTreeMap<&str, usize> = BTreeMap::new();
    for server in servers.iter().filter(|server| !server.is_gone()) {
        if let Some(image) = &server.image {
            *running.entry(image).or_default() += 1;
        }
    }
    let mut all = Vec::new();
    for image in shown.into_iter().chain(hidden) {
        let mut known = known(&image, project, rules);
        known.users = users.of(&image.id, image.label());
        if known.users.is_empty()
            && let Some(count) = running.get(image.id.as_str())
        {
            known.users.push(match count {
                1 => "a server of the project".to_owned(),
                count => format!("{count} servers of the project"),
            });
        }
        if known.ours && image.visibility == "shared" {
            let members = api.members(&image.id).await?;
            known.seen_by =
                (!members.is_empty()).then(|| format!("shared with {}", members.join(", ")));
        }
        all.push(Stocked { image, known });
    }
    all.sort_by(|one, other| {
        let key = |stocked: &Stocked| stocked.known.name.clone();
        key(one)
            .cmp(&key(other))
            .then_with(|| other.known.created_at.cmp(&one.known.created_at))
    });
    Ok(all)
}

/// An image as plans want it, without its users.
pub(super) fn known(image: &Image, project: &str, rules: &NodeImageRules) -> KnownImage {
    let candidate: ImageCandidate = candidate(image);
    let digest = image.property(DIGEST).map(str::to_owned);
    let tagged = image.tags.iter().any(|tag| tag == TAG);
    KnownImage {
        kubernetes: rules.version_of(&candidate),
        id: candidate.id,
        name: candidate.name,
        ours: tagged && digest.is_some() && image.owner.as_deref() == Some(project),
        digest,
        raw: image.disk_format.as_deref() == Some("raw"),
        unfinished: image.property(UNFINISHED).map(str::to_owned),
        active: candidate.active,
        hidden: image.os_hidden,
        protected: image.protected,
        seen_by: ["public", "community"]
            .contains(&image.visibility.as_str())
            .then(|| image.visibility.clone()),
        architecture: image
            .property("architecture")
            .unwrap_or_default()
            .to_owned(),
        created_at: candidate.created_at,
        users: Vec::new(),
    }
}

/// Deletes an image by its id. That it may go was said by [`capstan_plan::images`].
pub async fn remove(session: &Session, id: &str) -> Result<Removal, ImagesError> {
    Ok(session.image().delete(id).await?)
}
