use serde_json::Value;

use super::*;
use crate::{KubernetesVersion, WorkloadClusterSpec};

fn good() -> WorkloadClusterSpec {
    let mut spec =
        WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "m1.medium", "m1.small");
    spec.api_access.allowed_cidrs = vec!["203.0.113.0/24".parse().unwrap()];
    spec
}

/// Changes a good spec and gives paths and messages of all findings.
fn findings(change: impl FnOnce(&mut WorkloadClusterSpec)) -> Vec<(String, String)> {
    let mut spec = good();
    change(&mut spec);
    super::spec(&spec)
        .into_iter()
        .map(|finding| (finding.path, finding.message))
        .collect()
}

fn only(change: impl FnOnce(&mut WorkloadClusterSpec)) -> (String, String) {
    let mut all = findings(change);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

/// A good spec with a piece of the structured part of a file laid over it: mappings are merged, lists place by place.
fn with(piece: &str) -> WorkloadClusterSpec {
    fn lay(into: &mut Value, more: Value) {
        match (into, more) {
            (Value::Object(there), Value::Object(more)) => {
                for (key, value) in more {
                    lay(there.entry(key).or_insert(Value::Null), value);
                }
            }
            (Value::Array(there), Value::Array(more)) => {
                for (place, value) in more.into_iter().enumerate() {
                    match there.get_mut(place) {
                        Some(slot) => lay(slot, value),
                        None => there.push(value),
                    }
                }
            }
            (slot, value) => *slot = value,
        }
    }
    let mut whole = serde_json::to_value(good()).unwrap();
    lay(&mut whole, crate::yaml::from_str(piece).unwrap());
    serde_json::from_value(whole).unwrap_or_else(|error| panic!("{piece}: {error}"))
}

/// Each piece must be refused by exactly one error: at this path, with this word in it, and with a remedy or a reason.
fn refused(cases: &[(&str, &str, &str)]) {
    for (piece, path, word) in cases {
        let found = super::spec(&with(piece)).into_iter();
        let found: Vec<Finding> = found.filter(Finding::is_error).collect();
        assert_eq!(found.len(), 1, "{piece}: {found:#?}");
        assert_eq!(found[0].path, *path, "{piece}");
        assert!(found[0].message.contains(word), "{piece}: {}", found[0]);
    }
}

#[test]
fn defaults_are_good() {
    assert_eq!(findings(|_| ()), []);
    assert_eq!(cluster("demo", &good()), []);
}

#[test]
fn names_are_labels_with_room_for_what_follows() {
    let fault = |name: &str| {
        super::name(name, ["workers"])
            .first()
            .map(ToString::to_string)
    };
    assert_eq!(fault("demo"), None);
    assert_eq!(fault(&"a".repeat(37)), None);
    for bad in ["", "Demo", "1demo", "demo-", "de_mo", "dé"] {
        assert!(
            fault(bad).is_some_and(|text| text.contains("no cluster name")),
            "{bad}"
        );
    }
    assert!(fault(&"a".repeat(38)).is_some_and(|text| text.contains("at most 37")));
}

#[test]
fn the_control_plane_is_odd_and_not_empty() {
    for (count, word) in [
        (0, "needs a control plane"),
        (2, "even"),
        (4, "even"),
        (11, "more than 9"),
    ] {
        let (path, message) = only(|spec| spec.control_plane.replicas = count);
        assert_eq!(path, "controlPlane.replicas");
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn ranges_must_not_overlap() {
    let (path, message) = only(|spec| spec.network.service_cidr = "10.8.4.0/24".parse().unwrap());
    assert_eq!(path, "network.serviceCidr");
    assert_eq!(message, "10.8.4.0/24 overlaps network.nodeCidr 10.8.0.0/20");
    let (_, message) = only(|spec| spec.network.node_cidr = "192.168.7.0/24".parse().unwrap());
    assert!(message.contains("192.168.0.0/16 overlaps"), "{message}");
}

#[test]
fn ranges_begin_where_they_begin_and_are_large_enough() {
    let (path, message) = only(|spec| spec.network.node_cidr = "10.8.0.7/24".parse().unwrap());
    assert_eq!(path, "network.nodeCidr");
    assert!(message.contains("bits set"), "{message}");
    assert!(
        only(|spec| spec.network.node_cidr = "10.8.0.0/29".parse().unwrap())
            .1
            .contains("too small")
    );
    assert!(
        only(|spec| spec.network.service_cidr = "10.96.0.0/27".parse().unwrap())
            .1
            .contains("too small")
    );
    assert!(
        only(|spec| spec.network.pod_cidr = "192.168.0.0/25".parse().unwrap())
            .1
            .contains("a single node")
    );
    assert!(
        only(|spec| spec.network.pod_cidr = "192.168.0.0/23".parse().unwrap())
            .1
            .contains("room for 2 nodes")
    );
    assert!(
        only(|spec| spec.network.pod_cidr = "192.168.0.0/22".parse().unwrap())
            .1
            .contains("no node can be replaced")
    );
    assert!(
        only(|spec| spec.network.pod_cidr = "fd00::/48".parse().unwrap())
            .1
            .contains("IPv6")
    );
}

#[test]
fn pools_have_names_of_their_own() {
    let second = |spec: &mut WorkloadClusterSpec| {
        let pool = spec.workers[0].clone();
        spec.workers.push(pool);
    };
    let (path, message) = only(second);
    assert_eq!(
        (path.as_str(), message.as_str()),
        ("workers[1].name", "there are two pools named \"workers\"")
    );
    assert!(
        only(|spec| spec.workers[0].name = "Blue".into())
            .1
            .contains("no pool name")
    );
    assert!(
        only(|spec| spec.workers[0].name = "control-plane".into())
            .1
            .contains("taken")
    );
    assert!(
        only(|spec| spec.workers[0].flavor = " ".into())
            .1
            .contains("empty")
    );
}

#[test]
fn everything_wrong_is_told_at_once() {
    let all = findings(|spec| {
        spec.version = KubernetesVersion::new(1, 20, 0);
        spec.control_plane.replicas = 2;
        spec.control_plane.flavor = String::new();
        spec.workers[0].replicas = 1000;
        spec.network.dns_nameservers = vec!["127.0.0.53".parse().unwrap()];
    });
    let paths: Vec<_> = all.iter().map(|(path, _)| path.as_str()).collect();
    let expected = [
        "version",
        "controlPlane.replicas",
        "controlPlane.flavor",
        "workers[0].replicas",
        "network.podCidr",
        "network.dnsNameservers[0]",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn what_is_allowed_but_odd_is_a_warning() {
    let mut spec = good();
    spec.workers[0].replicas = 0;
    spec.api_access.allowed_cidrs.clear();
    let all = super::spec(&spec);
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|finding| !finding.is_error()));
}

mod hooks;
mod machines;
mod nodes;
mod surroundings;
