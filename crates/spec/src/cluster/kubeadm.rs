//! How Kubernetes is set up on the nodes.

mod api_server;
mod audit;
mod etcd;
mod file;
mod format;
mod kubelet;
mod oidc;
mod proxy;
mod registry;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults;

pub use api_server::ApiServer;
pub use audit::Audit;
pub use etcd::{Defragmentation, Etcd};
pub use file::{NodeFile, NodeRole, SecretKey};
pub use format::BootstrapFormat;
pub use kubelet::Kubelet;
pub use oidc::Oidc;
pub use proxy::Proxy;
pub use registry::RegistryMirror;

/// How Kubernetes is set up on the nodes. A change of anything here replaces the machines it concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kubeadm {
    /// What the node images are set up by: `ignition` for Flatcar.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub format: BootstrapFormat,
    /// Feature gates of API server, controller manager, scheduler and kubelets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub feature_gates: BTreeMap<String, bool>,
    /// The API server.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub api_server: ApiServer,
    /// The controller manager.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub controller_manager: Component,
    /// The scheduler.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub scheduler: Component,
    /// etcd.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub etcd: Etcd,
    /// The kubelet of every node.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub kubelet: Kubelet,
    /// Who may log in by OIDC (`OpenID` Connect). Without it nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc: Option<Oidc>,
    /// The API server's audit log. Without it none is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
    /// Admission plugins of the API server.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub admission: Admission,
    /// Whether the API server encrypts Secrets before it writes them to etcd. The key is made for the cluster, and lies in a
    /// Secret of the management server: whoever loses it loses the cluster's Secrets. Only for a new cluster, and for good;
    /// the key cannot be changed yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub encrypt_secrets: bool,
    /// Files written before Kubernetes starts. `{{ }}` in them is evaluated by cloud-init, as in commands; Ignition evaluates
    /// nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<NodeFile>,
    /// Shell commands on every node before Kubernetes starts. One that fails does not keep the next from running,
    /// except with Ignition, where the node does not come up then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pre_commands: Vec<String>,
    /// Shell commands on every node after Kubernetes has started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_commands: Vec<String>,
    /// Time servers. Empty: those of the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ntp_servers: Vec<String>,
    /// Certificates of authorities, in PEM, that nodes trust beside those of the image: for registries and proxies.
    #[serde(default, rename = "trustedCAs", skip_serializing_if = "Vec::is_empty")]
    pub trusted_cas: Vec<String>,
    /// Where images are pulled from instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registry_mirrors: Vec<RegistryMirror>,
    /// Proxy through which images are pulled. Without it none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
}

impl Kubeadm {
    /// Where the key for Secrets lies on machines of the control plane.
    pub const ENCRYPTION_PATH: &str = "/etc/kubernetes/encryption/configuration.yaml";

    /// Where the trusted certificate of this place in the list lies on nodes, so that `update-ca-certificates` of Debian and
    /// Ubuntu finds it, or that of Flatcar.
    pub fn trusted_ca_path(&self, index: usize) -> String {
        let number = index + 1;
        match self.format {
            BootstrapFormat::CloudConfig => {
                format!("/usr/local/share/ca-certificates/capstan-{number}.crt")
            }
            BootstrapFormat::Ignition => format!("/etc/ssl/certs/capstan-{number}.pem"),
        }
    }

    /// What Capstan itself may write on nodes, each with the field that says it.
    pub(crate) fn own_files(&self) -> Vec<(String, &'static str)> {
        let mirrors = self.registry_mirrors.iter();
        let fixed = [
            (Audit::POLICY_PATH, "kubeadm.audit"),
            (Oidc::CA_PATH, "kubeadm.oidc"),
            (Proxy::PATH, "kubeadm.proxy"),
            (Admission::PATH, "kubeadm.admission"),
            (Self::ENCRYPTION_PATH, "kubeadm.encryptSecrets"),
        ];
        mirrors
            .map(|mirror| mirror.registry.as_str())
            .chain([RegistryMirror::DEFAULT])
            .map(|registry| (RegistryMirror::path(registry), "kubeadm.registryMirrors"))
            .chain(
                (0..self.trusted_cas.len())
                    .map(|n| (self.trusted_ca_path(n), "kubeadm.trustedCAs")),
            )
            .chain(fixed.map(|(path, field)| (path.to_owned(), field)))
            .collect()
    }
}

/// A program of the control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Command line flags without their dashes, to values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra_args: BTreeMap<String, String>,
}

/// Admission plugins of the API server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Admission {
    /// Plugins to turn on beside Kubernetes' defaults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enable: Vec<String>,
    /// Plugins to turn off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disable: Vec<String>,
    /// Pod security standard that holds in namespaces that say nothing. Without it everything is allowed. `kube-system`
    /// and the namespace of the pod network are exempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_security: Option<PodSecurity>,
}

impl Admission {
    /// Where the plugins' configuration lies on machines of the control plane.
    pub const PATH: &str = "/etc/kubernetes/admission/configuration.yaml";
}

/// A pod security standard; Kubernetes' own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PodSecurity {
    /// Known ways to more rights are closed.
    Baseline,
    /// Hardened.
    Restricted,
}

impl PodSecurity {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}
