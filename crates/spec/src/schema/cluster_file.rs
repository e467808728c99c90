//! JSON Schema of the cluster file.

use serde_json::{Map, Value, json};

use super::workload_cluster;
use crate::file::{BASE, FieldKind, Key, TEMPLATE, Use, keys};

/// JSON Schema (2020-12) of the cluster file. It knows the same keys as the reader, but not every rule: what may be said
/// in two ways, or by a base, is required nowhere.
pub fn cluster_file() -> Value {
    let mut schema = workload_cluster().to_value();
    optional(&mut schema, "");
    optional(&mut schema, "/properties/controlPlane");
    optional(&mut schema, "/properties/workers/items");
    close(&mut schema);
    let Value::Object(mut root) = schema else {
        return Value::Null;
    };
    let structured = root.remove("properties").unwrap_or_default();
    let mut properties = Map::new();
    let base = "File whose values hold where this one says nothing, by its path from here.";
    properties.insert(
        BASE.to_owned(),
        json!({"description": base, "type": "string"}),
    );
    let template =
        "Template of the management server whose defaults hold where nothing else is said.";
    properties.insert(
        TEMPLATE.to_owned(),
        json!({"description": template, "type": "string"}),
    );
    let flat = keys::all().filter_map(|key| Some((key.name.to_owned(), of_key(key)?)));
    properties.extend(flat);
    if let Value::Object(mut fields) = structured {
        let version = json!({
            "type": "string",
            "pattern": VERSION,
            "description": "Kubernetes version, for instance v1.36.3, or v1.36.x for the newest of that line in the catalogue",
        });
        fields.insert("version".to_owned(), version);
        properties.extend(fields);
    }
    root.insert("title".to_owned(), json!("Cluster file of Capstan"));
    root.remove("description");
    root.insert("properties".to_owned(), Value::Object(properties));
    Value::Object(root)
}

/// Nothing is required there, because flat keys or a base may say it.
fn optional(schema: &mut Value, pointer: &str) {
    if let Some(Value::Object(map)) = schema.pointer_mut(pointer) {
        map.remove("required");
    }
}

/// Fields that are not known are errors, as for the reader.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("properties").is_some_and(Value::is_object) && map.contains_key("type") {
                map.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            map.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// `None` for a key that is refused whatever its value.
fn of_key(key: &Key) -> Option<Value> {
    Some(match key.usage {
        Use::Sets(field) => {
            let mut schema = of_kind(field.kind);
            schema["description"] = json!(format!("Sets {}.", field.paths.join(" and ")));
            schema
        }
        Use::Refused { harmless: [], .. } | Use::Renamed { .. } => return None,
        Use::Refused {
            reason,
            instead,
            harmless,
        } => {
            let typed = harmless.iter().flat_map(|value| {
                let plain = serde_json::from_str(value).ok();
                [Some(json!(value)), plain]
            });
            let values: Vec<Value> = typed.flatten().collect();
            json!({"enum": values, "deprecated": true, "description": format!("Not supported: {reason}; {instead}.")})
        }
    })
}

/// An exact version, or a release line for its newest.
const VERSION: &str = r"^v?1\.[0-9]+(\.([0-9]+|x))?$";

fn of_kind(kind: FieldKind) -> Value {
    const RANGE: &str = "^[0-9.]+/[0-9]+$";
    let text = json!({"type": "string", "minLength": 1});
    match kind {
        FieldKind::Text => text,
        FieldKind::Version => json!({"type": "string", "pattern": VERSION}),
        FieldKind::Count => {
            json!({"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+$"})
        }
        FieldKind::Gib => {
            json!({"type": ["integer", "string"], "minimum": 1, "pattern": "^[1-9][0-9]*$"})
        }
        FieldKind::Cidr => json!({"type": "string", "pattern": RANGE}),
        FieldKind::Addresses => json!({"type": ["array", "string"], "items": text}),
        FieldKind::Cidrs => json!({"type": ["array", "string"], "items": text, "minItems": 1}),
        FieldKind::Metadata => json!({
            "type": ["object", "string"],
            "additionalProperties": {"type": ["string", "integer", "boolean"]},
        }),
        FieldKind::Spread | FieldKind::SoftSpread => {
            json!({"enum": [true, false, "true", "false"]})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_what_the_reader_knows() {
        let schema = cluster_file();
        let properties = schema["properties"].as_object().unwrap();
        for key in [
            "base",
            "template",
            "KUBERNETES_VERSION",
            "controlPlane",
            "kubeadm",
        ] {
            assert!(properties.contains_key(key), "{key}");
        }
        assert_eq!(properties["DEPLOY_FLUX"]["enum"], json!(["false", false]));
        assert_eq!(properties["PROXY_CMD"]["enum"], json!([""]));
        assert!(!properties.contains_key("CONTROL_PLANE_MACHINE_GEN"));
        assert_eq!(schema["additionalProperties"], false);
        let plane = &properties["controlPlane"];
        assert_eq!(plane["additionalProperties"], false);
        assert!(plane.get("required").is_none());
        let volume = &properties["workers"]["items"]["properties"]["volumes"]["items"];
        assert_eq!(volume["required"], json!(["name", "sizeGib"]));
        assert_eq!(volume["additionalProperties"], false);
    }
}
