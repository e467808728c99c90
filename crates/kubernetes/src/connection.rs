//! A client with time limits, from a kubeconfig or from inside a pod.

use std::sync::Arc;
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use secrecy::{ExposeSecret, SecretString};

use crate::observer::{Observed, RequestObserver};
use crate::{Error, Result};

/// Time limits of a connection. Without them a dead server would hold a caller for ever: kube's defaults are none.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionSettings {
    /// Limit for establishing TCP and TLS.
    pub connect: Duration,
    /// Limit for one answer to arrive. Watches get `None` by [`Connection::for_watching`].
    pub read: Duration,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        // 30 s covers the API server's own limit for webhooks (at most 30 s, 10 s by default).
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(35),
        }
    }
}

/// How to reach one Kubernetes.
#[derive(Clone)]
pub struct Connection {
    config: Config,
    settings: ConnectionSettings,
    observer: Option<Arc<dyn RequestObserver>>,
}

impl std::fmt::Debug for Connection {
    /// Shows the address only: the configuration holds keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("url", &self.config.cluster_url)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Reads a kubeconfig's text, using `context` or the current one.
    pub async fn from_kubeconfig(text: &SecretString, context: Option<&str>) -> Result<Self> {
        let kubeconfig = Kubeconfig::from_yaml(text.expose_secret())
            .map_err(|e| Error::Kubeconfig(Box::new(e)))?;
        Self::from_parsed(kubeconfig, context).await
    }

    /// Reads what kubectl would: `KUBECONFIG`, else `~/.kube/config`.
    pub async fn from_environment(context: Option<&str>) -> Result<Self> {
        let kubeconfig = Kubeconfig::read().map_err(|e| Error::Kubeconfig(Box::new(e)))?;
        Self::from_parsed(kubeconfig, context).await
    }

    /// Uses the service account of the pod this runs in.
    pub fn in_cluster() -> Result<Self> {
        let config = Config::incluster().map_err(|e| Error::Kubeconfig(Box::new(e)))?;
        Ok(Self {
            config,
            settings: ConnectionSettings::default(),
            observer: None,
        })
    }

    /// In a pod the service account, elsewhere the environment's kubeconfig.
    pub async fn infer() -> Result<Self> {
        if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
            && std::env::var_os("KUBECONFIG").is_none()
        {
            return Self::in_cluster();
        }
        Self::from_environment(None).await
    }

    async fn from_parsed(kubeconfig: Kubeconfig, context: Option<&str>) -> Result<Self> {
        let names_proxy = kubeconfig
            .clusters
            .iter()
            .filter_map(|named| named.cluster.as_ref())
            .any(|cluster| cluster.proxy_url.is_some());
        let options = KubeConfigOptions {
            context: context.map(str::to_owned),
            ..KubeConfigOptions::default()
        };
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|e| Error::Kubeconfig(Box::new(e)))?;
        if !names_proxy {
            // Taken from HTTPS_PROXY then: a proxy for the web, which does not know a server that is a minute old. (And this
            // build of the client speaks to none.)
            config.proxy_url = None;
        }
        Ok(Self {
            config,
            settings: ConnectionSettings::default(),
            observer: None,
        })
    }

    /// Other time limits.
    #[must_use]
    pub const fn with_settings(mut self, settings: ConnectionSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Tells of every request of the clients made from now on.
    #[must_use]
    pub fn observed_by(mut self, observer: Option<Arc<dyn RequestObserver>>) -> Self {
        self.observer = observer;
        self
    }

    /// The API server's address.
    pub fn url(&self) -> String {
        self.config.cluster_url.to_string()
    }

    /// A client whose every request has a time limit.
    pub fn client(&self) -> Result<Client> {
        let mut config = self.config.clone();
        config.connect_timeout = Some(self.settings.connect);
        config.read_timeout = Some(self.settings.read);
        config.write_timeout = Some(self.settings.read);
        self.build(config)
    }

    /// A client for watches, which stay silent as long as nothing happens: the server ends each after at most
    /// 295 s (kube-runtime's default), so the read limit lies above that.
    pub fn for_watching(&self) -> Result<Client> {
        let mut config = self.config.clone();
        config.connect_timeout = Some(self.settings.connect);
        config.read_timeout = Some(Duration::from_secs(310));
        self.build(config)
    }

    fn build(&self, config: Config) -> Result<Client> {
        let builder =
            ClientBuilder::try_from(config).map_err(|e| Error::Connection(Box::new(e)))?;
        Ok(match &self.observer {
            None => builder.build(),
            Some(observer) => builder.with_layer(&Observed::by(observer)).build(),
        })
    }
}
