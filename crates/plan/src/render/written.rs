//! In which of its versions an object of the OpenStack provider is written. What it says, and what it is called, is settled
//! before.

use capstan_capi::apply::{OpenStackCluster, OpenStackMachineTemplate, openstack_v1beta2};
use capstan_capi::{OpenStackApi, kind};

use super::{DesiredObject, RenderError, desired};
use crate::facts::Facts;

pub(super) fn cluster(
    cluster: OpenStackCluster,
    facts: &Facts,
) -> Result<DesiredObject, RenderError> {
    let kind = facts.openstack_api.of(kind::OPENSTACK_CLUSTER);
    match facts.openstack_api {
        OpenStackApi::V1Beta1 => desired(kind, &cluster),
        OpenStackApi::V1Beta2 => desired(kind, &openstack_v1beta2::OpenStackCluster::from(cluster)),
    }
}

pub(super) fn template(
    template: &OpenStackMachineTemplate,
    facts: &Facts,
) -> Result<DesiredObject, RenderError> {
    let kind = facts.openstack_api.of(kind::OPENSTACK_MACHINE_TEMPLATE);
    match facts.openstack_api {
        OpenStackApi::V1Beta1 => desired(kind, template),
        OpenStackApi::V1Beta2 => {
            let template = template.clone();
            desired(
                kind,
                &openstack_v1beta2::OpenStackMachineTemplate::from(template),
            )
        }
    }
}
