//! Waking and replacing machines on a real API server: the one that was meant, and no namesake.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use capstan_capi::{kind, label, view};
use capstan_kubernetes::{Applier, Deadline, ObjectName, parse_manifest};
use capstan_plan::Observation;
use capstan_plan::replacement::{Failed, failed};
use capstan_plan::waking::WOKEN;
use capstan_spec::{ClusterName, KubernetesVersion, WorkloadClusterSpec};
use capstan_testkit::ApiServer;
use capstan_workload::replace::replace;
use capstan_workload::wake::wake;
use kube::core::DynamicObject;

const OBJECTS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: machines.cluster.x-k8s.io}
spec:
  group: cluster.x-k8s.io
  scope: Namespaced
  names: {plural: machines, singular: machine, kind: Machine, listKind: MachineList}
  versions:
  - name: v1beta2
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: Machine
metadata: {name: worker, namespace: default, labels: {cluster.x-k8s.io/deployment-name: demo-x7k2p-workers}}
spec: {}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: Machine
metadata: {name: control, namespace: default, labels: {cluster.x-k8s.io/control-plane: ''}}
spec: {}
";

fn view_of(machine: &DynamicObject) -> view::Machine {
    serde_json::from_value(serde_json::to_value(machine).unwrap()).unwrap()
}

/// The machine as one whose server was refused, with another uid if wanted.
fn refused(name: &ClusterName, machine: &DynamicObject, uid: Option<&str>) -> Failed {
    let mut machine = view_of(machine);
    if let Some(uid) = uid {
        uid.clone_into(&mut machine.metadata.uid);
    }
    let mut server = view::OpenStackServer::default();
    server.metadata.name.clone_from(&machine.metadata.name);
    server.status.instance_state = Some("ERROR".to_owned());
    server.status.conditions = vec![view::Condition {
        kind: "InstanceReady".to_owned(),
        status: "False".to_owned(),
        reason: "InstanceCreateFailed".to_owned(),
        ..view::Condition::default()
    }];
    let seen = Observation {
        cluster: Some(view::Cluster::default()),
        machines: vec![machine],
        openstack_servers: vec![server],
        ..Observation::default()
    };
    let spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
    failed(&spec, name, &seen).remove(0)
}

#[tokio::test]
async fn the_machine_that_was_meant_is_woken_and_replaced_and_one_of_its_name_is_not() {
    let Some(server) = ApiServer::start().await else {
        return;
    };
    let applier = Applier::new(server.client().await.unwrap());
    let deadline = Deadline::after(Duration::from_secs(20));
    let objects = parse_manifest("test", OBJECTS).unwrap();
    applier.apply(&objects, deadline, |_| ()).await.unwrap();
    let name = ClusterName::new("default", "demo", "x7k2p".parse().unwrap());
    let api = applier
        .kinds()
        .api_of(&ObjectName {
            api_version: kind::MACHINE.api_version(),
            kind: kind::MACHINE.kind.to_owned(),
            namespace: Some("default".to_owned()),
            name: String::new(),
        })
        .await
        .unwrap();
    let worker = api.get("worker").await.unwrap();
    let control = api.get("control").await.unwrap();
    let marked = async || {
        let annotations = api.get("control").await.unwrap().metadata.annotations;
        annotations.is_some_and(|all| all.contains_key(label::REMEDIATE_MACHINE))
    };

    let mut seen = Observation {
        cluster: Some(view::Cluster::default()),
        machines: vec![view_of(&control)],
        ..Observation::default()
    };
    let woken = async || {
        let annotations = api.get("control").await.unwrap().metadata.annotations;
        annotations.is_some_and(|all| all.contains_key(WOKEN))
    };
    wake(&applier, &name, &seen).await.unwrap();
    assert!(!woken().await, "its control plane is not there yet");
    let initialization = |cluster: &mut view::Cluster| {
        cluster.status.initialization.control_plane_initialized = true;
    };
    seen.cluster.as_mut().map(initialization).unwrap();
    wake(&applier, &name, &seen).await.unwrap();
    assert!(woken().await);

    let another = Some("00000000-0000-0000-0000-000000000000");
    for machine in [&worker, &control] {
        let failed = refused(&name, machine, another);
        replace(&applier, &name, &failed).await.unwrap();
    }
    assert!(api.get_opt("worker").await.unwrap().is_some());
    assert!(!marked().await);

    for _ in 0..2 {
        for machine in [&worker, &control] {
            let failed = refused(&name, machine, None);
            replace(&applier, &name, &failed).await.unwrap();
        }
        assert!(api.get_opt("worker").await.unwrap().is_none());
        assert!(marked().await);
    }
}
