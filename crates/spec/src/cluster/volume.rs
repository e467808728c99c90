//! Cinder volumes of servers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults;

/// The volume a server boots from. With any field set the server boots from a volume even when its flavor has a disk;
/// a flavor without disk always needs one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RootVolume {
    /// Size in GiB. Without it 20, the SCS standard's smallest for etcd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_gib: Option<u32>,
    /// Name of the volume type. Without it Cinder's default.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Cinder availability zone; `machine` for the one named as the server's. Without it Cinder chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
}

/// A further volume of each server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// Name within the server; Nova's tag of the device.
    pub name: String,
    /// Size in GiB.
    pub size_gib: u32,
    /// Name of the volume type. Without it Cinder's default.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Cinder availability zone; `machine` for the one named as the server's. Without it Cinder chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// Directory it is mounted at, with an ext4 file system. Without it the volume stays raw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount_path: Option<String>,
    /// Device it appears as, needed for `mountPath`. The first volume beside the root is `/dev/vdb` with images of the
    /// bus virtio, and `/dev/sdb` with those of the bus scsi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// The volume of etcd, mounted at `/var/lib/etcd`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EtcdVolume {
    /// Size in GiB. etcd holds at most 8 GiB, and its log and snapshots as much again.
    #[serde(default = "defaults::etcd_volume_gib")]
    pub size_gib: u32,
    /// Name of the volume type. Without it Cinder's default; etcd wants a fast one.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Cinder availability zone; `machine` for the one named as the server's. Without it Cinder chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// Device it appears as: `/dev/vdb` with images of the bus virtio, `/dev/sdb` with those of the bus scsi.
    #[serde(default = "defaults::etcd_device")]
    pub device: String,
}

/// A volume beside the root, whatever it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataVolume<'a> {
    /// Name within the server.
    pub name: &'a str,
    /// Size in GiB.
    pub size_gib: u32,
    /// Volume type.
    pub kind: Option<&'a str>,
    /// Cinder availability zone.
    pub availability_zone: Option<&'a str>,
    /// Device and directory, when it is mounted.
    pub mount: Option<(&'a str, &'a str)>,
}

impl RootVolume {
    /// Whether a volume is wanted whatever the flavor has.
    pub fn is_wanted(&self) -> bool {
        *self != Self::default()
    }
}

impl<'a> From<&'a Volume> for DataVolume<'a> {
    fn from(volume: &'a Volume) -> Self {
        Self {
            name: &volume.name,
            size_gib: volume.size_gib,
            kind: volume.kind.as_deref(),
            availability_zone: volume.availability_zone.as_deref(),
            mount: volume.device.as_deref().zip(volume.mount_path.as_deref()),
        }
    }
}

impl<'a> From<&'a EtcdVolume> for DataVolume<'a> {
    fn from(volume: &'a EtcdVolume) -> Self {
        Self {
            name: "etcd",
            size_gib: volume.size_gib,
            kind: volume.kind.as_deref(),
            availability_zone: volume.availability_zone.as_deref(),
            mount: Some((&volume.device, EtcdVolume::MOUNT_PATH)),
        }
    }
}

impl EtcdVolume {
    /// Where it is mounted; kubeadm's directory of etcd.
    pub const MOUNT_PATH: &str = "/var/lib/etcd";
    /// Where etcd writes: below, because a file system has a `lost+found` and etcd wants an empty directory.
    pub const DATA_DIR: &str = "/var/lib/etcd/data";
}

impl DataVolume<'_> {
    /// The zone of a volume that means the one named as the server's.
    pub const ZONE_OF_MACHINE: &'static str = "machine";
}
