//! The plan of `capstan up --kubeconfig`: which cluster, what is installed on it, what is made in the cloud.

use std::net::IpAddr;

use capstan_catalog::CatalogueError;
use capstan_kubernetes::ClusterFacts;
use capstan_openstack::Shortage;
use ipnet::IpNet;
use serde::Serialize;

use super::Entrance;
use crate::plan::{NeedLine, ResourceLine};
use crate::providers::{Ground, InstallPlan};
use crate::proxy::ServerProxy;
use crate::settings::Mirror;

/// The cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterLine {
    /// Its context in the kubeconfig.
    pub context: String,
    /// Where its API is.
    pub endpoint: String,
    /// Its Kubernetes.
    pub version: String,
    /// How many nodes it has.
    pub nodes: usize,
    /// How many of them are Ready.
    pub ready: usize,
}

/// A component that is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentLine {
    /// What.
    pub component: String,
    /// In which version.
    pub version: String,
}

/// What is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Installation {
    /// Components.
    pub components: Vec<ComponentLine>,
    /// How many objects they have together.
    pub objects: usize,
    /// How many of these are there already.
    pub there: usize,
}

/// What clusters get that do not say it themselves, and from where the server comes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Defaults {
    /// From where the cluster's pods reach OpenStack.
    pub egress_cidr: Vec<IpNet>,
    /// Name servers.
    pub dns: Vec<IpAddr>,
    /// External network; `None`: each cluster says it where the cloud has several.
    pub external_network: Option<String>,
    /// Mirror.
    pub mirror: Option<Mirror>,
    /// Proxy of what is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ServerProxy>,
}

/// The whole plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdoptionPlan {
    /// The server's name.
    pub name: String,
    /// Its uid; `None` as long as none was drawn.
    pub uid: Option<String>,
    /// Name of the cloud in `clouds.yaml`.
    pub cloud: String,
    /// Name of the project.
    pub project: String,
    /// The cluster.
    pub cluster: ClusterLine,
    /// What is installed on it.
    pub install: Installation,
    /// What is made in the cloud.
    pub resources: Vec<ResourceLine>,
    /// Defaults.
    pub defaults: Defaults,
    /// Quota.
    pub quota: Vec<NeedLine>,
    /// What the quota lacks.
    #[serde(skip)]
    pub shortages: Vec<Shortage>,
}

impl ClusterLine {
    pub(super) fn of(entrance: &Entrance, facts: &ClusterFacts) -> Self {
        Self {
            context: entrance.context.clone(),
            endpoint: entrance.endpoint.clone(),
            version: facts.version.clone(),
            nodes: facts.nodes.len(),
            ready: facts.ready(),
        }
    }
}

impl Installation {
    pub(super) fn of(plan: &InstallPlan, ground: Ground) -> Result<Self, CatalogueError> {
        const DEFINITIONS: &str = "openstack-resource-controller";
        let providers = plan.releases.iter().map(|release| ComponentLine {
            component: release.label(),
            version: release.version.clone(),
        });
        let definitions = ComponentLine {
            component: format!("{DEFINITIONS} (definitions)"),
            version: plan.catalogue.management_component(DEFINITIONS)?.to_owned(),
        };
        let controller = ComponentLine {
            component: "capstan controller".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Ok(Self {
            components: providers.chain([definitions, controller]).collect(),
            objects: ground.objects,
            there: ground.there,
        })
    }
}
