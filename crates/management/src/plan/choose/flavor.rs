//! The flavor.

use capstan_openstack::Inventory;
use capstan_openstack::compute::Flavor;
use capstan_openstack::image::Image;

use super::super::{FlavorChoice, Question};
use super::LEAST_DISK;
use crate::error::Error;
use crate::settings::Settings;

/// kubeadm's preflight wants two (`minimum number of CPUs`).
const LEAST_VCPUS: u32 = 2;
/// MiB. Measured: control plane, Cluster API's managers and Capstan's take 2 GiB and a half.
const LEAST_RAM: u64 = 4096;

pub(super) fn flavor(
    settings: &Settings,
    inventory: &Inventory,
    image: Option<&Image>,
    open: &mut Vec<Question>,
) -> Result<Option<FlavorChoice>, Error> {
    let least_ram = image.map_or(LEAST_RAM, |image| image.min_ram.max(LEAST_RAM));
    let least_disk = image.map_or(LEAST_DISK, |image| image.min_disk.max(LEAST_DISK));
    let big_enough = |flavor: &Flavor| flavor.vcpus >= LEAST_VCPUS && flavor.ram >= least_ram;
    let flavor = if let Some(wanted) = &settings.flavor {
        let flavor = inventory.flavor(wanted)?;
        if !big_enough(flavor) {
            return Err(Error::Invalid {
                problem: format!(
                    "flavor {} has {} vCPU and {} MiB",
                    flavor.name, flavor.vcpus, flavor.ram
                ),
                hint: format!("a management server needs {LEAST_VCPUS} vCPU and {least_ram} MiB"),
            });
        }
        Some(flavor)
    } else {
        // Without a disk a volume is made; with one it must hold everything. A disk of its own comes first: etcd likes it.
        inventory
            .flavors
            .iter()
            .filter(|flavor| big_enough(flavor) && (flavor.disk == 0 || flavor.disk >= least_disk))
            .min_by_key(|flavor| {
                (
                    flavor.ram,
                    flavor.vcpus,
                    flavor.disk == 0,
                    flavor.disk,
                    &flavor.name,
                )
            })
    };
    let Some(flavor) = flavor else {
        open.push(Question {
            what: "the flavor",
            key: "flavor",
            flag: "--flavor",
            reason: format!(
                "no flavor has {LEAST_VCPUS} vCPU, {least_ram} MiB and {least_disk} GiB or no disk"
            ),
            options: inventory
                .flavors
                .iter()
                .filter(|flavor| big_enough(flavor))
                .map(|flavor| flavor.name.clone())
                .collect(),
            proposal: None,
        });
        return Ok(None);
    };
    Ok(Some(FlavorChoice {
        id: flavor.id.clone(),
        name: flavor.name.clone(),
        vcpus: flavor.vcpus,
        ram: flavor.ram,
        disk: flavor.disk,
    }))
}
