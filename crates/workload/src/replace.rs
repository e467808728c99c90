//! Replacing machines whose server failed. Which and when is said by [`capstan_plan::replacement`].

use capstan_capi::{kind, label};
use capstan_kubernetes::{Applier, Error as KubernetesError, FIELD_MANAGER, ObjectName};
use capstan_plan::replacement::{Failed, Room};
use capstan_spec::status::Resolved;
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::core::Status;
use kube::core::response::StatusDetails;
use serde_json::json;

use crate::surroundings::Context;
use crate::{Error, preflight};

/// What one machine of each pool needs, and what the project has free.
pub async fn room(
    context: &Context,
    spec: &WorkloadClusterSpec,
    resolved: &Resolved,
) -> Result<Room, Error> {
    let session = &context.session;
    let (flavors, quota) = futures::try_join!(session.compute().flavors(), session.quota())?;
    Ok(preflight::room(spec, resolved, &flavors, &quota))
}

/// Has one machine replaced: a worker by deleting it, upon which its set makes another; one of the control plane by marking
/// it, because its owner alone knows whether etcd can do without it. A machine of the same name that is another one by now
/// (its uid tells) is not touched; that it is gone already is as good.
pub async fn replace(applier: &Applier, name: &ClusterName, failed: &Failed) -> Result<(), Error> {
    let object = ObjectName {
        api_version: kind::MACHINE.api_version(),
        kind: kind::MACHINE.kind.to_owned(),
        namespace: Some(name.namespace().to_owned()),
        name: failed.machine.clone(),
    };
    let api = applier.kinds().api_of(&object).await?;
    let (verb, outcome) = if failed.is_control_plane() {
        // A patch that names another uid than the object's is refused.
        let mark =
            json!({"metadata": {"uid": failed.uid, "annotations": {label::REMEDIATE_MACHINE: ""}}});
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patched = api
            .patch(&failed.machine, &params, &Patch::Merge(&mark))
            .await;
        ("mark", patched.map(drop))
    } else {
        let preconditions = Preconditions {
            uid: Some(failed.uid.clone()),
            resource_version: None,
        };
        let params = DeleteParams::background().preconditions(preconditions);
        let deleted = api.delete(&failed.machine, &params).await;
        ("delete", deleted.map(drop))
    };
    match outcome {
        Ok(()) => {
            tracing::info!(
                machine = failed.machine,
                reason = failed.reason.message,
                detail = failed.reason.detail,
                "a server failed; its machine is replaced"
            );
            Ok(())
        }
        Err(kube::Error::Api(status)) if status.is_not_found() || is_another(&status) => Ok(()),
        Err(error) => Err(KubernetesError::request(verb, object.to_string(), error).into()),
    }
}

/// Whether the API server refused because the uid is another: a conflict on deletion, an immutable field on a patch of a
/// custom resource.
fn is_another(status: &Status) -> bool {
    let of_uid = |details: &StatusDetails| {
        let mut causes = details.causes.iter();
        causes.any(|cause| cause.field == "metadata.uid")
    };
    status.is_conflict() || (status.is_invalid() && status.details.as_ref().is_some_and(of_uid))
}
