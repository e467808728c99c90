//! The control plane.

use capstan_capi::apply::{
    ContractReference, ControlPlaneMachineSpec, ControlPlaneMachineTemplate,
    ControlPlaneRemediation, InitConfiguration, JoinConfiguration, KubeadmConfigSpec,
    KubeadmControlPlane, KubeadmControlPlaneSpec, Metadata, OpenStackMachineTemplate,
};
use capstan_capi::kind;
use capstan_spec::{ClusterName, WorkloadClusterSpec};

use super::{metadata, node};
use crate::facts::{CONTROL_PLANE, Facts};

/// Seconds between two tries of the `KubeadmControlPlane` to replace machines of one place.
pub(crate) const RETRY_PERIOD: u32 = 300;
/// Three tries with five minutes between them; a replacement that lives for an hour was good.
const REMEDIATION: ControlPlaneRemediation = ControlPlaneRemediation {
    max_retry: 3,
    retry_period_seconds: RETRY_PERIOD,
    min_healthy_period_seconds: 3600,
};

pub(super) fn render(
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    facts: &Facts,
    template: &OpenStackMachineTemplate,
) -> KubeadmControlPlane {
    let template_name = template.metadata.name.clone().unwrap_or_default();
    KubeadmControlPlane::new(
        kind::KUBEADM_CONTROL_PLANE,
        metadata::of_pool(name, CONTROL_PLANE, name.control_plane()),
        KubeadmControlPlaneSpec {
            replicas: spec.control_plane.replicas,
            version: spec.version.to_string(),
            machine_template: ControlPlaneMachineTemplate {
                metadata: Metadata {
                    labels: metadata::labels(&[(metadata::POOL_LABEL, CONTROL_PLANE)]),
                    ..Metadata::default()
                },
                spec: ControlPlaneMachineSpec {
                    infrastructure_ref: ContractReference::new(
                        kind::OPENSTACK_MACHINE_TEMPLATE,
                        template_name,
                    ),
                    deletion: node::DELETION,
                },
            },
            kubeadm_config_spec: KubeadmConfigSpec {
                init_configuration: Some(InitConfiguration {
                    node_registration: node::registration(),
                }),
                join_configuration: Some(JoinConfiguration {
                    node_registration: node::registration(),
                }),
                files: node::files(facts),
                pre_kubeadm_commands: Vec::new(),
            },
            remediation: REMEDIATION,
        },
    )
}
