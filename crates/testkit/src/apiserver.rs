//! A real etcd and kube-apiserver on loopback.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::sync::Mutex;

use crate::BINARIES;
use crate::child::GuardedChild;
use crate::pki::Pki;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long both programs may take to answer; about 4 s on an idle machine of two cores.
const START: Duration = Duration::from_secs(90);

/// A running API server with RBAC, reached by its administrator. Both programs and their data are gone when the last
/// handle is dropped.
pub struct ApiServer {
    // Dropped in this order: the API server goes before its store, the directory last.
    apiserver: GuardedChild,
    etcd: GuardedChild,
    directory: tempfile::TempDir,
    kubeconfig: String,
}

static SHARED: Mutex<Weak<ApiServer>> = Mutex::const_new(Weak::new());

impl ApiServer {
    /// The API server that all tests of this test binary running at the moment share, or `None` with a note when
    /// [`BINARIES`] is not set. Use a namespace of your own.
    ///
    /// # Panics
    /// When the programs are there and do not start: a test must not pass then.
    pub async fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().await;
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::start().await?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// An API server of one's own, for tests that change what is cluster-wide. See [`ApiServer::shared`].
    #[allow(
        clippy::panic,
        reason = "a fixture: the test cannot go on, and must not pass"
    )]
    pub async fn start() -> Option<Self> {
        let Some(binaries) = std::env::var_os(BINARIES).map(PathBuf::from) else {
            note(&format!(
                "{BINARIES} is not set: this test needs etcd and kube-apiserver and did NOT run"
            ));
            return None;
        };
        // The port is free when it is chosen and may be taken a moment later: then both are started afresh.
        let mut last = None;
        for _ in 0..3 {
            match Self::try_start(&binaries).await {
                Ok(server) => return Some(server),
                Err(error) => last = Some(error),
            }
        }
        panic!(
            "failed to start etcd and kube-apiserver from {}: {}",
            binaries.display(),
            last.map(|e| e.to_string()).unwrap_or_default()
        );
    }

    async fn try_start(binaries: &Path) -> Result<Self, Failure> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let directory = tempfile::Builder::new()
            .prefix("capstan-apiserver-")
            .tempdir()?;
        let at = |name: &str| directory.path().join(name);
        let (client, peer, secure) = (free_port()?, free_port()?, free_port()?);
        let pki = Pki::new()?;
        let serving = pki.leaf("kube-apiserver", None, &["127.0.0.1", "localhost"])?;
        let admin = pki.leaf("admin", Some("system:masters"), &[])?;
        let signer = rcgen::KeyPair::generate()?;
        for (name, content) in [
            ("ca.crt", &pki.ca()),
            ("apiserver.crt", &serving.certificate),
            ("apiserver.key", &serving.key),
            ("sa.key", &signer.serialize_pem()),
            ("sa.pub", &signer.public_key_pem()),
        ] {
            std::fs::write(at(name), content)?;
        }
        let path = |name: &str| at(name).display().to_string();

        let etcd = GuardedChild::start(
            &binaries.join("etcd"),
            &[
                format!("--data-dir={}", path("etcd")),
                format!("--listen-client-urls=http://127.0.0.1:{client}"),
                format!("--advertise-client-urls=http://127.0.0.1:{client}"),
                format!("--listen-peer-urls=http://127.0.0.1:{peer}"),
                "--unsafe-no-fsync".to_owned(),
            ],
            &at("etcd.log"),
        )?;
        let apiserver = GuardedChild::start(
            &binaries.join("kube-apiserver"),
            &[
                format!("--etcd-servers=http://127.0.0.1:{client}"),
                "--bind-address=127.0.0.1".to_owned(),
                "--advertise-address=127.0.0.1".to_owned(),
                format!("--secure-port={secure}"),
                format!("--tls-cert-file={}", path("apiserver.crt")),
                format!("--tls-private-key-file={}", path("apiserver.key")),
                format!("--client-ca-file={}", path("ca.crt")),
                "--authorization-mode=RBAC".to_owned(),
                "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
                format!("--service-account-key-file={}", path("sa.pub")),
                format!("--service-account-signing-key-file={}", path("sa.key")),
                "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
                "--allow-privileged".to_owned(),
            ],
            &at("apiserver.log"),
        )?;
        let kubeconfig = kubeconfig(secure, &pki.ca(), &admin.certificate, &admin.key);
        let mut server = Self {
            apiserver,
            etcd,
            directory,
            kubeconfig,
        };
        server.wait_until_ready().await?;
        Ok(server)
    }

    async fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let client = self.client().await?;
        let end = tokio::time::Instant::now() + START;
        loop {
            let request = http_get("/readyz")?;
            if client
                .request_text(request)
                .await
                .is_ok_and(|text| text == "ok")
            {
                return Ok(());
            }
            if !self.apiserver.is_running()
                || !self.etcd.is_running()
                || tokio::time::Instant::now() > end
            {
                let log = std::fs::read_to_string(self.directory.path().join("apiserver.log"))
                    .unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(5).collect();
                return Err(format!("kube-apiserver is not ready: {}", tail.join("\n")).into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    /// A client of the administrator (group `system:masters`).
    pub async fn client(&self) -> Result<Client, Failure> {
        let kubeconfig = Kubeconfig::from_yaml(&self.kubeconfig)?;
        let config =
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        Ok(Client::try_from(config)?)
    }

    /// A directory that lives as long as the server, for programs a test runs beside it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

fn http_get(path: &str) -> Result<http::Request<Vec<u8>>, http::Error> {
    http::Request::get(path).body(Vec::new())
}

/// A port of loopback that nobody listens on at the moment.
pub fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn kubeconfig(port: u16, ca: &str, certificate: &str, key: &str) -> String {
    let encoded =
        |pem: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pem);
    serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {
            "server": format!("https://127.0.0.1:{port}"), "certificate-authority-data": encoded(ca),
        }}],
        "users": [{"name": "admin", "user": {
            "client-certificate-data": encoded(certificate), "client-key-data": encoded(key),
        }}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
    })
    .to_string()
}

#[allow(clippy::print_stderr, reason = "a test that did not run has to say so")]
fn note(text: &str) {
    eprintln!("NOTE: {text}");
}
