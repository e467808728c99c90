//! What must be known of the cloud before a cluster can be rendered.

use std::collections::BTreeMap;

pub use capstan_capi::OpenStackApi;
use capstan_capi::apply::Reference;
use capstan_spec::cluster::kubeadm::RegistryMirror;
use capstan_spec::status::{Capacity, Resolved, ResolvedNetwork};
use capstan_spec::{
    Finding, KubernetesVersion, Machines, Mirror, ServerGroupPolicy, WorkloadClusterSpec,
};
use ipnet::IpNet;

/// Name under which the control plane stands where pools are listed by name.
pub use capstan_spec::naming::CONTROL_PLANE;

/// What names in a spec mean in the cloud, plus what the management server knows of itself.
///
/// Everything in here that reaches a machine template is pinned in the cluster's status, so that a new image of the same
/// name rolls no node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// In which version the objects of the OpenStack provider are written. No name depends on it.
    pub openstack_api: OpenStackApi,
    /// The node image.
    pub image: Reference,
    /// The external network; `None` lets CAPO take the only one.
    pub external_network: Option<Reference>,
    /// Version of the pools, where it is not that of the control plane.
    pub workers_version: Option<KubernetesVersion>,
    /// Node images of their own, by pool.
    pub images: BTreeMap<String, Reference>,
    /// The network of the nodes, where it was there already.
    pub existing_network: Option<NetworkFacts>,
    /// Addresses of the nodes, as far as known.
    pub node_cidr: Option<IpNet>,
    /// Address of the API, allocated beforehand; none when it is private or CAPO allocates it.
    pub floating_ip: Option<String>,
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
    /// Extra security groups, by what the spec calls them.
    pub security_groups: BTreeMap<String, Reference>,
    /// Further networks, by what the spec calls them.
    pub networks: BTreeMap<String, Reference>,
    /// Subnets of further networks, by their keys.
    pub subnets: BTreeMap<String, Reference>,
    /// Size in GiB of the root volume of each pool that has one.
    pub root_volumes: BTreeMap<String, u32>,
    /// What a node of a pool with an autoscaler has, by pool, as far as known.
    pub capacities: BTreeMap<String, Capacity>,
    /// Secret with what nodes need to log in at mirrors of registries.
    pub registry_secret: Option<String>,
    /// Where nodes get images from.
    pub mirror: Option<Mirror>,
    /// The bastion, where one shall be or goes.
    pub bastion: Option<BastionFacts>,
}

/// What is known of a bastion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BastionFacts {
    /// It shall be.
    Wanted {
        /// Its image.
        image: Reference,
        /// Size in GiB of its root volume, where its flavor has no disk.
        root_volume: Option<u32>,
        /// Its address, allocated beforehand.
        floating_ip: String,
        /// Id of the security group that says who may connect.
        security_group: String,
    },
    /// It goes. CAPO has to be told so before it may be left out.
    Leaving {
        /// Its address, which Capstan releases.
        floating_ip: Option<String>,
    },
}

impl BastionFacts {
    fn collect(
        spec: &WorkloadClusterSpec,
        resolved: &Resolved,
    ) -> Result<Option<Self>, MissingFact> {
        let known = resolved.bastion.as_ref();
        if spec.bastion.is_none() {
            return Ok(known.map(|known| Self::Leaving {
                floating_ip: known.floating_ip.clone(),
            }));
        }
        let pinned = |value: Option<&String>, what| value.cloned().ok_or(MissingFact(what));
        let image = known.and_then(|known| known.image_id.as_ref());
        let address = known.and_then(|known| known.floating_ip.as_ref());
        let group = known.and_then(|known| known.security_group_id.as_ref());
        Ok(Some(Self::Wanted {
            image: Reference::Id(pinned(image, "the bastion's image")?),
            root_volume: known.and_then(|known| known.root_volume_gib),
            floating_ip: pinned(address, "the bastion's floating IP")?,
            security_group: pinned(group, "the bastion's security group")?,
        }))
    }
}

/// A network that was there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkFacts {
    /// The network.
    pub network: Reference,
    /// Its subnet for nodes; `None` for all it has.
    pub subnet: Option<Reference>,
    /// Its subnet of IPv6, where nodes have addresses of it, too.
    pub ipv6_subnet: Option<Reference>,
    /// Range of that subnet, where it is known.
    pub ipv6_cidr: Option<IpNet>,
    /// Its router.
    pub router: Option<Reference>,
}

impl From<&ResolvedNetwork> for NetworkFacts {
    fn from(resolved: &ResolvedNetwork) -> Self {
        Self {
            network: resolved.id.as_str().into(),
            subnet: Some(resolved.subnet_id.as_str().into()),
            ipv6_subnet: resolved.ipv6.as_ref().map(|ipv6| ipv6.id.as_str().into()),
            ipv6_cidr: resolved.ipv6.as_ref().map(|ipv6| ipv6.cidr),
            router: resolved.router_id.as_deref().map(Reference::from),
        }
    }
}

/// A fact is missing that rendering needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to collect facts of the cluster: {0} is not resolved yet")]
pub struct MissingFact(pub &'static str);

/// What the management server knows of itself and of the `Cloud`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The version of the OpenStack provider's API that is spoken with the server.
    pub openstack_api: OpenStackApi,
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
        let dual_stack = spec.network.ipv6.is_some();
        let existing_network = match &spec.network.existing {
            Some(_) => Some(
                resolved
                    .existing_network
                    .as_ref()
                    .filter(|network| network.ipv6.is_some() || !dual_stack)
                    .ok_or(MissingFact("the network of the nodes"))?,
            ),
            None => None,
        };
        let floating_ip = if spec.api_access.private {
            None
        } else {
            Some(pinned(&resolved.floating_ip, "the floating IP of the API")?)
        };
        named_is_found(spec, resolved)?;
        let logs_in = |mirror: &RegistryMirror| mirror.credentials_secret.is_some();
        let registry_secret = if spec.kubeadm.registry_mirrors.iter().any(logs_in) {
            let what = "the credentials of a registry's mirror";
            Some(pinned(&resolved.registry_secret, what)?)
        } else {
            None
        };
        let lagging = resolved.workers.as_ref();
        let own_image = |pool: Machines<'_>| {
            let named = resolved
                .pool_images
                .get(pool.pool)
                .filter(|_| pool.has_own_image)
                .map(|image| image.id.as_str());
            let older = lagging
                .filter(|_| !pool.is_control_plane())
                .map(|image| image.id.as_str());
            Some((pool.pool.to_owned(), named.or(older)?.into()))
        };
        let in_group = |pool: Machines<'_>| {
            let id = resolved.server_groups.get(pool.pool)?;
            (pool.server_group != ServerGroupPolicy::None)
                .then(|| (pool.pool.to_owned(), id.clone()))
        };
        Ok(Self {
            openstack_api: surroundings.openstack_api,
            image: Reference::Id(pinned(&resolved.image_id, "the node image")?),
            external_network: Some(Reference::Id(pinned(
                &resolved.external_network_id,
                "the external network",
            )?)),
            workers_version: lagging.map(|image| image.version),
            images: spec.pools().filter_map(own_image).collect(),
            node_cidr: Some(
                existing_network.map_or(spec.network.node_cidr, |network| network.subnet_cidr),
            ),
            existing_network: existing_network.map(|network| {
                let facts = NetworkFacts::from(network);
                NetworkFacts {
                    ipv6_subnet: facts.ipv6_subnet.filter(|_| dual_stack),
                    ..facts
                }
            }),
            floating_ip,
            load_balancer_provider: resolved.load_balancer_provider.clone(),
            management_egress: surroundings.management_egress.clone(),
            dns_nameservers: if own.is_empty() {
                surroundings.dns_nameservers.clone()
            } else {
                own
            },
            network_mtu: spec.network.mtu,
            server_groups: spec.pools().filter_map(in_group).collect(),
            security_groups: by_id(&resolved.security_groups),
            networks: by_id(&resolved.networks),
            subnets: by_id(&resolved.subnets),
            root_volumes: resolved.root_volumes.clone(),
            capacities: resolved.capacities.clone(),
            registry_secret,
            mirror: surroundings.mirror.clone(),
            bastion: BastionFacts::collect(spec, resolved)?,
        })
    }
}

/// Whether everything that pools name was found.
fn named_is_found(spec: &WorkloadClusterSpec, resolved: &Resolved) -> Result<(), MissingFact> {
    let grouped = |pool: Machines<'_>| {
        let known = |group| resolved.security_groups.contains_key(group);
        pool.named_groups().all(known)
    };
    if !spec.pools().all(grouped) {
        return Err(MissingFact("a security group"));
    }
    let connected = |pool: Machines<'_>| {
        pool.networks.iter().all(|network| {
            let subnet = network.subnet_key();
            resolved.networks.contains_key(&network.network)
                && subnet.is_none_or(|key| resolved.subnets.contains_key(&key))
        })
    };
    if !spec.pools().all(connected) {
        return Err(MissingFact("a further network of a pool"));
    }
    let imaged =
        |pool: Machines<'_>| !pool.has_own_image || resolved.pool_images.contains_key(pool.pool);
    if !spec.pools().all(imaged) {
        return Err(MissingFact("the node image of a pool"));
    }
    Ok(())
}

fn by_id(ids: &BTreeMap<String, String>) -> BTreeMap<String, Reference> {
    let ids = ids.iter();
    ids.map(|(name, id)| (name.clone(), id.as_str().into()))
        .collect()
}

/// The Octavia provider that cannot restrict who connects.
const OVN: &str = "ovn";

/// Rules that can only be checked once the cloud is known.
pub fn check(spec: &WorkloadClusterSpec, resolved: &Resolved) -> Vec<Finding> {
    let mut findings = Vec::new();
    closed(spec, resolved, &mut findings);
    apart(spec, resolved, &mut findings);
    if resolved.cni != spec.cni {
        let (is, wanted) = (resolved.cni.as_str(), spec.cni.as_str());
        let text = format!(
            "the cluster was begun with the pod network {is}: with {wanted} every pod would lose its address at once"
        );
        let remedy = format!(
            "write cni: {is}; for {wanted} make a second cluster of this one's file (capstan cluster export), move the \
             workload, and delete this one"
        );
        findings.push(Finding::error("cni", text).remedy(remedy));
    }
    if resolved.encrypted && !spec.kubeadm.encrypt_secrets {
        let text = "the cluster's Secrets are encrypted: without the key its API server could not read them";
        let remedy = "leave it true; a new cluster can do without";
        findings.push(Finding::error("kubeadm.encryptSecrets", text).remedy(remedy));
    }
    findings
}

/// CAPO drops the allowed ranges for the provider `ovn` without a word, which would open an API to everybody that was
/// meant to be closed.
fn closed(spec: &WorkloadClusterSpec, resolved: &Resolved, findings: &mut Vec<Finding>) {
    let open = |range: &IpNet| range.prefix_len() == 0;
    let meant_open = spec.api_access.allowed_cidrs.iter().any(open);
    if resolved.load_balancer_provider.as_deref() == Some(OVN) && !meant_open {
        let text = "load balancers of the provider ovn cannot restrict who reaches the API";
        let remedy = "choose another apiAccess.loadBalancerProvider, or allow 0.0.0.0/0";
        findings.push(Finding::error("apiAccess.allowedCidrs", text).remedy(remedy));
    }
}

/// The range of a network that was there already is known only now.
fn apart(spec: &WorkloadClusterSpec, resolved: &Resolved, findings: &mut Vec<Finding>) {
    let wanted = spec.network.existing.as_ref();
    let Some(network) = wanted.and(resolved.existing_network.as_ref()) else {
        return;
    };
    if let (Some(subnet), Some(ipv6)) = (&network.ipv6, &spec.network.ipv6) {
        for (path, range) in [
            ("network.ipv6.podCidr", ipv6.pod_cidr),
            ("network.ipv6.serviceCidr", ipv6.service_cidr),
        ] {
            if subnet.cidr.contains(&range) || range.contains(&subnet.cidr) {
                let text = format!(
                    "{range} overlaps {}, the range of the existing subnet",
                    subnet.cidr
                );
                let remedy = "choose ranges apart from each other";
                findings.push(Finding::error(path, text).remedy(remedy));
            }
        }
    }
    let nodes = network.subnet_cidr;
    for (path, range) in [
        ("network.podCidr", spec.network.pod_cidr),
        ("network.serviceCidr", spec.network.service_cidr),
    ] {
        if nodes.contains(&range) || range.contains(&nodes) {
            let text = format!("{range} overlaps {nodes}, the range of the existing subnet");
            findings.push(Finding::error(path, text).remedy("choose ranges apart from each other"));
        }
    }
}

#[cfg(test)]
mod tests {
    use capstan_spec::Cni;
    use capstan_spec::cluster::{Bastion, ExistingNetwork};
    use capstan_spec::status::{NodeImage, PoolImage, ResolvedBastion};

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
    fn an_existing_network_brings_its_range() {
        let mut spec = spec();
        spec.network.existing = Some(ExistingNetwork {
            network: "prod".into(),
            subnet: None,
            router: None,
        });
        let around = Surroundings::default();
        let mut resolved = resolved();
        assert!(Facts::collect(&spec, &resolved, &around).is_err());
        resolved.existing_network = Some(ResolvedNetwork {
            ipv6: None,
            id: "n".into(),
            subnet_id: "s".into(),
            subnet_cidr: "192.168.4.0/24".parse().unwrap(),
            router_id: None,
        });
        let facts = Facts::collect(&spec, &resolved, &around).unwrap();
        assert_eq!(facts.node_cidr, Some("192.168.4.0/24".parse().unwrap()));
        let found = check(&spec, &resolved);
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().contains("overlaps 192.168.4.0/24"));
    }

    #[test]
    fn the_pod_network_is_chosen_once() {
        let mut spec = spec();
        let mut resolved = resolved();
        spec.cni = Cni::None;
        let found = check(&spec, &resolved);
        assert!(
            found[0].to_string().contains("capstan cluster export"),
            "{found:?}"
        );
        resolved.cni = Cni::None;
        assert_eq!(check(&spec, &resolved), []);
        assert_eq!(crate::addons::addons(&spec), []);
        let plain = crate::addons::addons(&self::spec());
        assert_eq!(plain[0].values["flannel"].get("args"), None);
    }

    #[test]
    fn a_private_api_needs_no_address_and_a_pool_without_group_gets_none() {
        let mut spec = spec();
        spec.api_access.private = true;
        spec.workers[0].server_group = ServerGroupPolicy::None;
        let mut resolved = resolved();
        resolved.floating_ip = None;
        resolved.server_groups = [("control-plane", "a"), ("workers", "b")]
            .map(|(pool, id)| (pool.to_owned(), id.to_owned()))
            .into();
        let facts = Facts::collect(&spec, &resolved, &Surroundings::default()).unwrap();
        assert_eq!(facts.floating_ip, None);
        assert_eq!(
            facts.server_groups.keys().collect::<Vec<_>>(),
            ["control-plane"]
        );
    }

    #[test]
    fn what_is_named_must_have_been_found() {
        let mut spec = spec();
        spec.workers[0].security_groups = vec!["web".into()];
        let error = Facts::collect(&spec, &resolved(), &Surroundings::default()).unwrap_err();
        assert!(error.to_string().contains("security group"), "{error}");
        spec.workers[0].security_groups.clear();
        spec.workers[0].image = Some("gpu".into());
        let error = Facts::collect(&spec, &resolved(), &Surroundings::default()).unwrap_err();
        assert!(error.to_string().contains("image of a pool"), "{error}");
    }

    #[test]
    fn a_bastion_is_known_whole_or_not_and_goes_while_anything_is_known() {
        let around = Surroundings::default();
        let facts = |spec: &WorkloadClusterSpec, bastion: &ResolvedBastion| {
            let resolved = Resolved {
                bastion: Some(bastion.clone()),
                ..resolved()
            };
            Facts::collect(spec, &resolved, &around).map(|facts| facts.bastion)
        };
        let mut wanted = spec();
        wanted.bastion = Some(Bastion {
            flavor: "a".into(),
            image: None,
            ssh_key: Some("ops".into()),
            allowed_cidrs: vec!["203.0.113.0/24".parse().unwrap()],
            availability_zone: None,
        });
        let mut pinned = ResolvedBastion {
            image_id: Some("image".into()),
            ..ResolvedBastion::default()
        };
        let missing = facts(&wanted, &pinned).unwrap_err();
        assert!(missing.to_string().contains("floating IP"), "{missing}");
        pinned.security_group_id = Some("group".into());
        pinned.floating_ip = Some("198.51.100.8".into());
        let floating_ip = pinned.floating_ip.clone();
        let leaving = BastionFacts::Leaving { floating_ip };
        assert_eq!(facts(&spec(), &pinned), Ok(Some(leaving)));
        let found = facts(&wanted, &pinned).unwrap();
        assert!(
            matches!(found, Some(BastionFacts::Wanted { .. })),
            "{found:?}"
        );
    }

    #[test]
    fn workers_that_lag_have_the_image_they_were_made_of() {
        let mut spec = spec();
        let mut pool = spec.workers[0].clone();
        pool.name = "gpu".into();
        pool.image = Some("gpu".into());
        spec.workers.push(pool);
        let mut resolved = resolved();
        let version = KubernetesVersion::new(1, 35, 4);
        resolved.workers = Some(NodeImage {
            version,
            id: "older".into(),
        });
        let of_gpu = PoolImage {
            system: capstan_spec::NodeSystem::default(),
            asked: "gpu".into(),
            version,
            id: "gpu-id".into(),
        };
        resolved.pool_images = [("gpu".to_owned(), of_gpu)].into();
        let facts = Facts::collect(&spec, &resolved, &Surroundings::default()).unwrap();
        assert_eq!(facts.workers_version, Some(version));
        assert_eq!(facts.image, Reference::Id("image".into()));
        let own = |pool: &str| facts.images.get(pool).cloned();
        assert_eq!(own("workers"), Some(Reference::Id("older".into())));
        assert_eq!(own("gpu"), Some(Reference::Id("gpu-id".into())));
        assert_eq!(own(CONTROL_PLANE), None);
    }

    #[test]
    fn ovn_must_not_open_what_was_meant_closed() {
        let mut resolved = resolved();
        assert_eq!(check(&spec(), &resolved), []);
        resolved.load_balancer_provider = Some("ovn".into());
        assert_eq!(check(&spec(), &resolved).len(), 1);
        let mut open = spec();
        open.api_access.allowed_cidrs = vec!["0.0.0.0/0".parse().unwrap()];
        assert_eq!(check(&open, &resolved), []);
    }
}
