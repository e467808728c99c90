//! The same cluster in both versions of the OpenStack provider.

use capstan_capi::carry;
use serde_json::Map;

use super::*;

/// Simple clusters, those of everything there is, and those of the rich files.
fn all() -> Vec<(WorkloadClusterSpec, Facts)> {
    let mut all = vec![(spec(), facts()), everything()];
    for text in [rich::MANAGED, rich::EXISTING, rich::DUAL, rich::FLATCAR] {
        let spec = rich::read(text);
        let facts = rich::facts(&spec);
        all.push((spec, facts));
    }
    all
}

fn both((spec, facts): &(WorkloadClusterSpec, Facts)) -> [Rendered; 2] {
    [OpenStackApi::V1Beta1, OpenStackApi::V1Beta2].map(|openstack_api| {
        let facts = Facts {
            openstack_api,
            ..facts.clone()
        };
        render(spec, &name(), &facts).unwrap()
    })
}

/// No node may be rolled because the provider is newer: names stay, and with them everything that refers to them.
#[test]
fn only_the_objects_of_the_provider_are_written_otherwise() {
    for cluster in all() {
        let [older, newer] = both(&cluster);
        assert_ne!(older.hash, newer.hash);
        for (one, other) in older.objects.iter().zip(&newer.objects) {
            assert_eq!((one.kind, &one.name), (other.kind, &other.name));
            assert_eq!(one.value["metadata"], other.value["metadata"]);
            let version = |object: &DesiredObject| object.value["apiVersion"].clone();
            assert_eq!(version(other), other.kind.api_version());
            let is_providers =
                [kind::OPENSTACK_CLUSTER, kind::OPENSTACK_MACHINE_TEMPLATE].contains(&one.kind);
            assert_eq!(is_providers, version(one) != version(other));
            assert_eq!(is_providers, one != other, "{}", one.name);
        }
    }
}

#[test]
fn every_object_keeps_the_contract_of_both() {
    for cluster in all() {
        for rendered in both(&cluster) {
            keeps_contract(&rendered);
        }
    }
}

/// What server-side apply says is owned by who applies the value, as far as maps go: lists move as they are.
fn owned(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let fields = map
                .iter()
                .map(|(key, inner)| (format!("f:{key}"), owned(inner)));
            Value::Object(fields.collect())
        }
        _ => Value::Object(Map::new()),
    }
}

/// Where the writer puts a field, there it is owned once an object is carried over: else the plan would call it taken away.
#[test]
fn what_is_carried_over_is_owned_where_it_is_written() {
    for cluster in all() {
        let [older, newer] = both(&cluster);
        for (mut one, other) in older.objects.into_iter().zip(&newer.objects) {
            // At its default it is said in the older version only; who still owns it then owns nothing that differs.
            let groups = one.value.pointer_mut("/spec/managedSecurityGroups");
            if let Some(groups) = groups.and_then(Value::as_object_mut) {
                groups.retain(|_, value| *value != false);
            }
            let one = &one;
            let owner = |object: &DesiredObject| {
                json!({
                    "manager": "capstan", "operation": "Apply", "apiVersion": object.value["apiVersion"],
                    "fieldsV1": {"f:spec": owned(&object.value["spec"])},
                })
            };
            let carried = carry::owners(one.kind, &[owner(one)]);
            if one == other {
                assert_eq!(carried, None);
            } else {
                assert_eq!(carried, Some(vec![owner(other)]), "{}", one.name);
            }
        }
    }
}
