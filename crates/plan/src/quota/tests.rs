use capstan_spec::cluster::{EtcdVolume, ExistingNetwork, Volume};

use super::*;

fn flavors() -> BTreeMap<String, Flavor> {
    let flavor = |name: &str, vcpus, ram_mib| Flavor {
        name: name.to_owned(),
        vcpus,
        ram_mib,
        disk_gib: 20,
    };
    [flavor("m1.medium", 2, 4096), flavor("m1.small", 1, 2048)]
        .map(|flavor| (flavor.name.clone(), flavor))
        .into()
}

fn spec() -> WorkloadClusterSpec {
    let version = "v1.36.3".parse().unwrap();
    let mut spec = WorkloadClusterSpec::new(version, "m1.medium", "m1.small");
    spec.control_plane.replicas = 3;
    spec.workers[0].replicas = 2;
    spec
}

#[test]
fn a_cluster_adds_up() {
    let need = need(
        &spec(),
        &flavors(),
        &BTreeMap::from([("workers".into(), 30)]),
    )
    .unwrap();
    let expected = [
        (Resource::Instances, 5),
        (Resource::Cores, 8),
        (Resource::Ram, 3 * 4096 + 2 * 2048),
        (Resource::ServerGroups, 2),
        (Resource::ServerGroupMembers, 3),
        (Resource::Volumes, 2),
        (Resource::Gigabytes, 60),
        (Resource::Ports, 8),
        (Resource::FloatingIps, 1),
        (Resource::SecurityGroupRules, 20),
        (Resource::Members, 3),
    ];
    for (resource, amount) in expected {
        assert_eq!(need.get(&resource), Some(&amount), "{resource}");
    }
}

#[test]
fn scaling_needs_only_what_comes_on_top() {
    let (flavors, none) = (flavors(), BTreeMap::new());
    let now = need(&spec(), &flavors, &none).unwrap();
    let mut more = spec();
    more.workers[0].replicas = 4;
    let delta = beyond(&need(&more, &flavors, &none).unwrap(), &now);
    let touched: Vec<_> = delta.iter().filter(|(_, amount)| **amount > 0).collect();
    let expected = [
        (&Resource::Instances, &2),
        (&Resource::Cores, &2),
        (&Resource::Ram, &4096),
        (&Resource::ServerGroupMembers, &4),
        (&Resource::Ports, &2),
    ];
    assert_eq!(touched, expected);
}

#[test]
fn a_roll_needs_one_machine_more() {
    let surge = surge(&spec(), &flavors(), &BTreeMap::new()).unwrap();
    assert_eq!(surge[&Resource::Instances], 1);
    assert_eq!(surge[&Resource::Cores], 2);
    assert_eq!(surge[&Resource::Members], 1);
}

#[test]
fn the_verdict_is_per_line_and_unlimited_always_fits() {
    let need = Need::from([
        (Resource::Cores, 8),
        (Resource::Ports, 8),
        (Resource::Ram, 1),
    ]);
    let free = BTreeMap::from([(Resource::Cores, Some(6)), (Resource::Ports, None)]);
    let lines = check(&need, &free);
    let verdicts: Vec<_> = lines
        .iter()
        .map(|l| (l.resource, l.fits(), l.missing()))
        .collect();
    let expected = [
        (Resource::Cores, false, 2),
        (Resource::Ram, true, 0),
        (Resource::Ports, true, 0),
    ];
    assert_eq!(verdicts, expected);
}

#[test]
fn volumes_of_every_machine_are_counted() {
    let mut spec = spec();
    spec.control_plane.etcd_volume = Some(EtcdVolume {
        size_gib: 20,
        kind: None,
        availability_zone: None,
        device: "/dev/vdb".into(),
    });
    let data = |name: &str| Volume {
        name: name.to_owned(),
        size_gib: 100,
        kind: None,
        availability_zone: None,
        mount_path: None,
        device: None,
    };
    spec.workers[0].volumes = vec![data("a"), data("b")];
    let roots = BTreeMap::from([("workers".to_owned(), 30)]);
    let need = need(&spec, &flavors(), &roots).unwrap();
    assert_eq!(need[&Resource::Volumes], 3 + 2 * 3);
    assert_eq!(need[&Resource::Gigabytes], 3 * 20 + 2 * (30 + 200));
    spec.workers[0].rollout.max_surge = 2;
    let surge = surge(&spec, &flavors(), &roots).unwrap();
    assert_eq!(surge[&Resource::Gigabytes], 2 * 230);
    assert_eq!(surge[&Resource::Instances], 2);
}

#[test]
fn what_is_there_or_not_wanted_needs_nothing() {
    let mut spec = spec();
    spec.network.existing = Some(ExistingNetwork {
        network: "prod".into(),
        subnet: None,
        router: None,
    });
    spec.api_access.private = true;
    spec.control_plane.server_group = ServerGroupPolicy::None;
    let need = need(&spec, &flavors(), &BTreeMap::new()).unwrap();
    let nothing = [
        Resource::Networks,
        Resource::Subnets,
        Resource::Routers,
        Resource::FloatingIps,
    ];
    for resource in nothing {
        assert_eq!(need[&resource], 0, "{resource}");
    }
    assert_eq!(need[&Resource::Ports], 6);
    assert_eq!(need[&Resource::ServerGroups], 1);
    assert_eq!(need[&Resource::ServerGroupMembers], 2);
}

#[test]
fn a_given_floating_ip_is_not_counted() {
    let mut spec = spec();
    spec.api_access.floating_ip = Some("198.51.100.7".parse().unwrap());
    let need = need(&spec, &flavors(), &BTreeMap::new()).unwrap();
    assert_eq!(need[&Resource::FloatingIps], 0);
}

#[test]
fn an_unknown_flavor_is_named() {
    let mut spec = spec();
    spec.workers[0].flavor = "m1.huge".into();
    let error = need(&spec, &flavors(), &BTreeMap::new()).unwrap_err();
    assert_eq!(error.pool, "workers");
    assert!(error.to_string().contains("m1.huge"));
}

#[test]
fn a_bastion_comes_on_top() {
    let (mut flavors, none) = (flavors(), BTreeMap::new());
    let mut with_one = spec();
    let bastion = |flavor: &str| Bastion {
        flavor: flavor.into(),
        image: None,
        ssh_key: None,
        allowed_cidrs: ["203.0.113.0/24", "192.0.2.0/24"]
            .map(|range| range.parse().unwrap())
            .into(),
        availability_zone: None,
    };
    let now = need(&spec(), &flavors, &none).unwrap();
    with_one.bastion = Some(bastion("m1.small"));
    let more = beyond(&need(&with_one, &flavors, &none).unwrap(), &now);
    for (resource, amount) in [
        (Resource::Instances, 1),
        (Resource::Cores, 1),
        (Resource::Ram, 2048),
        (Resource::Ports, 1),
        (Resource::FloatingIps, 1),
        (Resource::SecurityGroups, 2),
        (Resource::SecurityGroupRules, 11),
        (Resource::ServerGroups, 0),
    ] {
        assert_eq!(more.get(&resource), Some(&amount), "{resource}");
    }
    with_one.bastion = Some(bastion("m1.none"));
    let unknown = need(&with_one, &flavors, &none).unwrap_err();
    assert!(unknown.to_string().contains("the bastion"), "{unknown}");
    if let Some(flavor) = flavors.get_mut("m1.small") {
        flavor.disk_gib = 0;
    }
    with_one.bastion = Some(bastion("m1.small"));
    let more = need(&with_one, &flavors, &none).unwrap();
    assert_eq!(more[&Resource::Volumes], 1);
    assert_eq!(more[&Resource::Gigabytes], 20);
}
