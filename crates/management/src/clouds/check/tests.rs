use capstan_catalog::Catalogue;
use capstan_openstack::Inventory;
use capstan_spec::cluster::Bastion;
use capstan_spec::{KubernetesVersion, WorkloadClusterSpec};
use serde_json::{Value, json};

use super::super::cache::Cache;
use super::super::misfits;
use super::*;

fn inventory() -> Value {
    json!({
        "services": ["identity", "compute"],
        "regions": ["RegionOne"],
        "flavors": [{"id": "f", "name": "m1.node", "vcpus": 2, "ram": 4096, "disk": 20}],
        "images": [{
            "id": "i", "name": "capstan-node-v1.36.3", "status": "active", "kube_version": "v1.36.3",
        }],
        "networks": [{"id": "n", "name": "public", "router:external": true, "mtu": 1500}],
        "zones": {"compute": ["nova"], "network": [], "volume": [], "load_balancer": []},
        "volume_types": [],
        "load_balancer_providers": [{"name": "amphora"}],
        "load_balancer_flavors": [],
        "extensions": [],
        "quota": {"instances": {"limit": 10, "used": 3}, "floatingIps": {"limit": null, "used": 3}},
    })
}

fn look_of(inventory: Value) -> Look {
    let inventory: Inventory = serde_json::from_value(inventory).unwrap();
    serde_json::from_value(json!({
        "takenAt": "2026-11-28T00:00:00Z", "namespace": "capstan-system", "name": "default",
        "authUrl": "https://a/v3", "region": "RegionOne", "project": "p", "user": "u", "roles": ["member"],
        "credential": {"name": "c", "unrestricted": true, "expiresAt": null},
        "defaults": {}, "inventory": inventory,
    }))
    .unwrap()
}

fn verdicts(look: &Look) -> Vec<(String, Verdict)> {
    let catalogue = Catalogue::bundled().unwrap();
    let rows = judge(look, look.taken_at, catalogue.node_image_rules());
    for row in &rows {
        assert_eq!(
            row.remedy.is_some(),
            row.verdict != Verdict::Good,
            "{row:?}"
        );
    }
    rows.into_iter()
        .map(|row| (row.what, row.verdict))
        .collect()
}

#[test]
fn a_cloud_that_does_is_good_in_every_row() {
    let rows = verdicts(&look_of(inventory()));
    assert!(
        rows.iter().all(|(_, verdict)| *verdict == Verdict::Good),
        "{rows:?}"
    );
    assert_eq!(rows.len(), 6);
}

#[test]
fn what_is_missing_is_told_where_it_is() {
    let broken: [(&str, &str, Value, Verdict); 5] = [
        ("external network", "networks", json!([]), Verdict::Bad),
        (
            "flavors",
            "flavors",
            json!([{"id": "f", "name": "tiny", "vcpus": 1, "ram": 512, "disk": 1}]),
            Verdict::Bad,
        ),
        (
            "node images",
            "images",
            json!([{"id": "i", "name": "debian", "status": "active"}]),
            Verdict::Warning,
        ),
        (
            "quota",
            "quota",
            json!({"instances": {"limit": 4, "used": 3}}),
            Verdict::Warning,
        ),
        (
            "external network",
            "networks",
            json!([{"id": "a", "name": "a", "router:external": true}, {"id": "b", "name": "b", "router:external": true}]),
            Verdict::Warning,
        ),
    ];
    for (what, key, value, verdict) in broken {
        let mut cloud = inventory();
        cloud[key] = value;
        let rows = verdicts(&look_of(cloud));
        let wrong: Vec<_> = rows
            .into_iter()
            .filter(|(_, v)| *v != Verdict::Good)
            .collect();
        assert_eq!(wrong, [(what.to_owned(), verdict)]);
    }
}

#[test]
fn a_credential_is_warned_of_before_it_ends_and_refused_when_it_cannot_mint() {
    let mut look = look_of(inventory());
    let held = look.credential.as_mut().unwrap();
    held.expires_at = Some("2026-12-05T00:00:00Z".parse().unwrap());
    assert!(verdicts(&look).contains(&("credential".to_owned(), Verdict::Warning)));
    let held = look.credential.as_mut().unwrap();
    held.expires_at = Some("2027-12-05T00:00:00Z".parse().unwrap());
    held.unrestricted = false;
    let rows = verdicts(&look);
    assert!(
        rows.contains(&("credential".to_owned(), Verdict::Good)),
        "{rows:?}"
    );
    assert!(
        rows.contains(&("rights".to_owned(), Verdict::Bad)),
        "{rows:?}"
    );
}

/// What is kept is enough for the controller's own rules.
#[test]
fn a_kept_look_says_what_a_cluster_cannot_have() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::of_server(directory.path(), "/some/kube config");
    assert!(cache.load("team", "default").is_none());
    cache.save(&look_of(inventory())).unwrap();
    let kept = cache.load("team", "default").unwrap();
    let catalogue = Catalogue::bundled().unwrap();
    let version = KubernetesVersion::new(1, 36, 3);
    let spec = |flavor: &str| WorkloadClusterSpec::new(version, flavor, "m1.node");
    let told =
        |spec: &WorkloadClusterSpec| misfits(spec, &kept, None, catalogue.node_image_rules());
    assert_eq!(told(&spec("m1.node")), []);
    let mut wrong = spec("m1.nod");
    wrong.version = KubernetesVersion::new(1, 35, 1);
    wrong.workers[0].availability_zone = Some("nowa".into());
    wrong.network.external_network = Some("pubic".into());
    wrong.ssh_key = Some("not looked at without the project's holdings".into());
    wrong.bastion = Some(Bastion {
        flavor: "m1.node".into(),
        image: None,
        ssh_key: Some("neither".into()),
        allowed_cidrs: Vec::new(),
        availability_zone: None,
    });
    let found = told(&wrong);
    let text: Vec<_> = found
        .iter()
        .map(|reason| format!("{} ({})", reason.message, reason.remedy))
        .collect();
    for meant in ["m1.node", "v1.36.3", "nova", "public"] {
        assert!(
            text.iter().any(|line| line.contains(meant)),
            "{meant}: {text:?}"
        );
    }
    assert_eq!(found.len(), 4, "{text:?}");
}
