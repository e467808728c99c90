//! What turns a booted image into a Kubernetes API server.
//!
//! An engine is data for cloud-init and nothing else: no login, no agent. It tells how far it is by lines on the console.

pub mod kubeadm;

use std::net::IpAddr;

use ipnet::IpNet;

use crate::cloudinit::UserData;
use crate::identity::Identity;
use crate::pki::ClusterPki;
use crate::proxy::ServerProxy;
use crate::settings::Mirror;

/// How the image comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// A Cluster API node image: container runtime, kubelet and kubeadm are there.
    NodeImage,
    /// A plain Debian or Ubuntu: they are downloaded on first boot.
    Vanilla(Vec<Download>),
}

/// One artifact of a vanilla image, checked before it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Where from.
    pub url: String,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// What becomes of it.
    pub place: Place,
}

/// Where a download goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A program, installed under this path.
    Program(String),
    /// A gzipped tar archive, unpacked into this directory.
    Archive(String),
}

/// All that must be known before the server is created.
pub struct Facts<'a> {
    /// Whose server it is.
    pub identity: &'a Identity,
    /// Certificate authorities.
    pub pki: &'a ClusterPki,
    /// Address the API is reached by from outside.
    pub public_address: IpAddr,
    /// Address of the server's port.
    pub private_address: IpAddr,
    /// `v1.36.3`.
    pub kubernetes_version: &'a str,
    /// Range of the pods.
    pub pod_cidr: IpNet,
    /// Range of the services.
    pub service_cidr: IpNet,
    /// Largest packet the server's network carries.
    pub mtu: u32,
    /// Mirror of images and files.
    pub mirror: Option<&'a Mirror>,
    /// Proxy of the server's programs.
    pub proxy: Option<&'a ServerProxy>,
    /// How the image comes.
    pub base: &'a Base,
}

/// Turns facts into first-boot data.
pub trait Engine: Send + Sync {
    /// Its name in settings and plan.
    fn name(&self) -> &'static str;
    /// The first-boot data.
    fn render(&self, facts: &Facts<'_>) -> Result<UserData, EngineError>;
}

/// First-boot data could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A part could not be written.
    #[error("failed to write {what}")]
    Write {
        /// Which part.
        what: &'static str,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
