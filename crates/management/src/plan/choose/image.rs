//! The image, how it comes, and the Kubernetes it brings.

use capstan_openstack::Inventory;
use capstan_openstack::image::Image;

use super::super::{ImageKind, Question};
use crate::error::Error;
use crate::settings::Settings;

/// Kubernetes of a vanilla image, unless chosen.
const KUBERNETES_VERSION: &str = "v1.36.3";

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

pub(super) fn image<'a>(
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
        proposal: None,
    });
    Ok(None)
}

pub(super) fn kubernetes_version(
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
