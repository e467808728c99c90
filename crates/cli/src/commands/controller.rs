//! `capstan controller`: the process inside the management server.

use std::net::SocketAddr;

use capstan_controller::Settings;
use capstan_kubernetes::Connection;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::failure::Failure;

/// Bring clusters about; runs on the management server.
#[derive(Debug, Args)]
pub(crate) struct Controller {
    /// Where the kubelet's probes are answered
    #[arg(long, default_value = "0.0.0.0:8081", value_name = "ADDRESS")]
    health: SocketAddr,
    /// Name among controllers
    #[arg(long, env = "POD_NAME", default_value = "capstan", value_name = "NAME")]
    identity: String,
}

impl Controller {
    /// Runs it.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let connection = Connection::infer().await.map_err(super::cluster::failure)?;
        let stop = CancellationToken::new();
        let failed = |error: std::io::Error| Failure::of(Exit::Failed, &error, None);
        let mut terminated = signal(SignalKind::terminate()).map_err(failed)?;
        tokio::spawn({
            let stop = stop.clone();
            async move {
                tokio::select! {
                    _ = terminated.recv() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
                stop.cancel();
            }
        });
        // Outside of a pod several may have the default name. In a pod the number is always the same, so a container that
        // starts again takes up its predecessor's lease at once.
        let identity = format!("{}-{}", self.identity, std::process::id());
        let settings = Settings {
            health: self.health,
            identity,
        };
        capstan_controller::run(&connection, settings, stop)
            .await
            .map_err(|error| Failure::of(Exit::Failed, &error, None))
    }
}
