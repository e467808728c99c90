//! Flavors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ComputeApi;
use crate::{
    error::Error,
    session::{Call, Service},
};

/// A size of servers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Flavor {
    /// Id.
    pub id: String,
    /// Name, unique among the public ones.
    pub name: String,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub ram: u64,
    /// Root disk in GiB; 0 means that the server needs a volume to boot from.
    pub disk: u64,
    /// Properties, for example of NUMA or GPU.
    #[serde(default)]
    pub extra_specs: BTreeMap<String, String>,
}

impl Flavor {
    /// How many graphics processors a server gets, where the properties say it: whole ones by `pci_passthrough:alias`
    /// (`alias:count` each, by commas; other devices are not told from them unless their alias says `gpu`), slices by
    /// `resources:VGPU`. Source: Nova, "Extra Specs" and "Attaching virtual GPU devices to guests".
    pub fn gpus(&self) -> Option<u32> {
        let number = |text: &str| text.trim().parse::<u32>().ok().filter(|number| *number > 0);
        let slices = || number(self.extra_specs.get("resources:VGPU")?);
        let aliases = self.extra_specs.get("pci_passthrough:alias");
        let whole = aliases
            .into_iter()
            .flat_map(|aliases| aliases.split(','))
            .filter_map(|one| one.split_once(':'))
            .filter(|(alias, _)| alias.to_ascii_lowercase().contains("gpu"))
            .filter_map(|(_, count)| number(count))
            .reduce(u32::saturating_add);
        whole.or_else(slices)
    }
}

impl ComputeApi<'_> {
    /// Every flavor the project may use.
    pub async fn flavors(self) -> Result<Vec<Flavor>, Error> {
        self.0
            .list(
                Call::list(Service::Compute, &["flavors", "detail"], "flavors"),
                "flavors",
            )
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphics_processors_are_those_that_the_properties_say() {
        for (key, value, expected) in [
            ("pci_passthrough:alias", "gpu-a100:2", Some(2)),
            ("pci_passthrough:alias", "nic:1,GPU:1, gpu-b: 3", Some(4)),
            ("pci_passthrough:alias", "nic:1", None),
            ("resources:VGPU", "1", Some(1)),
            ("resources:VGPU", "0", None),
            ("hw:cpu_policy", "dedicated", None),
        ] {
            let flavor = Flavor {
                id: "1".into(),
                name: "large".into(),
                vcpus: 8,
                ram: 1024,
                disk: 10,
                extra_specs: [(key.to_owned(), value.to_owned())].into(),
            };
            assert_eq!(flavor.gpus(), expected, "{key}={value}");
        }
    }
}
