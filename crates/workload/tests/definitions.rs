//! Capstan's kinds on a real API server: accepted, and refusing what they should.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests"
)]

use std::time::Duration;

use capstan_kubernetes::{Applier, Deadline, ErrorKind, parse_manifest};
use capstan_spec::WorkloadClusterSpec;
use capstan_testkit::ApiServer;
use capstan_workload::resource::{WorkloadCluster, definitions};
use capstan_workload::template;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

const CLUSTER: &str = "
apiVersion: capstan.dev/v1alpha1
kind: WorkloadCluster
metadata: {name: demo, namespace: default}
spec:
  version: v1.36.3
  controlPlane: {flavor: m1.medium, replicas: 1}
  workers: [{name: workers, replicas: 2, flavor: m1.small}]
";

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

#[tokio::test]
async fn the_api_server_takes_a_good_cluster_and_refuses_what_cannot_be() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let applier = Applier::new(server.client().await.unwrap());
    applier
        .apply(&definitions().unwrap(), soon(), |_| ())
        .await
        .unwrap();
    let apply = async |text: &str| {
        applier
            .apply(&parse_manifest("test", text).unwrap(), soon(), |_| ())
            .await
    };
    apply(CLUSTER).await.unwrap();

    for (change, to, says) in [
        ("replicas: 1", "replicas: 2", "must be odd"),
        (
            "spec:",
            "spec:\n  cloud: other",
            "spec.cloud cannot be changed",
        ),
        (
            "spec:",
            "spec:\n  network: {podCidr: 10.0.0.0/8}",
            "address ranges",
        ),
        ("flavor: m1.small", "flavour: m1.small", "flavour"),
        ("version: v1.36.3", "version: newest", "version"),
    ] {
        let error = apply(&CLUSTER.replacen(change, to, 1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{to}: {error}");
        assert!(error.to_string().contains(says), "{to}: {error}");
    }
}

/// A change of what the provider cannot change is refused once the cluster is begun, and allowed before: a wish that was
/// refused must be open to correction.
#[tokio::test]
async fn what_cannot_be_changed_is_refused_once_a_cluster_is_begun() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let client = server.client().await.unwrap();
    let applier = Applier::new(client.clone());
    applier
        .apply(&definitions().unwrap(), soon(), |_| ())
        .await
        .unwrap();
    let api: Api<WorkloadCluster> = Api::namespaced(client, "default");
    let with = |extra: &str| {
        let name = "metadata: {name: begun, namespace: default}";
        let text = CLUSTER.replacen("metadata: {name: demo, namespace: default}", name, 1);
        text.replacen("spec:", &format!("spec:\n{extra}"), 1)
    };
    let apply = async |extra: &str| {
        let objects = parse_manifest("test", &with(extra)).unwrap();
        applier.apply(&objects, soon(), |_| ()).await
    };
    let plain = "  network: {mtu: 1400}\n  apiAccess: {port: 443}\n  tags: [a]";
    let changes = [
        ("mtu: 1400", "mtu: 1500", "spec.network"),
        (
            "{mtu: 1400}",
            "{mtu: 1400, existing: {network: a}}",
            "spec.network",
        ),
        (
            "{mtu: 1400}",
            "{mtu: 1400, externalNetwork: a}",
            "spec.network",
        ),
        ("port: 443", "port: 6443", "spec.apiAccess"),
        ("port: 443", "port: 443, private: true", "spec.apiAccess"),
        (
            "port: 443",
            "port: 443, floatingIp: 198.51.100.7",
            "spec.apiAccess",
        ),
        (
            "port: 443",
            "port: 443, loadBalancerFlavor: a",
            "spec.apiAccess",
        ),
        ("tags: [a]", "tags: [a, b]", "spec.tags"),
        ("  tags: [a]", "", "spec.tags"),
    ];
    for (change, to, _) in changes {
        apply(&plain.replacen(change, to, 1)).await.unwrap();
    }
    apply(plain).await.unwrap();
    let begun = json!({"status": {"resolved": {"externalNetworkId": "x"}}});
    let params = PatchParams::default();
    api.patch_status("begun", &params, &Patch::Merge(&begun))
        .await
        .unwrap();
    for (change, to, says) in changes {
        let error = apply(&plain.replacen(change, to, 1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{to}: {error}");
        assert!(error.to_string().contains(says), "{to}: {error}");
    }
    for allowed in ["sans: [a.example]", "allowedCidrs: [203.0.113.0/24]"] {
        let more = format!("port: 443, {allowed}");
        apply(&plain.replacen("port: 443", &more, 1)).await.unwrap();
    }
}

/// What a template leaves out stays left out (a default filled in by the API server would be taken by every cluster), and
/// fields that no cluster has are refused.
#[tokio::test]
async fn a_template_keeps_its_silence_and_is_found_where_it_is_offered() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let client = server.client().await.unwrap();
    let applier = Applier::new(client.clone());
    let apply = async |text: &str| {
        applier
            .apply(&parse_manifest("test", text).unwrap(), soon(), |_| ())
            .await
    };
    applier
        .apply(&definitions().unwrap(), soon(), |_| ())
        .await
        .unwrap();
    apply("{apiVersion: v1, kind: Namespace, metadata: {name: capstan-system}}")
        .await
        .unwrap();
    apply("{apiVersion: v1, kind: Namespace, metadata: {name: templates}}")
        .await
        .unwrap();
    let text = "
apiVersion: capstan.dev/v1alpha1
kind: ClusterTemplate
metadata: {name: small, namespace: capstan-system}
spec:
  versions: [v1.36.x]
  workerFlavors: [m1.small]
  defaults:
    controlPlane: {flavor: m1.medium}
    workers: [{name: workers, flavor: m1.small}]
    network: {mtu: 1400}
";
    apply(text).await.unwrap();
    let found = template::find(&client, "templates", "small").await.unwrap();
    let found = found.unwrap();
    let said = json!({
        "controlPlane": {"flavor": "m1.medium"},
        "workers": [{"name": "workers", "flavor": "m1.small"}],
        "network": {"mtu": 1400},
    });
    assert_eq!(json!(found.spec.defaults), said);
    for (change, to, says) in [
        ("mtu: 1400", "mtoo: 1400", "mtoo"),
        ("[v1.36.x]", "[newest]", "versions"),
        ("spec:", "spec:\n  replacement: small", "another template"),
        ("spec:", "spec:\n  availability: sometimes", "availability"),
    ] {
        let error = apply(&text.replacen(change, to, 1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{to}: {error}");
        assert!(error.to_string().contains(says), "{to}: {error}");
    }

    let clusters: Api<WorkloadCluster> = Api::namespaced(client.clone(), "templates");
    let spec: WorkloadClusterSpec = serde_json::from_value(json!({
        "version": "v1.36.3", "controlPlane": {"flavor": "m1.medium"},
    }))
    .unwrap();
    let notes = template::notes("small", &found, &spec);
    let mut cluster = WorkloadCluster::new("templates", "demo", spec);
    cluster.metadata.annotations = Some(notes.into());
    let made = clusters
        .create(&PostParams::default(), &cluster)
        .await
        .unwrap();
    assert_eq!(template::of(&made.metadata), Some("small"));
    assert_eq!(json!(template::taken(&made.metadata)), said);
    let users = template::clusters_of(&client, &found).await.unwrap();
    assert_eq!(users, ["templates/demo"]);

    // One of the namespace's own hides the operator's, for the clusters of that namespace.
    apply(&text.replacen("capstan-system", "templates", 1))
        .await
        .unwrap();
    assert!(
        template::clusters_of(&client, &found)
            .await
            .unwrap()
            .is_empty()
    );
    let offered = template::offered(&client, "templates").await.unwrap();
    assert_eq!(offered.len(), 1);
    assert_eq!(offered[0].metadata.namespace.as_deref(), Some("templates"));
    assert!(
        template::missing("smal", &offered)
            .remedy
            .contains("did you mean small?")
    );
}
