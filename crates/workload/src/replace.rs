//! Replacing machines whose server failed. Which and when is said by [`capstan_plan::replacement`].

use capstan_capi::label;
use capstan_kubernetes::{Applier, Error as KubernetesError};
use capstan_plan::replacement::{Failed, Room};
use capstan_spec::status::Resolved;
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use kube::api::{DeleteParams, Preconditions};

use crate::mark::{is_another, mark, object_name};
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
    if failed.is_control_plane() {
        let (machine, uid) = (&failed.machine, &failed.uid);
        mark(applier, name, machine, uid, label::REMEDIATE_MACHINE).await?;
    } else {
        delete(applier, name, failed).await?;
    }
    tracing::info!(
        machine = failed.machine,
        reason = failed.reason.message,
        detail = failed.reason.detail,
        "a server failed; its machine is replaced"
    );
    Ok(())
}

async fn delete(applier: &Applier, name: &ClusterName, failed: &Failed) -> Result<(), Error> {
    let object = object_name(name, &failed.machine);
    let api = applier.kinds().api_of(&object).await?;
    let preconditions = Preconditions {
        uid: Some(failed.uid.clone()),
        resource_version: None,
    };
    let params = DeleteParams::background().preconditions(preconditions);
    match api.delete(&failed.machine, &params).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() || is_another(&status) => Ok(()),
        Err(error) => Err(KubernetesError::request("delete", object.to_string(), error).into()),
    }
}
