//! Which versions of what fit together, and where their artifacts come from.
//!
//! The versions are data (`data/catalogue.yaml`), built into the binary; the rules are here. No I/O: a URL is told, not
//! fetched.
//!
//! | module | answers |
//! |---|---|
//! | [`Catalogue`] | what belongs to a Kubernetes version; whether a management server can run it |
//! | [`artifact`] | where a file comes from, with and without a mirror |
//! | [`image`] | which container image is meant, with and without a mirror |
//! | [`digest`] | which checksum a file shall have |
//! | [`disk`] | what a disk image is |
//! | [`image_metadata`] | what a node image says of itself |
//! | [`node_image`] | which Glance image carries a Kubernetes version |

pub mod artifact;
mod catalogue;
pub mod digest;
pub mod disk;
pub mod image;
pub mod image_metadata;
pub mod node_image;

pub use artifact::Artifact;
pub use capstan_spec::Architecture;
pub use catalogue::{
    Catalogue, CatalogueError, KubeadmImages, KubernetesRelease, Line, Lines, Management,
};
pub use digest::{Digest, HashAlgorithm};
pub use disk::{Disk, DiskFormat};
pub use image::ImageReference;
pub use image_metadata::ImageMetadata;
pub use node_image::{ImageCandidate, ImageWish, NodeImageError, NodeImageRules, node_image};
