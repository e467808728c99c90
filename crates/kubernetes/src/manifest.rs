//! Kubernetes objects from YAML text.

use kube::core::DynamicObject;
use serde_json::Value;

use crate::{Error, Result};

/// Which object: enough to find it again.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct ObjectName {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// Namespace; `None` for cluster-wide kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
}

impl ObjectName {
    /// The name of an object; empty parts where the object has none.
    pub fn of(object: &DynamicObject) -> Self {
        let (api_version, kind) = object
            .types
            .as_ref()
            .map(|t| (t.api_version.clone(), t.kind.clone()))
            .unwrap_or_default();
        Self {
            api_version,
            kind,
            namespace: object.metadata.namespace.clone(),
            name: object.metadata.name.clone().unwrap_or_default(),
        }
    }

    /// The API group: empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// Reads all objects of a multi-document YAML text; `List`s are unpacked, empty documents skipped.
///
/// `origin` is named in errors. Duplicate keys are an error, as they are for the API server.
pub fn parse_manifest(origin: &str, text: &str) -> Result<Vec<DynamicObject>> {
    let broken = |reason: String| Error::Manifest {
        origin: origin.to_owned(),
        reason,
    };
    // The limits against hostile YAML are meant for small files; a provider's release has 200 000 nodes.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 4_000_000,
            max_nodes: 2_000_000,
            max_total_scalar_bytes: 64 << 20,
        },
        with_snippet: false,
        // YAML 1.2: a namespace called `n` is not a boolean.
        strict_booleans: true,
        // `defaultMode: 0400` is octal, as it is for kubectl.
        legacy_octal_numbers: true,
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|e| broken(e.to_string()))?;
    let mut objects = Vec::new();
    for document in documents {
        if document.is_null() {
            continue;
        }
        let is_list = document
            .get("kind")
            .and_then(Value::as_str)
            .is_some_and(|k| k.ends_with("List"));
        match document {
            Value::Object(mut map) if is_list && map.contains_key("items") => {
                let items = map.remove("items").and_then(|v| match v {
                    Value::Array(items) => Some(items),
                    _ => None,
                });
                for item in items.unwrap_or_default() {
                    objects.push(object_from(item).map_err(&broken)?);
                }
            }
            other => objects.push(object_from(other).map_err(&broken)?),
        }
    }
    Ok(objects)
}

fn object_from(value: Value) -> Result<DynamicObject, String> {
    let object: DynamicObject = serde_json::from_value(value).map_err(|e| e.to_string())?;
    if object.types.is_none() {
        return Err("a document has no apiVersion and kind".to_owned());
    }
    if object.metadata.name.is_none() {
        return Err(format!(
            "{} has no metadata.name",
            ObjectName::of(&object).kind
        ));
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_unpacked_and_empty_documents_skipped() {
        let text = "---\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: n}\ndata: {x: \"1\"}\n";
        let names: Vec<String> = parse_manifest("test", text)
            .unwrap()
            .iter()
            .map(|o| ObjectName::of(o).to_string())
            .collect();
        assert_eq!(names, ["ConfigMap a", "ConfigMap n/b"]);
    }

    #[test]
    fn a_document_without_a_kind_is_refused() {
        let error = parse_manifest("test", "metadata: {name: a}\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("failed to parse the manifest test"),
            "{error}"
        );
    }

    #[test]
    fn strings_that_look_like_numbers_stay_strings() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {mode: \"0644\", on: \"true\"}\n";
        let object = parse_manifest("test", text).unwrap().remove(0);
        assert_eq!(object.data["data"]["mode"], "0644");
        assert_eq!(object.data["data"]["on"], "true");
    }
}
