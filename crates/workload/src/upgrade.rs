//! A look into a workload cluster before its nodes are rolled: what is in use that the new version no longer has, what keeps
//! nodes from being emptied, and what will be away meanwhile.

mod stored;

use capstan_kubernetes::{Connection, Error as KubernetesError};
use capstan_plan::upgrade::{Budget, Replicas, deprecated_apis, hazards, removed_by, unserved};
use capstan_spec::{ClusterName, Finding, WorkloadClusterSpec};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{ListParams, ObjectMeta};
use kube::{Api, Client};
use secrecy::SecretString;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::surroundings::kubeconfig;

/// What stands in the way of the wish's version, and what is only said. Asks the management server for the kubeconfig, and
/// then the cluster itself.
///
/// What was asked of the API is counted by each API server for itself since it started: of a control plane of three, one is
/// asked.
///
/// # Errors
/// When the cluster cannot be looked into. That is never "nothing found".
pub async fn look(
    management: &Client,
    name: &ClusterName,
    wish: &WorkloadClusterSpec,
) -> Result<Vec<Finding>, Error> {
    let kubeconfig = kubeconfig(management, name).await?;
    look_into(&kubeconfig, wish).await
}

async fn look_into(
    kubeconfig: &SecretString,
    wish: &WorkloadClusterSpec,
) -> Result<Vec<Finding>, Error> {
    let connection = Connection::from_kubeconfig(kubeconfig, None).await?;
    let client = connection.client()?;
    let (metrics, definitions, budgets, deployments, sets) = futures::try_join!(
        metrics(&client),
        stored::definitions(&client),
        list::<PodDisruptionBudget>(&client, "PodDisruptionBudgets"),
        list::<Deployment>(&client, "Deployments"),
        list::<StatefulSet>(&client, "StatefulSets"),
    )?;
    let budgets: Vec<Budget> = budgets.into_iter().filter_map(budget).collect();
    let programs: Vec<Replicas> = deployments
        .into_iter()
        .map(|one| {
            let count = one.spec.and_then(|spec| spec.replicas);
            replicas("Deployment", &one.metadata, count)
        })
        .chain(sets.into_iter().map(|one| {
            let count = one.spec.and_then(|spec| spec.replicas);
            replicas("StatefulSet", &one.metadata, count)
        }))
        .collect();
    let pools = wish.workers.iter();
    let patience = pools.map(|pool| pool.rollout.drain_timeout_seconds);
    let longest = patience.max().unwrap_or_default();
    let used = deprecated_apis(&metrics);
    let written = stored::written(&client, &used).await?;
    let mut findings = removed_by(&used, &written, wish.version);
    findings.extend(unserved(&definitions));
    findings.extend(hazards(&budgets, &programs, longest));
    Ok(findings)
}

async fn metrics(client: &Client) -> Result<String, Error> {
    let text = match http::Request::get("/metrics").body(Vec::new()) {
        Ok(request) => client.request_text(request).await,
        Err(error) => Err(kube::Error::HttpError(error)),
    };
    Ok(text.map_err(|e| KubernetesError::request("read", "the metrics of the API server", e))?)
}

async fn list<K>(client: &Client, what: &'static str) -> Result<Vec<K>, Error>
where
    K: kube::Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let api = Api::<K>::all(client.clone());
    let found = api.list(&ListParams::default()).await;
    Ok(found
        .map_err(|e| KubernetesError::request("list", what, e))?
        .items)
}

fn full_name(metadata: &ObjectMeta) -> String {
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    format!(
        "{namespace}/{}",
        metadata.name.as_deref().unwrap_or_default()
    )
}

fn budget(one: PodDisruptionBudget) -> Option<Budget> {
    let status = one.status?;
    Some(Budget {
        name: full_name(&one.metadata),
        allowed: i64::from(status.disruptions_allowed),
        expected: i64::from(status.expected_pods),
        needed: i64::from(status.desired_healthy),
    })
}

fn replicas(kind: &'static str, metadata: &ObjectMeta, count: Option<i32>) -> Replicas {
    Replicas {
        kind,
        name: full_name(metadata),
        // What the API server sets where nothing is said.
        count: i64::from(count.unwrap_or(1)),
    }
}
