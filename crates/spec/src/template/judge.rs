//! Whether a wish is within what a template offers.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::{Availability, ClusterTemplateSpec};
use crate::naming::CONTROL_PLANE;
use crate::{Finding, KubernetesVersion, WorkloadClusterSpec, file};

/// What a cluster has already, which no template takes from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Living {
    /// Its version.
    pub version: Option<KubernetesVersion>,
    /// Flavor of each pool; that of the control plane by its name as a pool.
    pub flavors: BTreeMap<String, String>,
}

/// Judges a wish by the template called `name`. `living` is what the cluster has; `None` for a new one. What a cluster has
/// stays allowed, so that a narrower template hinders nobody from scaling; what it newly wants must be offered. Neither
/// deprecation nor withdrawal concerns a cluster that is there.
pub fn judge(
    name: &str,
    template: &ClusterTemplateSpec,
    spec: &WorkloadClusterSpec,
    living: Option<&Living>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if living.is_none() {
        findings.extend(availability(name, template));
    }
    let has = |version| living.is_some_and(|living| living.version == Some(version));
    let wanted = std::iter::once(("version".to_owned(), spec.version));
    // A pool that is there is held back at a version it has.
    let there = |pool: &str| living.is_some_and(|living| living.flavors.contains_key(pool));
    let of_pools = spec.workers.iter().enumerate().filter_map(|(index, pool)| {
        if there(&pool.name) {
            return None;
        }
        Some((format!("workers[{index}].version"), pool.version?))
    });
    for (path, version) in wanted.chain(of_pools) {
        let offered = template.versions.is_empty()
            || template.versions.iter().any(|offer| offer.allows(version));
        if !offered && !has(version) {
            findings.push(outside(name, path, version, &template.versions));
        }
    }
    for machines in spec.pools() {
        let offered = if machines.is_control_plane() {
            &template.control_plane_flavors
        } else {
            &template.worker_flavors
        };
        let has = living.and_then(|living| living.flavors.get(machines.pool));
        let allowed = offered.is_empty()
            || offered.iter().any(|flavor| flavor == machines.flavor)
            || has.is_some_and(|flavor| flavor == machines.flavor);
        if !allowed {
            let path = if machines.pool == CONTROL_PLANE {
                "controlPlane.flavor".to_owned()
            } else {
                let place = spec
                    .workers
                    .iter()
                    .position(|pool| pool.name == machines.pool);
                format!("workers[{}].flavor", place.unwrap_or_default())
            };
            findings.push(outside(name, path, machines.flavor, offered));
        }
    }
    // The network of the pods is chosen once.
    if living.is_none() && !template.cnis.is_empty() && !template.cnis.contains(&spec.cni) {
        let offered: Vec<_> = template.cnis.iter().map(|cni| cni.as_str()).collect();
        let path = "cni".to_owned();
        findings.push(outside(name, path, spec.cni.as_str(), &offered));
    }
    findings
}

fn availability(name: &str, template: &ClusterTemplateSpec) -> Option<Finding> {
    let text = format!("template {name} is {}", template.told()?);
    Some(match template.availability {
        Availability::Offered => return None,
        Availability::Deprecated => Finding::warning("template", text),
        Availability::Withdrawn => {
            Finding::error("template", text).remedy(match &template.replacement {
                Some(other) => format!("use template {other}"),
                None => "choose another; capstan template list shows them".to_owned(),
            })
        }
    })
}

fn outside<T: Display>(name: &str, path: String, wanted: impl Display, offered: &[T]) -> Finding {
    let wanted = wanted.to_string();
    let offered: Vec<String> = offered.iter().map(ToString::to_string).collect();
    let near = file::keys::nearest(&wanted, offered.iter().map(String::as_str));
    let list = format!("it offers {}", offered.join(", "));
    let remedy = match near {
        Some(near) => format!("did you mean {near}? {list}"),
        None => list,
    };
    let text = format!("template {name} does not offer {wanted}");
    Finding::error(path, text).remedy(remedy)
}
