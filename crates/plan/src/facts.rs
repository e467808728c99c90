//! What must be known of the cloud before a cluster can be rendered.

use std::collections::BTreeMap;

use capstan_spec::status::Resolved;
use capstan_spec::{Finding, Mirror, WorkloadClusterSpec};
use ipnet::IpNet;

/// Name under which the control plane stands where pools are listed by name.
pub const CONTROL_PLANE: &str = "control-plane";

/// What names in a spec mean in the cloud, plus what the management server knows of itself.
///
/// Everything in here that reaches a machine template is pinned in the cluster's status, so that a new image of the same
/// name rolls no node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Id of the node image.
    pub image_id: String,
    /// Id of the external network.
    pub external_network_id: String,
    /// Address of the API, allocated beforehand.
    pub floating_ip: String,
    /// Octavia provider; `None` lets Octavia choose.
    pub load_balancer_provider: Option<String>,
    /// Addresses from which the management server comes. Always allowed at the API.
    pub management_egress: Vec<IpNet>,
    /// Name servers of the nodes: those of the spec, else those of the `Cloud`.
    pub dns_nameservers: Vec<String>,
    /// MTU to set on the network; `None` leaves it to Neutron.
    pub network_mtu: Option<u32>,
    /// Ids of the server groups, by pool ([`CONTROL_PLANE`] for the control plane).
    pub server_groups: BTreeMap<String, String>,
    /// Size in GiB of the root volume of each pool whose flavor has no disk.
    pub root_volumes: BTreeMap<String, u32>,
    /// Where nodes get images from.
    pub mirror: Option<Mirror>,
}

/// A fact is missing that rendering needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to collect facts of the cluster: {0} is not resolved yet")]
pub struct MissingFact(pub &'static str);

/// What the management server knows of itself and of the `Cloud`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Addresses from which the management server comes.
    pub management_egress: Vec<IpNet>,
    /// Name servers of clusters that name none.
    pub dns_nameservers: Vec<String>,
    /// Where nodes get images from.
    pub mirror: Option<Mirror>,
}

impl Facts {
    /// Takes the facts from what is pinned in the status, the spec and the surroundings.
    pub fn collect(
        spec: &WorkloadClusterSpec,
        resolved: &Resolved,
        surroundings: &Surroundings,
    ) -> Result<Self, MissingFact> {
        let pinned = |value: &Option<String>, what| value.clone().ok_or(MissingFact(what));
        let own: Vec<_> = spec
            .network
            .dns_nameservers
            .iter()
            .map(ToString::to_string)
            .collect();
        Ok(Self {
            image_id: pinned(&resolved.image_id, "the node image")?,
            external_network_id: pinned(&resolved.external_network_id, "the external network")?,
            floating_ip: pinned(&resolved.floating_ip, "the floating IP of the API")?,
            load_balancer_provider: resolved.load_balancer_provider.clone(),
            management_egress: surroundings.management_egress.clone(),
            dns_nameservers: if own.is_empty() {
                surroundings.dns_nameservers.clone()
            } else {
                own
            },
            network_mtu: None,
            server_groups: resolved.server_groups.clone(),
            root_volumes: resolved.root_volumes.clone(),
            mirror: surroundings.mirror.clone(),
        })
    }
}

/// The Octavia provider that cannot restrict who connects.
const OVN: &str = "ovn";

impl Facts {
    /// Rules that can only be checked once the cloud is known.
    ///
    /// CAPO drops the allowed ranges for the provider `ovn` without a word, which would open an API to everybody that was
    /// meant to be closed.
    pub fn check(&self, spec: &WorkloadClusterSpec) -> Vec<Finding> {
        let open = |range: &IpNet| range.prefix_len() == 0;
        let meant_open = spec.api_access.allowed_cidrs.iter().any(open);
        if self.load_balancer_provider.as_deref() != Some(OVN) || meant_open {
            return Vec::new();
        }
        let text = "load balancers of the provider ovn cannot restrict who reaches the API";
        let remedy = "choose another apiAccess.loadBalancerProvider, or allow 0.0.0.0/0";
        vec![Finding::error("apiAccess.allowedCidrs", text).remedy(remedy)]
    }
}

#[cfg(test)]
mod tests {
    use capstan_spec::KubernetesVersion;

    use super::*;

    fn spec() -> WorkloadClusterSpec {
        WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b")
    }

    fn resolved() -> Resolved {
        Resolved {
            image_id: Some("image".into()),
            external_network_id: Some("network".into()),
            floating_ip: Some("198.51.100.7".into()),
            load_balancer_provider: Some("amphora".into()),
            ..Resolved::default()
        }
    }

    #[test]
    fn a_missing_fact_is_named() {
        let mut resolved = resolved();
        resolved.floating_ip = None;
        let error = Facts::collect(&spec(), &resolved, &Surroundings::default()).unwrap_err();
        assert!(error.to_string().contains("floating IP"), "{error}");
    }

    #[test]
    fn name_servers_of_the_spec_win() {
        let around = Surroundings {
            dns_nameservers: vec!["198.18.0.2".into()],
            ..Surroundings::default()
        };
        let servers = |spec: &WorkloadClusterSpec| {
            Facts::collect(spec, &resolved(), &around)
                .unwrap()
                .dns_nameservers
        };
        assert_eq!(servers(&spec()), ["198.18.0.2"]);
        let mut own = spec();
        own.network.dns_nameservers = vec!["9.9.9.9".parse().unwrap()];
        assert_eq!(servers(&own), ["9.9.9.9"]);
    }

    #[test]
    fn ovn_must_not_open_what_was_meant_closed() {
        let mut facts = Facts::collect(&spec(), &resolved(), &Surroundings::default()).unwrap();
        assert_eq!(facts.check(&spec()), []);
        facts.load_balancer_provider = Some("ovn".into());
        assert_eq!(facts.check(&spec()).len(), 1);
        let mut open = spec();
        open.api_access.allowed_cidrs = vec!["0.0.0.0/0".parse().unwrap()];
        assert_eq!(facts.check(&open), []);
    }
}
