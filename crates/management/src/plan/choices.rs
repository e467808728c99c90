//! All choices of a plan, made.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use crate::proxy::ServerProxy;
use crate::settings::Mirror;

/// Something chosen by the user's name for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct NamedId {
    pub id: String,
    pub name: String,
}

/// How an image comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ImageKind {
    /// With container runtime, kubelet and kubeadm.
    Node,
    /// A plain distribution.
    Vanilla,
}

/// The image chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ImageChoice {
    pub id: String,
    pub name: String,
    pub kind: ImageKind,
}

/// The flavor chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct FlavorChoice {
    pub id: String,
    pub name: String,
    pub vcpus: u32,
    /// MiB.
    pub ram: u64,
    /// GiB.
    pub disk: u64,
}

/// The root volume, where the flavor has no disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VolumeChoice {
    /// GiB.
    pub size: u64,
    /// Type; `None`: the cloud's default.
    pub kind: Option<String>,
}

/// All choices, made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Choices {
    pub external_network: NamedId,
    pub network_cidr: IpNet,
    pub dns: Vec<IpAddr>,
    pub image: ImageChoice,
    pub flavor: FlavorChoice,
    pub availability_zone: Option<String>,
    pub volume: Option<VolumeChoice>,
    pub api_cidr: Vec<IpNet>,
    pub ssh_key: Option<String>,
    pub ssh_cidr: Vec<IpNet>,
    pub kubernetes_version: String,
    pub pod_cidr: IpNet,
    pub service_cidr: IpNet,
    pub mirror: Option<Mirror>,
    /// Without its floating IP, which is reached directly, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ServerProxy>,
    /// Roles of the server's application credential.
    pub roles: Vec<String>,
    /// Largest packet assumed where the network does not tell its own.
    pub mtu: u32,
}

impl Choices {
    /// How many rules the security group gets.
    pub fn rules(&self) -> usize {
        let ssh = if self.ssh_key.is_some() {
            self.ssh_cidr.len()
        } else {
            0
        };
        self.api_cidr.len() * 2 + ssh
    }
}
