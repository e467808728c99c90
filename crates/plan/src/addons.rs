//! Which charts with which values a cluster gets, in the order they are applied.

use capstan_spec::{Cni, WorkloadClusterSpec};
use serde_json::{Value, json};

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

#[cfg(test)]
mod tests {
    use capstan_catalog::{Architecture, Catalogue};
    use capstan_spec::KubernetesVersion;

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
    fn the_pod_network_gets_the_range_of_the_spec() {
        let mut spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
        spec.network.pod_cidr = "172.16.0.0/16".parse().unwrap();
        let flannel = &addons(&spec)[0];
        assert_eq!(flannel.values["podCidr"], "172.16.0.0/16");
        assert_eq!(flannel.namespace, "kube-flannel");
    }
}
