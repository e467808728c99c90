//! Secrets of a cluster that are created once and never changed.

use capstan_capi::label;
use capstan_kubernetes::{Error as KubernetesError, ObjectName};
use capstan_plan::render::{CLUSTER_LABEL, MANAGED_BY, MANAGED_BY_LABEL, UID_LABEL};
use capstan_spec::ClusterName;
use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::Error;
use crate::surroundings::secret_object;

/// A Secret in the cluster's namespace.
pub(crate) fn object_name(name: &ClusterName, secret: String) -> ObjectName {
    ObjectName {
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        namespace: Some(name.namespace().to_owned()),
        name: secret,
    }
}

/// What says that a Secret is the cluster's, and that it moves with it.
pub(crate) fn labels(name: &ClusterName) -> Value {
    json!({
        label::CLUSTER_NAME: name.cluster(),
        label::MOVE: "true",
        MANAGED_BY_LABEL: MANAGED_BY,
        CLUSTER_LABEL: name.name(),
        UID_LABEL: name.uid().as_str(),
    })
}

/// Whether it is there; its content is not read.
pub(crate) async fn is_there(
    client: &Client,
    name: &ClusterName,
    object: &ObjectName,
) -> Result<bool, Error> {
    let found = api(client, name).get_metadata_opt(&object.name).await;
    let found = found.map_err(|e| KubernetesError::request("read", object.to_string(), e))?;
    Ok(found.is_some())
}

/// Creates it. One that somebody was quicker with stays as it is.
pub(crate) async fn create(
    client: &Client,
    name: &ClusterName,
    object: &ObjectName,
    data: &[(&str, &str)],
) -> Result<(), Error> {
    let secret = secret_object(object, &labels(name), data)?;
    let secret: Secret = serde_json::to_value(&secret)
        .and_then(serde_json::from_value)
        .map_err(|source| Error::Shape {
            what: object.to_string(),
            source,
        })?;
    let params = PostParams::default();
    match api(client, name).create(&params, &secret).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => Err(KubernetesError::request("create", object.to_string(), error).into()),
    }
}

fn api(client: &Client, name: &ClusterName) -> Api<Secret> {
    Api::namespaced(client.clone(), name.namespace())
}
