//! Which image of a cloud carries a Kubernetes version.

use std::collections::BTreeMap;

use capstan_spec::cluster::kubeadm::BootstrapFormat;
use capstan_spec::{Architecture, KubernetesVersion, NodeSystem};
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

impl ImageCandidate {
    /// Properties that an image's architecture is told by: that of Glance, and that which Nova's scheduler reads.
    pub const ARCHITECTURE: [&str; 2] = ["architecture", "hw_architecture"];
    /// Property that its distribution is told by.
    pub const DISTRIBUTION: &str = "os_distro";

    /// The architecture it says it is for. One we have no node for is another than any.
    fn architecture(&self) -> Option<Result<Architecture, &str>> {
        let said = Self::ARCHITECTURE
            .iter()
            .find_map(|key| self.properties.get(*key))?;
        Some(Architecture::of_image(said).ok_or(said))
    }

    /// What it says it is set up by.
    fn format(&self) -> Option<BootstrapFormat> {
        let distribution = self.properties.get(Self::DISTRIBUTION)?;
        Some(BootstrapFormat::of_distribution(distribution))
    }

    /// Whether it may be taken for what its version promises. What it does not say is what most images are.
    fn is(&self, system: NodeSystem) -> bool {
        let architecture = self
            .architecture()
            .unwrap_or_else(|| Ok(Architecture::default()));
        architecture == Ok(system.architecture)
            && self.format().unwrap_or_default() == system.format
    }
}

/// Which image is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageWish<'a> {
    /// The Kubernetes version.
    pub version: KubernetesVersion,
    /// Its name or id; without it the image is found by the rest.
    pub named: Option<&'a str>,
    /// What else it must be.
    pub system: NodeSystem,
}

/// Why no image can be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeImageError {
    /// None carries the version.
    #[error("failed to find an image with Kubernetes {version}{}", beside(*system))]
    NoneForVersion {
        /// The version.
        version: KubernetesVersion,
        /// What else it must be.
        system: NodeSystem,
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
    /// It says that it is for another processor.
    #[error("failed to use image {name:?}: it is for {is}, and {wanted} is wanted")]
    OtherArchitecture {
        /// Its name.
        name: String,
        /// What it says.
        is: String,
        /// What is wanted.
        wanted: Architecture,
    },
    /// Its distribution is set up by something else.
    #[error("failed to use image {name:?}: it is set up by {is}, and {wanted} is wanted")]
    OtherFormat {
        /// Its name.
        name: String,
        /// What it is set up by.
        is: BootstrapFormat,
        /// What is wanted.
        wanted: BootstrapFormat,
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
            Self::OtherArchitecture { .. } => "change architecture or the image".to_owned(),
            Self::OtherFormat { .. } => "change kubeadm.format or the image".to_owned(),
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

/// Chooses an image. Without a name it is found by the version: names we know before others, the newest among equals; one
/// that says nothing of its processor or distribution is taken for one for `amd64` that is set up by cloud-init.
///
/// An image named by the user is believed what it does not say.
pub fn node_image<'a>(
    rules: &NodeImageRules,
    images: &'a [ImageCandidate],
    wish: ImageWish<'_>,
) -> Result<&'a ImageCandidate, NodeImageError> {
    let image = match wish.named {
        Some(wanted) => by_name(images, wanted)?,
        None => by_version(rules, images, wish)?,
    };
    let name = || image.name.clone();
    if !image.active {
        return Err(NodeImageError::NotActive { name: name() });
    }
    let system = wish.system;
    let other = match image.architecture() {
        Some(Ok(is)) => (is != system.architecture).then_some(is.as_str()),
        Some(Err(unknown)) => Some(unknown),
        None => None,
    };
    if let Some(is) = other {
        return Err(NodeImageError::OtherArchitecture {
            name: name(),
            is: is.to_owned(),
            wanted: system.architecture,
        });
    }
    if let Some(is) = image.format().filter(|is| *is != system.format) {
        return Err(NodeImageError::OtherFormat {
            name: name(),
            is,
            wanted: system.format,
        });
    }
    match rules.version_of(image) {
        Some(carries) if carries != wish.version => Err(NodeImageError::OtherVersion {
            name: name(),
            carries,
            wanted: wish.version,
        }),
        _ => Ok(image),
    }
}

/// What is said of a system that is not the usual one.
fn beside(system: NodeSystem) -> String {
    if system == NodeSystem::default() {
        return String::new();
    }
    format!(" for {system}")
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
    wish: ImageWish<'_>,
) -> Result<&'a ImageCandidate, NodeImageError> {
    let (version, system) = (wish.version, wish.system);
    let such = || images.iter().filter(|image| image.is(system));
    let carrying = such().filter(|image| rules.version_of(image) == Some(version));
    carrying
        .min_by(|one, other| {
            let key = |image: &ImageCandidate| (!image.active, rules.rank(image, version));
            key(one)
                .cmp(&key(other))
                .then_with(|| other.created_at.cmp(&one.created_at))
                .then_with(|| one.id.cmp(&other.id))
        })
        .ok_or_else(|| {
            let mut available: Vec<_> =
                such().filter_map(|image| rules.version_of(image)).collect();
            available.sort_unstable_by(|one, other| other.cmp(one));
            available.dedup();
            NodeImageError::NoneForVersion {
                version,
                system,
                available,
            }
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
            ImageWish {
                version: version.parse().unwrap(),
                named: wanted,
                system: NodeSystem::default(),
            },
        )
        .map(|image| image.id.clone())
    }

    #[test]
    fn an_image_is_for_the_processor_and_the_format_that_are_wanted() {
        use Architecture::{Amd64, Arm64};
        use BootstrapFormat::{CloudConfig, Ignition};
        let of = |id: &str, properties: &[(&str, &str)]| {
            let mut image = image(id, id, Some("v1.36.3"), id);
            let properties = properties.iter();
            image
                .properties
                .extend(properties.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
            image
        };
        let images = [
            of("plain", &[]),
            of("arm", &[("architecture", "aarch64")]),
            of(
                "flatcar",
                &[("os_distro", "flatcar"), ("hw_architecture", "x86_64")],
            ),
            of("mainframe", &[("architecture", "s390x")]),
        ];
        let choose = |named, architecture, format| {
            let catalogue = Catalogue::bundled().unwrap();
            let wish = ImageWish {
                version: "v1.36.3".parse().unwrap(),
                named,
                system: NodeSystem {
                    architecture,
                    format,
                },
            };
            let found = node_image(catalogue.node_image_rules(), &images, wish);
            found.map(|image| image.id.clone())
        };
        assert_eq!(choose(None, Amd64, CloudConfig).unwrap(), "plain");
        assert_eq!(choose(None, Arm64, CloudConfig).unwrap(), "arm");
        assert_eq!(choose(None, Amd64, Ignition).unwrap(), "flatcar");
        let error = choose(None, Arm64, Ignition).unwrap_err();
        assert_eq!(
            error.to_string(),
            "failed to find an image with Kubernetes v1.36.3 for arm64 and Ignition (Flatcar)"
        );
        // What a named image does not say is believed.
        assert_eq!(choose(Some("plain"), Arm64, Ignition).unwrap(), "plain");
        let error = choose(Some("mainframe"), Amd64, CloudConfig).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("it is for s390x, and amd64 is wanted"),
            "{error}"
        );
        let error = choose(Some("flatcar"), Amd64, CloudConfig).unwrap_err();
        assert_eq!(error.hint(), "change kubeadm.format or the image");
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
