use serde_json::{Value, json};

use super::*;

#[test]
fn a_fresh_object_reads_with_defaults() {
    let fresh = json!({"apiVersion": "x", "kind": "Machine", "metadata": {"name": "m"}});
    let machine: Machine = serde_json::from_value(fresh).unwrap();
    assert_eq!(machine.metadata.name, "m");
    assert_eq!(machine.status.node_ref, None);
    assert!(!machine.is_control_plane());
}

#[test]
fn what_is_not_looked_at_is_passed_over() {
    let full = json!({
        "apiVersion": "cluster.x-k8s.io/v1beta2",
        "kind": "Machine",
        "metadata": {
            "name": "m",
            "labels": {"cluster.x-k8s.io/control-plane": "", "other": "x"},
            "deletionTimestamp": "2026-11-22T10:00:00Z",
            "managedFields": [{"manager": "x"}],
        },
        "spec": {"providerID": "openstack:///1", "version": "v1.36.3", "taints": []},
        "status": {
            "initialization": {"infrastructureProvisioned": true, "future": 1},
            "nodeRef": {"name": "m"},
            "conditions": [{
                "type": "NodeReady", "status": "True", "reason": "NodeReady", "message": "",
                "lastTransitionTime": "2026-11-22T10:00:00Z", "observedGeneration": 3,
            }],
        },
    });
    let machine: Machine = serde_json::from_value(full).unwrap();
    assert!(machine.is_control_plane() && machine.metadata.is_deleting());
    assert_eq!(machine.spec.provider_id.as_deref(), Some("openstack:///1"));
    assert!(machine.status.initialization.infrastructure_provisioned);
    assert!(condition(&machine.status.conditions, "NodeReady").is_some_and(Condition::is_true));
}

#[test]
fn older_conditions_carry_a_severity() {
    let object = json!({
        "metadata": {"name": "c"},
        "status": {
            "ready": false,
            "conditions": [{
                "type": "NetworkReady", "status": "False", "severity": "Error",
                "reason": "NetworkCreateFailed", "message": "no",
                "lastTransitionTime": "2026-11-22T10:00:00Z",
            }],
            "apiServerLoadBalancer": {"id": "1", "internalIP": "10.8.0.2", "allowedCIDRs": ["10.8.0.0/20"]},
        },
    });
    let cluster: OpenStackCluster = serde_json::from_value(object).unwrap();
    let network = condition(&cluster.status.conditions, "NetworkReady").unwrap();
    assert!(network.is_false());
    assert_eq!(network.severity.as_deref(), Some("Error"));
    let balancer = cluster.status.api_server_load_balancer.unwrap();
    assert_eq!(balancer.internal_ip, "10.8.0.2");
    assert_eq!(balancer.allowed_cidrs.len(), 1);
}

/// A cluster as CAPO 0.15 answers it, in each of its versions.
#[test]
fn both_versions_of_a_cluster_read_alike() {
    let conditions = |extra: Value| {
        let mut condition = json!({
            "type": "Ready", "status": "True", "reason": "Ready", "message": "",
            "lastTransitionTime": "2026-11-22T10:00:00Z",
        });
        let map = condition.as_object_mut().unwrap();
        map.extend(extra.as_object().unwrap().clone());
        json!([condition])
    };
    let balancer = json!({"id": "1", "internalIP": "10.8.0.2", "ip": "198.51.100.7"});
    let older = json!({
        "metadata": {"name": "c"},
        "status": {
            "ready": true, "initialization": {"provisioned": true}, "conditions": conditions(json!({})),
            "failureDomains": {"az1": {"controlPlane": true}}, "apiServerLoadBalancer": balancer,
            "network": {"id": "n", "name": "n", "subnets": []},
        },
    });
    let newer = json!({
        "metadata": {"name": "c"},
        "status": {
            "initialization": {"provisioned": true}, "conditions": conditions(json!({"observedGeneration": 3})),
            "failureDomains": [{"name": "az1", "controlPlane": true}], "apiServerManagedLoadBalancer": balancer,
            "network": {"id": "n", "name": "n", "subnets": []},
        },
    });
    let read = |object| serde_json::from_value::<OpenStackCluster>(object).unwrap();
    let read_newer = read(newer);
    assert!(read_newer.status.ready);
    assert_eq!(read(older), read_newer);
    assert_eq!(
        read_newer
            .status
            .api_server_load_balancer
            .unwrap()
            .internal_ip,
        "10.8.0.2"
    );
    let begun = read(json!({"status": {"conditions": [], "initialization": {}}}));
    assert!(!begun.status.ready);
}

#[test]
fn both_versions_of_a_machine_read_alike() {
    let read = |object| serde_json::from_value::<OpenStackMachine>(object).unwrap();
    let older = read(json!({
        "spec": {"flavor": "m1.small", "image": {"id": "x"}},
        "status": {"ready": true, "instanceID": "1", "instanceState": "ACTIVE"},
    }));
    let newer = read(json!({
        "spec": {"flavor": {"filter": {"name": "m1.small"}}, "image": {"id": "x"}},
        "status": {"initialization": {"provisioned": true}, "instanceID": "1", "instanceState": "ACTIVE"},
    }));
    assert_eq!(older, newer);
    assert_eq!(newer.spec.flavor.as_deref(), Some("m1.small"));
    let by_id = read(json!({"spec": {"flavor": {"id": "x"}}}));
    assert_eq!(by_id.spec.flavor, None);
    assert_eq!(read(json!({"spec": {}})), OpenStackMachine::default());
}
