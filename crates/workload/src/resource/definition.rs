//! `CustomResourceDefinition`s of Capstan's own kinds, generated from the model.

use capstan_spec::{API_GROUP, API_VERSION};
use kube::core::DynamicObject;
use kube::core::schema::{OptionalEnum, OptionalIntOrString, StructuralSchemaRewriter};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::AddNullable;
use serde_json::{Value, json};

use super::{Cloud, ClusterRecord, ClusterTemplate, ManagementServer, OwnKind, WorkloadCluster};

/// The definitions of all of Capstan's kinds.
///
/// # Errors
/// Never for the kinds of this crate; the test against a real API server shows it.
pub fn definitions() -> Result<Vec<DynamicObject>, serde_json::Error> {
    [
        definition::<WorkloadCluster>(),
        definition::<Cloud>(),
        definition::<ClusterTemplate>(),
        definition::<ClusterRecord>(),
        definition::<ManagementServer>(),
    ]
    .into_iter()
    .map(serde_json::from_value)
    .collect()
}

fn definition<K: OwnKind>() -> Value {
    let (kind, plural) = (K::kind(&()), K::plural(&()));
    let columns: Vec<Value> = K::COLUMNS
        .iter()
        .map(|(title, path)| {
            let number = ["percent", "created", "gone"].iter().any(|end| path.ends_with(end));
            json!({"name": title, "type": if number { "integer" } else { "string" }, "jsonPath": path})
        })
        .chain([json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"})])
        .collect();
    let rules: Vec<Value> = K::RULES
        .iter()
        .map(|(rule, message)| json!({"rule": rule, "message": message}))
        .collect();
    let mut schema = json!({
        "type": "object",
        "required": ["spec"],
        "properties": {"spec": structural::<K::Spec>(), "status": structural::<K::Status>()},
    });
    if !rules.is_empty() {
        schema["x-kubernetes-validations"] = Value::Array(rules);
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{plural}.{API_GROUP}"),
            // Makes `clusterctl move` take them along with the clusters.
            "labels": {"clusterctl.cluster.x-k8s.io/move": ""},
        },
        "spec": {
            "group": API_GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind, "listKind": format!("{kind}List"), "plural": plural,
                "singular": kind.to_lowercase(), "shortNames": [K::SHORT], "categories": ["capstan"],
            },
            "versions": [{
                "name": API_VERSION, "served": true, "storage": true,
                "subresources": {"status": {}},
                "additionalPrinterColumns": columns,
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}

/// The schema of a type in the form Kubernetes accepts, made as kube's derive macro makes it.
fn structural<T: JsonSchema>() -> Value {
    let schema = SchemaSettings::openapi3()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .with_transform(AddNullable::default())
        .with_transform(StructuralSchemaRewriter)
        .with_transform(OptionalEnum)
        .with_transform(OptionalIntOrString)
        .into_generator()
        .into_root_schema_for::<T>();
    let mut value = schema.to_value();
    bound(&mut value);
    value
}

/// Gives strings and lists a size where they have none: the API server refuses rules whose worst case costs too much.
fn bound(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    map.remove("title");
    // An address range is "one of" two patterns in the model's schema; Kubernetes wants a type, and has a format for it.
    let either = map.get("oneOf").and_then(Value::as_array);
    if either.is_some_and(|forms| forms.iter().all(|form| form.get("pattern").is_some())) {
        map.remove("oneOf");
        map.insert("type".to_owned(), json!("string"));
        map.insert("format".to_owned(), json!("cidr"));
        map.insert("maxLength".to_owned(), json!(43));
    }
    match map.get("type").and_then(Value::as_str) {
        Some("string") if !map.contains_key("enum") => {
            map.entry("maxLength").or_insert(json!(4096));
        }
        Some("array") => {
            map.entry("maxItems").or_insert(json!(1024));
        }
        _ => {}
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(key) {
            bound(inner);
        }
    }
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        properties.values_mut().for_each(bound);
    }
}
