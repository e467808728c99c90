//! Worker pools.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Architecture, Autoscaling, ExtraNetwork, Gpu, HealthCheck, Rollout, RootVolume,
    ServerGroupPolicy, Volume,
};
use crate::{KubernetesVersion, defaults};

/// Machines of one kind that run workloads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerPool {
    /// Name within the cluster; part of the machines' names.
    #[serde(default = "defaults::pool")]
    pub name: String,
    /// How many machines. Of no effect with `autoscaling`.
    #[serde(default = "defaults::worker_replicas")]
    pub replicas: u32,
    /// Bounds within which a cluster autoscaler sets the number of machines. Without it the number is `replicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,
    /// Kubernetes version of this pool, to keep it back while the rest is upgraded: at most three minors older than the
    /// control plane's, and never newer. While its minor is older no machine can be added or replaced. Without it that of the
    /// cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<KubernetesVersion>,
    /// Name of the Nova flavor.
    pub flavor: String,
    /// Nova availability zone. Without it Nova chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// Name or id of this pool's node image, for instance one with drivers. Without it that of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Processor of this pool's nodes. Without it that of the cluster. An image that is looked up is one for it, and what
    /// the pods need must be there for it, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Architecture>,
    /// Graphics processors of each node. The flavor must give them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<Gpu>,
    /// Volume that the servers boot from.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub root_volume: RootVolume,
    /// Further volumes of each server. They are removed with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// How servers are spread over hosts.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub server_group: ServerGroupPolicy,
    /// Names or ids of security groups that the servers have beside those made for the cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
    /// Networks that the servers have a port in beside the one of the nodes, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<ExtraNetwork>,
    /// Metadata of the servers: keys of letters, digits and `-_.: `, values of at most 255 characters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Labels of the nodes. Those below `node.cluster.x-k8s.io`, `node-role.kubernetes.io` and
    /// `node-restriction.kubernetes.io` are changed in place; any other is given to the kubelet, so that a change
    /// replaces the machines.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Taints the nodes register with. A change replaces the machines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,
    /// When a machine is replaced without anybody asking.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub health_check: HealthCheck,
    /// How a change is brought to the machines.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub rollout: Rollout,
}

/// What keeps pods off a node that do not tolerate it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Taint {
    /// Key, in the form of a label's.
    pub key: String,
    /// Value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// What it does.
    pub effect: TaintEffect,
}

/// What a taint does; Kubernetes' own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TaintEffect {
    /// No new pods.
    NoSchedule,
    /// New pods only where nowhere else.
    PreferNoSchedule,
    /// No new pods, and those there go.
    NoExecute,
}

impl TaintEffect {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::PreferNoSchedule => "PreferNoSchedule",
            Self::NoExecute => "NoExecute",
        }
    }
}

impl WorkerPool {
    /// Whether its node image is looked up apart from the cluster's: it names one, or is of a version or for a processor of
    /// its own.
    pub fn has_own_image(&self) -> bool {
        self.image.is_some() || self.version.is_some() || self.architecture.is_some()
    }

    /// A pool of that name and flavor with defaults for everything else.
    pub fn new(name: impl Into<String>, flavor: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            replicas: defaults::WORKER_REPLICAS,
            autoscaling: None,
            version: None,
            flavor: flavor.into(),
            availability_zone: None,
            image: None,
            architecture: None,
            gpu: None,
            root_volume: RootVolume::default(),
            volumes: Vec::new(),
            server_group: ServerGroupPolicy::default(),
            security_groups: Vec::new(),
            networks: Vec::new(),
            metadata: BTreeMap::new(),
            labels: BTreeMap::new(),
            taints: Vec::new(),
            health_check: HealthCheck::default(),
            rollout: Rollout::default(),
        }
    }
}
