//! Removes resources by their ids, each kind after what uses it.

use std::time::{Duration, Instant};

use capstan_openstack::wait::Wait;
use capstan_openstack::{Entry, Kind, Removal, ResourceKind};

use super::LOOK;
use crate::desk::Desk;
use crate::error::Error;
use crate::graph::Graph;
use crate::progress::{Event, Outcome, Reporter};
use crate::survey::Found;

/// Longest wait for one thing to be gone.
const GONE_LIMIT: Duration = Duration::from_mins(3);
/// Longest that a thing may be in use by another that is going.
const IN_USE_LIMIT: Duration = Duration::from_secs(90);

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
pub(super) struct Removing<'a> {
    pub(super) desk: &'a Desk,
    pub(super) found: &'a Found,
    pub(super) reporter: &'a dyn Reporter,
}

impl Removing<'_> {
    /// Removes everything of one kind.
    pub(super) async fn step(&self, kind: ResourceKind) -> Result<(), Error> {
        for entry in self
            .found
            .entries()
            .into_iter()
            .filter(|entry| entry.kind == kind)
        {
            let started = Instant::now();
            self.reporter.report(Event::Started {
                step: entry.kind.to_string(),
                expected: Duration::from_secs(1),
            });
            let result = self.remove(&entry).await;
            let elapsed = started.elapsed();
            let step = entry.kind.to_string();
            match result {
                Ok(()) => self.reporter.report(Event::Done {
                    step,
                    outcome: Outcome::Removed,
                    detail: entry.id,
                    elapsed,
                }),
                Err(error) => {
                    self.reporter.report(Event::Failed { step, elapsed });
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    async fn remove(&self, entry: &Entry) -> Result<(), Error> {
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
                patiently(|| volume.delete_volume(id)).await?;
                volume
                    .wait_for_volume_gone(id, Wait::limit(GONE_LIMIT))
                    .await?;
            }
            ResourceKind::ServerGroup => patiently(|| compute.delete_server_group(id)).await?,
            ResourceKind::Keypair => patiently(|| compute.delete_keypair(id)).await?,
            ResourceKind::ApplicationCredential => {
                patiently(|| session.identity().delete_application_credential(id)).await?;
            }
            ResourceKind::FloatingIp => patiently(|| network.delete_floating_ip(id)).await?,
            ResourceKind::Port => patiently(|| network.delete_port(id)).await?,
            ResourceKind::Router => {
                for port in network.router_interfaces(id).await? {
                    for ip in &port.fixed_ips {
                        patiently(|| network.remove_router_interface(id, &ip.subnet_id)).await?;
                    }
                }
                patiently(|| network.delete_router(id)).await?;
            }
            ResourceKind::Subnet => patiently(|| network.delete_subnet(id)).await?,
            ResourceKind::Network => patiently(|| network.delete_network(id)).await?,
            ResourceKind::SecurityGroup => patiently(|| network.delete_security_group(id)).await?,
            _ => {}
        }
        Ok(())
    }
}

/// Deletes, and waits a while if something that is itself going still uses it.
async fn patiently<Deleting>(delete: impl Fn() -> Deleting) -> Result<(), Error>
where
    Deleting: Future<Output = Result<Removal, capstan_openstack::Error>>,
{
    let end = Instant::now() + IN_USE_LIMIT;
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
