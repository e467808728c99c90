//! Removes resources by their ids, each kind after what uses it.

use std::time::{Duration, Instant};

use capstan_openstack::wait::Wait;
use capstan_openstack::{Entry, Kind, Removal, ResourceKind};

use tokio_util::sync::CancellationToken;

use super::{LOOK, Patience};
use crate::desk::Desk;
use crate::error::Error;
use crate::graph::{Graph, Halt};
use crate::identity::Identity;
use crate::progress::{Outcome, Reporter, Underway};
use crate::survey::Found;

/// Longest wait for one thing to be gone.
const GONE_LIMIT: Duration = Duration::from_mins(3);
/// Requests in flight.
const CONCURRENCY: usize = 6;

/// Kinds, each after what uses it.
pub(super) fn removal_graph() -> Graph<ResourceKind> {
    use ResourceKind::{
        ApplicationCredential, FloatingIp, Keypair, Network, Port, Router, SecurityGroup, Server,
        ServerGroup, Subnet, Volume,
    };
    Graph::new([
        (Server, vec![]),
        (FloatingIp, vec![]),
        (Volume, vec![Server]),
        (ServerGroup, vec![Server]),
        (Keypair, vec![Server]),
        // Controllers on the server use it to the end.
        (ApplicationCredential, vec![Server]),
        (Port, vec![Server, FloatingIp]),
        (SecurityGroup, vec![Port]),
        (Router, vec![FloatingIp]),
        (Subnet, vec![Port, Router]),
        (Network, vec![Subnet]),
    ])
}

/// A removal under way.
#[derive(Clone, Copy)]
pub(super) struct Removing<'a> {
    pub(super) desk: &'a Desk,
    pub(super) identity: &'a Identity,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) stop: &'a CancellationToken,
    pub(super) patience: Patience,
}

impl Removing<'_> {
    /// Removes all of it; what is in use by something that is going is insisted on for `in_use`.
    ///
    /// # Errors
    /// The first failure, in its own words: they are worth more than a list of what is left.
    pub(super) async fn all(&self, found: &Found, in_use: Duration) -> Result<(), Error> {
        let entries = found.entries();
        let step = |kind| {
            let entries = entries.iter().filter(move |entry| entry.kind == kind);
            self.kind(entries, in_use)
        };
        match removal_graph().run(CONCURRENCY, self.stop, step).await {
            Ok(()) => Ok(()),
            Err(Halt::Stopped) => Err(self.interrupted()),
            Err(Halt::Failed(error)) => Err(error),
        }
    }

    /// Stopped by the user.
    pub(super) fn interrupted(&self) -> Error {
        Error::Interrupted {
            name: self.identity.name.clone(),
            exists: None,
        }
    }

    /// Removes everything of one kind.
    async fn kind(
        &self,
        entries: impl Iterator<Item = &Entry>,
        in_use: Duration,
    ) -> Result<(), Error> {
        for entry in entries {
            let expected = Duration::from_secs(1);
            let underway = Underway::begin(self.reporter, entry.kind.to_string(), expected);
            let result = self.remove(entry, in_use).await;
            underway.end(result.map(|()| (Outcome::Removed, entry.id.clone())))?;
        }
        Ok(())
    }

    async fn remove(&self, entry: &Entry, in_use: Duration) -> Result<(), Error> {
        let id = entry.id.as_str();
        let session = &self.desk.session;
        let (network, compute, volume) = (session.network(), session.compute(), session.volume());
        match entry.kind {
            ResourceKind::Server => {
                compute.delete_server(id).await?;
                compute
                    .wait_for_server_gone(
                        id,
                        Wait {
                            longest: LOOK,
                            ..Wait::limit(GONE_LIMIT)
                        },
                    )
                    .await?;
            }
            ResourceKind::Volume => {
                patiently(in_use, || volume.delete_volume(id)).await?;
                volume
                    .wait_for_volume_gone(id, Wait::limit(GONE_LIMIT))
                    .await?;
            }
            ResourceKind::ServerGroup => {
                patiently(in_use, || compute.delete_server_group(id)).await?;
            }
            ResourceKind::Keypair => patiently(in_use, || compute.delete_keypair(id)).await?,
            ResourceKind::ApplicationCredential => {
                patiently(in_use, || {
                    session.identity().delete_application_credential(id)
                })
                .await?;
            }
            ResourceKind::FloatingIp => {
                patiently(in_use, || network.delete_floating_ip(id)).await?;
            }
            ResourceKind::Port => patiently(in_use, || network.delete_port(id)).await?,
            ResourceKind::Router => {
                for port in network.router_interfaces(id).await? {
                    for ip in &port.fixed_ips {
                        patiently(in_use, || {
                            network.remove_router_interface(id, &ip.subnet_id)
                        })
                        .await?;
                    }
                }
                patiently(in_use, || network.delete_router(id)).await?;
            }
            ResourceKind::Subnet => patiently(in_use, || network.delete_subnet(id)).await?,
            ResourceKind::Network => patiently(in_use, || network.delete_network(id)).await?,
            ResourceKind::SecurityGroup => {
                patiently(in_use, || network.delete_security_group(id)).await?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Deletes, and waits a while if something that is itself going still uses it.
async fn patiently<Deleting>(limit: Duration, delete: impl Fn() -> Deleting) -> Result<(), Error>
where
    Deleting: Future<Output = Result<Removal, capstan_openstack::Error>>,
{
    let end = Instant::now() + limit;
    loop {
        match delete().await {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == Kind::Conflict && Instant::now() < end => {
                tokio::time::sleep(LOOK).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
