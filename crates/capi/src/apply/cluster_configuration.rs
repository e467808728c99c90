//! kubeadm's `ClusterConfiguration`, as `KubeadmControlPlane` carries it.

use serde::Serialize;

use super::Argument;

/// What holds for the whole cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterConfiguration {
    /// The API server.
    #[serde(skip_serializing_if = "is_default")]
    pub api_server: Component,
    /// The controller manager.
    #[serde(skip_serializing_if = "is_default")]
    pub controller_manager: Component,
    /// The scheduler.
    #[serde(skip_serializing_if = "is_default")]
    pub scheduler: Component,
    /// etcd.
    #[serde(skip_serializing_if = "is_default")]
    pub etcd: Etcd,
}

impl ClusterConfiguration {
    /// Whether nothing is set, so that the field must be left out.
    pub fn is_empty(&self) -> bool {
        is_default(self)
    }
}

/// A program of the control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Further names in its certificate; only of the API server.
    #[serde(rename = "certSANs", skip_serializing_if = "Vec::is_empty")]
    pub cert_sans: Vec<String>,
    /// Flags, each name once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_args: Vec<Argument>,
    /// What of the node it sees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_volumes: Vec<HostPathMount>,
}

/// A file or directory of the node in a program of the control plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostPathMount {
    /// Name of the volume.
    pub name: &'static str,
    /// On the node.
    pub host_path: &'static str,
    /// In the program.
    pub mount_path: &'static str,
    /// Whether it cannot be written.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// `File` or `DirectoryOrCreate`.
    pub path_type: &'static str,
}

/// etcd on the nodes of the control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Etcd {
    /// Its only form here.
    pub local: LocalEtcd,
}

/// etcd on the nodes of the control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalEtcd {
    /// Where it writes; kubeadm's directory when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<&'static str>,
    /// Flags, each name once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_args: Vec<Argument>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
