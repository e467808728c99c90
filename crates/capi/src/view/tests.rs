use serde_json::json;

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
