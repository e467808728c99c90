//! What control plane and worker pools have in common.

use std::collections::BTreeMap;

use super::{
    ControlPlane, DataVolume, ExtraNetwork, HealthCheck, RootVolume, ServerGroupPolicy, WorkerPool,
};
use crate::naming::CONTROL_PLANE;

/// Servers of one kind, be they of the control plane or of a worker pool.
#[derive(Clone, Debug)]
pub struct Machines<'a> {
    /// Name of the pool; [`CONTROL_PLANE`] for the control plane.
    pub pool: &'a str,
    /// Where it stands in the spec: `controlPlane` or `workers`.
    pub section: &'static str,
    /// How many.
    pub replicas: u32,
    /// Flavor.
    pub flavor: &'a str,
    /// Image of its own.
    pub image: Option<&'a str>,
    /// Whether its image is looked up apart from the cluster's.
    pub has_own_image: bool,
    /// Nova availability zones; empty when Nova chooses.
    pub availability_zones: Vec<&'a str>,
    /// Volume to boot from.
    pub root_volume: &'a RootVolume,
    /// Further volumes.
    pub volumes: Vec<DataVolume<'a>>,
    /// How they are spread over hosts.
    pub server_group: ServerGroupPolicy,
    /// Extra security groups.
    pub security_groups: &'a [String],
    /// Further networks.
    pub networks: &'a [ExtraNetwork],
    /// Metadata.
    pub metadata: &'a BTreeMap<String, String>,
    /// When one is replaced without anybody asking.
    pub health_check: &'a HealthCheck,
    /// Machines more than wanted while a change is rolled out.
    pub max_surge: u32,
}

impl Machines<'_> {
    /// Every security group the spec names for them: the servers' own, and those of ports.
    pub fn named_groups(&self) -> impl Iterator<Item = &'_ String> {
        let of_ports = self.networks.iter();
        let of_ports = of_ports.flat_map(|network| &network.security_groups);
        self.security_groups.iter().chain(of_ports)
    }

    /// Whether they are the control plane.
    pub fn is_control_plane(&self) -> bool {
        self.pool == CONTROL_PLANE
    }
}

impl<'a> From<&'a ControlPlane> for Machines<'a> {
    fn from(plane: &'a ControlPlane) -> Self {
        Self {
            pool: CONTROL_PLANE,
            section: "controlPlane",
            replicas: plane.replicas,
            flavor: &plane.flavor,
            image: None,
            has_own_image: false,
            availability_zones: plane
                .availability_zones
                .iter()
                .map(String::as_str)
                .collect(),
            root_volume: &plane.root_volume,
            volumes: plane.etcd_volume.iter().map(DataVolume::from).collect(),
            server_group: plane.server_group,
            security_groups: &plane.security_groups,
            networks: &[],
            metadata: &plane.metadata,
            health_check: &plane.health_check,
            max_surge: plane.rollout.max_surge,
        }
    }
}

impl<'a> From<&'a WorkerPool> for Machines<'a> {
    fn from(pool: &'a WorkerPool) -> Self {
        Self {
            pool: &pool.name,
            section: "workers",
            replicas: pool.replicas,
            flavor: &pool.flavor,
            image: pool.image.as_deref(),
            has_own_image: pool.has_own_image(),
            availability_zones: pool.availability_zone.as_deref().into_iter().collect(),
            root_volume: &pool.root_volume,
            volumes: pool.volumes.iter().map(DataVolume::from).collect(),
            server_group: pool.server_group,
            security_groups: &pool.security_groups,
            networks: &pool.networks,
            metadata: &pool.metadata,
            health_check: &pool.health_check,
            max_surge: pool.rollout.max_surge,
        }
    }
}
