//! What is done inside a cluster once it is made, and before it goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults;

/// Manifests that are applied in the workload cluster: once it stands, and before it is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hooks {
    /// Once its API, nodes and addons stand, each once, one after the other in this order. One that is added to a living
    /// cluster runs then; one whose manifest or source changes runs again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub after_create: Vec<Hook>,
    /// Before anything of it is deleted, one after the other in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub before_delete: Vec<Hook>,
}

/// A manifest that is applied in the workload cluster. It has succeeded when everything is applied, every `Job` in it is
/// complete, and every `Deployment`, `DaemonSet` and `StatefulSet` in it runs. What it has applied stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hook {
    /// By which it is known; a hook of another name is another one.
    #[schemars(length(max = 63))]
    pub name: String,
    /// The objects, as YAML of one or several documents, at most 64 KiB and 128 KiB in all hooks together. Either this or
    /// `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub manifest: Option<String>,
    /// Where the manifest is on the management server: for what is larger or secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ManifestSource>,
    /// Seconds until it has failed if it has not succeeded.
    #[serde(default = "defaults::hook_timeout")]
    #[schemars(range(min = 10, max = 86400))]
    pub timeout_seconds: u32,
    /// What becomes of the rest when it fails.
    #[serde(default)]
    pub on_failure: OnFailure,
}

/// A `ConfigMap` or a Secret in the cluster's namespace on the management server. It is read when the hook runs; that it
/// changes later makes no hook run again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestSource {
    /// Name of the `ConfigMap`. Either this or `secret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<String>,
    /// Name of the Secret. Of what it holds nothing is told but kinds and names of objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Key in it.
    #[serde(default = "defaults::manifest_key")]
    pub key: String,
}

/// What becomes of the rest when a hook fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    /// It stops there: the cluster does not become ready, or is not deleted. The hook is tried again after pauses.
    #[default]
    Stop,
    /// It goes on without it. The hook is not tried again.
    Continue,
}

impl Hooks {
    /// All, each with the name of its list.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, usize, &Hook)> {
        let lists = [
            ("afterCreate", &self.after_create),
            ("beforeDelete", &self.before_delete),
        ];
        lists.into_iter().flat_map(|(list, hooks)| {
            let hooks = hooks.iter().enumerate();
            hooks.map(move |(index, hook)| (list, index, hook))
        })
    }
}

impl ManifestSource {
    /// In words: `Secret demo-hooks, key manifest.yaml`.
    pub fn told(&self) -> String {
        let (kind, name) = match (&self.secret, &self.config_map) {
            (Some(secret), _) => ("Secret", secret.as_str()),
            (None, name) => ("ConfigMap", name.as_deref().unwrap_or_default()),
        };
        format!("{kind} {name}, key {}", self.key)
    }
}
