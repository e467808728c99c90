//! Volumes of servers, and what the node does with them.

use capstan_capi::apply::{
    BlockDevice, BlockDeviceStorage, DiskSetup, FileSystem, RootVolume, VolumePlace, VolumeZone,
};
use capstan_spec::Machines;
use capstan_spec::cluster::DataVolume;
use capstan_spec::cluster::kubeadm::BootstrapFormat;

use crate::facts::Facts;

/// The volume to boot from, where there is one.
pub(super) fn root(machines: &Machines<'_>, facts: &Facts) -> Option<RootVolume> {
    let wanted = machines.root_volume;
    facts
        .root_volumes
        .get(machines.pool)
        .map(|size| RootVolume {
            size_gib: *size,
            place: place(wanted.kind.as_deref(), wanted.availability_zone.as_deref()),
        })
}

/// The volumes beside it.
pub(super) fn block_devices(machines: &Machines<'_>) -> Vec<BlockDevice> {
    let volumes = machines.volumes.iter().map(|volume| BlockDevice {
        name: volume.name.to_owned(),
        size_gib: volume.size_gib,
        storage: BlockDeviceStorage::volume(place(volume.kind, volume.availability_zone)),
    });
    volumes.collect()
}

/// File systems on those that are mounted. The whole disk is one: it can be made larger without moving partitions.
pub(super) fn disk_setup(machines: &Machines<'_>, format: BootstrapFormat) -> Option<DiskSetup> {
    let filesystems: Vec<FileSystem> = mounted(machines)
        .map(|(name, device, _)| FileSystem {
            device: device.to_owned(),
            filesystem: "ext4",
            label: name.to_owned(),
            partition: (format == BootstrapFormat::CloudConfig).then_some("none"),
            overwrite: false,
        })
        .collect();
    (!filesystems.is_empty()).then_some(DiskSetup { filesystems })
}

/// File system and directory. cloud-init mounts by labels: devices may change their names when a server starts again.
/// For Ignition, Cluster API finds the device by the label (`clc.go`).
pub(super) fn mounts(machines: &Machines<'_>, format: BootstrapFormat) -> Vec<[String; 2]> {
    let source = |name: &str| match format {
        BootstrapFormat::CloudConfig => format!("LABEL={name}"),
        BootstrapFormat::Ignition => name.to_owned(),
    };
    mounted(machines)
        .map(|(name, _, path)| [source(name), path.to_owned()])
        .collect()
}

/// Where volumes are mounted.
pub(super) fn mount_paths<'a>(machines: &Machines<'a>) -> Vec<&'a str> {
    mounted(machines).map(|(_, _, path)| path).collect()
}

fn mounted<'a>(machines: &Machines<'a>) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    let volumes: Vec<DataVolume<'a>> = machines.volumes.clone();
    volumes.into_iter().filter_map(|volume| {
        let (device, path) = volume.mount?;
        Some((volume.name, device, path))
    })
}

fn place(kind: Option<&str>, zone: Option<&str>) -> VolumePlace {
    VolumePlace {
        kind: kind.map(str::to_owned),
        availability_zone: zone.map(|zone| match zone {
            DataVolume::ZONE_OF_MACHINE => VolumeZone::Machine,
            name => VolumeZone::Name {
                name: name.to_owned(),
            },
        }),
    }
}
