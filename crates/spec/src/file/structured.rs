//! The structured part: fields of the spec by their own names.

use serde_json::{Map, Value};

use super::block::Block;
use super::{Origin, Reading, keys};
use crate::finding::Finding;
use crate::schema;
use crate::yaml::{Entry, Node, NodeValue};

/// Fields of the spec at the top of the file.
pub(super) const FIELDS: [&str; 17] = [
    "cloud",
    "version",
    "image",
    "architecture",
    "controlPlane",
    "workers",
    "network",
    "apiAccess",
    "cni",
    "kubeadm",
    "sshKey",
    "bastion",
    "tags",
    "hooks",
    "approval",
    "deletionPolicy",
    "paused",
];

pub(super) fn is_field(name: &str) -> bool {
    FIELDS.contains(&name)
}

impl Reading {
    pub(super) fn structured(&mut self, entry: &Entry) {
        let schema = schema::workload_cluster();
        let below = schema
            .get("properties")
            .and_then(|fields| fields.get(&entry.key));
        let value = self.json(&entry.key, &entry.value, below.unwrap_or(&Value::Null));
        self.note(&entry.key, entry);
        if matches!(entry.value.value, NodeValue::Map(_)) {
            // What is missing in it, or is wrong about the whole, is told at its head.
            self.origins.push(Origin {
                path: entry.key.clone(),
                key: entry.key.clone(),
                position: entry.position,
                block: None,
                file: None,
            });
        }
        merge_field(&mut self.spec, entry.key.clone(), value);
    }

    /// Notes where each leaf stands, so that findings about it have a place.
    fn note(&mut self, path: &str, entry: &Entry) {
        match &entry.value.value {
            NodeValue::Map(entries) => {
                for inner in entries {
                    self.note(&format!("{path}.{}", inner.key), inner);
                }
            }
            NodeValue::List(items)
                if items
                    .iter()
                    .any(|item| matches!(item.value, NodeValue::Map(_))) =>
            {
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    self.claim(&path, &path, item.position);
                    if let NodeValue::Map(entries) = &item.value {
                        for inner in entries {
                            self.note(&format!("{path}.{}", inner.key), inner);
                        }
                    }
                }
            }
            value => {
                self.claim(path, path, entry.value.position.or(entry.position));
                let key = entry.position;
                let key = key.filter(|_| matches!(value, NodeValue::Text(_)));
                let block = key.and_then(|key| Block::of(&self.text, key));
                if let Some(origin) = self.origins.last_mut() {
                    origin.block = block;
                }
            }
        }
    }

    /// The JSON of a node; fields that the schema does not know are told.
    fn json(&mut self, path: &str, node: &Node, schema: &Value) -> Value {
        match &node.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(value) => Value::Bool(*value),
            NodeValue::Integer(value) => Value::from(*value),
            NodeValue::Float(value) => Value::from(*value),
            NodeValue::Text(value) => Value::String(value.clone()),
            NodeValue::List(items) => {
                let inner = present(schema).get("items").unwrap_or(&Value::Null);
                let items = items.iter().enumerate();
                items
                    .map(|(index, item)| self.json(&format!("{path}[{index}]"), item, inner))
                    .collect()
            }
            NodeValue::Map(entries) => Value::Object(self.object(path, entries, schema)),
        }
    }

    fn object(&mut self, path: &str, entries: &[Entry], schema: &Value) -> Map<String, Value> {
        let schema = present(schema);
        let fields = schema.get("properties").and_then(Value::as_object);
        let of_map = schema.get("additionalProperties").unwrap_or(&Value::Null);
        let mut object = Map::new();
        for entry in entries {
            let inner = format!("{path}.{}", entry.key);
            match fields.map(|fields| fields.get(&entry.key)) {
                Some(None) => {
                    let known = fields
                        .into_iter()
                        .flat_map(|fields| fields.keys().map(String::as_str));
                    let finding =
                        Finding::error(&inner, "this field is not known").at(entry.position);
                    self.findings.push(match keys::nearest(&entry.key, known) {
                        Some(meant) => finding.remedy(format!("did you mean {meant}?")),
                        None => finding.remedy("remove it"),
                    });
                }
                Some(Some(schema)) => {
                    let value = self.json(&inner, &entry.value, schema);
                    object.insert(entry.key.clone(), value);
                }
                None => {
                    let value = self.json(&inner, &entry.value, of_map);
                    object.insert(entry.key.clone(), value);
                }
            }
        }
        object
    }
}

/// What a schema says of a value that is there: of one that may be left out it says "this, or nothing".
fn present(schema: &Value) -> &Value {
    let either = schema.get("anyOf").and_then(Value::as_array);
    let not_null = |form: &&Value| form.get("type") != Some(&Value::from("null"));
    either
        .and_then(|forms| forms.iter().find(not_null))
        .unwrap_or(schema)
}

/// Puts one more value into a mapping: mappings grow, everything else is replaced.
pub(crate) fn merge_field(into: &mut Map<String, Value>, key: String, value: Value) {
    match (into.get_mut(&key), value) {
        (Some(Value::Object(there)), Value::Object(more)) => {
            for (key, value) in more {
                merge_field(there, key, value);
            }
        }
        (_, value) => {
            into.insert(key, value);
        }
    }
}
