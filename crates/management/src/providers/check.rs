//! Whether a management server is usable: `capstan status`.
//!
//! Usable means: every Deployment is available, and the creation of each kind passes its webhooks. The second is tried with
//! server-side dry runs, because an available Deployment does not prove that the API server reaches its webhook.

use capstan_capi::{OpenStackApi, kind};
use capstan_kubernetes::{Error, Kinds, ObjectName, deployment_runs, dry_run_create};
use capstan_workload::provider::openstack_api;
use futures::StreamExt;
use kube::Client;
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::own;

/// Requests under way at once.
const CONCURRENCY: usize = 6;

/// The Deployments of a complete management server.
const DEPLOYMENTS: &[(&str, &str)] = &[
    ("capi-system", "capi-controller-manager"),
    (
        "capi-kubeadm-bootstrap-system",
        "capi-kubeadm-bootstrap-controller-manager",
    ),
    (
        "capi-kubeadm-control-plane-system",
        "capi-kubeadm-control-plane-controller-manager",
    ),
    ("capo-system", "capo-controller-manager"),
    (own::NAMESPACE, own::CONTROLLER),
];

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckLine {
    /// What, for instance `Deployment capi-system/capi-controller-manager`.
    pub what: String,
    /// What is wrong; `None` if nothing is.
    pub problem: Option<String>,
}

impl CheckLine {
    /// Whether it is as it should be.
    pub const fn is_good(&self) -> bool {
        self.problem.is_none()
    }
}

/// Checks everything; the server is usable if all lines are good. That something cannot be read makes its line bad.
pub async fn check(client: Client) -> Vec<CheckLine> {
    let kinds = Kinds::new(client);
    let deployments = DEPLOYMENTS.iter().map(|(namespace, name)| {
        let kinds = kinds.clone();
        Box::pin(async move { check_deployment(&kinds, namespace, name).await })
            as futures::future::BoxFuture<'_, CheckLine>
    });
    // What cannot be learnt is told by the lines about the provider.
    let openstack = openstack_api(&kinds).await.unwrap_or_default();
    let creations = samples(openstack).into_iter().map(|sample| {
        let kinds = kinds.clone();
        Box::pin(async move { check_creation(&kinds, sample).await })
            as futures::future::BoxFuture<'_, CheckLine>
    });
    futures::stream::iter(deployments.chain(creations))
        .buffered(CONCURRENCY)
        .collect()
        .await
}

async fn check_deployment(kinds: &Kinds, namespace: &str, name: &str) -> CheckLine {
    let name = ObjectName {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    };
    let read = async {
        let api = kinds.api_of(&name).await?;
        api.get(&name.name)
            .await
            .map_err(|e| Error::request("read", name.to_string(), e))
    };
    let problem = match read.await {
        Ok(object) => deployment_runs(kinds, &object).await.err(),
        Err(error) => Some(error.to_string()),
    };
    CheckLine {
        what: name.to_string(),
        problem,
    }
}

async fn check_creation(kinds: &Kinds, sample: Value) -> CheckLine {
    let text = |path: &str| {
        sample
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let what = format!("creating a {} ({})", text("/kind"), text("/apiVersion"));
    let problem = match serde_json::from_value::<DynamicObject>(sample) {
        Ok(object) => dry_run_create(kinds, &object)
            .await
            .err()
            .map(|e| e.to_string()),
        Err(error) => Some(error.to_string()),
    };
    CheckLine { what, problem }
}

/// The smallest object of each kind that a cluster consists of. None is ever kept.
fn samples(openstack: OpenStackApi) -> Vec<Value> {
    const CAPI: &str = "cluster.x-k8s.io/v1beta2";
    const BOOTSTRAP: &str = "bootstrap.cluster.x-k8s.io/v1beta2";
    const CONTROL_PLANE: &str = "controlplane.cluster.x-k8s.io/v1beta2";
    const CAPSTAN: &str = "capstan.dev/v1alpha1";
    let sample = |api_version: &str, kind: &str, spec: Value| {
        json!({
            "apiVersion": api_version, "kind": kind,
            "metadata": {"name": "capstan-status-check", "namespace": "default"}, "spec": spec,
        })
    };
    let reference = |group: &str, kind: &str| json!({"apiGroup": format!("{group}cluster.x-k8s.io"), "kind": kind, "name": "x"});
    let machine = json!({
        "clusterName": "x", "version": "v1.36.0",
        "bootstrap": {"configRef": reference("bootstrap.", "KubeadmConfigTemplate")},
        "infrastructureRef": reference("infrastructure.", "OpenStackMachineTemplate"),
    });
    let flavor = match openstack {
        OpenStackApi::V1Beta1 => json!("x"),
        OpenStackApi::V1Beta2 => json!({"filter": {"name": "x"}}),
    };
    let image = json!({"id": "00000000-0000-0000-0000-000000000000"});
    let openstack_machine = json!({"flavor": flavor, "image": image});
    let version = openstack.of(kind::OPENSTACK_CLUSTER).api_version();
    let node = json!({"joinConfiguration": {"nodeRegistration": {"name": "x"}}});
    vec![
        sample(
            CAPI,
            "Cluster",
            json!({
                "controlPlaneRef": reference("controlplane.", "KubeadmControlPlane"),
                "infrastructureRef": reference("infrastructure.", "OpenStackCluster"),
            }),
        ),
        sample(
            CAPI,
            "MachineDeployment",
            json!({
                "clusterName": "x", "replicas": 1, "selector": {"matchLabels": {"x": "y"}},
                "template": {"metadata": {"labels": {"x": "y"}}, "spec": machine},
            }),
        ),
        sample(
            CAPI,
            "MachineHealthCheck",
            json!({
                "clusterName": "x", "selector": {"matchLabels": {"x": "y"}}, "checks": {"nodeStartupTimeoutSeconds": 1200},
            }),
        ),
        sample(
            BOOTSTRAP,
            "KubeadmConfigTemplate",
            json!({"template": {"spec": node}}),
        ),
        sample(
            CONTROL_PLANE,
            "KubeadmControlPlane",
            json!({
                "replicas": 1, "version": "v1.36.0", "kubeadmConfigSpec": node,
                "machineTemplate": {"spec": {"infrastructureRef": reference("infrastructure.", "OpenStackMachineTemplate")}},
            }),
        ),
        sample(
            &version,
            "OpenStackCluster",
            json!({"identityRef": {"name": "x", "cloudName": "x"}}),
        ),
        sample(
            &version,
            "OpenStackMachineTemplate",
            json!({"template": {"spec": openstack_machine}}),
        ),
        sample(
            CAPSTAN,
            "WorkloadCluster",
            json!({
                "version": "v1.36.0", "controlPlane": {"flavor": "x"}, "workers": [],
            }),
        ),
        sample(CAPSTAN, "Cloud", json!({"secret": "x"})),
    ]
}
