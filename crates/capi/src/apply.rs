//! What we write. Every field is optional or ours; empty ones are left out.

mod cluster;
mod cluster_configuration;
mod kubeadm;
mod machine;
mod meta;
mod openstack;
pub mod openstack_v1beta2;

pub use cluster::{Cluster, ClusterNetwork, ClusterSpec, NetworkRanges};
pub use cluster_configuration::{ClusterConfiguration, Component, Etcd, HostPathMount, LocalEtcd};
pub use kubeadm::{
    Argument, ContainerLinuxConfig, ControlPlaneMachineSpec, ControlPlaneMachineTemplate,
    ControlPlaneRemediation, ControlPlaneRollout, ControlPlaneStrategy, DiskSetup, File,
    FileSource, FileSystem, Ignition, InitConfiguration, JoinConfiguration, JoinControlPlane,
    KubeadmConfigSpec, KubeadmConfigTemplate, KubeadmConfigTemplateResource,
    KubeadmConfigTemplateSpec, KubeadmControlPlane, KubeadmControlPlaneSpec, LocalApiEndpoint,
    MachineDeletion, NodeRegistration, Ntp, RolloutBefore, SecretFileSource, Taint,
};
pub use machine::{
    Bootstrap, Deletion, HealthChecks, MachineDeployment, MachineDeploymentSpec,
    MachineHealthCheck, MachineHealthCheckSpec, MachineSpec, MachineTemplate, Remediation,
    RollingUpdate, Rollout, Strategy, TriggerIf, UnhealthyNodeCondition,
};
pub use meta::{ContractReference, Labels, Metadata, Object, Selector, SelectorExpression};
pub use openstack::{
    Bastion, BlockDevice, BlockDeviceStorage, FixedIp, IdentityReference, KeyValue, LoadBalancer,
    ManagedSecurityGroups, OpenStackCluster, OpenStackClusterSpec, OpenStackMachineSpec,
    OpenStackMachineTemplate, OpenStackMachineTemplateResource, OpenStackMachineTemplateSpec, Port,
    Reference, RootVolume, SecurityGroupRule, Subnet, VolumePlace, VolumeZone,
};
