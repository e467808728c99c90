//! The key for Secrets on a real API server: made once.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use capstan_spec::ClusterName;
use capstan_testkit::ApiServer;
use capstan_workload::encryption::key;
use capstan_workload::surroundings::read_secret;
use secrecy::ExposeSecret as _;

#[tokio::test]
async fn a_key_is_made_once_and_never_replaced() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let client = server.client().await.unwrap();
    let name = |uid: &str| ClusterName::new("default", "demo", uid.parse().unwrap());
    let made = async |name: ClusterName| {
        key(&client, &name).await.unwrap();
        let secret = name.encryption_secret();
        let secret = read_secret(&client, "default", &secret).await;
        let secret = secret.unwrap().unwrap();
        secret["configuration.yaml"].expose_secret().to_owned()
    };
    let first = made(name("x7k2p")).await;
    assert!(first.contains("secretbox"), "{}", first.len());
    assert!(made(name("x7k2p")).await == first, "another key was made");
    assert!(
        made(name("z7k2p")).await != first,
        "two clusters share a key"
    );
}
