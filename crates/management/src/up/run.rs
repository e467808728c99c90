//! The steps of `up`, run and told.

use tokio_util::sync::CancellationToken;

use super::answers::Answers;
use super::boot::Boot;
use crate::error::Error;
use crate::kubeconfig;
use crate::make::{Done, Maker};
use crate::pki::{CertifiedKey, ClusterPki};
use crate::progress::{Reporter, Underway};
use crate::state::ServerFiles;
use crate::steps::Step;

/// What the steps work with.
pub(super) struct Run<'a> {
    pub(super) maker: &'a Maker<'a>,
    pub(super) pki: &'a ClusterPki,
    pub(super) client: &'a CertifiedKey,
    pub(super) files: &'a ServerFiles,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) stop: &'a CancellationToken,
    pub(super) answers: &'a Answers<'a>,
}

impl Run<'_> {
    /// Runs one step and tells how it went.
    pub(super) async fn step(&self, step: Step) -> Result<(), Error> {
        let underway = Underway::begin(self.reporter, step.label(), step.expected());
        let result = match step {
            Step::Network => self.maker.network().await,
            Step::Router => self.maker.router().await,
            Step::SecurityGroup => self.maker.security_group().await,
            Step::FloatingIp => self.maker.floating_ip().await,
            Step::ServerGroup => self.maker.server_group().await,
            Step::Keypair => self.maker.keypair().await,
            Step::Credential => self.maker.credential().await,
            Step::Subnet => self.maker.subnet().await,
            Step::Volume => match self.maker.volume().await {
                Ok(made) => self.stoppable(self.maker.volume_built(made)).await,
                failed => failed,
            },
            Step::RouterInterface => self.maker.router_interface().await,
            Step::Port => self.maker.port().await,
            Step::Association => self.maker.association().await,
            Step::Server => self.server().await,
            Step::Running => self.stoppable(self.maker.running()).await,
            Step::Api => {
                let boot = Boot {
                    session: self.maker.session,
                    server: self.maker.server()?,
                    endpoint: self.endpoint()?,
                    reporter: self.reporter,
                };
                self.stoppable(boot.wait(&self.pki.ca.certificate, self.client))
                    .await
            }
        };
        underway.end(result.inspect_err(|error| self.answers.failed(error)))
    }

    /// A wait, which may be cut off at any moment, unlike a request that creates something.
    async fn stoppable(&self, wait: impl Future<Output = Done>) -> Done {
        tokio::select! {
            done = wait => done,
            () = self.stop.cancelled() => Err(Error::Interrupted { name: String::new(), exists: None }),
        }
    }

    /// `https://<address>:6443`.
    pub(super) fn endpoint(&self) -> Result<String, Error> {
        let address = self.maker.public_address()?;
        let address = if address.is_ipv6() {
            format!("[{address}]")
        } else {
            address.to_string()
        };
        Ok(format!("https://{address}:6443"))
    }

    /// The kubeconfig is written as soon as the address is known, before the server that it is for.
    async fn server(&self) -> Done {
        let endpoint = self.endpoint()?;
        let context = self.maker.identity.resource_name();
        let text = kubeconfig::render(&context, &endpoint, &self.pki.ca.certificate, self.client)
            .map_err(|error| Error::Kubeconfig(Box::new(error)))?;
        self.files.save_kubeconfig(&text)?;
        self.files
            .update_record(|record| record.endpoint = Some(endpoint))?;
        let made = self.maker.create_server().await?;
        // The last thing that is created: all others were needed for it.
        self.answers.settle()?;
        Ok(made)
    }
}
