//! `Cluster` (cluster.x-k8s.io/v1beta2).

use serde::Serialize;

use super::{ContractReference, Object};

/// The cluster as Cluster API knows it.
pub type Cluster = Object<ClusterSpec>;

/// Spec of a [`Cluster`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpec {
    /// Whether all controllers of Cluster API leave the cluster alone.
    pub paused: bool,
    /// Ranges of pods and services.
    pub cluster_network: ClusterNetwork,
    /// The control plane.
    pub control_plane_ref: ContractReference,
    /// The infrastructure.
    pub infrastructure_ref: ContractReference,
}

/// Ranges of pods and services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterNetwork {
    /// Addresses of pods.
    pub pods: NetworkRanges,
    /// Addresses of services.
    pub services: NetworkRanges,
    /// Domain of service names.
    pub service_domain: String,
}

/// Ranges in CIDR notation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkRanges {
    /// At least one.
    pub cidr_blocks: Vec<String>,
}
