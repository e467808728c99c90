//! Cinder: volumes and their types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Session,
    error::{Error, Kind},
    session::{Call, Removal, Service},
    wait::{Look, Wait, wait_for},
};

/// The volume service. By value everywhere: it is only a borrowed [`Session`].
#[derive(Debug, Clone, Copy)]
pub struct VolumeApi<'a>(pub(crate) &'a Session);

impl Session {
    /// The volume service.
    pub fn volume(&self) -> VolumeApi<'_> {
        VolumeApi(self)
    }
}

/// A volume.
#[derive(Debug, Clone, Deserialize)]
pub struct Volume {
    /// Id.
    pub id: String,
    /// Name, not unique.
    #[serde(default)]
    pub name: Option<String>,
    /// `creating`, `available`, `in-use`, `deleting`, `error` …
    pub status: String,
    /// Size in GiB.
    pub size: u64,
    /// Its type.
    #[serde(default)]
    pub volume_type: Option<String>,
    /// Identity, and whatever else its maker wrote.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Availability zone.
    #[serde(default)]
    pub availability_zone: Option<String>,
    /// Whether a server can boot from it; Cinder writes it as text.
    #[serde(default)]
    pub bootable: String,
}

/// A type of volumes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VolumeType {
    /// Id.
    pub id: String,
    /// Name, unique.
    pub name: String,
}

/// What a new volume shall be.
#[derive(Debug, Clone, Default, Serialize)]
pub struct VolumeCreate {
    /// Name.
    pub name: String,
    /// Size in GiB.
    pub size: u64,
    /// Identity, and whatever else.
    pub metadata: BTreeMap<String, String>,
    /// Type; `None` lets the cloud choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<String>,
    /// Image to fill it with.
    #[serde(rename = "imageRef", skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// Availability zone; `None` lets the cloud choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
}

/// Limits and use of the project, as Cinder counts them. `-1` means unlimited.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Limits {
    pub(crate) max_total_volumes: i64,
    pub(crate) total_volumes_used: u64,
    pub(crate) max_total_volume_gigabytes: i64,
    pub(crate) total_gigabytes_used: u64,
}

impl VolumeApi<'_> {
    /// Every volume of the project.
    pub async fn volumes(self) -> Result<Vec<Volume>, Error> {
        self.0
            .list(
                Call::list(Service::Volume, &["volumes", "detail"], "volumes"),
                "volumes",
            )
            .await
    }

    /// The volumes that carry all of these metadata.
    pub async fn volumes_with_metadata(
        self,
        wanted: &[(&str, &str)],
    ) -> Result<Vec<Volume>, Error> {
        let has = |volume: &Volume| {
            wanted
                .iter()
                .all(|(key, value)| volume.metadata.get(*key).is_some_and(|have| have == value))
        };
        Ok(self.volumes().await?.into_iter().filter(has).collect())
    }

    /// One volume.
    pub async fn volume(self, id: &str) -> Result<Volume, Error> {
        self.0
            .fetch(
                &Call::read(Service::Volume, &["volumes", id], format!("volume {id}")),
                Some("volume"),
            )
            .await
    }

    /// Asks for a volume; see [`wait_for_volume`](Self::wait_for_volume).
    pub async fn create_volume(self, new: &VolumeCreate) -> Result<Volume, Error> {
        let object = format!("volume {}", new.name);
        let call = Call::create(
            Service::Volume,
            &["volumes"],
            object,
            json!({ "volume": new }),
        );
        self.0.fetch(&call, Some("volume")).await
    }

    /// Deletes a volume; see [`wait_for_volume_gone`](Self::wait_for_volume_gone).
    pub async fn delete_volume(self, id: &str) -> Result<Removal, Error> {
        self.0
            .remove(&Call::delete(
                Service::Volume,
                &["volumes", id],
                format!("volume {id}"),
            ))
            .await
    }

    /// Waits until a volume is `available`; any state of error is [`Kind::Failed`].
    pub async fn wait_for_volume(self, id: &str, wait: Wait) -> Result<Volume, Error> {
        wait_for(format_args!("volume {id}"), wait, || async move {
            let volume = self.volume(id).await?;
            match volume.status.as_str() {
                "available" => Ok(Look::Done(volume)),
                status if status.starts_with("error") => Err(failed("create", id, status)),
                status => Ok(Look::Pending(status.to_owned())),
            }
        })
        .await
    }

    /// Waits until a volume is gone; one that cannot be deleted is [`Kind::Failed`].
    pub async fn wait_for_volume_gone(self, id: &str, wait: Wait) -> Result<(), Error> {
        wait_for(
            format_args!("the end of volume {id}"),
            wait,
            || async move {
                match self.volume(id).await {
                    Err(error) if error.is_not_found() => Ok(Look::Done(())),
                    Err(error) => Err(error),
                    Ok(volume) if volume.status == "error_deleting" => {
                        Err(failed("delete", id, &volume.status))
                    }
                    Ok(volume) => Ok(Look::Pending(volume.status)),
                }
            },
        )
        .await
    }

    /// Every type of volumes the project may use.
    pub async fn volume_types(self) -> Result<Vec<VolumeType>, Error> {
        self.0
            .list(
                Call::list(Service::Volume, &["types"], "volume types"),
                "volume_types",
            )
            .await
    }

    /// Names of the availability zones that are available, sorted.
    pub async fn availability_zones(self) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Zone {
            zone_name: String,
            zone_state: State,
        }
        #[derive(Deserialize)]
        struct State {
            available: bool,
        }
        let call = Call::list(
            Service::Volume,
            &["os-availability-zone"],
            "volume availability zones",
        );
        let zones: Vec<Zone> = self.0.fetch(&call, Some("availabilityZoneInfo")).await?;
        let mut names: Vec<_> = zones
            .into_iter()
            .filter(|zone| zone.zone_state.available)
            .map(|zone| zone.zone_name)
            .collect();
        names.sort();
        Ok(names)
    }

    pub(crate) async fn limits(self) -> Result<Limits, Error> {
        #[derive(Deserialize)]
        struct Body {
            absolute: Limits,
        }
        let call = Call::read(Service::Volume, &["limits"], "volume limits");
        Ok(self.0.fetch::<Body>(&call, Some("limits")).await?.absolute)
    }
}

fn failed(verb: &'static str, id: &str, status: &str) -> Error {
    Error::new(
        Kind::Failed,
        verb,
        format!("volume {id}"),
        format!("Cinder left it in state {status}"),
    )
}
