//! The cluster file, `clusterctl.yaml`: flat keys as the SCS scripts and clusterctl have them, and a structured part with
//! the fields of [`WorkloadClusterSpec`] for what flat keys cannot say.
//!
//! A file may stand on another one, its `base`, and on a template of the management server. Nothing is ever ignored: an unknown key, a key that is known but not supported, and a value of the wrong kind are
//! errors, all told at once, with line, column and what was probably meant.

mod block;
mod flat;
pub mod import;
pub mod keys;
mod overlay;
mod structured;
mod template;
mod write;

use serde_json::{Map, Value};

use self::block::Block;
use crate::finding::{Finding, Position};
use crate::yaml::{Entry, NodeValue};
use crate::{KubernetesVersion, VersionWish, WorkloadClusterSpec, validate, yaml};

pub use import::import;
pub use keys::{Field, FieldKind, Key, Use};
pub(crate) use structured::merge_field;
pub use template::{Ground, TEMPLATE, named_template};
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

/// Reads and checks a cluster file that stands by itself.
pub fn read(text: &str) -> Result<Document, FileError> {
    read_with(text, |_| Err("a file cannot have a base here".to_owned()))
}

/// Reads and checks a cluster file, which may name a base by the key [`BASE`]. `load` gives the text of the base by the
/// name that stands in the file, or says why it cannot.
///
/// What the file says is laid over what its base says: mappings are merged, pools by their names, and everything else is
/// replaced. A base has no base.
pub fn read_with(
    text: &str,
    load: impl FnOnce(&str) -> Result<String, String>,
) -> Result<Document, FileError> {
    read_meaning(text, load, exact_only)
}

/// The answer of a reader without a catalogue to a release line.
fn exact_only(_: VersionWish) -> Result<KubernetesVersion, String> {
    Err("the patch is missing; write for instance v1.36.3".to_owned())
}

/// The same, for a reader that knows the catalogue: where the file names a release line (`v1.36.x`), `newest` says which
/// version that is.
pub fn read_meaning(
    text: &str,
    load: impl FnOnce(&str) -> Result<String, String>,
    newest: impl FnOnce(VersionWish) -> Result<KubernetesVersion, String>,
) -> Result<Document, FileError> {
    read_on(text, None, load, newest)
}

/// The same, for a reader that has asked for the template the file names ([`named_template`]): its defaults lie below
/// everything else. A file that names one is refused without.
pub fn read_on(
    text: &str,
    ground: Option<&Ground<'_>>,
    load: impl FnOnce(&str) -> Result<String, String>,
    newest: impl FnOnce(VersionWish) -> Result<KubernetesVersion, String>,
) -> Result<Document, FileError> {
    let mut whole = Reading::default();
    if let Some(ground) = ground {
        whole.ground(ground);
    }
    let mut own = Reading::default();
    let entries = own.tree(text);
    let (about, rest): (Vec<Entry>, Vec<Entry>) = entries
        .into_iter()
        .partition(|entry| [BASE, TEMPLATE].contains(&entry.key.as_str()));
    own.entries(&rest);
    let named = about.iter().find(|entry| entry.key == TEMPLATE);
    if let (Some(entry), None) = (named, ground) {
        own.unasked(entry);
    }
    let Some(entry) = about.iter().find(|entry| entry.key == BASE) else {
        whole.overlay(own);
        return whole.finish(newest);
    };
    let mut below = Reading::default();
    let position = entry.value.position.or(entry.position);
    let failed = |message: String| Finding::error(BASE, message).at(position);
    match &entry.value.value {
        NodeValue::Text(name) => match load(name) {
            Ok(text) => below.base(name, &text, ground.is_some()),
            Err(reason) => own.findings.push(failed(reason)),
        },
        other => {
            let text = format!("expected the name of a file, found {}", other.kind());
            own.findings.push(failed(text));
        }
    }
    whole.overlay(below);
    whole.overlay(own);
    whole.finish(newest)
}

/// The key that names the file whose values hold where a file says nothing itself.
pub const BASE: &str = "base";

/// The state of reading one file.
#[derive(Default)]
struct Reading {
    /// The spec so far, in its JSON form.
    spec: Map<String, Value>,
    /// For each path of the spec that the file sets: the key by which it did, and where.
    origins: Vec<Origin>,
    findings: Vec<Finding>,
    /// What is being read.
    text: String,
}

/// By which key a field of the spec was set, and where.
struct Origin {
    path: String,
    key: String,
    position: Option<Position>,
    /// Where its text stands, when it is a block.
    block: Option<Block>,
    /// Name of the file, when it is not the one that was asked for.
    file: Option<String>,
}

impl Reading {
    /// The entries of a file; what is no mapping has none, and is told.
    fn tree(&mut self, text: &str) -> Vec<Entry> {
        text.clone_into(&mut self.text);
        match yaml::tree(text) {
            Ok(node) => match node.value {
                NodeValue::Map(entries) => return entries,
                NodeValue::Null => {}
                other => {
                    let text = format!(
                        "a cluster file is a mapping of keys to values, and this is {}",
                        other.kind()
                    );
                    self.findings
                        .push(Finding::error("", text).at(node.position));
                }
            },
            Err(error) => {
                self.findings
                    .push(Finding::error("", error.message).at(error.position));
            }
        }
        Vec::new()
    }

    /// Flat keys take effect in the order of their table, whatever that of the file is.
    fn entries(&mut self, entries: &[Entry]) {
        for key in keys::all() {
            for entry in entries.iter().filter(|entry| entry.key == key.name) {
                self.flat(key, entry);
            }
        }
        for entry in entries {
            if structured::is_field(&entry.key) {
                self.structured(entry);
            } else if keys::find(&entry.key).is_none() {
                self.unknown(entry);
            }
        }
    }

    fn unknown(&mut self, entry: &Entry) {
        let known = keys::all()
            .map(|key| key.name)
            .chain(structured::FIELDS)
            .chain([BASE, TEMPLATE]);
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
            block: None,
            file: None,
        });
    }

    /// Puts the exact version in the place of a release line.
    fn exact(&mut self, newest: impl FnOnce(VersionWish) -> Result<KubernetesVersion, String>) {
        let said = self.spec.get("version").and_then(Value::as_str);
        let Some(said) = said.map(str::to_owned) else {
            return;
        };
        let Ok(wish @ VersionWish::Line { .. }) = said.parse::<VersionWish>() else {
            return;
        };
        match newest(wish) {
            Ok(version) => {
                let version = Value::String(version.to_string());
                self.spec.insert("version".to_owned(), version);
            }
            Err(reason) => {
                let text = format!("{said:?} is no Kubernetes version: {reason}");
                let finding = self.located(Finding::error("version", text));
                self.findings.push(finding);
            }
        }
    }

    fn finish(
        mut self,
        newest: impl FnOnce(VersionWish) -> Result<KubernetesVersion, String>,
    ) -> Result<Document, FileError> {
        self.exact(newest);
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
                self.findings
                    .sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
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
            // A rule about a text tells the place in it.
            let within = finding.position.zip(origin.block);
            let within = within.map(|(within, block)| block.place(within));
            finding.position = within.or(origin.position);
            finding.file.clone_from(&origin.file);
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
