//! Capstan's kinds on a real API server: accepted, and refusing what they should.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests"
)]

use std::time::Duration;

use capstan_kubernetes::{Applier, Deadline, ErrorKind, parse_manifest};
use capstan_testkit::ApiServer;
use capstan_workload::resource::definitions;

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
