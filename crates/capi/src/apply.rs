//! What we write. Every field is optional or ours; empty ones are left out.

mod cluster;
mod kubeadm;
mod machine;
mod meta;
mod openstack;

pub use cluster::{Cluster, ClusterNetwork, ClusterSpec, NetworkRanges};
pub use kubeadm::{
    Argument, ControlPlaneMachineSpec, ControlPlaneMachineTemplate, ControlPlaneRemediation, File,
    InitConfiguration, JoinConfiguration, KubeadmConfigSpec, KubeadmConfigTemplate,
    KubeadmConfigTemplateResource, KubeadmConfigTemplateSpec, KubeadmControlPlane,
    KubeadmControlPlaneSpec, MachineDeletion, NodeRegistration,
};
pub use machine::{
    Bootstrap, Deletion, HealthChecks, MachineDeployment, MachineDeploymentSpec,
    MachineHealthCheck, MachineHealthCheckSpec, MachineSpec, MachineTemplate, Remediation,
    RollingUpdate, Rollout, Strategy, TriggerIf, UnhealthyNodeCondition,
};
pub use meta::{ContractReference, Labels, Metadata, Object, Selector, SelectorExpression};
pub use openstack::{
    IdentityReference, ImageParam, KeyValue, LoadBalancer, ManagedSecurityGroups, NetworkParam,
    OpenStackCluster, OpenStackClusterSpec, OpenStackMachineSpec, OpenStackMachineTemplate,
    OpenStackMachineTemplateResource, OpenStackMachineTemplateSpec, RootVolume, SecurityGroupRule,
    ServerGroupParam, Subnet,
};
