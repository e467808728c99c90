//! The cluster file, `clusterctl.yaml`: flat keys as the SCS scripts and clusterctl have them, and a structured part with
//! the fields of [`WorkloadClusterSpec`] for what flat keys cannot say.
//!
//! Nothing is ever ignored: an unknown key, a key that is known but not supported, and a value of the wrong kind are
//! errors, all told at once, with line, column and what was probably meant.

mod flat;
mod keys;
mod structured;
mod write;

use serde_json::Value;

use crate::finding::{Finding, Position};
use crate::yaml::{Entry, NodeValue};
use crate::{WorkloadClusterSpec, validate, yaml};

pub use keys::{Field, FieldKind, KEYS, Key, Use};
pub use write::write;

/// A file that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The cluster.
    pub spec: WorkloadClusterSpec,
    /// Remarks that forbid nothing.
    pub warnings: Vec<Finding>,
}

/// Everything that is wrong with a file, in the order of the file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("failed to read the cluster file: {}", list(findings))]
pub struct FileError {
    /// At least one.
    pub findings: Vec<Finding>,
}

fn list(findings: &[Finding]) -> String {
    let texts: Vec<_> = findings.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// Reads and checks a cluster file.
pub fn read(text: &str) -> Result<Document, FileError> {
    let mut reading = Reading::default();
    match yaml::tree(text) {
        Ok(node) => match node.value {
            NodeValue::Map(entries) => reading.entries(&entries),
            NodeValue::Null => {}
            other => {
                let text = format!(
                    "a cluster file is a mapping of keys to values, and this is {}",
                    other.kind()
                );
                reading
                    .findings
                    .push(Finding::error("", text).at(node.position));
            }
        },
        Err(error) => {
            reading
                .findings
                .push(Finding::error("", error.message).at(error.position));
        }
    }
    reading.finish()
}

/// The state of reading one file.
#[derive(Default)]
struct Reading {
    /// The spec so far, in its JSON form.
    spec: serde_json::Map<String, Value>,
    /// For each path of the spec that the file sets: the key by which it did, and where.
    origins: Vec<Origin>,
    findings: Vec<Finding>,
}

/// By which key a field of the spec was set, and where.
struct Origin {
    path: String,
    key: String,
    position: Option<Position>,
}

impl Reading {
    fn entries(&mut self, entries: &[Entry]) {
        for entry in entries {
            if let Some(key) = keys::find(&entry.key) {
                self.flat(key, entry);
            } else if structured::is_field(&entry.key) {
                self.structured(entry);
            } else {
                self.unknown(entry);
            }
        }
    }

    fn unknown(&mut self, entry: &Entry) {
        let known = KEYS.iter().map(|key| key.name).chain(structured::FIELDS);
        let finding = Finding::error(&entry.key, "this key is not known").at(entry.position);
        self.findings.push(match keys::nearest(&entry.key, known) {
            Some(meant) => finding.remedy(format!("did you mean {meant}?")),
            None => finding.remedy("remove it"),
        });
    }

    /// Notes that the field at `path` is set; twice is an error.
    fn claim(&mut self, path: &str, key: &str, position: Option<Position>) {
        let clash = self.origins.iter().find(|origin| {
            let below = |one: &str, other: &str| {
                one.strip_prefix(other)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            // Only the two parts of a file can say the same thing: within one, each key stands once.
            let other_part = keys::find(&origin.key).is_some() != keys::find(key).is_some();
            other_part && (below(&origin.path, path) || below(path, &origin.path))
        });
        if let Some(other) = clash {
            let text = format!("{} says the same thing already", other.key);
            self.findings.push(
                Finding::error(key, text)
                    .remedy("keep one of the two")
                    .at(position),
            );
        }
        self.origins.push(Origin {
            path: path.to_owned(),
            key: key.to_owned(),
            position,
        });
    }

    fn finish(mut self) -> Result<Document, FileError> {
        let spec = if self.findings.is_empty() {
            self.typed()
        } else {
            None
        };
        let mut warnings = Vec::new();
        if let Some(spec) = &spec {
            for finding in validate::spec(spec) {
                let finding = self.located(finding);
                if finding.is_error() {
                    self.findings.push(finding);
                } else {
                    warnings.push(finding);
                }
            }
        }
        match spec {
            Some(spec) if self.findings.is_empty() => Ok(Document { spec, warnings }),
            _ => {
                self.findings.sort_by_key(|finding| finding.position);
                Err(FileError {
                    findings: self.findings,
                })
            }
        }
    }

    /// The spec in its types. What is missing is told here, and what the structured part has that its types refuse.
    fn typed(&mut self) -> Option<WorkloadClusterSpec> {
        self.missing();
        if !self.findings.is_empty() {
            return None;
        }
        let value = Value::Object(std::mem::take(&mut self.spec));
        serde_path_to_error::deserialize(value)
            .map_err(|error| {
                let finding = Finding::error(error.path().to_string(), error.inner().to_string());
                let finding = self.located(finding);
                self.findings.push(finding);
            })
            .ok()
    }

    /// Required fields, told by the flat key that most people use.
    fn missing(&mut self) {
        let required = [
            ("/version", "KUBERNETES_VERSION"),
            (
                "/controlPlane/flavor",
                "OPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR",
            ),
        ];
        let whole = Value::Object(self.spec.clone());
        for (pointer, key) in required {
            if whole.pointer(pointer).is_none() {
                self.findings
                    .push(Finding::error(key, "this key is required and missing"));
            }
        }
        let pools = whole.pointer("/workers").and_then(Value::as_array);
        if pools.is_some_and(|pools| pools.iter().any(|pool| pool.get("flavor").is_none())) {
            let text = "this key is required for workers and missing";
            self.findings
                .push(Finding::error("OPENSTACK_NODE_MACHINE_FLAVOR", text));
        }
    }

    /// The finding with the key of the file and its place.
    fn located(&self, mut finding: Finding) -> Finding {
        let best = self
            .origins
            .iter()
            .filter(|origin| finding.path.starts_with(&origin.path))
            .max_by_key(|origin| origin.path.len());
        if let Some(origin) = best {
            finding.position = origin.position;
            // A flat key is what its writer knows; a path of the structured part is more exact than its first key.
            if keys::find(&origin.key).is_some() {
                finding.path.clone_from(&origin.key);
            }
        }
        finding
    }
}

#[cfg(test)]
mod tests;
