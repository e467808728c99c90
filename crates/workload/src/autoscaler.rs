//! The cluster autoscaler of a cluster, on the management server: set up, looked at, taken away.
//!
//! What it is run as is said by [`capstan_plan::autoscaler`].

use capstan_catalog::{Catalogue, image};
use capstan_kubernetes::{
    Applier, Deadline, Error as KubernetesError, Kinds, ObjectName, condition_status,
    deployment_available,
};
use capstan_plan::autoscaler::{self, ADDON};
use capstan_plan::progress::AddonState;
use capstan_spec::progress::StepState;
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use jiff::Timestamp;
use kube::api::{DeleteParams, Preconditions};
use kube::core::DynamicObject;
use serde_json::Value;

use crate::Error;
use crate::clouds::Clouds;
use crate::surroundings::WRITE;

/// What it consists of, in the order it is made: API version and kind.
const OBJECTS: [(&str, &str); 3] = [
    ("v1", "ServiceAccount"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    DEPLOYMENT,
];
const DEPLOYMENT: (&str, &str) = ("apps/v1", "Deployment");

/// The objects that shall be for a cluster that wants one; `expires`: when the kubeconfig it reads does.
///
/// # Errors
///
/// When the catalogue does not know the cluster's version.
pub fn rendered(
    catalogue: &Catalogue,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    expires: Option<Timestamp>,
) -> Result<[Value; 3], Error> {
    let image = image::autoscaler(catalogue.release(spec.version)?);
    Ok(autoscaler::objects(spec, name, &image, expires))
}

/// Applies the objects. Applying what is there already changes nothing.
pub async fn apply(applier: &Applier, name: &ClusterName, objects: &[Value]) -> Result<(), Error> {
    for object in objects {
        let object: DynamicObject =
            serde_json::from_value(object.clone()).map_err(|source| Error::Shape {
                what: name.autoscaler(),
                source,
            })?;
        applier.apply_one(&object, Deadline::after(WRITE)).await?;
    }
    Ok(())
}

/// The Deployment as it is.
pub async fn deployment(kinds: &Kinds, name: &ClusterName) -> Result<Option<DynamicObject>, Error> {
    let object = object_name(name, DEPLOYMENT);
    let found = kinds.api_of(&object).await?.get_opt(&object.name).await;
    Ok(found.map_err(|e| KubernetesError::request("read", object.to_string(), e))?)
}

/// Tells how far it is, and changes nothing.
pub async fn look(clouds: &Clouds, name: &ClusterName) -> Result<AddonState, Error> {
    let there = deployment(clouds.applier.kinds(), name).await?;
    Ok(state(name, there.as_ref()))
}

/// How far it is, by its Deployment.
pub fn state(name: &ClusterName, deployment: Option<&DynamicObject>) -> AddonState {
    let (state, message) = match deployment {
        None => (StepState::Waiting, "is not installed".to_owned()),
        Some(deployment) => match deployment_available(deployment) {
            Ok(()) => (StepState::Done, "is healthy".to_owned()),
            Err(missing) => {
                let stuck = condition_status(deployment, "Progressing")
                    .is_some_and(|(_, reason, _)| reason == "ProgressDeadlineExceeded");
                let state = if stuck {
                    StepState::Blocked
                } else {
                    StepState::Running
                };
                let where_it_is = format!(
                    "on the management server, Deployment {}/{}: {missing}",
                    name.namespace(),
                    name.autoscaler()
                );
                (state, where_it_is)
            }
        },
    };
    AddonState {
        name: ADDON.to_owned(),
        state,
        message,
    }
}

/// Takes it away, the program first; that it is gone already is no error.
pub async fn remove(applier: &Applier, name: &ClusterName) -> Result<(), Error> {
    for kind in OBJECTS.into_iter().rev() {
        let object = object_name(name, kind);
        let api = applier.kinds().api_of(&object).await?;
        let found = api.get_opt(&object.name).await;
        let found = found.map_err(|e| KubernetesError::request("read", object.to_string(), e))?;
        let Some(found) = found else {
            continue;
        };
        let preconditions = Preconditions {
            uid: found.metadata.uid,
            resource_version: None,
        };
        // Only when its pods are gone is the Deployment: none of them acts on a cluster that goes.
        let params = DeleteParams::foreground().preconditions(preconditions);
        match api.delete(&object.name, &params).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(error) => {
                return Err(KubernetesError::request("delete", object.to_string(), error).into());
            }
        }
    }
    Ok(())
}

fn object_name(name: &ClusterName, (api_version, kind): (&str, &str)) -> ObjectName {
    ObjectName {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: Some(name.namespace().to_owned()),
        name: name.autoscaler(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn name() -> ClusterName {
        ClusterName::new("team", "demo", "x7k2p".parse().unwrap())
    }

    #[test]
    fn one_that_does_not_start_in_time_blocks_with_where_to_look() {
        let deployment = |status: &Value| -> DynamicObject {
            serde_json::from_value(json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "demo-x7k2p-autoscaler", "generation": 1}, "spec": {"replicas": 1}, "status": status,
            }))
            .unwrap()
        };
        let told = |status: &Value| {
            let state = state(&name(), Some(&deployment(status)));
            (state.state, state.message)
        };
        let starting = told(&json!({"observedGeneration": 1}));
        assert_eq!(starting.0, StepState::Running);
        let condition = |kind: &str, status: &str, reason: &str| json!({"type": kind, "status": status, "reason": reason, "message": "no pod"});
        let (stuck, message) = told(&json!({
            "observedGeneration": 1, "conditions": [condition("Progressing", "False", "ProgressDeadlineExceeded")],
        }));
        assert_eq!(stuck, StepState::Blocked);
        assert!(
            message.contains("Deployment team/demo-x7k2p-autoscaler"),
            "{message}"
        );
        let runs = told(&json!({
            "observedGeneration": 1, "updatedReplicas": 1, "conditions": [condition("Available", "True", "x")],
        }));
        assert_eq!(runs.0, StepState::Done);
        assert_eq!(state(&name(), None).state, StepState::Waiting);
    }
}
