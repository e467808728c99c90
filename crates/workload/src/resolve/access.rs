//! The load balancer of the API.

use capstan_openstack::Inventory;
use capstan_spec::WorkloadClusterSpec;
use capstan_spec::cloud::CloudDefaults;
use capstan_spec::progress::{Reason, ReasonCode};
use capstan_spec::status::Resolved;

use super::{not_found, reason};

/// Its provider is pinned; flavor and zone have names in Octavia and are only looked for.
pub(super) fn load_balancer(
    spec: &WorkloadClusterSpec,
    cloud: &CloudDefaults,
    inventory: &Inventory,
    resolved: &mut Resolved,
    reasons: &mut Vec<Reason>,
) {
    const CODE: ReasonCode = ReasonCode::LoadBalancerError;
    let access = &spec.api_access;
    if resolved.load_balancer_provider.is_none() {
        let wanted = access
            .load_balancer_provider
            .as_deref()
            .or(cloud.load_balancer_provider.as_deref());
        match provider(inventory, wanted) {
            Ok(provider) => resolved.load_balancer_provider = provider,
            Err(reason) => reasons.push(reason),
        }
    }
    if let Some(wanted) = &access.load_balancer_flavor
        && let Some(fault) = flavor(inventory, wanted)
    {
        reasons.push(fault);
    }
    if let Some(zone) = &access.load_balancer_zone
        && let Err(unknown) = inventory.load_balancer_zone(zone)
    {
        let object = "spec.apiAccess.loadBalancerZone";
        reasons.push(not_found(CODE, object, &unknown));
    }
}

/// Why the flavor cannot be taken. CAPO looks for it by its name among those enabled, and takes Octavia's default without
/// a word when there is none.
fn flavor(inventory: &Inventory, wanted: &str) -> Option<Reason> {
    const OBJECT: &str = "spec.apiAccess.loadBalancerFlavor";
    let told = |text: String, remedy: String| {
        Some(reason(ReasonCode::LoadBalancerError, OBJECT, text, remedy))
    };
    match inventory.load_balancer_flavor(wanted) {
        Err(unknown) => Some(not_found(ReasonCode::LoadBalancerError, OBJECT, &unknown)),
        Ok(found) if !found.enabled => told(
            format!("load balancer flavor {:?} is turned off", found.name),
            "choose another one".to_owned(),
        ),
        Ok(found) if found.name != wanted => told(
            format!("load balancer flavor {wanted:?} is named by its id"),
            format!("name it {:?}", found.name),
        ),
        Ok(_) => None,
    }
}

/// The provider named, else the only one, else `amphora` (the reference driver, which honours allowed ranges; `ovn` does
/// not), else Octavia's default.
fn provider(inventory: &Inventory, wanted: Option<&str>) -> Result<Option<String>, Reason> {
    if let Some(wanted) = wanted {
        return match inventory.load_balancer_provider(wanted) {
            Ok(provider) => Ok(Some(provider.name.clone())),
            Err(unknown) => Err(not_found(
                ReasonCode::LoadBalancerError,
                "spec.apiAccess.loadBalancerProvider",
                &unknown,
            )),
        };
    }
    let providers = &inventory.load_balancer_providers;
    let chosen = match providers.as_slice() {
        [] => {
            return Err(reason(
                ReasonCode::LoadBalancerError,
                "spec.apiAccess",
                "the cloud has no load balancers".to_owned(),
                "ask the cloud's operator for Octavia".to_owned(),
            ));
        }
        [only] => Some(only),
        several => several.iter().find(|provider| provider.name == "amphora"),
    };
    Ok(chosen.map(|provider| provider.name.clone()))
}
