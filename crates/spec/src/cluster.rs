//! What a workload cluster is wanted to be.

use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{KubernetesVersion, defaults};

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
    /// The network of the pods.
    #[serde(default)]
    pub cni: Cni,
    /// What deleting the object does.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Nothing of ours and nothing of Cluster API writes while this is true.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// The machines that run the Kubernetes API and etcd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlane {
    /// How many machines; odd, because etcd runs on them.
    #[serde(default = "defaults::control_plane_replicas")]
    pub replicas: u32,
    /// Name of the Nova flavor.
    pub flavor: String,
    /// Nova availability zones to spread over. Empty: all the cloud offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub availability_zones: Vec<String>,
}

/// Machines of one kind that run workloads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerPool {
    /// Name within the cluster; part of the machines' names.
    #[serde(default = "defaults::pool")]
    pub name: String,
    /// How many machines.
    #[serde(default = "defaults::worker_replicas")]
    pub replicas: u32,
    /// Name of the Nova flavor.
    pub flavor: String,
    /// Nova availability zone. Without it Nova chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
}

/// Networks of nodes, pods and services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// Subnet made for the nodes.
    #[serde(default = "defaults::node_cidr")]
    pub node_cidr: IpNet,
    /// Addresses of pods.
    #[serde(default = "defaults::pod_cidr")]
    pub pod_cidr: IpNet,
    /// Addresses of services.
    #[serde(default = "defaults::service_cidr")]
    pub service_cidr: IpNet,
    /// Name servers of the nodes. Empty: those of the `Cloud`, else those Neutron gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_nameservers: Vec<IpAddr>,
    /// Name or id of the external network. Without it the only one the cloud has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_network: Option<String>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            node_cidr: defaults::NODE_CIDR,
            pod_cidr: defaults::POD_CIDR,
            service_cidr: defaults::SERVICE_CIDR,
            dns_nameservers: Vec::new(),
            external_network: None,
        }
    }
}

/// Who reaches the Kubernetes API, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiAccess {
    /// Networks from which the API is reachable. The nodes and the management server always are; with an empty list
    /// nobody else is. `0.0.0.0/0` opens the API to everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_cidrs: Vec<IpNet>,
    /// Address of a floating IP that the project owns already. Without it one is allocated and released again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floating_ip: Option<IpAddr>,
    /// Octavia provider. Without it one is chosen from the cloud's inventory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer_provider: Option<String>,
}

/// The network of the pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Cni {
    /// flannel with its VXLAN backend.
    #[default]
    Flannel,
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
            control_plane: ControlPlane {
                replicas: defaults::CONTROL_PLANE_REPLICAS,
                flavor: control_plane_flavor.into(),
                availability_zones: Vec::new(),
            },
            workers: vec![WorkerPool {
                name: defaults::pool(),
                replicas: defaults::WORKER_REPLICAS,
                flavor: worker_flavor.into(),
                availability_zone: None,
            }],
            network: Network::default(),
            api_access: ApiAccess::default(),
            cni: Cni::default(),
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

    /// The worker pool of that name.
    pub fn pool(&self, name: &str) -> Option<&WorkerPool> {
        self.workers.iter().find(|pool| pool.name == name)
    }

    /// The worker pool of that name, to change it.
    pub fn pool_mut(&mut self, name: &str) -> Option<&mut WorkerPool> {
        self.workers.iter_mut().find(|pool| pool.name == name)
    }
}
