//! `/healthz` and `/readyz` for the kubelet, `/metrics` for Prometheus: no more of HTTP than those need.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::metrics::{FORMAT, Metrics};

/// Who has not said what it wants by then is cut off.
const LIMIT: Duration = Duration::from_secs(5);

/// Whether the API of the management server has answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness(Arc<AtomicBool>);

impl Readiness {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Answers probes for ever.
pub(crate) async fn serve(listener: TcpListener, ready: Readiness, metrics: Arc<Metrics>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (ready, metrics) = (ready.clone(), metrics.clone());
                tokio::spawn(async move {
                    tokio::time::timeout(LIMIT, answer(stream, &ready, &metrics)).await
                });
            }
            Err(error) => {
                tracing::warn!(%error, "failed to accept a probe");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn answer(
    mut stream: TcpStream,
    ready: &Readiness,
    metrics: &Metrics,
) -> std::io::Result<()> {
    let mut buffer = [0_u8; 1024];
    let length = stream.read(&mut buffer).await?;
    let request = String::from_utf8_lossy(&buffer[..length]);
    let target = request.split_whitespace().nth(1).unwrap_or_default();
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let plain = |status, body: &str| (status, "text/plain", body.to_owned());
    let (status, format, body) = match path {
        "/healthz" => plain("200 OK", "ok"),
        "/readyz" if ready.0.load(Ordering::Relaxed) => plain("200 OK", "ok"),
        "/readyz" => plain(
            "503 Service Unavailable",
            "the API server has not answered yet",
        ),
        "/metrics" => ("200 OK", FORMAT, metrics.text()),
        _ => plain("404 Not Found", "not found"),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {format}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await
}
