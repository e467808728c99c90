//! A cluster without Capstan: objects for somebody's own Cluster API, without a look at the cloud.
//!
//! What is looked up elsewhere is named here, and CAPO looks it up: an image, networks, groups. What Capstan makes itself
//! is left out: server groups, the floating IP (CAPO allocates one), the Secret with credentials.

use std::collections::BTreeMap;

use capstan_capi::OpenStackApi;
use capstan_capi::apply::Reference;
use capstan_spec::cluster::kubeadm::RegistryMirror;
use capstan_spec::{ClusterName, Finding, Machines, Uid, WorkloadClusterSpec, defaults};
use sha2::{Digest, Sha256};

use crate::facts::{Facts, NetworkFacts};

/// The Cluster API name of a cluster; the same whenever it is asked for, so that objects in git stay the same.
pub fn name(namespace: &str, name: &str) -> ClusterName {
    let digest = Sha256::digest(format!("{namespace}/{name}"));
    let seed = digest
        .iter()
        .take(8)
        .fold(0, |seed: u64, byte| seed << 8 | u64::from(*byte));
    ClusterName::new(namespace, name, Uid::from_random(seed))
}

/// What can be known without the cloud.
///
/// # Errors
/// What the spec must say itself because nothing is looked up.
pub fn facts(spec: &WorkloadClusterSpec) -> Result<Facts, Vec<Finding>> {
    let mut findings = Vec::new();
    if spec.image.is_none() {
        let text = "without a look at the cloud no image can be found by its version";
        findings.push(Finding::error("image", text).remedy("name it"));
    }
    if spec.api_access.allowed_cidrs.is_empty() {
        let text = "nobody would reach the API, not even your Cluster API";
        let remedy = "list the addresses it comes from, or 0.0.0.0/0";
        findings.push(Finding::error("apiAccess.allowedCidrs", text).remedy(remedy));
    }
    for (index, pool) in spec.workers.iter().enumerate() {
        if pool.architecture.is_some() && pool.image.is_none() {
            let text = "without a look at the cloud no image can be found by its processor";
            let path = format!("workers[{index}].image");
            findings.push(Finding::error(path, text).remedy("name it"));
        }
    }
    let logs_in = |mirror: &RegistryMirror| mirror.credentials_secret.is_some();
    if spec.kubeadm.registry_mirrors.iter().any(logs_in) {
        let text = "the Secret that nodes log in by is made by Capstan, on a management server";
        let remedy =
            "leave credentialsSecret out, and write hosts.toml by kubeadm.files with contentFrom";
        findings.push(Finding::error("kubeadm.registryMirrors", text).remedy(remedy));
    }
    if spec.bastion.is_some() {
        let text = "the security group that says who may connect to a bastion is made by Capstan; that of its OpenStack \
                    provider lets in everybody";
        findings.push(Finding::error("bastion", text).remedy("leave it out"));
    }
    let Some(image) = spec.image.as_deref().filter(|_| findings.is_empty()) else {
        return Err(findings);
    };
    let network = &spec.network;
    let pools: Vec<_> = spec.pools().collect();
    let groups = pools.iter().flat_map(Machines::named_groups);
    let networks = || pools.iter().flat_map(|pool| pool.networks);
    let root = |pool: Machines<'_>| {
        let size = pool
            .root_volume
            .size_gib
            .unwrap_or(defaults::ROOT_VOLUME_GIB);
        pool.root_volume
            .is_wanted()
            .then(|| (pool.pool.to_owned(), size))
    };
    Ok(Facts {
        openstack_api: OpenStackApi::default(),
        workers_version: None,
        image: by_name(image),
        external_network: network.external_network.as_deref().map(by_name),
        images: spec
            .pools()
            .filter_map(|pool| Some((pool.pool.to_owned(), by_name(pool.image?))))
            .collect(),
        existing_network: network.existing.as_ref().map(|existing| NetworkFacts {
            network: by_name(&existing.network),
            subnet: existing.subnet.as_deref().map(by_name),
            ipv6_subnet: network
                .ipv6
                .as_ref()
                .and_then(|ipv6| ipv6.subnet.as_deref())
                .map(by_name),
            ipv6_cidr: None,
            router: existing.router.as_deref().map(by_name),
        }),
        node_cidr: network.existing.is_none().then_some(network.node_cidr),
        floating_ip: spec
            .api_access
            .floating_ip
            .map(|address| address.to_string()),
        load_balancer_provider: spec.api_access.load_balancer_provider.clone(),
        management_egress: Vec::new(),
        dns_nameservers: network
            .dns_nameservers
            .iter()
            .map(ToString::to_string)
            .collect(),
        network_mtu: network.mtu,
        server_groups: BTreeMap::new(),
        security_groups: groups
            .map(|group| (group.clone(), by_name(group)))
            .collect(),
        networks: networks()
            .map(|network| (network.network.clone(), by_name(&network.network)))
            .collect(),
        subnets: networks()
            .filter_map(|network| {
                Some((network.subnet_key()?, by_name(network.subnet.as_deref()?)))
            })
            .collect(),
        root_volumes: spec.pools().filter_map(root).collect(),
        capacities: BTreeMap::new(),
        registry_secret: None,
        mirror: None,
        bastion: None,
    })
}

/// By id if it looks like one.
fn by_name(text: &str) -> Reference {
    let parts = text.split('-');
    let lengths: Vec<usize> = parts.clone().map(str::len).collect();
    let hex = parts.flat_map(str::chars).all(|c| c.is_ascii_hexdigit());
    if hex && lengths == [8, 4, 4, 4, 12] {
        return Reference::from(text);
    }
    Reference::Filter {
        name: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use capstan_spec::file;

    use super::*;
    use crate::render;
    use crate::render::tests::keeps_contract;

    const MANAGED: &str = include_str!("../testdata/managed.yaml");
    const EXISTING: &str = include_str!("../testdata/existing.yaml");

    #[test]
    fn what_is_looked_up_elsewhere_must_be_said() {
        let spec = file::read(EXISTING).unwrap().spec;
        let paths: Vec<_> = facts(&spec)
            .unwrap_err()
            .into_iter()
            .map(|f| f.path)
            .collect();
        assert_eq!(paths, ["image", "apiAccess.allowedCidrs", "bastion"]);
    }

    #[test]
    fn objects_name_what_capo_looks_up_and_keep_its_contract() {
        for text in [MANAGED, EXISTING] {
            let mut spec = file::read(text).unwrap().spec;
            spec.image = Some("node".into());
            spec.network.external_network = Some("0d1f7a62-3d1c-4b7a-8b1e-5a2f9c4e7d22".into());
            spec.api_access.allowed_cidrs = vec!["203.0.113.0/24".parse().unwrap()];
            // Its group and its Secret would have to be made by somebody.
            let refused: Vec<_> = facts(&spec).unwrap_err();
            let paths: Vec<_> = refused
                .iter()
                .map(|finding| finding.path.as_str())
                .collect();
            let of_mirrors = (text == MANAGED).then_some("kubeadm.registryMirrors");
            let expected: Vec<_> = of_mirrors.into_iter().chain(["bastion"]).collect();
            assert_eq!(paths, expected);
            spec.bastion = None;
            let mirrors = &mut spec.kubeadm.registry_mirrors;
            mirrors.retain(|mirror| mirror.credentials_secret.is_none());
            let rendered = render(&spec, &name("default", "demo"), &facts(&spec).unwrap()).unwrap();
            keeps_contract(&rendered);
            let template = &rendered.objects[0].value["spec"]["template"]["spec"];
            assert_eq!(template["image"]["filter"]["name"], "node");
            let cluster = rendered
                .of(capstan_capi::kind::OPENSTACK_CLUSTER)
                .next()
                .unwrap();
            let id = &cluster.value["spec"]["externalNetwork"]["id"];
            assert_eq!(id, "0d1f7a62-3d1c-4b7a-8b1e-5a2f9c4e7d22");
        }
    }

    #[test]
    fn the_name_is_always_the_same() {
        assert_eq!(name("a", "demo").cluster(), name("a", "demo").cluster());
        assert_ne!(name("a", "demo").cluster(), name("b", "demo").cluster());
    }
}
