use capstan_catalog::Catalogue;
use capstan_openstack::{Holdings, Inventory, Quota, Zones};
use capstan_plan::upgrade::Move;
use capstan_spec::cluster::kubeadm::BootstrapFormat;
use capstan_spec::cluster::{
    Autoscaling, Bastion, ExistingNetwork, ExtraNetwork, Gpu, Ipv6, Volume,
};
use capstan_spec::status::{NodeImage, PoolImage, ResolvedBastion};
use capstan_spec::{Architecture, KubernetesVersion};
use serde_json::{Value, json};

use super::*;

fn of<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn inventory() -> Inventory {
    let image = |id: &str, name: &str, least: u64| json!({"id": id, "name": name, "status": "active", "min_disk": least, "created_at": "2026-05-01T00:00:00Z"});
    let flavor = |name: &str, disk: u64| json!({"id": format!("id-{name}"), "name": name, "vcpus": 2, "ram": 4096, "disk": disk});
    Inventory {
        services: [].into(),
        regions: Vec::new(),
        flavors: of(json!([flavor("small", 20), flavor("diskless", 0)])),
        images: of(json!([
            image("i36", "ubuntu-capi-image-v1.36.3", 8),
            image("i35", "ubuntu-capi-image-v1.35.4", 8),
            image("gpu36", "gpu", 40),
        ])),
        networks: of(json!([
            {"id": "ext", "name": "public", "router:external": true},
            {"id": "n1", "name": "prod"},
        ])),
        zones: Zones {
            compute: vec!["az1".into()],
            volume: vec!["ceph".into()],
            load_balancer: vec!["lb1".into()],
            ..Zones::default()
        },
        volume_types: of(json!([{"id": "t1", "name": "fast"}])),
        load_balancer_providers: of(json!([{"name": "amphora"}])),
        load_balancer_flavors: of(json!([
            {"id": "f1", "name": "ha", "enabled": true},
            {"id": "f2", "name": "old", "enabled": false},
        ])),
        extensions: [].into(),
        quota: Quota::default(),
    }
}

fn holdings() -> Holdings {
    let subnet = |id: &str, name: &str, version: u8, cidr: &str| json!({"id": id, "name": name, "network_id": "n1", "ip_version": version, "cidr": cidr});
    Holdings {
        subnets: of(json!([
            subnet("s4", "v4", 4, "10.20.0.0/22"),
            subnet("s6", "v6", 6, "fd00::/64"),
        ])),
        routers: of(json!([{"id": "r1", "name": "edge"}])),
        security_groups: of(json!([{"id": "g1", "name": "web"}])),
        keypairs: of(json!([{"name": "ops"}])),
    }
}

fn spec() -> WorkloadClusterSpec {
    WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "small", "small")
}

fn look(spec: &WorkloadClusterSpec, before: Option<&Resolved>) -> Result<Resolved, Vec<Reason>> {
    let catalogue = Catalogue::bundled().unwrap();
    let rules = catalogue.node_image_rules();
    let defaults = CloudDefaults::default();
    resolve(spec, &defaults, &inventory(), &holdings(), rules, before)
}

fn told(spec: &WorkloadClusterSpec) -> Vec<String> {
    let reasons = look(spec, None).unwrap_err();
    reasons.into_iter().map(|reason| reason.message).collect()
}

#[test]
fn a_plain_cluster_needs_nothing_of_the_project() {
    assert!(!needs_holdings(&spec()));
    let found = look(&spec(), None).unwrap();
    let expected = Resolved {
        version: Some(KubernetesVersion::new(1, 36, 3)),
        image_id: Some("i36".into()),
        image_name: Some("ubuntu-capi-image-v1.36.3".into()),
        external_network_id: Some("ext".into()),
        load_balancer_provider: Some("amphora".into()),
        ..Resolved::default()
    };
    assert_eq!(found, expected);
}

#[test]
fn every_name_is_looked_up_and_what_was_meant_is_told() {
    let mut spec = spec();
    spec.ssh_key = Some("opps".into());
    spec.network.existing = Some(ExistingNetwork {
        network: "prood".into(),
        subnet: None,
        router: None,
    });
    spec.api_access.load_balancer_flavor = Some("haa".into());
    spec.api_access.load_balancer_zone = Some("lb2".into());
    spec.control_plane.root_volume.kind = Some("fasd".into());
    spec.control_plane.root_volume.availability_zone = Some("cepf".into());
    spec.control_plane.security_groups = vec!["wep".into()];
    spec.workers[0].availability_zone = Some("az2".into());
    spec.workers[0].image = Some("gpo".into());
    spec.workers[0].volumes = vec![Volume {
        name: "data".into(),
        size_gib: 1,
        kind: Some("slow".into()),
        availability_zone: Some("machine".into()),
        mount_path: None,
        device: None,
    }];
    assert!(needs_holdings(&spec));
    let told = told(&spec);
    for word in [
        "image \"gpo\"",
        "network \"prood\"; did you mean \"prod\"",
        "load balancer flavor \"haa\"; did you mean \"ha\"",
        "zone of load balancers \"lb2\"",
        "volume type \"fasd\"; did you mean \"fast\"",
        "zone of volumes \"cepf\"; did you mean \"ceph\"",
        "security group \"wep\"; did you mean \"web\"",
        "availability zone \"az2\"",
        "volume type \"slow\"",
        "keypair \"opps\"; did you mean \"ops\"",
    ] {
        assert!(
            told.iter().any(|text| text.contains(word)),
            "{word}: {told:#?}"
        );
    }
    assert_eq!(told.len(), 10, "{told:#?}");
}

#[test]
fn an_existing_network_brings_its_only_ipv4_subnet() {
    let mut spec = spec();
    let existing = |router: Option<&str>| ExistingNetwork {
        network: "prod".into(),
        subnet: None,
        router: router.map(str::to_owned),
    };
    spec.network.existing = Some(existing(Some("edge")));
    let found = look(&spec, None).unwrap();
    let network = found.existing_network.as_ref().unwrap();
    assert_eq!(
        (network.id.as_str(), network.subnet_id.as_str()),
        ("n1", "s4")
    );
    assert_eq!(network.subnet_cidr.to_string(), "10.20.0.0/22");
    assert_eq!(network.router_id.as_deref(), Some("r1"));
    spec.network.existing = None;
    assert_eq!(look(&spec, Some(&found)).unwrap().existing_network, None);
    spec.network.existing = Some(existing(Some("egde")));
    assert!(told(&spec)[0].contains("did you mean \"edge\""));
}

#[test]
fn root_volumes_come_from_the_spec_or_from_need() {
    let size = |spec: &WorkloadClusterSpec, before: Option<&Resolved>| {
        let found = look(spec, before).unwrap();
        found.root_volumes.get("workers").copied()
    };
    let mut spec = spec();
    assert_eq!(size(&spec, None), None);
    spec.workers[0].flavor = "diskless".into();
    assert_eq!(size(&spec, None), Some(20));
    spec.workers[0].root_volume.size_gib = Some(50);
    assert_eq!(size(&spec, None), Some(50));
    spec.workers[0].flavor = "small".into();
    let pinned = look(&spec, None).unwrap();
    assert_eq!(pinned.root_volumes["workers"], 50);
    spec.workers[0].root_volume.size_gib = None;
    assert_eq!(size(&spec, Some(&pinned)), None);
    spec.workers[0].root_volume.kind = Some("fast".into());
    assert_eq!(size(&spec, None), Some(20));
}

#[test]
fn an_image_that_does_not_fit_the_disk_is_told_before_anything_is_made() {
    let mut spec = spec();
    spec.workers[0].image = Some("gpu".into());
    let told = told(&spec);
    assert_eq!(
        told,
        ["the root disk of workers has 20 GiB, and the image wants 40"]
    );
    spec.workers[0].root_volume.size_gib = Some(40);
    let found = look(&spec, None).unwrap();
    assert_eq!(found.pool_images["workers"].id, "gpu36");
    spec.workers[0].image = None;
    spec.workers[0].root_volume.size_gib = None;
    assert!(look(&spec, Some(&found)).unwrap().pool_images.is_empty());
}

#[test]
fn an_image_stays_pinned_while_the_spec_means_it() {
    let image = |spec: &WorkloadClusterSpec, before: &Resolved| {
        look(spec, Some(before)).unwrap().image_id.unwrap()
    };
    let mut before = look(&spec(), None).unwrap();
    before.image_id = Some("older".into());
    assert_eq!(image(&spec(), &before), "older");

    // The spec has named it all along, and an older version did not write that down.
    let mut named = spec();
    named.image = Some("ubuntu-capi-image-v1.36.3".into());
    assert_eq!(image(&named, &before), "older");
    named.image = Some("i36".into());
    assert_eq!(image(&named, &before), "i36");

    let pinned = look(&named, Some(&before)).unwrap();
    assert_eq!(pinned.image_asked.as_deref(), Some("i36"));
    let mut upgraded = spec();
    upgraded.version = KubernetesVersion::new(1, 35, 4);
    assert_eq!(image(&upgraded, &pinned), "i35");
}

#[test]
fn security_groups_are_pinned_until_they_are_gone() {
    let mut spec = spec();
    spec.workers[0].security_groups = vec!["web".into()];
    let mut before = look(&spec, None).unwrap();
    assert_eq!(before.security_groups["web"], "g1");
    before.security_groups.insert("web".into(), "gone".into());
    let found = look(&spec, Some(&before)).unwrap();
    assert_eq!(found.security_groups["web"], "g1");
}

#[test]
fn a_load_balancer_flavor_is_one_that_the_provider_will_find() {
    let flavor = |name: &str| {
        let mut spec = spec();
        spec.api_access.load_balancer_flavor = Some(name.into());
        look(&spec, None)
    };
    assert!(flavor("ha").is_ok());
    for (name, word) in [
        ("old", "turned off"),
        ("f1", "named by its id"),
        ("hb", "failed to find"),
    ] {
        let reasons = flavor(name).unwrap_err();
        assert!(reasons[0].message.contains(word), "{reasons:?}");
    }
}

#[test]
fn a_move_takes_the_image_of_its_version_and_what_the_spec_names_at_the_goal_alone() {
    let (older, newer) = (
        KubernetesVersion::new(1, 35, 4),
        KubernetesVersion::new(1, 36, 3),
    );
    let catalogue = Catalogue::bundled().unwrap();
    let rules = catalogue.node_image_rules();
    let mut wish = spec();
    wish.image = Some("i36".into());
    wish.workers[0].image = Some("gpu".into());
    wish.workers[0].root_volume.size_gib = Some(50);
    let mut resolved = Resolved {
        version: Some(KubernetesVersion::new(1, 34, 1)),
        image_id: Some("i34".into()),
        ..Resolved::default()
    };
    let begin = |next, resolved: &mut Resolved| {
        image::begin(&wish, next, &inventory(), rules, resolved).map_err(|reason| reason.message)
    };
    begin(Move::ControlPlane(older), &mut resolved).unwrap();
    assert_eq!(resolved.image_id.as_deref(), Some("i35"));
    assert_eq!(resolved.image_asked, None);
    let lagging = resolved.workers.as_ref().map(|image| image.id.as_str());
    assert_eq!(lagging, Some("i34"));
    begin(Move::Workers(older), &mut resolved).unwrap();
    assert_eq!(resolved.pool_images["workers"].id, "i35");
    begin(Move::ControlPlane(newer), &mut resolved).unwrap();
    assert_eq!(resolved.image_asked.as_deref(), Some("i36"));
    begin(Move::Workers(newer), &mut resolved).unwrap();
    assert_eq!(resolved.pool_images["workers"].id, "gpu36");
    assert_eq!(resolved.workers, None);

    let before = resolved.clone();
    let next = Move::ControlPlane(KubernetesVersion::new(1, 37, 0));
    let error = begin(next, &mut resolved).unwrap_err();
    assert!(error.contains("v1.37.0"), "{error}");
    assert_eq!(resolved, before);
    let moves = [Move::ControlPlane(older), next, Move::Workers(newer)];
    let missing = image::missing(&wish, &moves, &inventory(), rules);
    assert_eq!(missing.len(), 1, "{missing:?}");
}

#[test]
fn workers_that_lag_keep_the_image_of_their_pool_whatever_the_spec_names_now() {
    let mut wish = spec();
    wish.workers[0].image = Some("i36".into());
    let version = KubernetesVersion::new(1, 35, 4);
    let of_pool = PoolImage {
        system: capstan_spec::NodeSystem::default(),
        asked: "i35".into(),
        version,
        id: "i35".into(),
    };
    let before = Resolved {
        workers: Some(NodeImage {
            version,
            id: "i35".into(),
        }),
        pool_images: [("workers".to_owned(), of_pool.clone())].into(),
        ..Resolved::default()
    };
    let found = look(&wish, Some(&before)).unwrap();
    assert_eq!(found.pool_images["workers"], of_pool);
}

#[test]
fn an_image_is_looked_up_for_the_pools_processor_and_format() {
    let mut inventory = inventory();
    let image = |id: &str, property: Value| {
        let mut image = json!({"id": id, "name": id, "status": "active", "min_disk": 1, "kube_version": "v1.36.3",
            "created_at": "2026-06-01T00:00:00Z"});
        let more = property.as_object().unwrap().clone();
        image.as_object_mut().unwrap().extend(more);
        of(image)
    };
    inventory
        .images
        .push(image("arm", json!({"architecture": "aarch64"})));
    inventory
        .images
        .push(image("flatcar", json!({"os_distro": "flatcar"})));
    let look = |spec: &WorkloadClusterSpec, before: Option<&Resolved>| {
        let catalogue = Catalogue::bundled().unwrap();
        let rules = catalogue.node_image_rules();
        let cloud = CloudDefaults::default();
        resolve(spec, &cloud, &inventory, &holdings(), rules, before)
    };
    let mut spec = spec();
    spec.workers[0].architecture = Some(Architecture::Arm64);
    let found = look(&spec, None).unwrap();
    assert_eq!(found.image_id.as_deref(), Some("i36"));
    assert_eq!(found.pool_images["workers"].id, "arm");

    spec.workers[0].architecture = None;
    spec.kubeadm.format = BootstrapFormat::Ignition;
    let flatcar = look(&spec, Some(&found)).unwrap();
    assert_eq!(flatcar.image_id.as_deref(), Some("flatcar"));
    assert!(flatcar.pool_images.is_empty());
    // Workers of another image would not understand it.
    let mut half = found.clone();
    half.workers = Some(NodeImage {
        version: KubernetesVersion::new(1, 35, 4),
        id: "i35".into(),
    });
    let told = look(&spec, Some(&half)).unwrap_err();
    assert!(
        told[0].message.contains("in the middle of an upgrade"),
        "{told:?}"
    );
}

#[test]
fn graphics_processors_are_what_the_flavor_gives() {
    let mut inventory = inventory();
    let flavor = json!({"id": "a100", "name": "a100", "vcpus": 8, "ram": 65536, "disk": 100,
        "extra_specs": {"pci_passthrough:alias": "gpu-a100:2"}});
    inventory.flavors.push(of(flavor));
    let look = |flavor: &str, count: Option<u32>| {
        let mut spec = spec();
        let pool = &mut spec.workers[0];
        pool.flavor = flavor.into();
        pool.autoscaling = Some(Autoscaling::within_bounds(0, 1));
        pool.gpu = Some(Gpu {
            resource: "nvidia.com/gpu".into(),
            count,
        });
        let catalogue = Catalogue::bundled().unwrap();
        let rules = catalogue.node_image_rules();
        let cloud = CloudDefaults::default();
        let found = resolve(&spec, &cloud, &inventory, &holdings(), rules, None);
        found
            .map(|found| found.capacities["workers"].gpus)
            .map_err(|reasons| reasons[0].message.clone())
    };
    assert_eq!(look("a100", None), Ok(2));
    assert_eq!(look("small", Some(1)), Ok(1));
    let wrong = look("a100", Some(1)).unwrap_err();
    assert_eq!(wrong, "flavor a100 gives a server 2 graphics processors");
    assert!(look("small", None).unwrap_err().contains("does not say"));
}

#[test]
fn a_subnet_of_ipv6_is_looked_up_beside_the_one_of_ipv4() {
    let mut spec = spec();
    spec.network.existing = Some(ExistingNetwork {
        network: "prod".into(),
        subnet: None,
        router: None,
    });
    assert_eq!(
        look(&spec, None).unwrap().existing_network.unwrap().ipv6,
        None
    );
    spec.network.ipv6 = Some(Ipv6 {
        subnet: None,
        pod_cidr: defaults::POD_CIDR_V6,
        service_cidr: defaults::SERVICE_CIDR_V6,
    });
    let found = look(&spec, None).unwrap().existing_network.unwrap();
    assert_eq!(
        (found.subnet_id.as_str(), found.ipv6.unwrap().id.as_str()),
        ("s4", "s6")
    );
    spec.network.ipv6.as_mut().unwrap().subnet = Some("v4".into());
    assert_eq!(told(&spec), ["subnet \"v4\" is one of IPv4"]);
}

#[test]
fn further_networks_are_pinned_with_their_subnets_and_groups() {
    let mut spec = spec();
    spec.workers[0].networks = vec![ExtraNetwork {
        network: "prod".into(),
        subnet: Some("v4".into()),
        security_groups: vec!["web".into()],
        port_security: true,
        vnic_type: None,
    }];
    assert!(needs_holdings(&spec));
    let mut found = look(&spec, None).unwrap();
    assert_eq!(found.networks["prod"], "n1");
    assert_eq!(found.subnets["prod/v4"], "s4");
    assert_eq!(found.security_groups["web"], "g1");
    found.networks.insert("prod".into(), "the first".into());
    assert_eq!(
        look(&spec, Some(&found)).unwrap().networks["prod"],
        "the first"
    );
    spec.workers[0].networks[0].subnet = Some("v5".into());
    assert!(told(&spec)[0].contains("v5"), "{:?}", told(&spec));
}

#[test]
fn a_bastion_keeps_the_image_it_came_with() {
    let mut spec = spec();
    let wanted = Bastion {
        flavor: "diskless".into(),
        image: None,
        ssh_key: Some("ops".into()),
        allowed_cidrs: vec!["203.0.113.0/24".parse().unwrap()],
        availability_zone: Some("az1".into()),
    };
    spec.bastion = Some(wanted.clone());
    assert!(needs_holdings(&spec));
    let found = look(&spec, None).unwrap();
    let expected = ResolvedBastion {
        image_id: Some("i36".into()),
        root_volume_gib: Some(20),
        ..ResolvedBastion::default()
    };
    assert_eq!(found.bastion, Some(expected));
    // The cluster's image becomes another; the bastion's does not, until it is named.
    let upgraded = Resolved {
        version: Some(KubernetesVersion::new(1, 35, 4)),
        image_id: Some("i35".into()),
        ..found.clone()
    };
    let image = |spec: &WorkloadClusterSpec, before: &Resolved| {
        let found = look(spec, Some(before)).unwrap().bastion.unwrap();
        found.image_id.unwrap()
    };
    assert_eq!(image(&spec, &upgraded), "i36");
    let mut named = spec.clone();
    named.bastion.as_mut().unwrap().image = Some("ubuntu-capi-image-v1.35.4".into());
    assert_eq!(image(&named, &found), "i35");
    // What is only looked up is forgotten with the wish, and what was made is not.
    let mut made = found.clone();
    made.bastion.as_mut().unwrap().floating_ip_id = Some("ip".into());
    spec.bastion = None;
    assert_eq!(look(&spec, Some(&found)).unwrap().bastion, None);
    assert_eq!(look(&spec, Some(&made)).unwrap().bastion, made.bastion);

    spec.bastion = Some(Bastion {
        flavor: "smal".into(),
        image: Some("gpo".into()),
        ssh_key: Some("opps".into()),
        availability_zone: Some("az2".into()),
        ..wanted.clone()
    });
    let wrong = told(&spec);
    assert_eq!(wrong.len(), 4, "{wrong:#?}");
    spec.bastion = Some(Bastion {
        flavor: "small".into(),
        image: Some("gpu".into()),
        ..wanted
    });
    let text = "a bastion of flavor small has 20 GiB of disk, and its image wants 40";
    assert_eq!(told(&spec), [text]);
}
