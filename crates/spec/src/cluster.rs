//! What a workload cluster is wanted to be.

mod api_access;
mod architecture;
mod autoscaling;
mod bastion;
mod control_plane;
mod extra_network;
mod gpu;
mod health_check;
mod hooks;
mod ipv6;
pub mod kubeadm;
mod machines;
mod network;
mod node_system;
mod rollout;
mod server_group;
mod volume;
mod worker_pool;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{KubernetesVersion, defaults};

pub use api_access::ApiAccess;
pub use architecture::Architecture;
pub use autoscaling::Autoscaling;
pub use bastion::Bastion;
pub use control_plane::ControlPlane;
pub use extra_network::ExtraNetwork;
pub use gpu::Gpu;
pub use health_check::HealthCheck;
pub use hooks::{Hook, Hooks, ManifestSource, OnFailure};
pub use ipv6::Ipv6;
pub use kubeadm::Kubeadm;
pub use machines::Machines;
pub use network::{ExistingNetwork, Network};
pub use node_system::NodeSystem;
pub use rollout::{ApprovalPolicy, ControlPlaneRollout, Rollout};
pub use server_group::ServerGroupPolicy;
pub use volume::{DataVolume, EtcdVolume, RootVolume, Volume};
pub use worker_pool::{Taint, TaintEffect, WorkerPool};

/// A workload cluster as its owner wants it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadClusterSpec {
    /// Name of the `Cloud` in the same namespace the cluster runs on.
    #[serde(default = "defaults::cloud")]
    pub cloud: String,
    /// Kubernetes version of control plane and workers.
    pub version: KubernetesVersion,
    /// Name or id of the node image. Without it the image that carries `version` is looked up in the cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Processor of all nodes, but of those of pools that name another. An image that is looked up is one for it.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub architecture: Architecture,
    /// The machines that run the Kubernetes API.
    pub control_plane: ControlPlane,
    /// The machines that run workloads, in pools.
    #[serde(default)]
    pub workers: Vec<WorkerPool>,
    /// Networks of nodes, pods and services.
    #[serde(default)]
    pub network: Network,
    /// Who reaches the Kubernetes API, and how.
    #[serde(default)]
    pub api_access: ApiAccess,
    /// The network of the pods. It is chosen once: another one would take every pod's address away.
    #[serde(default)]
    pub cni: Cni,
    /// How Kubernetes is set up on the nodes.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub kubeadm: Kubeadm,
    /// Nova keypair whose key may log in to every node. Without it no key may. The security groups made for the cluster
    /// open no port for it but to a `bastion`: name one that does by `securityGroups`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_key: Option<String>,
    /// A server by way of which people log in to nodes. Without it there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bastion: Option<Bastion>,
    /// Tags on everything that is made in the cloud for the cluster, beside Capstan's own. Cannot be changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 60)))]
    pub tags: Vec<String>,
    /// What is done inside the cluster once it is made, and before it goes.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub hooks: Hooks,
    /// Which changes wait until somebody has accepted their plan.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub approval: ApprovalPolicy,
    /// What deleting the object does.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Nothing of ours and nothing of Cluster API writes while this is true.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// The network of the pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Cni {
    /// flannel with its VXLAN backend.
    #[default]
    Flannel,
    /// Capstan installs none: it is yours to install, and nodes are not ready before. All nodes may reach each other on every
    /// port, since which ones it needs is not known.
    None,
}

impl Cni {
    /// The word, as it appears in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flannel => "flannel",
            Self::None => "none",
        }
    }
}

/// What deleting a `WorkloadCluster` does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DeletionPolicy {
    /// Everything made for the cluster is removed.
    #[default]
    Delete,
    /// Deletion is refused until the policy is changed.
    Protect,
}

impl WorkloadClusterSpec {
    /// The smallest complete wish: everything else has a default.
    pub fn new(
        version: KubernetesVersion,
        control_plane_flavor: impl Into<String>,
        worker_flavor: impl Into<String>,
    ) -> Self {
        Self {
            cloud: defaults::cloud(),
            version,
            image: None,
            architecture: Architecture::default(),
            control_plane: ControlPlane::new(control_plane_flavor),
            workers: vec![WorkerPool::new(defaults::POOL, worker_flavor)],
            network: Network::default(),
            api_access: ApiAccess::default(),
            cni: Cni::default(),
            kubeadm: Kubeadm::default(),
            ssh_key: None,
            bastion: None,
            tags: Vec::new(),
            hooks: Hooks::default(),
            approval: ApprovalPolicy::default(),
            deletion_policy: DeletionPolicy::default(),
            paused: false,
        }
    }

    /// Machines wanted in all.
    pub fn machines(&self) -> u32 {
        self.workers
            .iter()
            .map(|pool| pool.replicas)
            .fold(self.control_plane.replicas, u32::saturating_add)
    }

    /// What servers are wanted: those of the control plane first, then those of each pool.
    pub fn pools(&self) -> impl Iterator<Item = Machines<'_>> {
        std::iter::once(Machines::from(&self.control_plane))
            .chain(self.workers.iter().map(Machines::from))
    }

    /// What the image of that pool must be; that of the cluster without one.
    pub fn system(&self, pool: Option<&WorkerPool>) -> NodeSystem {
        let own = pool.and_then(|pool| pool.architecture);
        NodeSystem {
            architecture: own.unwrap_or(self.architecture),
            format: self.kubeadm.format,
        }
    }

    /// The keypair whose key may log in to the bastion: its own, else the cluster's.
    pub fn bastion_key(&self) -> Option<&str> {
        let own = self.bastion.as_ref()?.ssh_key.as_deref();
        own.or(self.ssh_key.as_deref())
    }

    /// The worker pool of that name.
    pub fn pool(&self, name: &str) -> Option<&WorkerPool> {
        self.workers.iter().find(|pool| pool.name == name)
    }

    /// The worker pool of that name, to change it.
    pub fn pool_mut(&mut self, name: &str) -> Option<&mut WorkerPool> {
        self.workers.iter_mut().find(|pool| pool.name == name)
    }
}
