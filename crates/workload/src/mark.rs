//! Annotations on single machines.

use capstan_capi::kind;
use capstan_kubernetes::{Applier, Error as KubernetesError, FIELD_MANAGER, ObjectName};
use capstan_spec::ClusterName;
use kube::api::{Patch, PatchParams};
use kube::core::Status;
use kube::core::response::StatusDetails;
use serde_json::json;

use crate::Error;

/// Annotates the machine of that name and uid. One of the same name that is another by now is not touched; that it is gone
/// is no error.
pub(crate) async fn mark(
    applier: &Applier,
    name: &ClusterName,
    machine: &str,
    uid: &str,
    annotation: &str,
) -> Result<(), Error> {
    let object = object_name(name, machine);
    let api = applier.kinds().api_of(&object).await?;
    // A patch that names another uid than the object's is refused.
    let mark = json!({"metadata": {"uid": uid, "annotations": {annotation: ""}}});
    let params = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    match api.patch(machine, &params, &Patch::Merge(&mark)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() || is_another(&status) => Ok(()),
        Err(error) => Err(KubernetesError::request("mark", object.to_string(), error).into()),
    }
}

/// The machine of that name.
pub(crate) fn object_name(name: &ClusterName, machine: &str) -> ObjectName {
    ObjectName {
        api_version: kind::MACHINE.api_version(),
        kind: kind::MACHINE.kind.to_owned(),
        namespace: Some(name.namespace().to_owned()),
        name: machine.to_owned(),
    }
}

/// Whether the API server refused because the uid is another: a conflict on deletion, an immutable field on a patch of a
/// custom resource.
pub(crate) fn is_another(status: &Status) -> bool {
    let of_uid = |details: &StatusDetails| {
        let mut causes = details.causes.iter();
        causes.any(|cause| cause.field == "metadata.uid")
    };
    status.is_conflict() || (status.is_invalid() && status.details.as_ref().is_some_and(of_uid))
}
