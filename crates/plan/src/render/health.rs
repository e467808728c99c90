//! Health checks: when a machine is replaced without anybody asking.

use capstan_capi::apply::{
    HealthChecks, Labels, MachineHealthCheck, MachineHealthCheckSpec, Metadata, Remediation,
    Selector, TriggerIf, UnhealthyNodeCondition,
};
use capstan_capi::{kind, label};
use capstan_spec::{ClusterName, WorkerPool, WorkloadClusterSpec};

use super::metadata;
use crate::facts::CONTROL_PLANE;

/// A server that has not become a node by then never will. Longer than a slow cloud needs to boot one.
const NODE_STARTUP: u32 = 1200;
/// The kubelet is silent.
const SILENT: u32 = 300;
/// The kubelet says it is not ready: so does every new node until the pod network is there, and that may have to be
/// pulled over a slow line first.
const NOT_READY: u32 = 900;

pub(super) fn control_plane(spec: &WorkloadClusterSpec, name: &ClusterName) -> MachineHealthCheck {
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
        bearable,
    )
}

pub(super) fn pool(pool: &WorkerPool, name: &ClusterName) -> MachineHealthCheck {
    let deployment = name.pool(&pool.name);
    let selector = metadata::labels(&[
        (label::CLUSTER_NAME, &name.cluster()),
        (label::DEPLOYMENT_NAME, &deployment),
    ]);
    // 40 %, rounded up, and at least one: a percentage would be rounded down and never heal a small pool.
    let bearable = (pool.replicas * 2).div_ceil(5).max(1);
    check(
        metadata::of_pool(name, &pool.name, deployment),
        name,
        selector,
        bearable,
    )
}

fn check(
    metadata: Metadata,
    name: &ClusterName,
    selector: Labels,
    bearable: u32,
) -> MachineHealthCheck {
    let condition = |status, timeout_seconds| UnhealthyNodeCondition {
        kind: "Ready",
        status,
        timeout_seconds,
    };
    MachineHealthCheck::new(
        kind::MACHINE_HEALTH_CHECK,
        metadata,
        MachineHealthCheckSpec {
            cluster_name: name.cluster(),
            selector: Selector {
                match_labels: selector,
                ..Selector::default()
            },
            checks: HealthChecks {
                node_startup_timeout_seconds: NODE_STARTUP,
                unhealthy_node_conditions: vec![
                    condition("Unknown", SILENT),
                    condition("False", NOT_READY),
                ],
            },
            remediation: Remediation {
                trigger_if: TriggerIf {
                    unhealthy_less_than_or_equal_to: bearable,
                },
            },
        },
    )
}
