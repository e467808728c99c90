//! The look into a cluster before an upgrade, on a real API server.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use capstan_kubernetes::{Applier, Deadline};
use capstan_spec::{ClusterName, KubernetesVersion, WorkloadClusterSpec};
use capstan_testkit::ApiServer;
use capstan_workload::upgrade::look;
use kube::api::{Patch, PatchParams};
use kube::core::DynamicObject;
use kube::{Api, Client};
use serde_json::{Value, json};

fn object(value: Value) -> DynamicObject {
    serde_json::from_value(value).unwrap()
}

/// A kind whose objects may still be stored as `v1alpha1`.
async fn define(client: &Client) {
    let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}});
    let definition = object(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.org"},
        "spec": {"group": "example.org", "scope": "Cluster", "versions": [version],
                 "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}},
    }));
    let applier = Applier::new(client.clone());
    let deadline = Deadline::after(Duration::from_secs(30));
    applier
        .apply(&[definition], deadline, |_| ())
        .await
        .unwrap();
    let api: Api<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition> =
        Api::all(client.clone());
    let stored = Patch::Merge(json!({"status": {"storedVersions": ["v1alpha1", "v1"]}}));
    api.patch_status("things.example.org", &PatchParams::default(), &stored)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_kind_that_may_store_what_it_does_not_serve_is_told() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let client = server.client().await.unwrap();
    let name = ClusterName::new("default", "demo", "s7k2p".parse().unwrap());
    let applier = Applier::new(client.clone());
    let deadline = Deadline::after(Duration::from_secs(30));
    let secret = object(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name.kubeconfig_secret(), "namespace": "default"},
        "stringData": {"value": server.kubeconfig()},
    }));
    applier.apply(&[secret], deadline, |_| ()).await.unwrap();
    define(&client).await;
    let wish = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
    let found = look(&client, &name, &wish).await.unwrap();
    let told = |path: &str| {
        let found = found.iter().filter(|finding| finding.path == path);
        found.map(ToString::to_string).collect::<Vec<_>>()
    };
    let things = told("CustomResourceDefinition things.example.org");
    assert_eq!(things.len(), 1, "{found:?}");
    assert!(things[0].contains("v1alpha1"), "{things:?}");
}
