//! Labels and annotations of Cluster API that we select by or set.

/// On every object of a cluster: the Cluster API name.
pub const CLUSTER_NAME: &str = "cluster.x-k8s.io/cluster-name";
/// On machines of a control plane, empty.
pub const CONTROL_PLANE: &str = "cluster.x-k8s.io/control-plane";
/// On machines of a worker pool: name of the `MachineDeployment`.
pub const DEPLOYMENT_NAME: &str = "cluster.x-k8s.io/deployment-name";
/// On machines that a person wants replaced by a health check.
pub const REMEDIATE_MACHINE: &str = "cluster.x-k8s.io/remediate-machine";
/// On a machine of a deployment that is to go first when it scales down.
pub const DELETE_MACHINE: &str = "cluster.x-k8s.io/delete-machine";
/// On machines of a control plane that go, until their member of etcd is taken out (`KubeadmControlPlane`'s own hook).
pub const LEAVES_ETCD: &str = "pre-terminate.delete.hook.machine.cluster.x-k8s.io/kcp-cleanup";
/// On objects whose controllers are to leave them alone.
pub const PAUSED: &str = "cluster.x-k8s.io/paused";
/// On Secrets that `clusterctl move` is to take along.
pub const MOVE: &str = "clusterctl.cluster.x-k8s.io/move";
/// Fewest machines an autoscaler may leave.
pub const AUTOSCALER_MIN: &str = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size";
/// Most machines an autoscaler may ask for.
pub const AUTOSCALER_MAX: &str = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size";
/// How long a node must not have been needed before it goes, as Go writes durations.
pub const AUTOSCALER_UNNEEDED: &str = "cluster.x-k8s.io/autoscaling-options-scaledownunneededtime";
/// Virtual processors of a node of a pool, for an autoscaler that sees none.
pub const CAPACITY_CPU: &str = "capacity.cluster-autoscaler.kubernetes.io/cpu";
/// Memory of one.
pub const CAPACITY_MEMORY: &str = "capacity.cluster-autoscaler.kubernetes.io/memory";
/// Root disk of one.
pub const CAPACITY_DISK: &str = "capacity.cluster-autoscaler.kubernetes.io/ephemeral-disk";
/// Graphics processors of one.
pub const CAPACITY_GPUS: &str = "capacity.cluster-autoscaler.kubernetes.io/gpu-count";
/// By which name pods ask for them.
pub const CAPACITY_GPU_TYPE: &str = "capacity.cluster-autoscaler.kubernetes.io/gpu-type";
/// Labels of one.
pub const CAPACITY_LABELS: &str = "capacity.cluster-autoscaler.kubernetes.io/labels";
/// Taints of one.
pub const CAPACITY_TAINTS: &str = "capacity.cluster-autoscaler.kubernetes.io/taints";
