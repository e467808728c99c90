//! Rollouts that are paused. What that means is said by [`capstan_plan::rollout`].

use capstan_capi::kind;
use capstan_kubernetes::{Applier, Deadline, Error as KubernetesError, ObjectName};
use capstan_plan::change::replaces;
use capstan_plan::{Observation, Rendered, rollout};
use capstan_spec::WorkloadClusterSpec;
use kube::core::DynamicObject;
use serde_json::Value;

use crate::Error;
use crate::surroundings::WRITE;

/// Marks the control plane among what is to be applied, where its rollout is paused and can stop.
pub async fn hold(
    applier: &Applier,
    spec: &WorkloadClusterSpec,
    seen: &Observation,
    rendered: &mut Rendered,
) -> Result<(), Error> {
    if !spec.control_plane.rollout.paused || seen.control_plane.is_none() {
        return Ok(());
    }
    let known = rollout::holds(spec, seen, false);
    if known || (rollout::holds(spec, seen, true) && changes(applier, rendered).await?) {
        rollout::hold(rendered);
    }
    Ok(())
}

/// Whether applying the control plane would have machines replaced. The API server is asked, because what it adds by
/// itself and what is taken away by leaving it out it alone knows.
async fn changes(applier: &Applier, rendered: &Rendered) -> Result<bool, Error> {
    let Some(wanted) = rendered.of(kind::KUBEADM_CONTROL_PLANE).next() else {
        return Ok(false);
    };
    let object: DynamicObject =
        serde_json::from_value(wanted.value.clone()).map_err(|source| Error::Shape {
            what: wanted.name.clone(),
            source,
        })?;
    let name = ObjectName::of(&object);
    let api = applier.kinds().api_of(&name).await?;
    let found = api.get_opt(&name.name).await;
    let found = found.map_err(|e| KubernetesError::request("read", name.to_string(), e))?;
    let Some(found) = found else {
        return Ok(false);
    };
    let then = applier.preview(&object, Deadline::after(WRITE)).await?;
    let spec = |object: &DynamicObject| object.data.get("spec").cloned().unwrap_or(Value::Null);
    Ok(replaces(
        kind::KUBEADM_CONTROL_PLANE,
        &spec(&found),
        &spec(&then),
    ))
}
