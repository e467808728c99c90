//! Glance: images. Uploading is not Capstan's business.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Session,
    error::Error,
    session::{Call, Service},
};

/// The image service. By value everywhere: it is only a borrowed [`Session`].
#[derive(Debug, Clone, Copy)]
pub struct ImageApi<'a>(pub(crate) &'a Session);

impl Session {
    /// The image service.
    pub fn image(&self) -> ImageApi<'_> {
        ImageApi(self)
    }
}

/// An image.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Image {
    /// Id.
    pub id: String,
    /// Name, not unique.
    #[serde(default)]
    pub name: Option<String>,
    /// `active` when it can be used.
    pub status: String,
    /// Whether it is left out of the usual lists.
    #[serde(default)]
    pub os_hidden: bool,
    /// `public`, `private`, `shared`, `community`.
    #[serde(default)]
    pub visibility: String,
    /// Owner.
    #[serde(default)]
    pub owner: Option<String>,
    /// Smallest root disk in GiB.
    #[serde(default)]
    pub min_disk: u64,
    /// Smallest memory in MiB.
    #[serde(default)]
    pub min_ram: u64,
    /// Size in bytes.
    #[serde(default)]
    pub size: Option<u64>,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<jiff::Timestamp>,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Everything else Glance knows, custom properties included; read it through [`Image::property`].
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

impl Image {
    /// A property, for example `os_distro` or `kube_version`.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.rest.get(name).and_then(Value::as_str)
    }

    /// Its name, or its id when it has none.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    /// Whether servers can be made from it.
    pub fn is_usable(&self) -> bool {
        self.status == "active"
    }
}

impl ImageApi<'_> {
    /// Images by filters, for example `("owner", id)`; without any all that the project sees.
    pub async fn images(self, filters: &[(&str, &str)]) -> Result<Vec<Image>, Error> {
        self.0
            .list(
                Call::list(Service::Image, &["images"], "images").filters(filters),
                "images",
            )
            .await
    }

    /// One image.
    pub async fn image(self, id: &str) -> Result<Image, Error> {
        self.0
            .fetch(
                &Call::read(Service::Image, &["images", id], format!("image {id}")),
                None,
            )
            .await
    }
}
