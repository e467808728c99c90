//! Which image of a cloud carries a Kubernetes version.

use std::collections::BTreeMap;

use capstan_spec::KubernetesVersion;
use serde::Deserialize;

/// How node images are recognised.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeImageRules {
    /// Property whose value is the Kubernetes version.
    property: String,
    /// Names with `{version}` in them, the most wanted first.
    names: Vec<String>,
}

/// An image as the cloud lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageCandidate {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Whether servers can be made of it.
    pub active: bool,
    /// Properties.
    pub properties: BTreeMap<String, String>,
    /// When it was made, as RFC 3339 in UTC, which sorts by time.
    pub created_at: String,
}

/// Why no image can be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeImageError {
    /// None carries the version.
    #[error("failed to find an image with Kubernetes {version}")]
    NoneForVersion {
        /// The version.
        version: KubernetesVersion,
        /// Versions that images of the cloud carry, newest first.
        available: Vec<KubernetesVersion>,
    },
    /// None has the name or id.
    #[error("failed to find image {wanted:?}")]
    NotFound {
        /// Name or id.
        wanted: String,
        /// The name that comes nearest.
        nearest: Option<String>,
    },
    /// Several have the name.
    #[error("failed to choose an image: {count} are named {wanted:?}")]
    Ambiguous {
        /// The name.
        wanted: String,
        /// How many.
        count: usize,
    },
    /// It is there, but not active.
    #[error("failed to use image {name:?}: it is not active")]
    NotActive {
        /// Its name.
        name: String,
    },
    /// It says that it carries another version.
    #[error(
        "failed to use image {name:?}: it carries Kubernetes {carries}, and {wanted} is wanted"
    )]
    OtherVersion {
        /// Its name.
        name: String,
        /// What it says.
        carries: KubernetesVersion,
        /// What is wanted.
        wanted: KubernetesVersion,
    },
}

impl NodeImageError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoneForVersion { available, .. } if available.is_empty() => {
                "register a node image (capstan image register), or name one by OPENSTACK_IMAGE_NAME"
                    .to_owned()
            }
            Self::NoneForVersion { available, .. } => {
                let versions: Vec<_> = available.iter().map(ToString::to_string).collect();
                format!("images of this cloud carry {}", versions.join(", "))
            }
            Self::NotFound {
                nearest: Some(nearest),
                ..
            } => format!("did you mean {nearest}?"),
            Self::NotFound { nearest: None, .. } => {
                "list the node images with capstan image list".to_owned()
            }
            Self::Ambiguous { .. } => "give the id instead".to_owned(),
            Self::NotActive { .. } => "wait until it is, or take another one".to_owned(),
            Self::OtherVersion { .. } => "change the version or the image".to_owned(),
        }
    }
}

impl NodeImageRules {
    /// The property whose value is the Kubernetes version.
    pub fn property(&self) -> &str {
        &self.property
    }

    /// The version that a name says, if it is one of ours.
    pub fn version_in_name(&self, name: &str) -> Option<KubernetesVersion> {
        self.names.iter().find_map(|pattern| {
            let (before, after) = pattern.split_once("{version}")?;
            name.strip_prefix(before)?.strip_suffix(after)?.parse().ok()
        })
    }

    /// The Kubernetes version an image carries: by its property, else by its name.
    pub fn version_of(&self, image: &ImageCandidate) -> Option<KubernetesVersion> {
        if let Some(property) = image.properties.get(&self.property) {
            return property.parse().ok();
        }
        self.version_in_name(&image.name)
    }

    /// Rank of an image's name; the smaller, the more wanted.
    fn rank(&self, image: &ImageCandidate, version: KubernetesVersion) -> usize {
        let version = version.to_string();
        self.names
            .iter()
            .position(|pattern| pattern.replace("{version}", &version) == image.name)
            .unwrap_or(self.names.len())
    }
}

/// Chooses the image for a version. `wanted` is name or id, as the spec gives it; without it, the image is found by the
/// version: names we know before others, the newest among equals.
///
/// An image named by the user that says nothing about its version is believed.
pub fn node_image<'a>(
    rules: &NodeImageRules,
    images: &'a [ImageCandidate],
    version: KubernetesVersion,
    wanted: Option<&str>,
) -> Result<&'a ImageCandidate, NodeImageError> {
    let image = match wanted {
        Some(wanted) => by_name(images, wanted)?,
        None => by_version(rules, images, version)?,
    };
    if !image.active {
        return Err(NodeImageError::NotActive {
            name: image.name.clone(),
        });
    }
    match rules.version_of(image) {
        Some(carries) if carries != version => Err(NodeImageError::OtherVersion {
            name: image.name.clone(),
            carries,
            wanted: version,
        }),
        _ => Ok(image),
    }
}

fn by_name<'a>(
    images: &'a [ImageCandidate],
    wanted: &str,
) -> Result<&'a ImageCandidate, NodeImageError> {
    if let Some(image) = images.iter().find(|image| image.id == wanted) {
        return Ok(image);
    }
    let found: Vec<_> = images.iter().filter(|image| image.name == wanted).collect();
    match found[..] {
        [image] => Ok(image),
        [] => Err(NodeImageError::NotFound {
            wanted: wanted.to_owned(),
            nearest: nearest(images, wanted),
        }),
        _ => Err(NodeImageError::Ambiguous {
            wanted: wanted.to_owned(),
            count: found.len(),
        }),
    }
}

fn by_version<'a>(
    rules: &NodeImageRules,
    images: &'a [ImageCandidate],
    version: KubernetesVersion,
) -> Result<&'a ImageCandidate, NodeImageError> {
    let carrying = images
        .iter()
        .filter(|image| rules.version_of(image) == Some(version));
    carrying
        .min_by(|one, other| {
            let key = |image: &ImageCandidate| (!image.active, rules.rank(image, version));
            key(one)
                .cmp(&key(other))
                .then_with(|| other.created_at.cmp(&one.created_at))
                .then_with(|| one.id.cmp(&other.id))
        })
        .ok_or_else(|| {
            let mut available: Vec<_> = images
                .iter()
                .filter_map(|image| rules.version_of(image))
                .collect();
            available.sort_unstable_by(|one, other| other.cmp(one));
            available.dedup();
            NodeImageError::NoneForVersion { version, available }
        })
}

fn nearest(images: &[ImageCandidate], wanted: &str) -> Option<String> {
    images
        .iter()
        .map(|image| {
            (
                strsim::normalized_damerau_levenshtein(&image.name, wanted),
                &image.name,
            )
        })
        .filter(|(similarity, _)| *similarity >= 0.6)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogue;

    fn image(id: &str, name: &str, kube_version: Option<&str>, created_at: &str) -> ImageCandidate {
        ImageCandidate {
            id: id.into(),
            name: name.into(),
            active: true,
            properties: kube_version
                .map(|v| ("kube_version".to_owned(), v.to_owned()))
                .into_iter()
                .collect(),
            created_at: created_at.into(),
        }
    }

    fn images() -> Vec<ImageCandidate> {
        vec![
            image("1", "debian-12", None, "2026-09-01T00:00:00Z"),
            image(
                "2",
                "ubuntu-capi-image-v1.36.3",
                None,
                "2026-09-01T00:00:00Z",
            ),
            image(
                "3",
                "ubuntu-capi-image-v1.35.5",
                None,
                "2026-08-01T00:00:00Z",
            ),
            image("4", "own", Some("v1.36.3"), "2026-10-01T00:00:00Z"),
            image(
                "5",
                "ubuntu-capi-image-v1.36.3",
                None,
                "2026-09-05T00:00:00Z",
            ),
        ]
    }

    fn choose(
        images: &[ImageCandidate],
        version: &str,
        wanted: Option<&str>,
    ) -> Result<String, NodeImageError> {
        let catalogue = Catalogue::bundled().unwrap();
        node_image(
            catalogue.node_image_rules(),
            images,
            version.parse().unwrap(),
            wanted,
        )
        .map(|image| image.id.clone())
    }

    #[test]
    fn by_version_a_known_name_wins_and_then_the_newest() {
        assert_eq!(choose(&images(), "v1.36.3", None).unwrap(), "5");
        let mut inactive = images();
        inactive[4].active = false;
        assert_eq!(choose(&inactive, "v1.36.3", None).unwrap(), "2");
        let only_property = vec![image("4", "own", Some("1.36.3"), "")];
        assert_eq!(choose(&only_property, "v1.36.3", None).unwrap(), "4");
    }

    #[test]
    fn a_missing_version_lists_what_there_is() {
        let error = choose(&images(), "v1.34.1", None).unwrap_err();
        assert_eq!(error.hint(), "images of this cloud carry v1.36.3, v1.35.5");
        assert!(
            choose(&[], "v1.34.1", None)
                .unwrap_err()
                .hint()
                .contains("register")
        );
    }

    #[test]
    fn a_named_image_is_taken_by_id_or_unique_name() {
        assert_eq!(choose(&images(), "v1.36.3", Some("4")).unwrap(), "4");
        assert_eq!(choose(&images(), "v1.36.3", Some("own")).unwrap(), "4");
        assert_eq!(
            choose(&images(), "v1.36.3", Some("debian-12")).unwrap(),
            "1"
        );
        let error = choose(&images(), "v1.36.3", Some("ubuntu-capi-image-v1.36.3")).unwrap_err();
        assert!(matches!(error, NodeImageError::Ambiguous { count: 2, .. }));
        let error = choose(&images(), "v1.36.3", Some("debain-12")).unwrap_err();
        assert_eq!(error.hint(), "did you mean debian-12?");
    }

    #[test]
    fn an_image_that_says_another_version_is_refused() {
        let error = choose(&images(), "v1.36.3", Some("3")).unwrap_err();
        assert!(
            matches!(error, NodeImageError::OtherVersion { .. }),
            "{error}"
        );
        let mut inactive = images();
        inactive[3].active = false;
        let error = choose(&inactive, "v1.36.3", Some("own")).unwrap_err();
        assert!(matches!(error, NodeImageError::NotActive { .. }));
    }
}
