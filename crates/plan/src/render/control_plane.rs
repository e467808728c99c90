//! The control plane.

use capstan_capi::apply::{
    ContractReference, ControlPlaneMachineSpec, ControlPlaneMachineTemplate,
    ControlPlaneRemediation, ControlPlaneRollout, ControlPlaneStrategy, InitConfiguration,
    JoinConfiguration, JoinControlPlane, KubeadmConfigSpec, KubeadmControlPlane,
    KubeadmControlPlaneSpec, LocalApiEndpoint, Metadata, OpenStackMachineTemplate, RolloutBefore,
};
use capstan_capi::kind;
use capstan_spec::{ClusterName, WorkloadClusterSpec, cluster, defaults};

use super::{cluster_configuration, metadata, node, whole_seconds, workers};
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
                    deletion: node::deletion(spec.control_plane.rollout.drain_timeout_seconds),
                },
            },
            kubeadm_config_spec: config(spec, name, facts),
            rollout: rollout(&spec.control_plane.rollout),
            remediation: REMEDIATION,
        },
    )
}

fn config(spec: &WorkloadClusterSpec, name: &ClusterName, facts: &Facts) -> KubeadmConfigSpec {
    let node_registration = node::registration(&spec.kubeadm, None);
    let port = spec.api_access.port;
    let endpoint = (port != defaults::API_PORT).then_some(LocalApiEndpoint { bind_port: port });
    let mut config = workers::config(spec, &(&spec.control_plane).into(), name, facts);
    config.cluster_configuration = cluster_configuration::configuration(spec);
    config.init_configuration = Some(InitConfiguration {
        node_registration: node_registration.clone(),
        local_api_endpoint: endpoint,
    });
    config.join_configuration = Some(JoinConfiguration {
        node_registration,
        control_plane: endpoint.map(|local_api_endpoint| JoinControlPlane { local_api_endpoint }),
    });
    config
}

/// `None` when it is Cluster API's default, so that nothing is said that need not be.
fn rollout(wanted: &cluster::ControlPlaneRollout) -> Option<ControlPlaneRollout> {
    let before = wanted
        .certificates_expiry_days
        .map(|certificates_expiry_days| RolloutBefore {
            certificates_expiry_days,
        });
    let strategy = (wanted.max_surge != defaults::MAX_SURGE)
        .then_some(ControlPlaneStrategy::rolling(wanted.max_surge));
    let after = wanted.after.map(whole_seconds);
    let rollout = ControlPlaneRollout {
        after,
        before,
        strategy,
    };
    (after.is_some() || before.is_some() || strategy.is_some()).then_some(rollout)
}
