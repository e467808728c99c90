//! Whether an object is what the providers' schemas allow, as strictly as an API server with `fieldValidation=Strict`.
//!
//! For tests only (feature `contract`): rules in CEL and the webhooks' own are left to the real API server.

use serde_json::{Map, Value, json};

use crate::Kind;

/// Kind, version and schema, made by `testdata/strip.py`.
const SCHEMAS: &[(&str, &str, &str)] = &[
    (
        "Cluster",
        "v1beta2",
        include_str!("../testdata/cluster-api-v1.14.2/clusters.v1beta2.json"),
    ),
    (
        "MachineDeployment",
        "v1beta2",
        include_str!("../testdata/cluster-api-v1.14.2/machinedeployments.v1beta2.json"),
    ),
    (
        "MachineHealthCheck",
        "v1beta2",
        include_str!("../testdata/cluster-api-v1.14.2/machinehealthchecks.v1beta2.json"),
    ),
    (
        "KubeadmControlPlane",
        "v1beta2",
        include_str!("../testdata/cluster-api-v1.14.2/kubeadmcontrolplanes.v1beta2.json"),
    ),
    (
        "KubeadmConfigTemplate",
        "v1beta2",
        include_str!("../testdata/cluster-api-v1.14.2/kubeadmconfigtemplates.v1beta2.json"),
    ),
    (
        "OpenStackCluster",
        "v1beta1",
        include_str!(
            "../testdata/cluster-api-provider-openstack-v0.14.7/openstackclusters.v1beta1.json"
        ),
    ),
    (
        "OpenStackMachineTemplate",
        "v1beta1",
        include_str!(
            "../testdata/cluster-api-provider-openstack-v0.14.7/openstackmachinetemplates.v1beta1.json"
        ),
    ),
    (
        "OpenStackCluster",
        "v1beta2",
        include_str!(
            "../testdata/cluster-api-provider-openstack-e52de58ab/openstackclusters.v1beta2.json"
        ),
    ),
    (
        "OpenStackMachineTemplate",
        "v1beta2",
        include_str!(
            "../testdata/cluster-api-provider-openstack-e52de58ab/openstackmachinetemplates.v1beta2.json"
        ),
    ),
];

/// The schema of a kind in its version.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn schema(kind: Kind) -> Result<Value, String> {
    let of_kind =
        |(name, version, _): &&(&str, &str, &str)| *name == kind.kind && *version == kind.version;
    let (_, _, text) = SCHEMAS
        .iter()
        .find(of_kind)
        .ok_or_else(|| format!("there is no schema of {}", kind.kind))?;
    serde_json::from_str(text)
        .map_err(|error| format!("the schema of {} cannot be read: {error}", kind.kind))
}

/// The definition of a kind in its version alone, for an API server.
///
/// # Errors
/// When there is no schema of it.
pub fn definition(kind: Kind) -> Result<Value, String> {
    let singular = kind.kind.to_lowercase();
    Ok(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{}", kind.plural, kind.group)},
        "spec": {
            "group": kind.group, "scope": "Namespaced",
            "names": {
                "kind": kind.kind, "listKind": format!("{}List", kind.kind),
                "plural": kind.plural, "singular": singular,
            },
            "versions": [{
                "name": kind.version, "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema(kind)?},
            }],
        },
    }))
}

/// Everything in the object that its schema does not allow; empty when all is well. A kind without a schema is a fault,
/// so that none is forgotten.
pub fn faults(kind: Kind, object: &Value) -> Vec<String> {
    let schema = match schema(kind) {
        Ok(schema) => schema,
        Err(fault) => return vec![fault],
    };
    let mut faults = Vec::new();
    if object.get("apiVersion").and_then(Value::as_str) != Some(&kind.api_version()) {
        faults.push("apiVersion: not the one of the kind".to_owned());
    }
    let mut object = object.clone();
    // The schema says nothing about metadata; the API server knows it by itself.
    if let Some(map) = object.as_object_mut() {
        map.remove("metadata");
    }
    walk("", &object, &schema, &mut faults);
    faults
}

fn walk(path: &str, value: &Value, schema: &Value, faults: &mut Vec<String>) {
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        faults.push(format!("{path}: {value} is not among {allowed:?}"));
    }
    if !is_of_type(value, schema) {
        faults.push(format!("{path}: {value} is not of type {}", schema["type"]));
        return;
    }
    match value {
        Value::Object(map) => object(path, map, schema, faults),
        Value::Array(items) => {
            bounds(path, items.len(), schema, ["minItems", "maxItems"], faults);
            for (index, item) in items.iter().enumerate() {
                walk(&format!("{path}[{index}]"), item, &schema["items"], faults);
            }
        }
        Value::String(text) => {
            bounds(
                path,
                text.chars().count(),
                schema,
                ["minLength", "maxLength"],
                faults,
            );
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            let limit = |key: &str| schema.get(key).and_then(Value::as_f64);
            if limit("minimum").is_some_and(|limit| number < limit)
                || limit("maximum").is_some_and(|limit| number > limit)
            {
                faults.push(format!("{path}: {number} is out of bounds"));
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn object(path: &str, map: &Map<String, Value>, schema: &Value, faults: &mut Vec<String>) {
    bounds(
        path,
        map.len(),
        schema,
        ["minProperties", "maxProperties"],
        faults,
    );
    let open = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    for (key, value) in map {
        let inner = format!("{path}.{key}");
        match schema["properties"]
            .get(key)
            .or_else(|| schema.get("additionalProperties"))
        {
            Some(schema) => walk(&inner, value, schema, faults),
            None if open => {}
            None => faults.push(format!("{inner}: unknown field")),
        }
    }
    for key in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let by_default = schema["properties"][key].get("default").is_some();
        let taken_out = path.is_empty() && key == "metadata";
        if !(map.contains_key(key) || by_default || taken_out) {
            faults.push(format!("{path}.{key}: required and missing"));
        }
    }
}

fn bounds(path: &str, size: usize, schema: &Value, keys: [&str; 2], faults: &mut Vec<String>) {
    let limit = |key: &str| {
        schema
            .get(key)
            .and_then(Value::as_u64)
            .and_then(|n| usize::try_from(n).ok())
    };
    if limit(keys[0]).is_some_and(|least| size < least)
        || limit(keys[1]).is_some_and(|most| size > most)
    {
        faults.push(format!(
            "{path}: size {size} breaks {} or {}",
            keys[0], keys[1]
        ));
    }
}

fn is_of_type(value: &Value, schema: &Value) -> bool {
    if schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        return value.is_string() || value.is_i64() || value.is_u64();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OpenStackApi, kind};

    fn check(spec: &Value) -> Vec<String> {
        let object = json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2",
            "kind": "MachineHealthCheck",
            "metadata": {"name": "x"},
            "spec": spec,
        });
        faults(kind::MACHINE_HEALTH_CHECK, &object)
    }

    /// The walker must find what is wrong, or every contract test is worth nothing.
    #[test]
    fn faults_are_found() {
        let good = json!({"clusterName": "c", "selector": {"matchLabels": {"a": "b"}}});
        assert_eq!(check(&good), [] as [String; 0]);
        let cases = [
            (
                json!({"selector": {}}),
                ".spec.clusterName: required and missing",
            ),
            (
                json!({"clusterName": "c", "selector": {}, "maxUnhealthy": 1}),
                ".spec.maxUnhealthy: unknown field",
            ),
            (
                json!({"clusterName": 1, "selector": {}}),
                ".spec.clusterName: 1 is not of type \"string\"",
            ),
            (
                json!({"clusterName": "", "selector": {}}),
                ".spec.clusterName: size 0 breaks minLength or maxLength",
            ),
            (
                json!({"clusterName": "c", "selector": {}, "remediation": {"triggerIf": {"unhealthyLessThanOrEqualTo": true}}}),
                ".spec.remediation.triggerIf.unhealthyLessThanOrEqualTo: true is not of type null",
            ),
        ];
        for (spec, fault) in cases {
            assert!(
                check(&spec).iter().any(|found| found == fault),
                "{fault}: {:?}",
                check(&spec)
            );
        }
    }

    #[test]
    fn every_kind_that_is_written_has_a_schema_in_the_version_that_is_written() {
        for (name, version, _) in SCHEMAS {
            let kind = Kind::by_name(name).unwrap();
            let spoken = OpenStackApi::ALL.map(|api| api.of(kind).version);
            assert!(spoken.contains(version), "{name} {version}");
        }
        assert_eq!(
            faults(kind::MACHINE, &json!({})),
            ["there is no schema of Machine"]
        );
    }
}
