use capstan_openstack::{Inventory, Quota, QuotaLine, Resource, Zones};
use serde_json::{Value, json};

use super::*;
use crate::error::{Category, Error};
use crate::settings::Settings;

fn of<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn flavor(name: &str, vcpus: u32, ram: u64, disk: u64) -> Value {
    json!({"id": format!("id-{name}"), "name": name, "vcpus": vcpus, "ram": ram, "disk": disk})
}

fn image(name: &str, created: &str, properties: &Value) -> Value {
    let mut image = json!({"id": format!("id-{name}"), "name": name, "status": "active", "created_at": created});
    for (key, value) in properties.as_object().unwrap() {
        image[key] = value.clone();
    }
    image
}

fn inventory() -> Inventory {
    Inventory {
        services: [].into(),
        regions: vec!["RegionOne".into()],
        flavors: of(json!([
            flavor("tiny", 1, 512, 1),
            flavor("small-diskless", 2, 4096, 0),
            flavor("small", 2, 4096, 20),
            flavor("large", 4, 8192, 80),
        ])),
        images: of(json!([
            image(
                "ubuntu-capi-image-v1.35.4",
                "2026-05-01T00:00:00Z",
                &json!({})
            ),
            image(
                "capstan-node",
                "2026-04-01T00:00:00Z",
                &json!({"kube_version": "v1.36.3"})
            ),
            image(
                "Debian 12",
                "2026-06-01T00:00:00Z",
                &json!({"os_distro": "debian"})
            ),
            image(
                "windows",
                "2026-07-01T00:00:00Z",
                &json!({"os_distro": "windows"})
            ),
        ])),
        networks: of(
            json!([{"id": "n1", "name": "public", "router:external": true}, {"id": "n2", "name": "mine"}]),
        ),
        zones: Zones {
            compute: vec!["az1".into(), "az2".into()],
            ..Zones::default()
        },
        volume_types: Vec::new(),
        load_balancer_providers: Vec::new(),
        load_balancer_flavors: Vec::new(),
        extensions: [].into(),
        quota: quota(10, 5),
    }
}

fn quota(instances: u64, addresses_used: u64) -> Quota {
    [
        (
            Resource::Instances,
            QuotaLine {
                limit: Some(instances),
                used: 1,
            },
        ),
        (
            Resource::Cores,
            QuotaLine {
                limit: None,
                used: 4,
            },
        ),
        (
            Resource::Ram,
            QuotaLine {
                limit: Some(20_000),
                used: 1000,
            },
        ),
        (
            Resource::FloatingIps,
            QuotaLine {
                limit: Some(5),
                used: addresses_used,
            },
        ),
    ]
    .into_iter()
    .collect()
}

fn settings() -> Settings {
    Settings {
        api_cidr: vec!["192.0.2.0/24".parse().unwrap()],
        ..Settings::default()
    }
}

fn roles() -> Vec<String> {
    ["reader", "member"].map(str::to_owned).to_vec()
}

fn chosen(settings: &Settings, inventory: &Inventory) -> Result<Choices, Error> {
    choose(settings, inventory, &roles(), None)
}

fn subject() -> Subject<'static> {
    Subject {
        name: "default",
        identity: None,
        cloud: "demo",
        project: "team",
    }
}

#[test]
fn what_only_one_thing_fits_is_not_asked() {
    let choices = chosen(&settings(), &inventory()).unwrap();
    assert_eq!(choices.external_network.name, "public");
    assert_eq!(
        (choices.image.name.as_str(), choices.image.kind),
        ("capstan-node", ImageKind::Node)
    );
    assert_eq!(choices.kubernetes_version, "v1.36.3");
    assert_eq!(
        choices.flavor.name, "small",
        "a disk of its own comes first"
    );
    assert_eq!(choices.volume, None);
    assert_eq!(choices.roles, ["member"], "not more than is needed");
}

#[test]
fn the_whole_plan() {
    let inventory = inventory();
    let plan = plan(
        subject(),
        chosen(&settings(), &inventory).unwrap(),
        &inventory,
        &Found::default(),
    );
    insta::assert_json_snapshot!(plan);
    let short: Vec<_> = plan.shortages.iter().map(ToString::to_string).collect();
    assert_eq!(short, ["floating IPs: 1 needed, 0 of 5 free"]);
}

#[test]
fn what_is_there_takes_nothing_more() {
    let inventory = inventory();
    let found = Found {
        floating_ips: of(
            json!([{"id": "f", "floating_ip_address": "198.18.0.9", "floating_network_id": "n1"}]),
        ),
        ..Found::default()
    };
    let plan = plan(
        subject(),
        chosen(&settings(), &inventory).unwrap(),
        &inventory,
        &found,
    );
    assert!(plan.shortages.is_empty());
    let address = plan
        .resources
        .iter()
        .find(|line| line.kind == "floating IP")
        .unwrap();
    assert!(address.exists && address.detail == "198.18.0.9");
}

#[test]
fn a_flavor_without_disk_gets_a_volume() {
    let settings = Settings {
        flavor: Some("small-diskless".into()),
        ..settings()
    };
    let inventory = inventory();
    let choices = chosen(&settings, &inventory).unwrap();
    assert_eq!(
        choices.volume,
        Some(VolumeChoice {
            size: 20,
            kind: None
        })
    );
    let plan = plan(subject(), choices, &inventory, &Found::default());
    assert!(
        plan.resources
            .iter()
            .any(|line| line.kind == "volume" && line.detail == "20 GiB")
    );
}

#[test]
fn without_node_images_a_vanilla_one_is_taken() {
    let mut inventory = inventory();
    inventory.images.retain(|image| {
        image.property("kube_version").is_none() && !image.label().contains("capi")
    });
    let choices = chosen(&settings(), &inventory).unwrap();
    assert_eq!(
        (choices.image.name.as_str(), choices.image.kind),
        ("Debian 12", ImageKind::Vanilla)
    );
}

#[test]
fn a_version_chooses_its_node_image() {
    let settings = Settings {
        kubernetes_version: Some("1.35.4".into()),
        ..settings()
    };
    assert_eq!(
        chosen(&settings, &inventory()).unwrap().image.name,
        "ubuntu-capi-image-v1.35.4"
    );
    let settings = Settings {
        image: Some("capstan-node".into()),
        ..settings
    };
    let error = chosen(&settings, &inventory()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "image capstan-node has Kubernetes v1.36.3, not v1.35.4"
    );
    assert_eq!(error.category(), Category::Input);
}

#[test]
fn all_open_questions_come_at_once() {
    let mut inventory = inventory();
    inventory.networks.push(of(
        json!({"id": "n3", "name": "other", "router:external": true}),
    ));
    let Error::Questions(questions) = chosen(&Settings::default(), &inventory).unwrap_err() else {
        panic!()
    };
    let keys: Vec<_> = questions.iter().map(|question| question.key).collect();
    assert_eq!(keys, ["externalNetwork", "apiCidr"]);
    assert_eq!(questions[0].options, ["public", "other"]);
}

#[test]
fn the_callers_own_address_is_proposed_and_not_taken() {
    let caller = "198.51.100.7/32".parse().unwrap();
    let chosen = choose(&Settings::default(), &inventory(), &roles(), Some(caller));
    let Error::Questions(questions) = chosen.unwrap_err() else {
        panic!()
    };
    assert_eq!(questions.len(), 1);
    assert_eq!(
        questions[0].remedy(),
        "the API is closed to everybody who is not named; this machine sends from 198.51.100.7, which is what the cloud \
         sees unless addresses are translated on the way (NAT): --api-cidr 198.51.100.7/32 (or apiCidr in a settings file)"
    );
}

#[test]
fn unknown_names_are_answered_with_what_was_meant() {
    for (settings, message) in [
        (
            Settings {
                flavor: Some("smal".into()),
                ..settings()
            },
            "failed to find flavor \"smal\"; did you mean \"small\"?",
        ),
        (
            Settings {
                image: Some("Debian12".into()),
                ..settings()
            },
            "failed to find image \"Debian12\"; did you mean \"Debian 12\"?",
        ),
        (
            Settings {
                external_network: Some("pubic".into()),
                ..settings()
            },
            "failed to find external network \"pubic\"; did you mean \"public\"?",
        ),
        (
            Settings {
                availability_zone: Some("az3".into()),
                ..settings()
            },
            "failed to find availability zone \"az3\"; did you mean \"az2\"?",
        ),
    ] {
        let error = chosen(&settings, &inventory()).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.category(), Category::NotFound);
    }
}

#[test]
fn ranges_that_overlap_and_keyless_doors_are_refused() {
    let overlapping = Settings {
        network_cidr: Some("10.244.3.0/24".parse().unwrap()),
        ..settings()
    };
    assert_eq!(
        chosen(&overlapping, &inventory()).unwrap_err().to_string(),
        "networkCidr 10.244.3.0/24 overlaps podCidr 10.244.0.0/16"
    );
    let keyless = Settings {
        ssh_cidr: vec!["192.0.2.1/32".parse().unwrap()],
        ..settings()
    };
    assert_eq!(
        chosen(&keyless, &inventory()).unwrap_err().category(),
        Category::Input
    );
}

#[test]
fn a_flavor_that_is_too_small_is_refused() {
    let tiny = Settings {
        flavor: Some("tiny".into()),
        ..settings()
    };
    assert_eq!(
        chosen(&tiny, &inventory()).unwrap_err().to_string(),
        "flavor tiny has 1 vCPU and 512 MiB"
    );
}
