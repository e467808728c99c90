//! What the tests of installations share: a plan, and those parts of a cluster that an API server alone lacks.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use capstan_catalog::Catalogue;
use capstan_management::identity::Identity;
use capstan_management::providers::{InstallPlan, ManifestSource, default_releases, own};
use capstan_testkit::MANIFESTS;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::DynamicObject;
use kube::{Api, Client};
use serde_json::{Value, json};

/// The directory with the release manifests, or `None` with a note.
pub(crate) fn manifests() -> Option<PathBuf> {
    let directory = std::env::var_os(MANIFESTS).map(PathBuf::from);
    if directory.is_none() {
        eprintln!(
            "NOTE: {MANIFESTS} is not set: this test needs release manifests and did NOT run"
        );
    }
    directory
}

/// A release of the OpenStack provider, and its manager among the test programs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Openstack {
    pub(crate) version: &'static str,
    #[allow(dead_code, reason = "not every test runs managers")]
    pub(crate) program: &'static str,
}

/// The one of the catalogue.
pub(crate) const OPENSTACK: Openstack = Openstack {
    version: "v0.14.7",
    program: "capo",
};

/// One with the API v1beta2. Nothing here builds it (where this was written the release could not be had): a test asks it
/// where somebody has put its manager and its manifests.
#[allow(dead_code, reason = "not every test asks two providers")]
pub(crate) const NEWER_OPENSTACK: Openstack = Openstack {
    version: "v0.15.0",
    program: "capo-newer",
};

impl Openstack {
    /// Whether its manifests are there; a note when not.
    #[allow(dead_code, reason = "not every test asks two providers")]
    pub(crate) fn is_in(self, directory: &Path) -> bool {
        let provider = directory.join("cluster-api-provider-openstack");
        let found = provider.join(self.version).is_dir();
        if !found {
            eprintln!(
                "NOTE: {MANIFESTS} has no OpenStack provider {}: it was NOT asked",
                self.version
            );
        }
        found
    }
}

/// What the real catalogue installs, from that directory.
#[allow(dead_code, reason = "not every test is content with that")]
pub(crate) fn plan(directory: &Path) -> InstallPlan {
    plan_with(directory, OPENSTACK)
}

/// The same with another OpenStack provider.
pub(crate) fn plan_with(directory: &Path, openstack: Openstack) -> InstallPlan {
    InstallPlan {
        proxy: None,
        releases: default_releases("v1.14.2", openstack.version),
        catalogue: Catalogue::bundled().unwrap(),
        source: ManifestSource::Directory(directory.to_owned()),
        variables: [("EXP_CAPO_PRIORITY_QUEUE".to_owned(), "true".to_owned())].into(),
        controller: own::Controller::published(),
        owner: owner("default"),
        objects: vec![own::cloud_secret(&"clouds: {}".into(), None).unwrap()],
        limit: Duration::from_secs(90),
    }
}

/// A server that the tests install for.
pub(crate) fn owner(name: &str) -> Identity {
    Identity {
        name: name.into(),
        uid: "x7k2p".parse().unwrap(),
    }
}

/// Says of every Deployment what a working node would let the Deployment controller say.
pub(crate) async fn play_kubelet(client: Client) {
    let api: Api<DynamicObject> = all(&client, "apps", "Deployment", "deployments");
    loop {
        for deployment in api
            .list(&ListParams::default())
            .await
            .map(|l| l.items)
            .unwrap_or_default()
        {
            let generation = deployment.metadata.generation;
            if deployment
                .data
                .pointer("/status/observedGeneration")
                .and_then(Value::as_i64)
                == generation
            {
                continue;
            }
            let namespace = deployment.metadata.namespace.as_deref().unwrap();
            let one: Api<DynamicObject> = Api::namespaced_with(
                client.clone(),
                namespace,
                &resource("apps", "Deployment", "deployments"),
            );
            let status = json!({"status": {
                "observedGeneration": generation, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1,
                "availableReplicas": 1, "conditions": [{"type": "Available", "status": "True"}],
            }});
            let name = deployment.metadata.name.as_deref().unwrap();
            let _ = one
                .patch_status(name, &PatchParams::default(), &Patch::Merge(status))
                .await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A kind by its names.
pub(crate) fn resource(group: &str, kind: &str, plural: &str) -> kube::discovery::ApiResource {
    let gvk = kube::core::GroupVersionKind::gvk(
        group,
        if group.starts_with("clusterctl") {
            "v1alpha3"
        } else {
            "v1"
        },
        kind,
    );
    kube::discovery::ApiResource::from_gvk_with_plural(&gvk, plural)
}

/// All objects of a kind.
pub(crate) fn all(client: &Client, group: &str, kind: &str, plural: &str) -> Api<DynamicObject> {
    Api::all_with(client.clone(), &resource(group, kind, plural))
}
