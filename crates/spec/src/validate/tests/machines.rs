use super::{refused, with};
use crate::{Severity, validate};

#[test]
fn further_networks() {
    super::refused(&[
        (
            "workers: [{flavor: m, networks: [{network: ''}]}]",
            "workers[0].networks[0].network",
            "empty",
        ),
        (
            "workers: [{flavor: m, networks: [{network: a, subnet: ' '}]}]",
            "workers[0].networks[0].subnet",
            "empty",
        ),
        (
            "workers: [{flavor: m, networks: [{network: a, portSecurity: false, securityGroups: [b]}]}]",
            "workers[0].networks[0].securityGroups",
            "port security",
        ),
    ]);
}

#[test]
fn servers() {
    refused(&[
        (
            "controlPlane: {rootVolume: {sizeGib: 0}}",
            "controlPlane.rootVolume.sizeGib",
            "at least 1",
        ),
        (
            "controlPlane: {etcdVolume: {sizeGib: 0}}",
            "controlPlane.etcdVolume.sizeGib",
            "at least 1",
        ),
        (
            "controlPlane: {etcdVolume: {device: vdb}}",
            "controlPlane.etcdVolume.device",
            "no device",
        ),
        (
            "controlPlane: {metadata: {a: x, capstan-x: y}}",
            "controlPlane.metadata.capstan-x",
            "own keys",
        ),
        (
            "workers: [{metadata: {a/b: x}}]",
            "workers[0].metadata.a/b",
            "no key",
        ),
        (
            "workers: [{securityGroups: [a, a]}]",
            "workers[0].securityGroups[1]",
            "twice",
        ),
        ("workers: [{image: ''}]", "workers[0].image", "empty"),
        ("workers: [{flavor: ' '}]", "workers[0].flavor", "empty"),
    ]);
    let long = format!("workers: [{{metadata: {{a: {}}}}}]", "x".repeat(256));
    refused(&[(&long, "workers[0].metadata.a", "more than 255")]);
}

#[test]
fn rollouts_and_health_checks() {
    refused(&[
        (
            "controlPlane: {rollout: {maxSurge: 0}}",
            "controlPlane.rollout.maxSurge",
            "majority",
        ),
        (
            "controlPlane: {rollout: {maxSurge: 2}}",
            "controlPlane.rollout.maxSurge",
            "at most one",
        ),
        (
            "controlPlane: {rollout: {certificatesExpiryDays: 3}}",
            "controlPlane.rollout.certificatesExpiryDays",
            "7 days",
        ),
        (
            "controlPlane: {rollout: {drainTimeoutSeconds: 0}}",
            "controlPlane.rollout.drainTimeoutSeconds",
            "for ever",
        ),
        (
            "workers: [{rollout: {maxSurge: 0}}]",
            "workers[0].rollout.maxSurge",
            "none can be changed",
        ),
        (
            "workers: [{healthCheck: {maxUnhealthy: 0}}]",
            "workers[0].healthCheck.maxUnhealthy",
            "never",
        ),
        (
            "workers: [{healthCheck: {unreachableTimeoutSeconds: 5}}]",
            "workers[0].healthCheck.unreachableTimeoutSeconds",
            "so short",
        ),
    ]);
    let one_goes_first = with("controlPlane: {replicas: 3, rollout: {maxSurge: 0}}");
    assert_eq!(validate::spec(&one_goes_first), []);
}

#[test]
fn a_pool_of_another_version() {
    refused(&[
        (
            "workers: [{version: v1.36.9}]",
            "workers[0].version",
            "newer than v1.36.3",
        ),
        (
            "workers: [{version: v1.32.0}]",
            "workers[0].version",
            "more than 3 minors",
        ),
    ]);
    assert_eq!(validate::spec(&with("workers: [{version: v1.36.1}]")), []);
    let held_back = validate::spec(&with("workers: [{version: v1.35.0}]"));
    assert_eq!(held_back.len(), 1);
    assert_eq!(held_back[0].severity, Severity::Warning);
}

#[test]
fn bounds_of_an_autoscaler() {
    refused(&[
        (
            "workers: [{name: a, flavor: b, autoscaling: {min: 3, max: 2}}]",
            "workers[0].autoscaling.min",
            "more than the most",
        ),
        (
            "workers: [{name: a, flavor: b, autoscaling: {min: 0, max: 0}}]",
            "workers[0].autoscaling.max",
            "never has one",
        ),
        (
            "workers: [{name: a, flavor: b, autoscaling: {min: 0, max: 999}}]",
            "workers[0].autoscaling.max",
            "more than 256",
        ),
    ]);
}

#[test]
fn volumes() {
    let mounted = "name: a, sizeGib: 1, mountPath: /a, device: /dev/vdb";
    let twice = format!(
        "workers: [{{volumes: [{{{mounted}}}, {{name: b, sizeGib: 1, mountPath: /b, device: /dev/vdb}}]}}]"
    );
    refused(&[
        (
            "workers: [{volumes: [{name: root, sizeGib: 1}]}]",
            "workers[0].volumes[0].name",
            "boots from",
        ),
        (
            "workers: [{volumes: [{name: A, sizeGib: 1}]}]",
            "workers[0].volumes[0].name",
            "no volume name",
        ),
        (
            "workers: [{volumes: [{name: a, sizeGib: 0}]}]",
            "workers[0].volumes[0].sizeGib",
            "at least 1",
        ),
        (
            "workers: [{volumes: [{name: a, sizeGib: 1}, {name: a, sizeGib: 1}]}]",
            "workers[0].volumes[1].name",
            "two volumes",
        ),
        (
            "workers: [{volumes: [{name: a, sizeGib: 1, mountPath: /a}]}]",
            "workers[0].volumes[0].mountPath",
            "missing",
        ),
        (
            "workers: [{volumes: [{name: a, sizeGib: 1, device: /dev/vdb}]}]",
            "workers[0].volumes[0].device",
            "only needed",
        ),
        (
            "workers: [{volumes: [{name: a, sizeGib: 1, device: /dev/vdb, mountPath: a}]}]",
            "workers[0].volumes[0].mountPath",
            "absolute",
        ),
        (
            "workers: [{volumes: [{name: longer-than-a-label, sizeGib: 1, device: /dev/vdb, mountPath: /a}]}]",
            "workers[0].volumes[0].name",
            "16 characters",
        ),
        (&twice, "workers[0].volumes[1].mountPath", "same device"),
    ]);
}

#[test]
fn labels_and_taints() {
    refused(&[
        (
            "workers: [{labels: {kubernetes.io/arch: x}}]",
            "workers[0].labels.kubernetes.io/arch",
            "lets no node",
        ),
        (
            "workers: [{labels: {a b: ''}}]",
            "workers[0].labels.a b",
            "no key",
        ),
        (
            "workers: [{labels: {a: b c}}]",
            "workers[0].labels.a",
            "no value",
        ),
        (
            "workers: [{taints: [{key: a b, effect: NoSchedule}]}]",
            "workers[0].taints[0].key",
            "no key",
        ),
        (
            "workers: [{taints: [{key: a, effect: NoSchedule}, {key: a, value: b, effect: NoSchedule}]}]",
            "workers[0].taints[1]",
            "twice",
        ),
    ]);
}

#[test]
fn strict_spreading_is_told_how_many_hosts_it_needs() {
    let spec = with("controlPlane: {replicas: 3, serverGroup: antiAffinity}");
    let found = validate::spec(&spec);
    assert!(
        found[0].message.starts_with("4 hosts are needed"),
        "{found:?}"
    );
    assert!(!found[0].is_error());
}
