//! Logins at mirrors on a real API server: what is made, when another revision is, and what stays when a Secret goes.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::collections::BTreeMap;

use capstan_spec::cluster::kubeadm::RegistryMirror;
use capstan_spec::{ClusterName, KubernetesVersion, WorkloadClusterSpec};
use capstan_testkit::ApiServer;
use capstan_workload::registries::{make, wanted};
use capstan_workload::surroundings::read_secret;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams};
use kube::{Api, Client};
use secrecy::ExposeSecret as _;

async fn login(client: &Client, name: &str, password: &str) {
    let words = [("username", "robot"), ("password", password)];
    let words: BTreeMap<_, _> = words
        .map(|(key, word)| (key.to_owned(), word.to_owned()))
        .into();
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        string_data: Some(words),
        type_: Some("kubernetes.io/basic-auth".into()),
        ..Secret::default()
    };
    let api: Api<Secret> = Api::namespaced(client.clone(), "default");
    let params = PatchParams::apply("tests");
    api.patch(name, &params, &Patch::Apply(&secret))
        .await
        .unwrap();
}

#[tokio::test]
async fn another_password_is_another_secret_and_a_lost_one_changes_nothing() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let client = server.client().await.unwrap();
    let name = ClusterName::new("default", "mirrored", "x7k2p".parse().unwrap());
    let mut spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
    spec.kubeadm.registry_mirrors = vec![RegistryMirror {
        registry: "quay.io".into(),
        endpoints: vec!["https://mirror.example.org".into()],
        only: false,
        credentials_secret: Some("mirror-login".into()),
    }];
    let of = async |pinned: Option<&str>| wanted(&client, &name, &spec, pinned).await.unwrap();

    let reason = of(None).await.unwrap_err();
    assert!(
        reason.message.contains("default/mirror-login"),
        "{}",
        reason.message
    );
    assert!(reason.remedy.contains("basic-auth"));

    login(&client, "mirror-login", "first").await;
    let first = of(None).await.unwrap().unwrap();
    assert_eq!(first, "mirrored-x7k2p-registries-1");
    make(&client, &name, &spec, &first).await.unwrap();
    let held = read_secret(&client, "default", &first)
        .await
        .unwrap()
        .unwrap();
    let (key, file) = held.iter().next().unwrap();
    assert!(key.starts_with("quay.io-"));
    // robot:first
    assert!(
        file.expose_secret()
            .contains("authorization = [\"Basic cm9ib3Q6Zmlyc3Q=\"]")
    );
    assert_eq!(
        of(Some(&first)).await.unwrap().as_deref(),
        Some(first.as_str())
    );

    login(&client, "mirror-login", "second").await;
    let second = of(Some(&first)).await.unwrap().unwrap();
    assert_eq!(second, "mirrored-x7k2p-registries-2");
    make(&client, &name, &spec, &second).await.unwrap();
    let still = read_secret(&client, "default", &first)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        still[key].expose_secret(),
        held[key].expose_secret(),
        "nodes are made of it"
    );
    assert_eq!(
        of(Some(&second)).await.unwrap().as_deref(),
        Some(second.as_str())
    );

    // Where the user's is gone there is nothing to judge by, and what nodes have stays.
    let api: Api<Secret> = Api::namespaced(client.clone(), "default");
    api.delete("mirror-login", &DeleteParams::default())
        .await
        .unwrap();
    assert!(of(Some(&second)).await.is_err());
    make(&client, &name, &spec, &second).await.unwrap();
    // A cluster that logs in nowhere any more remembers the number.
    spec.kubeadm.registry_mirrors.clear();
    let none = wanted(&client, &name, &spec, Some(&second)).await.unwrap();
    assert_eq!(none.unwrap().as_deref(), Some(second.as_str()));
}
