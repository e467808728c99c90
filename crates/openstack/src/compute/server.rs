//! Servers: making, finding, removing.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::ComputeApi;
use crate::{
    error::{Error, Kind},
    session::{Call, Removal, Service},
    wait::{Look, Wait, wait_for},
};

/// Nova refuses user data that is longer than this in base64 (`MAX_USERDATA_SIZE` in nova/objects/instance.py).
const MOST_USER_DATA: usize = 65_535;

/// A server.
#[derive(Debug, Clone, Deserialize)]
pub struct Server {
    /// Id.
    pub id: String,
    /// Name, not unique.
    pub name: String,
    /// `BUILD`, `ACTIVE`, `ERROR`, `SHUTOFF`, `REBOOT`, `DELETED`, `SOFT_DELETED` …
    pub status: String,
    /// What is being done to it, for example `spawning`.
    #[serde(default, rename = "OS-EXT-STS:task_state")]
    pub task_state: Option<String>,
    /// Availability zone.
    #[serde(default, rename = "OS-EXT-AZ:availability_zone")]
    pub availability_zone: Option<String>,
    /// A name for its host that differs per project: equal means the same host.
    #[serde(default, rename = "hostId")]
    pub host_id: String,
    /// Identity and whatever else its maker wrote.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Addresses by network name.
    #[serde(default)]
    pub addresses: BTreeMap<String, Vec<Address>>,
    /// Its flavor as it was when the server was made.
    #[serde(default)]
    pub flavor: FlavorUsed,
    /// Id of its image; `None` when it boots from a volume.
    #[serde(default, deserialize_with = "image_id")]
    pub image: Option<String>,
    /// Its keypair.
    #[serde(default)]
    pub key_name: Option<String>,
    /// Why it is in `ERROR`.
    #[serde(default)]
    pub fault: Option<Fault>,
    /// When it was made.
    #[serde(default)]
    pub created: Option<jiff::Timestamp>,
    /// Ids of its volumes.
    #[serde(default, rename = "os-extended-volumes:volumes_attached")]
    pub volumes: Vec<AttachedVolume>,
    /// Ids of its server groups; only in the answer for one.
    #[serde(default)]
    pub server_groups: Vec<String>,
}

/// An address of a server.
#[derive(Debug, Clone, Deserialize)]
pub struct Address {
    /// The address.
    pub addr: String,
    /// `fixed` or `floating`.
    #[serde(default, rename = "OS-EXT-IPS:type")]
    pub kind: String,
}

/// A flavor inside a server.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct FlavorUsed {
    /// Name.
    #[serde(default, rename = "original_name")]
    pub name: String,
    /// Virtual processors.
    #[serde(default)]
    pub vcpus: u32,
    /// Memory in MiB.
    #[serde(default)]
    pub ram: u64,
    /// Root disk in GiB.
    #[serde(default)]
    pub disk: u64,
}

/// A volume of a server.
#[derive(Debug, Clone, Deserialize)]
pub struct AttachedVolume {
    /// Id.
    pub id: String,
    /// Whether it goes with the server.
    #[serde(default)]
    pub delete_on_termination: bool,
}

/// Why a server failed, in Nova's words.
#[derive(Debug, Clone, Deserialize)]
pub struct Fault {
    /// For example "No valid host was found.". A trace that a driver's error carries with it is cut off.
    #[serde(default, deserialize_with = "without_trace")]
    pub message: String,
    /// For operators.
    #[serde(default)]
    pub details: Option<String>,
}

fn without_trace<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let message = text.split("Traceback (most recent call last)").next();
    Ok(message.unwrap_or_default().trim_end().to_owned())
}

/// What a new server shall be.
#[derive(Debug, Clone, Default)]
pub struct ServerCreate {
    /// Name.
    pub name: String,
    /// Flavor's id.
    pub flavor_id: String,
    /// Image's id; `None` when it boots from one of the block devices.
    pub image_id: Option<String>,
    /// A keypair's name.
    pub key_name: Option<String>,
    /// For cloud-init, as it is read there; it is encoded for Nova here.
    pub user_data: Option<SecretString>,
    /// Identity, and whatever else. Nova takes letters, digits, `-`, `_`, `:`, `.` and spaces in keys, no `/`.
    pub metadata: BTreeMap<String, String>,
    /// What it is connected to; empty means nothing at all.
    pub networks: Vec<ServerNetwork>,
    /// Names of security groups for ports that Nova makes; ports given here have their own.
    pub security_groups: Vec<String>,
    /// Availability zone; `None` lets Nova choose.
    pub availability_zone: Option<String>,
    /// Server group's id.
    pub server_group: Option<String>,
    /// Disks beside or instead of the flavor's.
    pub block_devices: Vec<BlockDevice>,
    /// Whether user data comes on a disk as well; `None` lets the cloud choose.
    pub config_drive: Option<bool>,
    /// Tags.
    pub tags: Vec<String>,
}

/// What a new server is connected to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum ServerNetwork {
    /// A port by id; it stays when the server goes.
    #[serde(rename = "port")]
    Port(String),
    /// A network by id; Nova makes a port and deletes it with the server.
    #[serde(rename = "uuid")]
    Network(String),
}

/// A disk of a new server (block device mapping v2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlockDevice {
    /// 0 boots; -1 does not.
    pub boot_index: i32,
    /// `image`, `volume`, `snapshot` or `blank`.
    pub source_type: String,
    /// `volume` or `local`.
    pub destination_type: String,
    /// Id of the source; none for `blank`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Size in GiB, where a volume is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_size: Option<u64>,
    /// Type of the volume that is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<String>,
    /// Whether it goes with the server.
    pub delete_on_termination: bool,
}

impl BlockDevice {
    /// A boot volume made from an image, which goes with the server.
    pub fn boot_volume(image_id: &str, size: u64, volume_type: Option<&str>) -> Self {
        Self {
            boot_index: 0,
            source_type: "image".to_owned(),
            destination_type: "volume".to_owned(),
            uuid: Some(image_id.to_owned()),
            volume_size: Some(size),
            volume_type: volume_type.map(str::to_owned),
            delete_on_termination: true,
        }
    }

    /// A boot disk from a volume that exists and stays.
    pub fn existing_boot_volume(volume_id: &str) -> Self {
        Self {
            boot_index: 0,
            source_type: "volume".to_owned(),
            destination_type: "volume".to_owned(),
            uuid: Some(volume_id.to_owned()),
            volume_size: None,
            volume_type: None,
            delete_on_termination: false,
        }
    }
}

impl ServerCreate {
    fn body(&self) -> Result<Value, String> {
        let mut server = json!({
            "name": self.name,
            "flavorRef": self.flavor_id,
            "metadata": self.metadata,
            "networks": if self.networks.is_empty() { json!("none") } else { json!(self.networks) },
        });
        let mut set = |key: &str, value: Value| server[key] = value;
        if let Some(image) = &self.image_id {
            set("imageRef", image.as_str().into());
        }
        if let Some(key) = &self.key_name {
            set("key_name", key.as_str().into());
        }
        if let Some(zone) = &self.availability_zone {
            set("availability_zone", zone.as_str().into());
        }
        if let Some(data) = &self.user_data {
            let encoded = STANDARD.encode(data.expose_secret());
            if encoded.len() > MOST_USER_DATA {
                return Err(format!(
                    "its user data has {} bytes in base64; Nova takes {MOST_USER_DATA}",
                    encoded.len()
                ));
            }
            set("user_data", encoded.into());
        }
        if !self.security_groups.is_empty() {
            set(
                "security_groups",
                self.security_groups
                    .iter()
                    .map(|name| json!({ "name": name }))
                    .collect(),
            );
        }
        if !self.block_devices.is_empty() {
            set("block_device_mapping_v2", json!(self.block_devices));
        }
        if let Some(drive) = self.config_drive {
            set("config_drive", drive.into());
        }
        if !self.tags.is_empty() {
            set("tags", json!(self.tags));
        }
        let mut body = json!({ "server": server });
        if let Some(group) = &self.server_group {
            body["os:scheduler_hints"] = json!({ "group": group });
        }
        Ok(body)
    }
}

impl Server {
    /// Whether it is gone for every purpose: operators may keep deleted servers for a while.
    pub fn is_gone(&self) -> bool {
        matches!(self.status.as_str(), "DELETED" | "SOFT_DELETED")
    }

    /// Whether it carries all of these metadata.
    pub fn has_metadata(&self, wanted: &[(&str, &str)]) -> bool {
        wanted
            .iter()
            .all(|(key, value)| self.metadata.get(*key).is_some_and(|have| have == value))
    }

    /// The failure that its `ERROR` is.
    fn failed(&self, verb: &'static str) -> Error {
        let (message, details) = match &self.fault {
            Some(fault) => (
                fault.message.as_str(),
                fault.details.as_deref().unwrap_or_default(),
            ),
            None => ("it is in ERROR, and Nova does not say why", ""),
        };
        let quota = crate::error::says_quota(message) || crate::error::says_quota(details);
        let kind = if quota {
            Kind::QuotaExceeded
        } else {
            Kind::Failed
        };
        Error::new(kind, verb, format!("server {}", self.name), message)
    }
}

impl ComputeApi<'_> {
    /// Every server of the project.
    pub async fn servers(self) -> Result<Vec<Server>, Error> {
        self.0
            .list(
                Call::list(Service::Compute, &["servers", "detail"], "servers"),
                "servers",
            )
            .await
    }

    /// The servers that carry all of these metadata. Nova's own filters know names as patterns and metadata for
    /// administrators only, so the whole list is read and compared here.
    pub async fn servers_with_metadata(
        self,
        wanted: &[(&str, &str)],
    ) -> Result<Vec<Server>, Error> {
        let mut servers = self.servers().await?;
        servers.retain(|server| server.has_metadata(wanted) && !server.is_gone());
        Ok(servers)
    }

    /// One server.
    pub async fn server(self, id: &str) -> Result<Server, Error> {
        let call = Call::read(Service::Compute, &["servers", id], format!("server {id}"));
        self.0.fetch(&call, Some("server")).await
    }

    /// Asks for a server and returns its id; see [`wait_for_server`](Self::wait_for_server).
    pub async fn create_server(self, new: &ServerCreate) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Made {
            id: String,
        }
        let object = format!("server {}", new.name);
        let body = new
            .body()
            .map_err(|message| Error::new(Kind::BadRequest, "create", object.clone(), message))?;
        let call = Call::create(Service::Compute, &["servers"], object, body);
        Ok(self.0.fetch::<Made>(&call, Some("server")).await?.id)
    }

    /// Deletes a server; see [`wait_for_server_gone`](Self::wait_for_server_gone).
    pub async fn delete_server(self, id: &str) -> Result<Removal, Error> {
        self.0
            .remove(&Call::delete(
                Service::Compute,
                &["servers", id],
                format!("server {id}"),
            ))
            .await
    }

    /// Waits until a server is `ACTIVE`. One in `ERROR` is [`Kind::Failed`] (or [`Kind::QuotaExceeded`]) with Nova's
    /// fault as message.
    pub async fn wait_for_server(self, id: &str, wait: Wait) -> Result<Server, Error> {
        wait_for(format_args!("server {id}"), wait, || async move {
            let server = self.server(id).await?;
            match server.status.as_str() {
                "ACTIVE" => Ok(Look::Done(server)),
                "ERROR" => Err(server.failed("start")),
                status => Ok(Look::Pending(match &server.task_state {
                    Some(task) => format!("{status}, {task}"),
                    None => status.to_owned(),
                })),
            }
        })
        .await
    }

    /// Waits until a server is gone. One that ends in `ERROR` instead is [`Kind::Failed`].
    pub async fn wait_for_server_gone(self, id: &str, wait: Wait) -> Result<(), Error> {
        wait_for(
            format_args!("the end of server {id}"),
            wait,
            || async move {
                match self.server(id).await {
                    Err(error) if error.is_not_found() => Ok(Look::Done(())),
                    Err(error) => Err(error),
                    // Kept by the operator for a while. `DELETED` is a moment before the 404, when ports and
                    // volumes may still be held.
                    Ok(server) if server.status == "SOFT_DELETED" => Ok(Look::Done(())),
                    Ok(server) if server.status == "ERROR" && server.task_state.is_none() => {
                        Err(server.failed("delete"))
                    }
                    Ok(server) => Ok(Look::Pending(server.task_state.unwrap_or(server.status))),
                }
            },
        )
        .await
    }
}

/// Nova writes an empty string for "no image".
fn image_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.and_then(|value| value.get("id").and_then(Value::as_str).map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_a_sentence_not_a_trace() {
        let text = r#"{"message": "Build of instance x aborted: no initiator\nTraceback (most recent call last):\n  File"}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        assert_eq!(fault.message, "Build of instance x aborted: no initiator");
    }
}
