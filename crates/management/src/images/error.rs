//! What goes wrong with images.

use std::path::PathBuf;

use capstan_catalog::digest::{Digest, DigestError};
use capstan_catalog::disk::DiskError;
use capstan_plan::images::RegistrationError;

use crate::error::{Category, cloud_category};

/// See [`ImagesError::category`] and [`ImagesError::hint`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImagesError {
    /// The cloud.
    #[error(transparent)]
    Cloud(#[from] capstan_openstack::Error),
    /// The name is taken, or somebody else is at it.
    #[error(transparent)]
    Refused(#[from] RegistrationError),
    /// What was fetched is no disk image.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The list of checksums does not know the file.
    #[error(transparent)]
    Sum(#[from] DigestError),
    /// Properties that the standard does not know.
    #[error("failed to describe the image: {}", .0.join("; "))]
    Metadata(Vec<String>),
    /// The source does not answer, or breaks off.
    #[error("failed to fetch {url}")]
    Source {
        /// Where, without what could be secret.
        url: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What was fetched is not what was meant.
    #[error(
        "failed to check what {url} gave: {found} was found, and {expected} was given; nothing of it was kept"
    )]
    Mismatch {
        /// Where, without what could be secret.
        url: String,
        /// As given.
        expected: Digest,
        /// As found.
        found: Digest,
    },
    /// What is stored is not what was sent.
    #[error(
        "failed to check what the cloud stored: its {algorithm} is {stored}, and {sent} was sent; the image is deleted"
    )]
    Stored {
        /// How the hash is made.
        algorithm: String,
        /// The cloud's.
        stored: String,
        /// Ours.
        sent: String,
    },
    /// A way of importing that the cloud does not have, or that cannot be checked.
    #[error("failed to have the cloud fetch the image: {0}")]
    Import(String),
    /// The quota for images.
    #[error(
        "failed to find room for the image: it takes {need} MiB, and {free} of {limit} MiB are free"
    )]
    Quota {
        /// MiB that are needed.
        need: u64,
        /// MiB that are free.
        free: u64,
        /// The limit.
        limit: i64,
    },
    /// No converter.
    #[error("failed to convert the image: there is no qemu-img on this machine")]
    NoConverter,
    /// The converter.
    #[error("failed to convert the image: {0}")]
    Convert(String),
    /// Another process on this machine.
    #[error("failed to register image {0}: another capstan on this machine is at it")]
    Busy(String),
    /// A file of ours.
    #[error("failed to use {}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What is left after something else went wrong.
    #[error("failed to delete image {id}, which is of no use")]
    Left {
        /// Its id.
        id: String,
        /// What went wrong before, and with deleting.
        #[source]
        source: Box<Self>,
    },
}

impl ImagesError {
    /// What kind of trouble it is.
    pub fn category(&self) -> Category {
        match self {
            Self::Cloud(error) => cloud_category(error.kind()),
            Self::Refused(_) | Self::Busy(_) => Category::Conflict,
            Self::Disk(_) | Self::Sum(_) | Self::Metadata(_) | Self::Mismatch { .. } => {
                Category::Input
            }
            Self::Source { .. } => Category::Unreachable,
            Self::Quota { .. } => Category::Quota,
            Self::Left { .. } => Category::Left,
            Self::NoConverter | Self::Import(_) => Category::Input,
            Self::Stored { .. } | Self::Convert(_) | Self::File { .. } => Category::Failed,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Cloud(error) => return error.hint().map(str::to_owned),
            Self::Refused(error) => error.hint(),
            Self::Disk(error) => error.hint(),
            Self::Sum(DigestError::NotListed { .. }) => {
                "give the list that the image's publisher has beside it, or the checksum itself"
            }
            Self::Sum(DigestError::Text(_)) => "write sha256:HEX, sha512:HEX, or the URL of a list",
            Self::Metadata(_) => "capstan image register --help says which flag is which property",
            Self::Source { .. } => {
                "look whether the URL can be reached from here; the same command again begins anew"
            }
            Self::Mismatch { .. } => {
                "look whether the checksum belongs to this very file; if it does, do not use what the URL gives"
            }
            Self::Stored { .. } => "the same command again begins anew",
            Self::Import(_) => "leave --web-download out: then the image goes through this machine",
            Self::Quota { .. } => {
                "capstan image expire makes room; or ask the cloud's operator for more (image_size_total)"
            }
            Self::NoConverter => {
                "install it (Debian, Ubuntu: apt install qemu-utils), or leave --raw out: the image is then stored as it is"
            }
            Self::Convert(_) => {
                "look whether there is room on the disk, and whether the image is whole"
            }
            Self::Busy(_) => "wait for it",
            Self::File { .. } => {
                "look whether there is room on the disk; $XDG_CACHE_HOME says where"
            }
            Self::Left { .. } => {
                "the same command again deletes it first; it is hidden and no cluster takes it"
            }
        };
        Some(hint.to_owned())
    }
}
