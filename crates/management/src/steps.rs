//! The steps of `up`: what each needs and what it usually takes.

use std::time::Duration;

use crate::graph::Graph;
use crate::plan::Choices;

/// One step. The order of the variants is the order in which people read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // the names are the words of the field; what each does is in `make`
pub enum Step {
    Network,
    Router,
    SecurityGroup,
    FloatingIp,
    ServerGroup,
    Keypair,
    Credential,
    Subnet,
    Volume,
    RouterInterface,
    Port,
    Association,
    Server,
    Running,
    Api,
}

impl Step {
    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Router => "router",
            Self::SecurityGroup => "security group",
            Self::FloatingIp => "floating IP",
            Self::ServerGroup => "server group",
            Self::Keypair => "keypair",
            Self::Credential => "application credential",
            Self::Subnet => "subnet",
            Self::Volume => "volume",
            Self::RouterInterface => "router interface",
            Self::Port => "port",
            Self::Association => "floating IP to port",
            Self::Server => "server",
            Self::Running => "server runs",
            Self::Api => "Kubernetes answers",
        }
    }

    /// What it usually takes, for "expected" beside "elapsed". Measured on the sandbox; a cloud with virtual machines takes
    /// some 20 seconds more for the server.
    pub fn expected(self) -> Duration {
        match self {
            Self::Running => Duration::from_secs(5),
            Self::Api => Duration::from_secs(30),
            Self::Volume => Duration::from_secs(10),
            _ => Duration::from_secs(1),
        }
    }

    fn needs(self) -> Vec<Self> {
        match self {
            Self::Network
            | Self::Router
            | Self::SecurityGroup
            | Self::FloatingIp
            | Self::ServerGroup
            | Self::Keypair
            | Self::Credential
            | Self::Volume => Vec::new(),
            Self::Subnet => vec![Self::Network],
            Self::RouterInterface => vec![Self::Router, Self::Subnet],
            Self::Port => vec![Self::Subnet, Self::SecurityGroup],
            Self::Association => vec![Self::FloatingIp, Self::Port, Self::RouterInterface],
            // With its way outside in place, the first boot does not have to wait for it.
            Self::Server => {
                vec![
                    Self::Port,
                    Self::Association,
                    Self::ServerGroup,
                    Self::Keypair,
                    Self::Credential,
                    Self::Volume,
                ]
            }
            Self::Running => vec![Self::Server],
            Self::Api => vec![Self::Running],
        }
    }
}

/// The steps these choices need.
pub fn graph(choices: &Choices) -> Graph<Step> {
    use Step::{
        Api, Association, Credential, FloatingIp, Keypair, Network, Port, Router, RouterInterface,
        Running, SecurityGroup, Server, ServerGroup, Subnet, Volume,
    };
    let always = [
        Network,
        Router,
        SecurityGroup,
        FloatingIp,
        ServerGroup,
        Credential,
        Subnet,
        RouterInterface,
        Port,
        Association,
        Server,
        Running,
        Api,
    ];
    let sometimes = [
        (Keypair, choices.ssh_key.is_some()),
        (Volume, choices.volume.is_some()),
    ]
    .into_iter()
    .filter(|(_, wanted)| *wanted);
    Graph::new(
        always
            .into_iter()
            .chain(sometimes.map(|(step, _)| step))
            .map(|step| (step, step.needs())),
    )
}
