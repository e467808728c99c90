//! The plan of `capstan up`: what there is, what will be made, what it takes, and who still has to choose what. Pure.

mod choices;
mod choose;
mod question;
mod resources;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use capstan_openstack::{Inventory, Quota, Resource, Shortage};
use serde::Serialize;

pub use choices::{Choices, FlavorChoice, ImageChoice, ImageKind, NamedId, VolumeChoice};
pub use choose::choose;
pub(crate) use choose::{least_roles, ranges};
pub use question::Question;
use resources::{need, resources};

use crate::identity::Identity;
use crate::survey::Found;

/// One resource of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceLine {
    /// What it is.
    pub kind: String,
    /// Its name; empty where that kind has none.
    pub name: String,
    /// What is worth knowing of it.
    pub detail: String,
    /// Whether it is there already.
    pub exists: bool,
}

/// What one kind of resource takes of the quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NeedLine {
    /// Of what.
    pub resource: String,
    /// How many more.
    pub need: u64,
    /// How many are left; `None`: unlimited or not counted.
    pub free: Option<u64>,
    /// Whether it suffices.
    pub enough: bool,
}

/// The whole plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The server's name.
    pub name: String,
    /// Its uid; `None` as long as none was drawn (`--dry-run`).
    pub uid: Option<String>,
    /// Name of the cloud in `clouds.yaml`.
    pub cloud: String,
    /// Name of the project.
    pub project: String,
    /// Engine.
    pub engine: &'static str,
    /// What was chosen.
    pub choices: Choices,
    /// Resources, in the order people read them.
    pub resources: Vec<ResourceLine>,
    /// Quota.
    pub quota: Vec<NeedLine>,
    /// What the quota lacks.
    #[serde(skip)]
    pub shortages: Vec<Shortage>,
}

/// For whom a plan is made.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The server's name.
    pub name: &'a str,
    /// Its identity, if it has one.
    pub identity: Option<&'a Identity>,
    /// Name of the cloud.
    pub cloud: &'a str,
    /// Name of the project.
    pub project: &'a str,
}

/// Makes the plan.
pub fn plan(subject: Subject<'_>, choices: Choices, inventory: &Inventory, found: &Found) -> Plan {
    let resources = resources(subject, &choices, found);
    let need = need(&choices, &resources);
    let (quota, shortages) = need_lines(need, &inventory.quota);
    Plan {
        name: subject.name.to_owned(),
        uid: subject.identity.map(|identity| identity.uid.to_string()),
        cloud: subject.cloud.to_owned(),
        project: subject.project.to_owned(),
        engine: "kubeadm",
        choices,
        resources,
        quota,
        shortages,
    }
}

/// What is needed beside what is left, and what lacks.
pub(crate) fn need_lines(
    need: BTreeMap<Resource, u64>,
    quota: &Quota,
) -> (Vec<NeedLine>, Vec<Shortage>) {
    let shortages = quota.shortages(need.clone());
    let lines = need
        .into_iter()
        .map(|(resource, need)| NeedLine {
            resource: resource.to_string(),
            need,
            free: quota.get(resource).and_then(|line| line.free()),
            enough: shortages
                .iter()
                .all(|shortage| shortage.resource != resource),
        })
        .collect();
    (lines, shortages)
}

impl Plan {
    /// How many resources there are not yet.
    pub fn missing(&self) -> usize {
        self.resources.iter().filter(|line| !line.exists).count()
    }
}
