//! What the management server needs once in a while: certificates of the webhooks.

use std::time::Duration;

use capstan_management::providers::{WantedCertificate, renew_certificates};
use kube::Client;
use tokio_util::sync::CancellationToken;

/// A leaf is renewed at two thirds of its year, so a day more or less does not matter; after a failure it is tried sooner.
const DAY: Duration = Duration::from_hours(24);
const AFTER_FAILURE: Duration = Duration::from_mins(10);

/// The webhook services of the four providers.
fn wanted() -> Vec<WantedCertificate> {
    [
        ("capi-system", "capi-webhook-service"),
        (
            "capi-kubeadm-bootstrap-system",
            "capi-kubeadm-bootstrap-webhook-service",
        ),
        (
            "capi-kubeadm-control-plane-system",
            "capi-kubeadm-control-plane-webhook-service",
        ),
        ("capo-system", "capo-webhook-service"),
    ]
    .map(|(namespace, service)| WantedCertificate {
        namespace: namespace.to_owned(),
        secret: format!("{service}-cert"),
        names: vec![
            format!("{service}.{namespace}.svc"),
            format!("{service}.{namespace}.svc.cluster.local"),
        ],
    })
    .into()
}

/// Renews until told to stop.
pub(crate) async fn certificates(client: Client, stop: CancellationToken) {
    loop {
        let pause = match renew_certificates(client.clone(), &wanted()).await {
            Ok(renewed) => {
                for certificate in renewed {
                    tracing::info!(
                        namespace = certificate.namespace,
                        secret = certificate.secret,
                        "certificate renewed"
                    );
                }
                DAY
            }
            Err(error) => {
                tracing::error!(%error, "failed to renew webhook certificates");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
