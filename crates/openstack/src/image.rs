//! Glance: images.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Session,
    error::Error,
    session::{Call, Removal, Service},
};

/// How Glance wants its changes (API v2.1 of JSON Patch for images).
const JSON_PATCH: &str = "application/openstack-images-v2.1-json-patch";

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
    /// `qcow2`, `raw` …; nothing as long as nobody said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_format: Option<String>,
    /// What its hash was made with, `sha512` unless the cloud's operator chose another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_hash_algo: Option<String>,
    /// Hash of what is stored, once it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_hash_value: Option<String>,
    /// Whether Glance refuses to delete it.
    #[serde(default)]
    pub protected: bool,
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

    /// Why the cloud could not fetch it: the stores that Glance lists as failed.
    pub fn failed_import(&self) -> Option<&str> {
        self.property("os_glance_failed_import")
            .filter(|stores| !stores.is_empty())
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

/// A wish for an image, without its content.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ImageCreate {
    /// Name.
    pub name: String,
    /// `qcow2`, `raw` …
    pub disk_format: String,
    /// `bare`: nothing around the disk.
    pub container_format: String,
    /// Smallest root disk in GiB.
    pub min_disk: u64,
    /// Smallest memory in MiB.
    pub min_ram: u64,
    /// Whether it is left out of the usual lists.
    pub os_hidden: bool,
    /// `public`, `private`, `shared`, `community`.
    pub visibility: String,
    /// Tags.
    pub tags: Vec<String>,
    /// Properties.
    #[serde(flatten)]
    pub properties: BTreeMap<String, String>,
}

/// A change of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageChange {
    /// Sets a property or field, whatever it was.
    Set(String, Value),
    /// Takes a property away, which must be there.
    Remove(String),
}

impl ImageChange {
    fn operation(&self) -> Value {
        let path = |name: &str| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        match self {
            // Fields of Glance's own are always there; of properties, "add" replaces what is there in this form of JSON Patch.
            Self::Set(name, value)
                if ["name", "os_hidden", "visibility"].contains(&name.as_str()) =>
            {
                json!({"op": "replace", "path": path(name), "value": value})
            }
            Self::Set(name, value) => json!({"op": "add", "path": path(name), "value": value}),
            Self::Remove(name) => json!({"op": "remove", "path": path(name)}),
        }
    }
}

/// What the project may still store, where the cloud says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Usage {
    /// Limit; negative is none.
    pub limit: i64,
    /// What is used of it.
    pub usage: i64,
}

impl ImageApi<'_> {
    /// Makes the record of an image, which is `queued` until its content comes.
    pub async fn create(self, wish: &ImageCreate) -> Result<Image, Error> {
        let body = serde_json::to_value(wish).unwrap_or_default();
        let object = format!("image {}", wish.name);
        self.0
            .fetch(
                &Call::create(Service::Image, &["images"], object, body),
                None,
            )
            .await
    }

    /// Sends the content of an image: `length` octets, within `limit`. Tried once, because the stream cannot be had again;
    /// whatever goes wrong leaves an image that is not `active`, or one whose hash says that it is not whole.
    pub async fn upload(
        self,
        id: &str,
        content: impl Into<reqwest::Body>,
        length: u64,
        limit: Duration,
    ) -> Result<(), Error> {
        let call = Call::update(
            Service::Image,
            &["images", id, "file"],
            format!("image {id}"),
            Value::Null,
        )
        .verb("upload");
        self.0
            .send_stream(&call, content.into(), length, limit)
            .await
            .map(drop)
    }

    /// How the cloud can be given content, for example `web-download`.
    pub async fn import_methods(self) -> Result<Vec<String>, Error> {
        let call = Call::read(Service::Image, &["info", "import"], "ways to import images");
        let mut answer: Value = self.0.fetch(&call, Some("import-methods")).await?;
        Ok(serde_json::from_value(answer["value"].take()).unwrap_or_default())
    }

    /// Has the cloud fetch the content of a queued image itself.
    pub async fn import_from(self, id: &str, url: &str) -> Result<(), Error> {
        let body = json!({"method": {"name": "web-download", "uri": url}});
        let call = Call::create(
            Service::Image,
            &["images", id, "import"],
            format!("image {id}"),
            body,
        );
        self.0.run(&call.verb("import")).await
    }

    /// Changes an image.
    pub async fn update(self, id: &str, changes: &[ImageChange]) -> Result<Image, Error> {
        let body = changes.iter().map(ImageChange::operation).collect();
        let call = Call::patch(
            Service::Image,
            &["images", id],
            format!("image {id}"),
            body,
            JSON_PATCH,
        );
        // "add" twice is as good as once.
        let removes = changes
            .iter()
            .any(|change| matches!(change, ImageChange::Remove(_)));
        let call = if removes { call } else { call.repeatable() };
        self.0.fetch(&call, None).await
    }

    /// Deletes an image and its content.
    pub async fn delete(self, id: &str) -> Result<Removal, Error> {
        self.0
            .remove(&Call::delete(
                Service::Image,
                &["images", id],
                format!("image {id}"),
            ))
            .await
    }

    /// Projects that an image is shared with.
    pub async fn members(self, id: &str) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Member {
            member_id: String,
        }
        let call = Call::read(
            Service::Image,
            &["images", id, "members"],
            format!("members of image {id}"),
        );
        let members: Vec<Member> = self.0.fetch(&call, Some("members")).await?;
        Ok(members.into_iter().map(|member| member.member_id).collect())
    }

    /// What the project's images take, in MiB; nothing where the cloud sets no limits or is too old to say.
    pub async fn usage(self) -> Result<Option<Usage>, Error> {
        let call = Call::read(Service::Image, &["info", "usage"], "usage of images");
        match self.0.fetch::<Value>(&call, Some("usage")).await {
            Ok(mut usage) => {
                Ok(serde_json::from_value(usage["image_size_total"].take()).unwrap_or_default())
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

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
