//! The OpenStack provider on the server: in which version it is spoken to, and what was said to it in the older one.

use capstan_capi::{Kind, OpenStackApi, carry, kind};
use capstan_kubernetes::{Error as KubernetesError, Kinds, ObjectName};
use kube::api::{Patch, PatchParams};
use kube::core::{DynamicObject, ObjectMeta};
use serde_json::{Value, json};

use crate::Error;

/// The version that the server's OpenStack provider is spoken to in: the newest both know. The older one where there is no
/// provider (yet).
pub async fn openstack_api(kinds: &Kinds) -> Result<OpenStackApi, Error> {
    let kind = kind::OPENSTACK_CLUSTER;
    let versions = OpenStackApi::ALL.map(|api| api.of(kind).api_version());
    let served = kinds.first_served(&versions, kind.kind).await?;
    let place = versions
        .iter()
        .position(|version| Some(version.as_str()) == served);
    Ok(place.map_or_else(OpenStackApi::default, |place| OpenStackApi::ALL[place]))
}

/// Makes an object that is about to be applied in the newer version forget the older one. Nothing else of it changes; an
/// object that knows no older version is not written at all.
pub async fn carry_over(kinds: &Kinds, kind: Kind, object: &DynamicObject) -> Result<(), Error> {
    if OpenStackApi::written_in(kind) != Some(OpenStackApi::V1Beta2) {
        return Ok(());
    }
    let name = ObjectName::of(object);
    let api = kinds.api_of(&name).await?;
    let found = api.get_metadata_opt(&name.name).await;
    let found = found.map_err(|e| KubernetesError::request("read", name.to_string(), e))?;
    let Some(patch) = found.and_then(|found| forgetting(kind, &found.metadata)) else {
        return Ok(());
    };
    let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
    let patched = api.patch_metadata(&name.name, &params, &patch).await;
    patched.map_err(|e| KubernetesError::request("carry over", name.to_string(), e))?;
    tracing::info!(object = %name, "written through the newer version from now on");
    Ok(())
}

/// What has to be written for that; `None` where there is nothing to forget. Not when the object has changed meanwhile.
fn forgetting(kind: Kind, metadata: &ObjectMeta) -> Option<Value> {
    let owners = serde_json::to_value(&metadata.managed_fields).ok()?;
    let mut owners = carry::owners(kind, owners.as_array()?)?;
    if owners.is_empty() {
        // The API server takes an empty list for no change.
        owners.push(json!({}));
    }
    Some(json!({"metadata": {
        "resourceVersion": metadata.resource_version,
        "managedFields": owners,
        "annotations": {(carry::CONVERSION_DATA): null},
    }}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_of_the_older_version_is_not_written() {
        let mut metadata: ObjectMeta = serde_json::from_value(json!({
            "name": "x", "resourceVersion": "7",
            "managedFields": [{
                "manager": "manager", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {},
                "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1",
            }],
        }))
        .unwrap();
        let patch = forgetting(kind::OPENSTACK_CLUSTER, &metadata).unwrap();
        assert_eq!(patch["metadata"]["managedFields"], json!([{}]));
        assert_eq!(patch["metadata"]["resourceVersion"], "7");
        for fields in metadata.managed_fields.iter_mut().flatten() {
            fields.api_version = Some("infrastructure.cluster.x-k8s.io/v1beta2".to_owned());
        }
        assert_eq!(forgetting(kind::OPENSTACK_CLUSTER, &metadata), None);
        assert_eq!(
            forgetting(kind::OPENSTACK_CLUSTER, &ObjectMeta::default()),
            None
        );
    }
}
