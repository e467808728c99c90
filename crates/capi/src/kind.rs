//! The kinds Capstan deals with. Those of the OpenStack provider stand here in its older version; which is spoken with a
//! server is said by [`OpenStackApi`](crate::OpenStackApi).

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// A kind of the Kubernetes API. Two are equal when group and name are: the version is how objects of it are written, and
/// an object is the same one in each.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// API group.
    pub group: &'static str,
    /// Version within the group.
    pub version: &'static str,
    /// Name in objects.
    pub kind: &'static str,
    /// Name in paths.
    pub plural: &'static str,
}

impl Kind {
    const fn new(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
    ) -> Self {
        Self {
            group,
            version,
            kind,
            plural,
        }
    }

    /// `group/version`, as it stands in objects.
    pub fn api_version(self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    /// The same kind, written in another version.
    #[must_use]
    pub const fn in_version(self, version: &'static str) -> Self {
        Self { version, ..self }
    }

    const fn identity(&self) -> (&'static str, &'static str) {
        (self.group, self.kind)
    }

    /// The kind of this name among [`ALL`].
    pub fn by_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|kind| kind.kind == name)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Kind {}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

const CORE: &str = "cluster.x-k8s.io";
const BOOTSTRAP: &str = "bootstrap.cluster.x-k8s.io";
const CONTROL_PLANE: &str = "controlplane.cluster.x-k8s.io";
pub(crate) const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io";

/// Cluster API's cluster.
pub const CLUSTER: Kind = Kind::new(CORE, "v1beta2", "Cluster", "clusters");
/// A machine.
pub const MACHINE: Kind = Kind::new(CORE, "v1beta2", "Machine", "machines");
/// A set of machines of one revision.
pub const MACHINE_SET: Kind = Kind::new(CORE, "v1beta2", "MachineSet", "machinesets");
/// A worker pool.
pub const MACHINE_DEPLOYMENT: Kind =
    Kind::new(CORE, "v1beta2", "MachineDeployment", "machinedeployments");
/// Replaces machines that are unhealthy.
pub const MACHINE_HEALTH_CHECK: Kind =
    Kind::new(CORE, "v1beta2", "MachineHealthCheck", "machinehealthchecks");
/// How a kubeadm node of a pool starts.
pub const KUBEADM_CONFIG_TEMPLATE: Kind = Kind::new(
    BOOTSTRAP,
    "v1beta2",
    "KubeadmConfigTemplate",
    "kubeadmconfigtemplates",
);
/// How one kubeadm node starts.
pub const KUBEADM_CONFIG: Kind = Kind::new(BOOTSTRAP, "v1beta2", "KubeadmConfig", "kubeadmconfigs");
/// A control plane made by kubeadm.
pub const KUBEADM_CONTROL_PLANE: Kind = Kind::new(
    CONTROL_PLANE,
    "v1beta2",
    "KubeadmControlPlane",
    "kubeadmcontrolplanes",
);
/// Network, security groups and load balancer of a cluster.
pub const OPENSTACK_CLUSTER: Kind = Kind::new(
    INFRASTRUCTURE,
    "v1beta1",
    "OpenStackCluster",
    "openstackclusters",
);
/// What the servers of a pool are like.
pub const OPENSTACK_MACHINE_TEMPLATE: Kind = Kind::new(
    INFRASTRUCTURE,
    "v1beta1",
    "OpenStackMachineTemplate",
    "openstackmachinetemplates",
);
/// The infrastructure of a machine.
pub const OPENSTACK_MACHINE: Kind = Kind::new(
    INFRASTRUCTURE,
    "v1beta1",
    "OpenStackMachine",
    "openstackmachines",
);
/// A Nova server with its ports and volumes.
pub const OPENSTACK_SERVER: Kind = Kind::new(
    INFRASTRUCTURE,
    "v1alpha1",
    "OpenStackServer",
    "openstackservers",
);

/// Every kind, owners before what they own.
pub const ALL: [Kind; 12] = [
    CLUSTER,
    OPENSTACK_CLUSTER,
    KUBEADM_CONTROL_PLANE,
    MACHINE_DEPLOYMENT,
    MACHINE_SET,
    MACHINE_HEALTH_CHECK,
    MACHINE,
    KUBEADM_CONFIG_TEMPLATE,
    KUBEADM_CONFIG,
    OPENSTACK_MACHINE_TEMPLATE,
    OPENSTACK_MACHINE,
    OPENSTACK_SERVER,
];
