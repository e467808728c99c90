//! A real API server with the real definitions of Cluster API and its OpenStack provider.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use capstan_kubernetes::{Applier, Deadline, parse_manifest};
use capstan_testkit::{ApiServer, MANIFESTS};
use kube::core::DynamicObject;

const RELEASES: [&str; 4] = [
    "cluster-api/v1.14.2/core-components.yaml",
    "cluster-api/v1.14.2/bootstrap-components.yaml",
    "cluster-api/v1.14.2/control-plane-components.yaml",
    "cluster-api-provider-openstack/v0.14.7/infrastructure-components.yaml",
];

/// The end of a request that must succeed.
pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(30))
}

/// The definitions of the providers, without the webhooks that nobody answers here.
fn definitions(directory: &Path) -> Vec<DynamicObject> {
    let mut found = Vec::new();
    for release in RELEASES {
        // Variables of the manifests stand in Deployments only.
        let text = std::fs::read_to_string(directory.join(release)).unwrap();
        let documents = text.split("\n---\n");
        for document in
            documents.filter(|document| document.contains("kind: CustomResourceDefinition"))
        {
            found.extend(parse_manifest(release, document).unwrap());
        }
    }
    for definition in &mut found {
        if let Some(spec) = definition.data["spec"].as_object_mut() {
            spec.remove("conversion");
        }
    }
    found
}

/// Writes to an API server that knows the providers' kinds; `None` where there is none to be had. It
/// goes when the first of the two is dropped.
pub(crate) async fn providers() -> Option<(Arc<ApiServer>, Applier)> {
    let Some(directory) = std::env::var_os(MANIFESTS).map(PathBuf::from) else {
        eprintln!(
            "NOTE: {MANIFESTS} is not set: this test needs release manifests and did NOT run"
        );
        return None;
    };
    let server = ApiServer::shared().await?;
    let applier = Applier::new(server.client().await.unwrap());
    let definitions = definitions(&directory);
    assert!(definitions.len() > 20, "{}", definitions.len());
    applier.apply(&definitions, soon(), |_| ()).await.unwrap();
    Some((server, applier))
}
