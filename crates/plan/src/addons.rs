//! Which charts with which values a cluster gets, in the order they are applied; and what a change means for its addons.

use std::collections::BTreeMap;

use capstan_catalog::{Catalogue, CatalogueError};
use capstan_spec::status::WorkloadClusterStatus;
use capstan_spec::{Cni, WorkloadClusterSpec};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::autoscaler;

/// Namespace of the pod network.
const FLANNEL_NAMESPACE: &str = "kube-flannel";

/// Left to itself, flannel takes the interface of the default routes, and with both kinds of addresses ends where there is none
/// of IPv6 (`pkg/ipmatch`, v0.26.7). The first interface is the one in the nodes' network: so are servers made.
const FIRST_INTERFACE: &str = "--iface-regex=^(en|eth)";

/// A chart that shall be installed.
#[derive(Clone, Debug, PartialEq)]
pub struct AddonRelease {
    /// Name of the release, and of the addon.
    pub name: &'static str,
    /// Component in the catalogue whose artifact is the chart.
    pub chart: &'static str,
    /// Namespace it goes to.
    pub namespace: &'static str,
    /// Labels of that namespace.
    pub namespace_labels: &'static [(&'static str, &'static str)],
    /// Values of the chart.
    pub values: Value,
}

/// The addons of a cluster. Versions are the catalogue's matter: they follow the Kubernetes version.
pub fn addons(spec: &WorkloadClusterSpec) -> Vec<AddonRelease> {
    pod_network(spec).into_iter().collect()
}

fn pod_network(spec: &WorkloadClusterSpec) -> Option<AddonRelease> {
    let mut values = json!({
        "podCidr": spec.network.pod_cidr.to_string(),
        "flannel": {"backend": "vxlan"},
    });
    if let Some(ipv6) = &spec.network.ipv6 {
        values["podCidrv6"] = ipv6.pod_cidr.to_string().into();
        values["flannel"]["args"] = json!(["--ip-masq", "--kube-subnet-mgr", FIRST_INTERFACE]);
    }
    match spec.cni {
        Cni::None => None,
        Cni::Flannel => Some(AddonRelease {
            name: "flannel",
            chart: "charts/flannel",
            namespace: FLANNEL_NAMESPACE,
            // It writes to the host's network and to /opt/cni/bin.
            namespace_labels: &[("pod-security.kubernetes.io/enforce", "privileged")],
            values,
        }),
    }
}

/// What a change of the wish means for an addon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddonChange {
    /// Its name.
    pub addon: String,
    /// Its version before; absent where it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its version after; absent where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl AddonChange {
    /// In a line.
    pub fn told(&self) -> String {
        let addon = &self.addon;
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => {
                format!("addon {addon} is upgraded: {before} → {after}; its pods start again")
            }
            (None, Some(after)) => format!("addon {addon} {after} is installed"),
            // None of those there are keeps data.
            (_, None) => format!("addon {addon} is removed; no data goes with it"),
        }
    }
}

/// What changes for addons when `spec` is wished and `status` is what the cluster is.
///
/// # Errors
///
/// When the catalogue does not know a version.
pub fn changes(
    catalogue: &Catalogue,
    spec: &WorkloadClusterSpec,
    status: &WorkloadClusterStatus,
) -> Result<Vec<AddonChange>, CatalogueError> {
    let wanted = versions(catalogue, spec, autoscaler::is_wanted(spec))?;
    let there = match (status.version, &status.resolved) {
        (Some(version), Some(resolved)) => {
            let mut before = spec.clone();
            before.version = version;
            before.cni = resolved.cni;
            versions(catalogue, &before, resolved.autoscaler)?
        }
        _ => BTreeMap::new(),
    };
    let mut names: Vec<&str> = wanted.keys().chain(there.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    let changes = names.into_iter().map(|addon| AddonChange {
        addon: addon.to_owned(),
        before: there.get(addon).cloned(),
        after: wanted.get(addon).cloned(),
    });
    Ok(changes.filter(|one| one.before != one.after).collect())
}

/// Versions of a cluster's addons, by name.
fn versions(
    catalogue: &Catalogue,
    spec: &WorkloadClusterSpec,
    autoscaler: bool,
) -> Result<BTreeMap<&'static str, String>, CatalogueError> {
    let mut all = BTreeMap::new();
    for addon in addons(spec) {
        let version = catalogue.component(spec.version, addon.chart)?;
        all.insert(addon.name, version);
    }
    if autoscaler {
        let version = &catalogue.release(spec.version)?.cluster_autoscaler;
        all.insert(autoscaler::ADDON, version.clone());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use capstan_catalog::Architecture;
    use capstan_spec::KubernetesVersion;
    use capstan_spec::cluster::Autoscaling;
    use capstan_spec::status::Resolved;

    use super::*;

    #[test]
    fn every_addon_has_a_chart_in_the_catalogue_for_every_version() {
        let catalogue = Catalogue::bundled().unwrap();
        for version in catalogue.versions() {
            let spec = WorkloadClusterSpec::new(version, "a", "b");
            for addon in addons(&spec) {
                let chart = catalogue.component(version, addon.chart).unwrap();
                let files = catalogue
                    .artifacts(addon.chart, &chart, Architecture::Amd64)
                    .unwrap();
                assert_eq!(files.len(), 1, "{}", addon.name);
            }
        }
    }

    #[test]
    fn what_becomes_of_addons_is_said() {
        let catalogue = Catalogue::bundled().unwrap();
        let [old, new] = [(1, 35, 4), (1, 36, 3)].map(|(a, b, c)| KubernetesVersion::new(a, b, c));
        let wish = |version, autoscaled: bool| {
            let mut spec = WorkloadClusterSpec::new(version, "a", "b");
            spec.workers[0].autoscaling = autoscaled.then(|| Autoscaling::within_bounds(0, 3));
            spec
        };
        let is = |version, autoscaler| WorkloadClusterStatus {
            version,
            resolved: Some(Resolved {
                autoscaler,
                ..Resolved::default()
            }),
            ..WorkloadClusterStatus::default()
        };
        let told = |wish: &WorkloadClusterSpec, is: &WorkloadClusterStatus| {
            let changes = changes(&catalogue, wish, is).unwrap();
            changes.iter().map(AddonChange::told).collect::<Vec<_>>()
        };
        let release = |version| &catalogue.release(version).unwrap().cluster_autoscaler;
        assert_eq!(
            told(&wish(new, true), &WorkloadClusterStatus::default()),
            [
                format!("addon cluster-autoscaler {} is installed", release(new)),
                "addon flannel v0.26.7 is installed".to_owned(),
            ]
        );
        assert_eq!(
            told(&wish(new, true), &is(Some(new), false)),
            [format!(
                "addon cluster-autoscaler {} is installed",
                release(new)
            )]
        );
        assert_eq!(
            told(&wish(new, true), &is(Some(old), true)),
            [format!(
                "addon cluster-autoscaler is upgraded: {} → {}; its pods start again",
                release(old),
                release(new)
            )]
        );
        assert_eq!(
            told(&wish(new, false), &is(Some(new), true)),
            ["addon cluster-autoscaler is removed; no data goes with it"]
        );
        assert!(told(&wish(new, true), &is(Some(new), true)).is_empty());
    }

    #[test]
    fn the_pod_network_gets_the_range_of_the_spec() {
        let mut spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
        spec.network.pod_cidr = "172.16.0.0/16".parse().unwrap();
        let flannel = &addons(&spec)[0];
        assert_eq!(flannel.values["podCidr"], "172.16.0.0/16");
        assert_eq!(flannel.namespace, "kube-flannel");
    }
}
