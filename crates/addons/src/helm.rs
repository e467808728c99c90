//! The engine that runs the `helm` binary.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::{ChartEngine, ChartRelease, Error, ReleaseState};

/// Limit for one call. No call waits for health; the longest fetches a chart and applies it.
const CALL: Duration = Duration::from_mins(2);
/// Revisions of a release that are kept as Secrets in the cluster.
const HISTORY: &str = "3";

/// The `helm` binary.
#[derive(Debug, Clone)]
pub struct Helm {
    binary: PathBuf,
}

impl Helm {
    /// The binary at a path.
    pub fn at(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
        }
    }

    /// The binary named by `CAPSTAN_HELM`, else the one in the `PATH`.
    pub fn from_environment() -> Self {
        Self::at(
            std::env::var_os("CAPSTAN_HELM").map_or_else(|| PathBuf::from("helm"), PathBuf::from),
        )
    }

    async fn call(&self, call: Call<'_>) -> Result<String, Error> {
        let homes = tempfile::Builder::new()
            .prefix("capstan-helm-")
            .tempdir()
            .map_err(Error::Prepare)?;
        let mut command = Command::new(&self.binary);
        command
            .args(call.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", homes.path())
            .env("HELM_CACHE_HOME", homes.path().join("cache"))
            .env("HELM_CONFIG_HOME", homes.path().join("config"))
            .env("HELM_DATA_HOME", homes.path().join("data"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(kubeconfig) = call.kubeconfig {
            let path = write_secret(homes.path(), kubeconfig).map_err(Error::Prepare)?;
            command.arg("--kubeconfig").arg(path);
        }
        let start = |source| Error::Start {
            program: self.binary.display().to_string(),
            source,
        };
        let mut child = command.spawn().map_err(start)?;
        let input = call.input.unwrap_or_default();
        let mut stdin = child.stdin.take();
        let run = async move {
            if let Some(mut stdin) = stdin.take() {
                // helm may end before it has read everything; its words tell more than a broken pipe.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
            child.wait_with_output().await
        };
        let release = call.release.to_owned();
        let output = tokio::time::timeout(CALL, run)
            .await
            .map_err(|_| Error::Timeout {
                verb: call.verb,
                release: release.clone(),
                seconds: CALL.as_secs(),
            })?
            .map_err(start)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Error::Refused {
            verb: call.verb,
            release,
            message: last_words(&output.stderr),
        })
    }
}

struct Call<'a> {
    verb: &'static str,
    release: &'a str,
    arguments: &'a [&'a str],
    kubeconfig: Option<&'a SecretString>,
    input: Option<String>,
}

/// Writes the kubeconfig so that only its owner may read it (`tempfile` opens with mode 0600).
fn write_secret(directory: &Path, text: &SecretString) -> std::io::Result<PathBuf> {
    let mut file = tempfile::Builder::new()
        .prefix("kubeconfig-")
        .tempfile_in(directory)?;
    file.write_all(text.expose_secret().as_bytes())?;
    // Kept until the directory goes with the call.
    let (_, path) = file.keep().map_err(|error| error.error)?;
    Ok(path)
}

fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it said nothing");
    line.trim_start_matches("Error: ")
        .chars()
        .take(500)
        .collect()
}

#[derive(Deserialize)]
struct Answer {
    version: u64,
    info: Info,
    #[serde(default)]
    chart: Option<Chart>,
}

#[derive(Deserialize)]
struct Info {
    status: String,
}

#[derive(Deserialize)]
struct Chart {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
}

fn state(release: &str, text: &str) -> Result<ReleaseState, Error> {
    let answer: Answer = serde_json::from_str(text).map_err(|source| Error::Answer {
        release: release.to_owned(),
        source,
    })?;
    let chart = answer
        .chart
        .map(|c| format!("{}-{}", c.metadata.name, c.metadata.version));
    Ok(ReleaseState {
        revision: answer.version,
        status: answer.info.status,
        chart: chart.unwrap_or_default(),
    })
}

#[async_trait]
impl ChartEngine for Helm {
    async fn render(&self, release: &ChartRelease) -> Result<String, Error> {
        let arguments = [
            "template",
            &release.name,
            &release.chart,
            "--namespace",
            &release.namespace,
            "--values",
            "-",
        ];
        self.call(Call {
            verb: "render",
            release: &release.name,
            arguments: &arguments,
            kubeconfig: None,
            input: Some(release.values.to_string()),
        })
        .await
    }

    async fn upgrade(
        &self,
        release: &ChartRelease,
        kubeconfig: &SecretString,
    ) -> Result<ReleaseState, Error> {
        let arguments = [
            "upgrade",
            &release.name,
            &release.chart,
            "--install",
            "--namespace",
            &release.namespace,
            // Without it helm takes the values of the last revision when ours are empty.
            "--reset-values",
            "--values",
            "-",
            "--history-max",
            HISTORY,
            "--output",
            "json",
        ];
        let call = || Call {
            verb: "install",
            release: &release.name,
            arguments: &arguments,
            kubeconfig: Some(kubeconfig),
            input: Some(release.values.to_string()),
        };
        match self.call(call()).await {
            Ok(answer) => state(&release.name, &answer),
            // A call that was killed leaves the release "pending" for ever. Only one controller runs (lease), so nobody
            // else is at work: drop what is pending and begin anew.
            Err(error) if error.is_interrupted_release() => {
                self.uninstall(&release.name, &release.namespace, kubeconfig)
                    .await?;
                state(&release.name, &self.call(call()).await?)
            }
            Err(error) => Err(error),
        }
    }

    async fn status(
        &self,
        name: &str,
        namespace: &str,
        kubeconfig: &SecretString,
    ) -> Result<Option<ReleaseState>, Error> {
        let arguments = ["status", name, "--namespace", namespace, "--output", "json"];
        let call = Call {
            verb: "read",
            release: name,
            arguments: &arguments,
            kubeconfig: Some(kubeconfig),
            input: None,
        };
        match self.call(call).await {
            Ok(answer) => state(name, &answer).map(Some),
            Err(Error::Refused { message, .. }) if message.contains("release: not found") => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn uninstall(
        &self,
        name: &str,
        namespace: &str,
        kubeconfig: &SecretString,
    ) -> Result<(), Error> {
        let arguments = [
            "uninstall",
            name,
            "--namespace",
            namespace,
            "--ignore-not-found",
        ];
        let call = Call {
            verb: "remove",
            release: name,
            arguments: &arguments,
            kubeconfig: Some(kubeconfig),
            input: None,
        };
        self.call(call).await.map(drop)
    }
}
