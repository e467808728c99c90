//! Writing a changed wish.

use capstan_spec::WorkloadClusterSpec;
use capstan_workload::history;
use capstan_workload::resource::WorkloadCluster;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Map, Value, json};

use super::target::Target;
use crate::environment::person;
use crate::exit::Exit;
use crate::failure::Failure;

/// How often a change is tried that only the controller's reports came in between of.
const TRIES: u32 = 5;

/// Writes what is other in `spec` than in the cluster that was read. Who changed the cluster meanwhile is not overwritten,
/// and fields that this version does not know stay. `marks` are annotations of the same request.
pub(super) async fn write(
    target: &Target,
    api: &Api<WorkloadCluster>,
    cluster: &WorkloadCluster,
    spec: &WorkloadClusterSpec,
    marks: &[(&str, &str)],
) -> Result<(), Failure> {
    let name = cluster.metadata.name.as_deref().unwrap_or_default();
    let json = |spec: &WorkloadClusterSpec| {
        serde_json::to_value(spec).map_err(|error| Failure::of(Exit::Failed, &error, None))
    };
    let change = merge_patch(&json(&cluster.spec)?, &json(spec)?);
    let mut annotations = json!({history::REQUESTED_BY: person()});
    for (key, value) in marks {
        annotations[*key] = json!(value);
    }
    let params = PatchParams {
        field_manager: Some(history::COMMAND_LINE.to_owned()),
        ..PatchParams::default()
    };
    let mut version = cluster.metadata.resource_version.clone();
    for left in (0..TRIES).rev() {
        let metadata = json!({"resourceVersion": version, "annotations": annotations});
        let patch = json!({"metadata": metadata, "spec": change});
        let Err(error) = api.patch(name, &params, &Patch::Merge(&patch)).await else {
            return Ok(());
        };
        let conflict = matches!(&error, kube::Error::Api(told) if told.is_conflict());
        // The controller writes what it sees all the time; only another wish is somebody's change.
        let latest = match api.get_opt(name).await {
            Ok(Some(latest)) if conflict && left > 0 => latest.metadata,
            _ => return Err(target.refused("change", name, error)),
        };
        if latest.generation != cluster.metadata.generation {
            return Err(target.refused("change", name, error));
        }
        version = latest.resource_version;
    }
    Ok(())
}

/// The merge patch (RFC 7386) that makes `after` of `before`: what is left out at its default must be said to go.
fn merge_patch(before: &Value, after: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return after.clone();
    };
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    let mut patch: Map<String, Value> = gone.map(|key| (key.clone(), Value::Null)).collect();
    for (key, value) in new {
        match old.get(key) {
            Some(same) if same == value => {}
            Some(other) => {
                patch.insert(key.clone(), merge_patch(other, value));
            }
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_says_what_is_other_and_what_goes() {
        let before = json!({"a": 1, "b": {"c": true, "d": [1, 2]}, "e": 3});
        let after = json!({"a": 1, "b": {"d": [1]}, "f": {"g": 4}});
        let patch = merge_patch(&before, &after);
        let expected = json!({"b": {"c": null, "d": [1]}, "e": null, "f": {"g": 4}});
        assert_eq!(patch, expected);
        assert_eq!(merge_patch(&after, &after), json!({}));
    }
}
