//! Names of a spec → what they mean in the cloud. Pure.

mod access;
mod bastion;
pub mod image;
mod machines;
mod network;

use capstan_catalog::NodeImageRules;
use capstan_openstack::{Holdings, Inventory, Unknown};
use capstan_plan::facts::CONTROL_PLANE;
use capstan_spec::cloud::CloudDefaults;
use capstan_spec::progress::{Reason, ReasonCode};
use capstan_spec::status::Resolved;
use capstan_spec::{WorkloadClusterSpec, defaults};

pub use image::candidate;

/// Looks up every name of the spec. What is pinned already (`before`) stays as long as the spec still means it, so that a
/// new image of the same name rolls no node. All that cannot be found is told at once. `holdings` may be empty unless
/// [`needs_holdings`].
pub fn resolve(
    spec: &WorkloadClusterSpec,
    cloud: &CloudDefaults,
    inventory: &Inventory,
    holdings: &Holdings,
    rules: &NodeImageRules,
    before: Option<&Resolved>,
) -> Result<Resolved, Vec<Reason>> {
    let mut resolved = before.cloned().unwrap_or_default();
    if resolved.version.is_none() {
        // Nothing is begun yet.
        resolved.cni = spec.cni;
    }
    let mut reasons = Vec::new();
    image::cluster(spec, inventory, rules, &mut resolved, &mut reasons);
    image::pools(spec, inventory, rules, &mut resolved, &mut reasons);
    network::external(spec, cloud, inventory, &mut resolved, &mut reasons);
    network::existing(spec, inventory, holdings, &mut resolved, &mut reasons);
    access::load_balancer(spec, cloud, inventory, &mut resolved, &mut reasons);
    machines::machines(spec, inventory, holdings, &mut resolved, &mut reasons);
    bastion::bastion(spec, inventory, holdings, &mut resolved, &mut reasons);
    if reasons.is_empty() {
        Ok(resolved)
    } else {
        Err(reasons)
    }
}

/// Whether the spec refers to something the project must have already.
pub fn needs_holdings(spec: &WorkloadClusterSpec) -> bool {
    spec.network.existing.is_some()
        || spec.ssh_key.is_some()
        || spec.bastion_key().is_some()
        || spec
            .pools()
            .any(|pool| !pool.security_groups.is_empty() || !pool.networks.is_empty())
}

fn not_found(code: ReasonCode, object: &str, unknown: &Unknown) -> Reason {
    reason(code, object, unknown.to_string(), unknown.hint())
}

fn reason(code: ReasonCode, object: &str, message: String, remedy: String) -> Reason {
    Reason {
        code,
        message,
        remedy,
        object: Some(object.to_owned()),
        detail: None,
    }
}

/// Flavors by name, as quota arithmetic wants them.
pub fn flavors(
    flavors: &[capstan_openstack::compute::Flavor],
) -> std::collections::BTreeMap<String, capstan_spec::cloud::Flavor> {
    let flavors = flavors.iter().map(|flavor| capstan_spec::cloud::Flavor {
        name: flavor.name.clone(),
        vcpus: flavor.vcpus,
        ram_mib: flavor.ram,
        disk_gib: u32::try_from(flavor.disk).unwrap_or(u32::MAX),
    });
    flavors
        .map(|flavor| (flavor.name.clone(), flavor))
        .collect()
}

/// The pools of a spec, the control plane first, by the names server groups and volumes are listed under.
pub fn pools(spec: &WorkloadClusterSpec) -> Vec<&str> {
    std::iter::once(CONTROL_PLANE)
        .chain(spec.workers.iter().map(|pool| pool.name.as_str()))
        .collect()
}

/// Name of the `Cloud` when a spec names none.
pub const DEFAULT_CLOUD: &str = defaults::CLOUD;

#[cfg(test)]
mod tests;
