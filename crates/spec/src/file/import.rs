//! Importing what was written for the SCS scripts (releases R2 to R6 of k8s-cluster-api-provider): `clusterctl.yaml`, the
//! environment's `.tfvars`, `harbor-settings` and `.capi-settings`.
//!
//! Every line is accounted for: taken as it is, taken with another value, not needed, or not possible, with the reason.
//! Nothing is ever dropped in silence, and no value of a line that is not taken is repeated, for some are secret.

mod source;

use serde::Serialize;
use serde_json::Value;

use super::keys::{self, Key, Use};
use super::{FileError, Reading, flat};
use crate::finding::{Finding, Position};
use crate::validate::OLDEST_MINOR;
use crate::yaml::{Entry, Node, NodeValue};
use crate::{KubernetesVersion, WorkloadClusterSpec};

/// A file of the scripts.
#[derive(Clone, Copy, Debug)]
pub struct OldFile<'a> {
    /// Its name; the ending says how it is written (`.tfvars`, `.yaml`, anything else: lines of a shell).
    pub name: &'a str,
    /// What stands in it.
    pub text: &'a str,
}

/// What the old files cannot say.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// Name of the `Cloud` the cluster shall run on: the scripts' names are those of a `clouds.yaml`.
    pub cloud: String,
    /// The version where theirs is too old, unclear or missing.
    pub version: KubernetesVersion,
}

/// The result of an import.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// What became of every line, in the order of the files; then what no file said.
    pub lines: Vec<ImportLine>,
    /// The cluster.
    pub spec: WorkloadClusterSpec,
    /// Remarks on the cluster that forbid nothing.
    pub warnings: Vec<Finding>,
}

/// What became of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportLine {
    /// The file; `None` when none said it and the scripts' default counts.
    pub file: Option<String>,
    /// Where in the file, when that is known.
    pub position: Option<Position>,
    /// The key as it stands there.
    pub key: String,
    /// What became of it.
    pub outcome: Outcome,
    /// What it sets, or why it does not.
    pub told: String,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It is in the cluster file.
    Mapped,
    /// It is in the cluster file with another value.
    Changed,
    /// It asks for nothing but what happens anyway.
    NotNeeded,
    /// It cannot be said.
    NotMapped,
}

impl Outcome {
    /// In plain words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Changed => "changed",
            Self::NotNeeded => "not needed",
            Self::NotMapped => "not mapped",
        }
    }
}

/// What the scripts did where no file said anything, and Capstan does otherwise by itself.
const THEIR_DEFAULTS: &[(&str, &str)] = &[
    ("OPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR", "SCS-2V-4-20s"),
    ("OPENSTACK_NODE_MACHINE_FLAVOR", "SCS-2V-4-20s"),
    ("OPENSTACK_SOFT_ANTI_AFFINITY_CONTROLLER", "false"),
    ("RESTRICT_KUBEAPI", "0.0.0.0/0"),
];

const EVERYBODY: &str = "0.0.0.0/0";

/// Reads files of the scripts. Of two lines that say the same, the later counts, over all files in their order.
///
/// # Errors
/// When a file cannot be read at all, or what it says is no cluster; with file, line and column.
pub fn import(files: &[OldFile<'_>], options: &ImportOptions) -> Result<Import, FileError> {
    let mut lines = Vec::new();
    let mut said = Vec::new();
    for file in files {
        for entry in source::entries(*file)? {
            lines.push(ImportLine {
                file: Some(file.name.to_owned()),
                position: entry.position,
                key: entry.key.clone(),
                outcome: Outcome::NotMapped,
                told: String::new(),
            });
            said.push(entry);
        }
    }
    let mut importer = Importer {
        reading: Reading::default(),
        lines,
        options,
        old_version: None,
    };
    let wishes = importer.wishes(said);
    importer.settle(wishes);
    importer.their_defaults();
    let Importer { reading, lines, .. } = importer;
    let document = reading.finish(super::exact_only)?;
    Ok(Import {
        lines,
        spec: document.spec,
        warnings: document.warnings,
    })
}

/// A line that counts: its index, what key of today it is, its value.
struct Wish {
    line: usize,
    key: &'static Key,
    value: Node,
}

struct Importer<'a> {
    reading: Reading,
    lines: Vec<ImportLine>,
    options: &'a ImportOptions,
    /// The version that stood there, when another is taken; images made for it are of no use then.
    old_version: Option<String>,
}

impl Importer<'_> {
    fn tell(&mut self, line: usize, outcome: Outcome, told: impl Into<String>) {
        if let Some(line) = self.lines.get_mut(line) {
            line.outcome = outcome;
            line.told = told.into();
        }
    }

    /// The lines that count; the others are told.
    fn wishes(&mut self, said: Vec<Entry>) -> Vec<Wish> {
        let mut wishes: Vec<Wish> = Vec::new();
        for (line, entry) in said.into_iter().enumerate() {
            let Some(key) = today(&entry.key) else {
                let near = keys::nearest(&entry.key, keys::all().map(|key| key.name));
                let meant = near.map_or_else(String::new, |near| format!("; {near} is"));
                self.tell(
                    line,
                    Outcome::NotMapped,
                    format!("this key is not known{meant}"),
                );
                continue;
            };
            if is_empty(&entry.value) && key.name != "RESTRICT_KUBEAPI" {
                let text = "it says nothing: the default holds";
                self.tell(line, Outcome::NotNeeded, text);
                continue;
            }
            if let Some(index) = wishes.iter().position(|wish| wish.key == key) {
                let earlier = wishes.remove(index);
                let later = entry.key.clone();
                let text = format!("{later} says the same thing later, and counts");
                self.tell(earlier.line, Outcome::NotNeeded, text);
            }
            wishes.push(Wish {
                line,
                key,
                value: entry.value,
            });
        }
        // Keys take effect in the order of their table, as in a cluster file.
        let place = |wish: &Wish| keys::all().position(|key| key == wish.key);
        wishes.sort_by_key(place);
        wishes
    }

    fn settle(&mut self, wishes: Vec<Wish>) {
        for wish in wishes {
            match wish.key.name {
                "KUBERNETES_VERSION" => self.version(wish),
                "OPENSTACK_IMAGE_NAME" => self.image(wish),
                "RESTRICT_KUBEAPI" if is_empty(&wish.value) => self.open_api(&wish),
                "OPENSTACK_CLOUD" | "OLD_OPENSTACK_CLOUD" => self.cloud(&wish),
                _ => self.apply(wish, Outcome::Mapped, ""),
            }
        }
    }

    /// The versions of R2 to R6 (1.19 to 1.28) are older than any that Capstan makes.
    fn version(&mut self, wish: Wish) {
        let said = flat::scalar(&wish.value).unwrap_or_default();
        let parsed: Option<KubernetesVersion> = said.trim().parse().ok();
        match parsed {
            Some(version) if version.minor >= OLDEST_MINOR => {
                self.apply(wish, Outcome::Mapped, "");
            }
            _ => {
                let why = if parsed.is_some() {
                    format!("{said} is older than v1.{OLDEST_MINOR}, the oldest that Capstan makes")
                } else {
                    format!("{said} is not one version")
                };
                self.old_version = Some(said);
                self.apply(
                    Wish {
                        value: text(self.options.version.to_string(), &wish.value),
                        ..wish
                    },
                    Outcome::Changed,
                    &why,
                );
            }
        }
    }

    fn image(&mut self, wish: Wish) {
        let said = flat::scalar(&wish.value).unwrap_or_default();
        let variable = said.contains('$');
        match &self.old_version {
            _ if variable => {
                let text = "the image that carries the version is looked up";
                self.tell(wish.line, Outcome::NotNeeded, text);
            }
            Some(old) => {
                let text = format!(
                    "an image for {old}: the one that carries {} is looked up",
                    self.options.version
                );
                self.tell(wish.line, Outcome::NotMapped, text);
            }
            None => self.apply(wish, Outcome::Mapped, ""),
        }
    }

    fn open_api(&mut self, wish: &Wish) {
        let wish = Wish {
            value: text(EVERYBODY.to_owned(), &wish.value),
            ..*wish
        };
        let why = "an empty list opened the API to everybody; name who may reach it";
        self.apply(wish, Outcome::Changed, why);
    }

    fn cloud(&mut self, wish: &Wish) {
        let cloud = &self.options.cloud;
        let text = format!(
            "it is the name of an entry in clouds.yaml; the cluster is for the Cloud {cloud:?} of the management server"
        );
        self.reading
            .spec
            .insert("cloud".to_owned(), Value::from(cloud.clone()));
        self.tell(wish.line, Outcome::Changed, text);
    }

    /// Sets the field, as a cluster file would.
    fn apply(&mut self, wish: Wish, outcome: Outcome, why: &str) {
        let Wish { line, key, value } = wish;
        if let Use::Refused {
            reason,
            instead,
            harmless,
        } = key.usage
        {
            if flat::is_harmless(harmless, &value) {
                let text = "it asks for what happens anyway";
                self.tell(line, Outcome::NotNeeded, text);
            } else {
                self.tell(line, Outcome::NotMapped, format!("{reason}; {instead}"));
            }
            return;
        }
        let (origins, findings) = (self.reading.origins.len(), self.reading.findings.len());
        let entry = Entry {
            key: key.name.to_owned(),
            position: value.position,
            value,
        };
        self.reading.flat(key, &entry);
        let wrong = self.reading.findings.split_off(findings);
        if let Some(finding) = wrong.into_iter().next() {
            let remedy = finding.remedy.map(|remedy| format!("; {remedy}"));
            let text = format!("{}{}", finding.message, remedy.unwrap_or_default());
            self.tell(line, Outcome::NotMapped, text);
            return;
        }
        let file = self.lines.get(line).and_then(|line| line.file.clone());
        let mut set = Vec::new();
        for origin in self.reading.origins.iter_mut().skip(origins) {
            origin.file.clone_from(&file);
            set.push(origin.path.clone());
        }
        if set.is_empty() {
            let text = "of no effect beside OPENSTACK_ANTI_AFFINITY: false";
            self.tell(line, Outcome::NotNeeded, text);
            return;
        }
        let whole = Value::Object(self.reading.spec.clone());
        let now: Vec<String> = set.iter().map(|path| assignment(&whole, path)).collect();
        let why = if why.is_empty() {
            String::new()
        } else {
            format!(" ({why})")
        };
        self.tell(line, outcome, format!("{}{why}", now.join(", ")));
    }

    fn their_defaults(&mut self) {
        let version = self.options.version.to_string();
        let version = ("KUBERNETES_VERSION", version.as_str());
        for (name, value) in THEIR_DEFAULTS.iter().copied().chain([version]) {
            let Some(key) = keys::find(name) else {
                continue;
            };
            let there = Value::Object(self.reading.spec.clone());
            let Use::Sets(field) = key.usage else {
                continue;
            };
            if field.paths.iter().any(|path| at(&there, path).is_some()) {
                continue;
            }
            let line = self.lines.len();
            self.lines.push(ImportLine {
                file: None,
                position: None,
                key: name.to_owned(),
                outcome: Outcome::NotMapped,
                told: String::new(),
            });
            let nowhere = Node {
                value: NodeValue::Null,
                position: None,
            };
            let wish = Wish {
                line,
                key,
                value: text(value.to_owned(), &nowhere),
            };
            self.apply(
                wish,
                Outcome::Changed,
                if name == "KUBERNETES_VERSION" {
                    "no file says it"
                } else {
                    "no file says it; this is what the scripts did"
                },
            );
        }
    }
}

/// The key of today behind a key of any of the files.
fn today(name: &str) -> Option<&'static Key> {
    let key = keys::find(name)?;
    match key.usage {
        Use::Renamed { to } => keys::find(to),
        _ => Some(key),
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        NodeValue::Null => true,
        NodeValue::Text(text) => text.trim().is_empty(),
        NodeValue::List(items) => items.is_empty(),
        NodeValue::Map(entries) => entries.is_empty(),
        _ => false,
    }
}

/// Text in the place of another value.
fn text(value: String, there: &Node) -> Node {
    Node {
        value: NodeValue::Text(value),
        position: there.position,
    }
}

fn at<'a>(whole: &'a Value, path: &str) -> Option<&'a Value> {
    whole.pointer(&format!("/{}", path.replace("[0]", ".0").replace('.', "/")))
}

fn assignment(whole: &Value, path: &str) -> String {
    let value = match at(whole, path) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    format!("{path} = {value}")
}

#[cfg(test)]
mod tests;
