//! Worker pools.

use capstan_capi::apply::{
    Bootstrap, ContractReference, Deletion, JoinConfiguration, KubeadmConfigSpec,
    KubeadmConfigTemplate, KubeadmConfigTemplateResource, KubeadmConfigTemplateSpec, Labels,
    MachineDeployment, MachineDeploymentSpec, MachineSpec, MachineTemplate, Metadata, Ntp,
    OpenStackMachineTemplate, RollingUpdate, Rollout, Selector, Strategy,
};
use capstan_capi::{kind, label};
use capstan_spec::cluster::kubeadm::BootstrapFormat;
use capstan_spec::status::Capacity;
use capstan_spec::{
    Architecture, ClusterName, KubernetesVersion, Machines, WorkerPool, WorkloadClusterSpec,
};

use super::{
    RenderError, autoscaling, canonical, cluster_configuration, files, ignition, labels, metadata,
    node, to_value, volumes, whole_seconds,
};
use crate::facts::Facts;

/// Scaling down takes away what scaling up brought, and not a machine that has worked for months.
const DELETION: Deletion = Deletion { order: "Newest" };
/// Empty label that makes `kubectl get nodes` show the role; one of the few that Cluster API hands on to nodes.
const ROLE_LABEL: &str = "node-role.kubernetes.io/worker";
/// Label with the pool's name that Cluster API hands on to nodes.
pub(crate) const NODE_POOL_LABEL: &str = "node.cluster.x-k8s.io/pool";

/// What control plane and pools have in common of how a node starts; how it registers is left open.
pub(super) fn config(
    spec: &WorkloadClusterSpec,
    machines: &Machines<'_>,
    name: &ClusterName,
    facts: &Facts,
) -> KubeadmConfigSpec {
    let kubeadm = &spec.kubeadm;
    let servers = &kubeadm.ntp_servers;
    let format = kubeadm.format;
    let is_ignition = format == BootstrapFormat::Ignition;
    let control_plane = machines.is_control_plane();
    let mut files = files::files(spec, facts, control_plane);
    if control_plane {
        files.extend(cluster_configuration::files(kubeadm, name));
    }
    KubeadmConfigSpec {
        format: is_ignition.then_some(ignition::FORMAT),
        ignition: is_ignition.then(|| ignition::config(machines)),
        files,
        disk_setup: volumes::disk_setup(machines, format),
        mounts: volumes::mounts(machines, format),
        ntp: (!servers.is_empty()).then(|| Ntp {
            enabled: true,
            servers: servers.clone(),
        }),
        pre_kubeadm_commands: files::pre_commands(spec, facts),
        post_kubeadm_commands: kubeadm.post_commands.clone(),
        ..KubeadmConfigSpec::default()
    }
}

/// How nodes of the pool start. Named after its whole content: an edit in place would not roll any machine.
pub(super) fn bootstrap(
    spec: &WorkloadClusterSpec,
    pool: &WorkerPool,
    name: &ClusterName,
    facts: &Facts,
) -> Result<KubeadmConfigTemplate, RenderError> {
    let mut config = config(spec, &pool.into(), name, facts);
    config.join_configuration = Some(JoinConfiguration {
        node_registration: node::registration(&spec.kubeadm, Some(pool)),
        control_plane: None,
    });
    let spec = KubeadmConfigTemplateSpec {
        template: KubeadmConfigTemplateResource { spec: config },
    };
    let kind = kind::KUBEADM_CONFIG_TEMPLATE;
    let hash = canonical::short_hash(&to_value(kind, &name.pool(&pool.name), &spec)?);
    let full = format!("{}-{hash}", name.pool(&pool.name));
    let metadata = metadata::of_pool(name, &pool.name, full);
    Ok(KubeadmConfigTemplate::new(kind, metadata, spec))
}

pub(super) fn deployment(
    version: KubernetesVersion,
    pool: &WorkerPool,
    name: &ClusterName,
    template: &OpenStackMachineTemplate,
    bootstrap: &KubeadmConfigTemplate,
    capacity: Option<&Capacity>,
    architecture: Architecture,
) -> MachineDeployment {
    let deployment = name.pool(&pool.name);
    let mut metadata = metadata::of_pool(name, &pool.name, deployment.clone());
    metadata
        .annotations
        .extend(autoscaling::annotations(pool, capacity, architecture));
    let name_of = |metadata: &Metadata| metadata.name.clone().unwrap_or_default();
    MachineDeployment::new(
        kind::MACHINE_DEPLOYMENT,
        metadata,
        MachineDeploymentSpec {
            cluster_name: name.cluster(),
            replicas: pool.autoscaling.is_none().then_some(pool.replicas),
            selector: Selector {
                match_labels: identity(name, &deployment),
                ..Selector::default()
            },
            rollout: rollout(pool),
            deletion: DELETION,
            template: MachineTemplate {
                metadata: Metadata {
                    labels: machine_labels(name, pool, &deployment),
                    ..Metadata::default()
                },
                spec: MachineSpec {
                    cluster_name: name.cluster(),
                    version: pool.version.unwrap_or(version).to_string(),
                    failure_domain: pool.availability_zone.clone(),
                    bootstrap: Bootstrap {
                        config_ref: ContractReference::new(
                            kind::KUBEADM_CONFIG_TEMPLATE,
                            name_of(&bootstrap.metadata),
                        ),
                    },
                    infrastructure_ref: ContractReference::new(
                        kind::OPENSTACK_MACHINE_TEMPLATE,
                        name_of(&template.metadata),
                    ),
                    deletion: node::deletion(pool.rollout.drain_timeout_seconds),
                },
            },
            paused: pool.rollout.paused,
        },
    )
}

fn rollout(pool: &WorkerPool) -> Rollout {
    Rollout {
        after: pool.rollout.after.map(whole_seconds),
        strategy: Strategy::rolling(RollingUpdate {
            max_surge: pool.rollout.max_surge,
            max_unavailable: pool.rollout.max_unavailable,
        }),
    }
}

/// Labels by which the machines of a pool are told from all others.
fn identity(name: &ClusterName, deployment: &str) -> Labels {
    metadata::labels(&[
        (label::CLUSTER_NAME, &name.cluster()),
        (label::DEPLOYMENT_NAME, deployment),
    ])
}

fn machine_labels(name: &ClusterName, pool: &WorkerPool, deployment: &str) -> Labels {
    let mut labels = labels::by_machine(pool);
    labels.extend(identity(name, deployment));
    labels.extend(metadata::labels(&[
        (metadata::POOL_LABEL, &pool.name),
        (NODE_POOL_LABEL, &pool.name),
        (ROLE_LABEL, ""),
    ]));
    labels
}
