//! A program in a container of a pod.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::AttachParams;
use kube::{Api, Client};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::{Error, Result};

/// What a program left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Whether it ended with 0.
    pub success: bool,
    /// What it wrote as its result.
    pub stdout: String,
    /// What it wrote as its complaint.
    pub stderr: String,
}

/// Runs a program of the container's image beside its own, and waits for its end. The connection must be patient while
/// nothing is written.
///
/// # Errors
/// When it cannot be begun, and when it does not end within the limit; it may go on then.
pub async fn exec(
    client: &Client,
    namespace: &str,
    pod: &str,
    container: &str,
    command: &[&str],
    limit: Duration,
) -> Result<Ended> {
    let object = format!("{} in pod {namespace}/{pod}", command.join(" "));
    let what = object.clone();
    let run = async {
        let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let how = AttachParams::default().container(container);
        let failed = |error| Error::request("run", object.clone(), error);
        let mut process = api
            .exec(pod, command.iter().copied(), &how)
            .await
            .map_err(failed)?;
        let (stdout, stderr) = (process.stdout(), process.stderr());
        let status = process.take_status();
        let (stdout, stderr) = futures::join!(all(stdout), all(stderr));
        let status = match status {
            Some(status) => status.await,
            None => None,
        };
        // Without a status the connection broke, whatever was written until then.
        let Some(status) = status else {
            let broken = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            return Err(failed(kube::Error::ReadEvents(broken)));
        };
        Ok(Ended {
            success: status.status.as_deref() == Some("Success"),
            stdout,
            stderr,
        })
    };
    let ended = tokio::time::timeout(limit, run).await;
    ended.unwrap_or_else(|_| {
        Err(Error::Timeout {
            what: format!("the end of {what}"),
            limit,
            last: "it still runs".to_owned(),
        })
    })
}

async fn all(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What was written before the connection broke; that it broke is told by the missing status.
        let _ = stream.read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
