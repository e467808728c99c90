//! The defaults of a template: a wish of which every part may be missing.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{Finding, KubernetesVersion, WorkloadClusterSpec, file};

/// Fields of a [`WorkloadClusterSpec`] as JSON; what is not there is not said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TemplateDefaults(pub Map<String, Value>);

impl TemplateDefaults {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is said of a field, by its JSON pointer.
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        let (first, rest) = pointer.strip_prefix('/')?.split_once('/').map_or(
            (pointer.strip_prefix('/')?, String::new()),
            |(first, rest)| (first, format!("/{rest}")),
        );
        self.0.get(first)?.pointer(&rest)
    }

    /// The same, of a text.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.get(pointer)?.as_str()
    }

    /// The flavor of each pool that says one, by the pool's place.
    pub fn worker_flavors(&self) -> impl Iterator<Item = (usize, &str)> {
        let pools = self.0.get("workers").and_then(Value::as_array);
        let flavor = |(index, pool)| Some((index, Value::get(pool, "flavor")?.as_str()?));
        pools.into_iter().flatten().enumerate().filter_map(flavor)
    }

    /// What no cluster can have: unknown fields, wrong types, broken rules. What is missing is no fault.
    pub(super) fn check(&self) -> Vec<Finding> {
        let mut whole = json!({
            "version": "v1.36.0", "controlPlane": {"flavor": "any"},
        });
        if let Value::Object(map) = &mut whole {
            for (key, value) in self.0.clone() {
                file::merge_field(map, key, value);
            }
            let version = map.get("version").and_then(Value::as_str);
            if version
                .is_some_and(|text| matches!(text.parse(), Ok(crate::VersionWish::Line { .. })))
            {
                map.insert("version".to_owned(), json!("v1.36.0"));
            }
            for pool in map
                .get_mut("workers")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                if let Value::Object(pool) = pool {
                    pool.entry("flavor").or_insert(json!("any"));
                }
            }
        }
        let text = crate::yaml::to_string(&whole).unwrap_or_default();
        let findings = file::read(&text).err().map(|error| error.findings);
        let own = |finding: Finding| Finding {
            path: format!("defaults.{}", finding.path),
            position: None,
            ..finding
        };
        findings.into_iter().flatten().map(own).collect()
    }

    /// The same with the version a cluster has got, where one is said: a release line means another version later.
    #[must_use]
    pub fn taken(&self, version: KubernetesVersion) -> Self {
        let mut taken = self.clone();
        if let Some(said) = taken.0.get_mut("version") {
            *said = json!(version);
        }
        taken
    }
}

impl JsonSchema for TemplateDefaults {
    fn schema_name() -> Cow<'static, str> {
        "TemplateDefaults".into()
    }

    /// That of a [`WorkloadClusterSpec`] in which nothing is required and nothing has a default: the API server would fill
    /// it in, and nothing would be silent any more.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut value = WorkloadClusterSpec::json_schema(generator).to_value();
        loosen(&mut value);
        for part in ["", "/properties/controlPlane", "/properties/workers/items"] {
            if let Some(Value::Object(map)) = value.pointer_mut(part) {
                map.remove("required");
            }
        }
        if let Some(version) = value.pointer_mut("/properties/version") {
            *version = json!({"type": "string", "description": "Kubernetes version, or a release line (`v1.36.x`) for its newest"});
        }
        match value {
            Value::Object(map) => map.into(),
            _ => Schema::default(),
        }
    }
}

/// Takes the defaults out of a schema and of all below it; a field that is called so stays.
fn loosen(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.remove("default");
            for (key, below) in map {
                match (key.as_str(), below) {
                    ("properties", Value::Object(fields)) => fields.values_mut().for_each(loosen),
                    (_, below) => loosen(below),
                }
            }
        }
        Value::Array(forms) => forms.iter_mut().for_each(loosen),
        _ => {}
    }
}
