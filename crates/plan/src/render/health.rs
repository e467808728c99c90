//! Health checks: when a machine is replaced without anybody asking.

use capstan_capi::apply::{
    HealthChecks, Labels, MachineHealthCheck, MachineHealthCheckSpec, Metadata, Remediation,
    Selector, TriggerIf, UnhealthyNodeCondition,
};
use capstan_capi::{kind, label};
use capstan_spec::cluster::HealthCheck;
use capstan_spec::{ClusterName, WorkerPool, WorkloadClusterSpec};

use super::metadata;
use crate::facts::CONTROL_PLANE;

pub(super) fn control_plane(
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
) -> Option<MachineHealthCheck> {
    let replicas = spec.control_plane.replicas;
    let selector = metadata::labels(&[
        (label::CLUSTER_NAME, &name.cluster()),
        (label::CONTROL_PLANE, ""),
    ]);
    // What etcd's majority can spare; Cluster API guards the majority itself, too.
    let bearable = (replicas.saturating_sub(1) / 2).max(1);
    check(
        metadata::of_pool(name, CONTROL_PLANE, name.control_plane()),
        name,
        selector,
        &spec.control_plane.health_check,
        bearable,
    )
}

pub(super) fn pool(pool: &WorkerPool, name: &ClusterName) -> Option<MachineHealthCheck> {
    let deployment = name.pool(&pool.name);
    let selector = metadata::labels(&[
        (label::CLUSTER_NAME, &name.cluster()),
        (label::DEPLOYMENT_NAME, &deployment),
    ]);
    // 40 %, rounded up, and at least one: a percentage would be rounded down and never heal a small pool.
    let most = pool.autoscaling.map_or(pool.replicas, |bounds| bounds.max);
    let bearable = (most * 2).div_ceil(5).max(1);
    check(
        metadata::of_pool(name, &pool.name, deployment),
        name,
        selector,
        &pool.health_check,
        bearable,
    )
}

fn check(
    metadata: Metadata,
    name: &ClusterName,
    selector: Labels,
    wanted: &HealthCheck,
    bearable: u32,
) -> Option<MachineHealthCheck> {
    if !wanted.enabled {
        return None;
    }
    let condition = |status, timeout_seconds| UnhealthyNodeCondition {
        kind: "Ready",
        status,
        timeout_seconds,
    };
    Some(MachineHealthCheck::new(
        kind::MACHINE_HEALTH_CHECK,
        metadata,
        MachineHealthCheckSpec {
            cluster_name: name.cluster(),
            selector: Selector {
                match_labels: selector,
                ..Selector::default()
            },
            checks: HealthChecks {
                node_startup_timeout_seconds: wanted.node_startup_timeout_seconds,
                unhealthy_node_conditions: vec![
                    condition("Unknown", wanted.unreachable_timeout_seconds),
                    condition("False", wanted.not_ready_timeout_seconds),
                ],
            },
            remediation: Remediation {
                trigger_if: TriggerIf {
                    unhealthy_less_than_or_equal_to: wanted.max_unhealthy.unwrap_or(bearable),
                },
            },
        },
    ))
}
