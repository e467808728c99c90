//! An installation on a cluster that was there before, and its removal, on a real API server.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use capstan_kubernetes::{Applier, ClusterFacts, Connection, may_do_everything, parse_manifest};
use capstan_management::identity::Identity;
use capstan_management::providers::{
    self, Claim, InstallPlan, ProviderError, install, installed, own, uninstall,
};
use capstan_testkit::ApiServer;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use support::{all, manifests, owner, plan, play_kubelet, resource};

/// The kinds that an installation consists of, as far as they outlive their namespaces.
const KINDS: [(&str, &str, &str); 9] = [
    ("", "Namespace", "namespaces"),
    ("", "ConfigMap", "configmaps"),
    ("", "Service", "services"),
    ("apps", "Deployment", "deployments"),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "customresourcedefinitions",
    ),
    ("rbac.authorization.k8s.io", "ClusterRole", "clusterroles"),
    (
        "rbac.authorization.k8s.io",
        "ClusterRoleBinding",
        "clusterrolebindings",
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
    ),
    (
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
    ),
];

/// Everything of these kinds with its uid, but for what every API server has.
async fn listing(client: &Client) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (group, kind, plural) in KINDS {
        for object in all(client, group, kind, plural)
            .list(&ListParams::default())
            .await
            .unwrap()
        {
            let metadata = object.metadata;
            let name = metadata.name.unwrap_or_default();
            // The API server's own, which it may still be writing.
            let own = [
                "system:",
                "kube",
                "default",
                "cluster-admin",
                "admin",
                "edit",
                "view",
            ];
            if !own.iter().any(|start| name.starts_with(start)) {
                found.insert(format!(
                    "{kind} {}/{} {}",
                    metadata.namespace.unwrap_or_default(),
                    name,
                    metadata.uid.unwrap_or_default()
                ));
            }
        }
    }
    found
}

/// What the namespace controller does at the end: empties a namespace that is going, and lets it go.
async fn play_namespace_controller(client: Client) {
    let namespaces = all(&client, "", "Namespace", "namespaces");
    loop {
        let list = namespaces.list(&ListParams::default()).await;
        for namespace in list.map(|list| list.items).unwrap_or_default() {
            if namespace.metadata.deletion_timestamp.is_none() {
                continue;
            }
            let name = namespace.metadata.name.clone().unwrap();
            for (group, kind, plural) in [
                ("", "Secret", "secrets"),
                ("", "ConfigMap", "configmaps"),
                ("", "ServiceAccount", "serviceaccounts"),
            ] {
                let api: Api<kube::core::DynamicObject> =
                    Api::namespaced_with(client.clone(), &name, &resource(group, kind, plural));
                let _ = api
                    .delete_collection(&DeleteParams::default(), &ListParams::default())
                    .await;
            }
            let body = json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
                "spec": {"finalizers": []},
            });
            let request = http::Request::put(format!("/api/v1/namespaces/{name}/finalize"))
                .body(serde_json::to_vec(&body).unwrap())
                .unwrap();
            let _ = client.request::<serde_json::Value>(request).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn another(name: &str) -> Identity {
    Identity {
        name: name.into(),
        uid: "zzzzz".parse().unwrap(),
    }
}

/// What somebody else has on the cluster.
async fn somebodys(client: &Client, manifest: &str) {
    for object in parse_manifest("somebody", manifest).unwrap() {
        let types = object.types.clone().unwrap();
        let (group, plural) = match types.kind.as_str() {
            "Namespace" => ("", "namespaces"),
            "ConfigMap" => ("", "configmaps"),
            _ => ("apiextensions.k8s.io", "customresourcedefinitions"),
        };
        let resource = resource(group, &types.kind, plural);
        let api: Api<kube::core::DynamicObject> = match &object.metadata.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        let params = PatchParams::apply("helm");
        let name = object.metadata.name.clone().unwrap();
        api.patch(&name, &params, &Patch::Apply(&object))
            .await
            .unwrap();
    }
}

const THEIRS: &str = r"
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: prices, namespace: shop}
data: {tea: '3'}
";

const THEIR_CLUSTER_API: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: clusters.cluster.x-k8s.io, annotations: {api-approved.kubernetes.io: unapproved}}
spec:
  group: cluster.x-k8s.io
  scope: Namespaced
  names: {plural: clusters, singular: cluster, kind: Cluster, listKind: ClusterList}
  versions:
  - {name: v1beta2, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
";

#[tokio::test]
async fn what_is_somebody_elses_is_never_taken_over() {
    let Some(directory) = manifests() else { return };
    let Some(server) = ApiServer::start().await else {
        return;
    };
    let client = server.client().await.unwrap();
    let plan = plan(&directory);
    somebodys(&client, THEIR_CLUSTER_API).await;
    let before = listing(&client).await;
    for error in [
        providers::survey(client.clone(), &plan).await.map(drop),
        install(client.clone(), &plan, |_| ()).await,
    ] {
        let text = error.unwrap_err().to_string();
        assert!(
            text.contains("clusters.cluster.x-k8s.io (by helm)"),
            "{text}"
        );
    }
    assert_eq!(listing(&client).await, before);
    // And what is not ours is not removed.
    assert_eq!(
        uninstall(client.clone(), &plan.owner, |_| ())
            .await
            .unwrap(),
        0
    );
    assert_eq!(listing(&client).await, before);
}

#[tokio::test]
async fn what_was_installed_goes_to_the_last_object_and_nothing_else() {
    let Some(directory) = manifests() else { return };
    let Some(server) = ApiServer::start().await else {
        return;
    };
    let client = server.client().await.unwrap();
    let mut plan = plan(&directory);
    let cloud = json!({
        "apiVersion": "capstan.dev/v1alpha1", "kind": "Cloud",
        "metadata": {"name": "default", "namespace": own::NAMESPACE}, "spec": {"secret": "cloud"},
    });
    plan.objects.push(serde_json::from_value(cloud).unwrap());
    somebodys(&client, THEIRS).await;
    let before = listing(&client).await;
    let kubelet = tokio::spawn(play_kubelet(client.clone()));
    let namespaces = tokio::spawn(play_namespace_controller(client.clone()));

    let ground = providers::survey(client.clone(), &plan).await.unwrap();
    assert_eq!(ground.there, 0);
    install(client.clone(), &plan, |_| ()).await.unwrap();
    let again = providers::survey(client.clone(), &plan).await.unwrap();
    assert_eq!(
        (again.there, again.objects),
        (ground.objects, ground.objects)
    );
    another_is_refused(&client, &plan).await;

    let there = installed(client.clone(), &plan.owner).await.unwrap();
    assert_eq!(there.claim, Claim::Held(plan.owner.clone()));
    assert_eq!(there.objects.len(), ground.objects);
    assert!(there.defines("workloadclusters.capstan.dev"));

    // Cut off in the middle, as by Ctrl-C: the future is dropped.
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let interrupted = tokio::spawn({
        let (client, owner) = (client.clone(), plan.owner.clone());
        async move { uninstall(client, &owner, |name| drop(tell.send(name.clone()))).await }
    });
    for _ in 0..40 {
        told.recv().await.unwrap();
    }
    interrupted.abort();
    let _ = interrupted.await;
    let left = installed(client.clone(), &plan.owner)
        .await
        .unwrap()
        .objects;
    assert!(
        !left.is_empty() && left.len() < ground.objects,
        "{}",
        left.len()
    );
    uninstall(client.clone(), &plan.owner, |_| ())
        .await
        .unwrap();
    assert_eq!(listing(&client).await, before);
    assert_eq!(
        installed(client.clone(), &plan.owner).await.unwrap().claim,
        Claim::Free
    );
    assert_eq!(
        uninstall(client.clone(), &plan.owner, |_| ())
            .await
            .unwrap(),
        0
    );

    // And it can have another server now.
    let other = InstallPlan {
        owner: another("second"),
        ..plan
    };
    install(client.clone(), &other, |_| ()).await.unwrap();
    kubelet.abort();
    namespaces.abort();
}

async fn another_is_refused(client: &Client, plan: &InstallPlan) {
    let other = InstallPlan {
        owner: another("second"),
        ..plan.clone()
    };
    let error = install(client.clone(), &other, |_| ()).await.unwrap_err();
    assert!(
        matches!(&error, ProviderError::Claimed(holder) if *holder == plan.owner),
        "{error}"
    );
    assert_eq!(
        uninstall(client.clone(), &other.owner, |_| ())
            .await
            .unwrap(),
        0
    );
    let seen = installed(client.clone(), &other.owner).await.unwrap();
    assert_eq!(
        (seen.claim, seen.objects.len()),
        (Claim::Held(plan.owner.clone()), 0)
    );
}

#[tokio::test]
async fn a_run_that_was_killed_before_its_list_leaves_nothing() {
    let Some(server) = ApiServer::start().await else {
        return;
    };
    let client = server.client().await.unwrap();
    let namespaces = tokio::spawn(play_namespace_controller(client.clone()));
    let before = listing(&client).await;
    let ours = owner("default");
    all(&client, "", "Namespace", "namespaces")
        .create(&PostParams::default(), &own::namespace(&ours).unwrap())
        .await
        .unwrap();
    let applier = Applier::new(client.clone());
    assert_eq!(
        Claim::read(&applier).await.unwrap(),
        Claim::Held(ours.clone())
    );
    assert_eq!(uninstall(client.clone(), &ours, |_| ()).await.unwrap(), 1);
    assert_eq!(listing(&client).await, before);
    namespaces.abort();
}

#[tokio::test]
async fn a_cluster_tells_what_decides() {
    let Some(server) = ApiServer::start().await else {
        return;
    };
    let client = server.client().await.unwrap();
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "one"}});
    all(&client, "", "Node", "nodes")
        .create(
            &PostParams::default(),
            &serde_json::from_value(node).unwrap(),
        )
        .await
        .unwrap();
    let facts = ClusterFacts::read(&client).await.unwrap();
    assert_eq!((facts.nodes.len(), facts.ready()), (1, 0));
    assert!(
        facts.version.starts_with(&format!("v{}", facts.line)),
        "{facts:?}"
    );
    assert!(!facts.uid.is_empty());

    assert!(may_do_everything(&client).await.unwrap());
    let mut nobody: serde_json::Value = serde_json::from_str(server.kubeconfig()).unwrap();
    nobody["users"][0]["user"]["as"] = "nobody".into();
    let nobody = Connection::from_kubeconfig(&nobody.to_string().into(), None)
        .await
        .unwrap();
    assert!(!may_do_everything(&nobody.client().unwrap()).await.unwrap());
}
