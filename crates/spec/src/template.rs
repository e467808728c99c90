//! What an operator offers to people who make clusters: limits, defaults, and whether it is still offered.
//!
//! A template is a form that is filled in once. What a cluster takes from it is written into the cluster's own wish when it
//! is made; a later change of the template changes no cluster.

mod defaults;
mod judge;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cluster::Cni;
use crate::{Finding, VersionWish};

pub use defaults::TemplateDefaults;
pub use judge::{Living, judge};

/// Annotation of a workload cluster with the name of the template it was made from.
pub const TEMPLATE: &str = "capstan.dev/template";
/// Annotation with the defaults that the template had when the cluster was made, as JSON: what holds where a cluster file
/// that names the template is silent, for as long as the cluster lives.
pub const TAKEN: &str = "capstan.dev/template-defaults";

/// What an operator offers. A list that is empty limits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterTemplateSpec {
    /// What it is for, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Kubernetes versions: exact ones, and release lines (`v1.36.x`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionWish>,
    /// Flavors of the control plane, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub control_plane_flavors: Vec<String>,
    /// Flavors of workers, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub worker_flavors: Vec<String>,
    /// Addons: the networks of the pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cnis: Vec<Cni>,
    /// What a cluster gets where its wish is silent, by the fields of a `WorkloadCluster`. Pools are merged by their names.
    #[serde(default, skip_serializing_if = "TemplateDefaults::is_empty")]
    pub defaults: TemplateDefaults,
    /// Whether new clusters may be made from it.
    #[serde(default, skip_serializing_if = "crate::defaults::is_default")]
    pub availability: Availability,
    /// Why it is deprecated or withdrawn, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// The template to use instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
}

/// What is known about a template: nothing yet that is not in its spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterTemplateStatus {}

/// Whether new clusters may be made from a template. Clusters that are there are not touched by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Availability {
    /// They may.
    #[default]
    Offered,
    /// They may, and are told that it will be withdrawn.
    Deprecated,
    /// They may not.
    Withdrawn,
}

impl Availability {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Deprecated => "deprecated",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl ClusterTemplateSpec {
    /// What is wrong with the template itself: defaults that no cluster can have, or that it does not offer.
    pub fn check(&self, name: &str) -> Vec<Finding> {
        let mut findings = self.defaults.check();
        let offered =
            |list: &[String], flavor: &str| list.is_empty() || list.iter().any(|one| one == flavor);
        if let Some(flavor) = self.defaults.text("/controlPlane/flavor")
            && !offered(&self.control_plane_flavors, flavor)
        {
            let text = format!("{flavor} is not among controlPlaneFlavors");
            findings.push(Finding::error("defaults.controlPlane.flavor", text));
        }
        for (index, flavor) in self.defaults.worker_flavors() {
            if !offered(&self.worker_flavors, flavor) {
                let text = format!("{flavor} is not among workerFlavors");
                findings.push(Finding::error(
                    format!("defaults.workers[{index}].flavor"),
                    text,
                ));
            }
        }
        if let Some(Ok(version)) = self
            .defaults
            .text("/version")
            .map(str::parse::<VersionWish>)
        {
            let offers = |offer: &VersionWish| match version {
                VersionWish::Exact(exact) => offer.allows(exact),
                VersionWish::Line { .. } => *offer == version,
            };
            if !self.versions.is_empty() && !self.versions.iter().any(offers) {
                let text = format!("{version} is not among versions");
                findings.push(Finding::error("defaults.version", text));
            }
        }
        if self.replacement.as_deref() == Some(name) {
            let text = "a template does not replace itself";
            findings.push(Finding::error("replacement", text));
        }
        findings
    }

    /// That it is deprecated or withdrawn, with what its operator says; `None` while it is offered.
    pub fn told(&self) -> Option<String> {
        if self.availability == Availability::Offered {
            return None;
        }
        let mut text = self.availability.as_str().to_owned();
        if let Some(notice) = &self.notice {
            text = format!("{text}: {notice}");
        }
        if let Some(replacement) = &self.replacement {
            text = format!("{text}; use {replacement} instead");
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests;
