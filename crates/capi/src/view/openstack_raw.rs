//! Both shapes of what the OpenStack provider says, as they are written.

use serde::{Deserialize, Deserializer};

use super::Condition;
use super::openstack::{
    BastionStatus, LoadBalancer, MachineAddress, OpenStackClusterStatus, OpenStackMachineStatus,
    ResourceStatus,
};

/// Milestones; beside `ready` in late v1beta1, instead of it in v1beta2.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Initialization {
    provisioned: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ClusterStatus {
    ready: bool,
    initialization: Initialization,
    network: Option<ResourceStatus>,
    router: Option<ResourceStatus>,
    #[serde(alias = "apiServerManagedLoadBalancer")]
    api_server_load_balancer: Option<LoadBalancer>,
    control_plane_security_group: Option<ResourceStatus>,
    worker_security_group: Option<ResourceStatus>,
    bastion: Option<BastionStatus>,
    failure_reason: Option<String>,
    failure_message: Option<String>,
    conditions: Vec<Condition>,
}

impl From<ClusterStatus> for OpenStackClusterStatus {
    fn from(raw: ClusterStatus) -> Self {
        Self {
            ready: raw.ready || raw.initialization.provisioned,
            network: raw.network,
            router: raw.router,
            api_server_load_balancer: raw.api_server_load_balancer,
            control_plane_security_group: raw.control_plane_security_group,
            worker_security_group: raw.worker_security_group,
            bastion: raw.bastion,
            failure_reason: raw.failure_reason,
            failure_message: raw.failure_message,
            conditions: raw.conditions,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct MachineStatus {
    ready: bool,
    initialization: Initialization,
    #[serde(rename = "instanceID")]
    instance_id: Option<String>,
    instance_state: Option<String>,
    addresses: Vec<MachineAddress>,
    failure_reason: Option<String>,
    failure_message: Option<String>,
    conditions: Vec<Condition>,
}

impl From<MachineStatus> for OpenStackMachineStatus {
    fn from(raw: MachineStatus) -> Self {
        Self {
            ready: raw.ready || raw.initialization.provisioned,
            instance_id: raw.instance_id,
            instance_state: raw.instance_state,
            addresses: raw.addresses,
            failure_reason: raw.failure_reason,
            failure_message: raw.failure_message,
            conditions: raw.conditions,
        }
    }
}

/// A flavor: its name in v1beta1, a reference in v1beta2.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flavor {
    Name(String),
    Reference {
        #[serde(default)]
        filter: Option<Filter>,
    },
}

#[derive(Deserialize)]
struct Filter {
    #[serde(default)]
    name: Option<String>,
}

pub(super) fn flavor<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::deserialize(from)? {
        Some(Flavor::Name(name)) => Some(name),
        Some(Flavor::Reference { filter }) => filter.and_then(|filter| filter.name),
        None => None,
    })
}
