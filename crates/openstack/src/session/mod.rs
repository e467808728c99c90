//! A session with a cloud: one way for every call, with time limit, retries, renewed token, bounded concurrency.

mod authenticate;
mod budget;
mod call;
mod catalog;
mod client;
mod exchange;
mod observer;
mod paging;
mod retry;
mod send;
mod token;

use std::{sync::Arc, time::Duration};

use tokio::sync::{Mutex, RwLock};
use url::Url;

pub use budget::Budget;
pub(crate) use call::Call;
pub use catalog::Service;
pub use observer::{Attempt, CallObserver, Outcome};
pub use retry::RetryPolicy;
pub use token::{CredentialIdentity, Identity};

use crate::{
    config::CloudConfig,
    error::{CallInfo, Error, Kind},
};
pub use send::Removal;
use token::Token;

/// How a session behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Time for one attempt of one call, answer's body included.
    pub call_limit: Duration,
    /// Time for making a connection.
    pub connect_limit: Duration,
    /// When to try again.
    pub retry: RetryPolicy,
    /// Calls in flight at once, so that no cloud's rate limit is provoked. Shared by all sessions whose options are clones of
    /// each other.
    pub budget: Budget,
    /// Items per page of a list; `None` leaves it to the service.
    pub page_size: Option<u32>,
    /// Who is told of every attempt of every call.
    pub observer: Option<Arc<dyn CallObserver>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            call_limit: Duration::from_mins(1),
            connect_limit: Duration::from_secs(10),
            retry: RetryPolicy::default(),
            budget: Budget::new(Budget::CALLS),
            page_size: None,
            observer: None,
        }
    }
}

/// A session with one cloud, in one project. Cheap to clone; clones share token, connections and limits.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    config: CloudConfig,
    options: Options,
    client: reqwest::Client,
    identity: Identity,
    region: Option<String>,
    regions: Vec<String>,
    token: RwLock<Arc<Token>>,
    /// Held by the one who renews the token; the others wait for it instead of asking Keystone, too.
    renewal: Mutex<()>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("cloud", &self.inner.config.name)
            .field("project", &self.inner.identity.project_name)
            .field("region", &self.inner.region)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Authenticates and reads the catalogue, with default [`Options`].
    pub async fn connect(config: CloudConfig) -> Result<Self, Error> {
        Self::connect_with(config, Options::default()).await
    }

    /// Authenticates and reads the catalogue.
    ///
    /// Fails with [`Kind::Unauthorized`] on wrong credentials, [`Kind::Unreachable`] or [`Kind::Tls`] when Keystone
    /// cannot be spoken to, [`Kind::BadRequest`] when the catalogue has several regions and the configuration names
    /// none, or names one that is not there.
    pub async fn connect_with(config: CloudConfig, options: Options) -> Result<Self, Error> {
        let client = client::build(&config, &options)?;
        let token = authenticate::authenticate(&client, &config, &options).await?;
        let regions: Vec<_> = token
            .catalog
            .regions(config.interface)
            .into_iter()
            .collect();
        let region = choose_region(&config, &regions)?;
        Ok(Self {
            inner: Arc::new(Inner {
                client,
                identity: token.identity.clone(),
                region,
                regions,
                token: RwLock::new(Arc::new(token)),
                renewal: Mutex::new(()),
                config,
                options,
            }),
        })
    }

    /// The configuration the session was made from.
    pub fn config(&self) -> &CloudConfig {
        &self.inner.config
    }

    /// Who the session is.
    pub fn whoami(&self) -> &Identity {
        &self.inner.identity
    }

    /// Id of the project.
    pub fn project_id(&self) -> &str {
        &self.inner.identity.project_id
    }

    /// Id of the user.
    pub fn user_id(&self) -> &str {
        &self.inner.identity.user_id
    }

    /// The region in use.
    pub fn region(&self) -> Option<&str> {
        self.inner.region.as_deref()
    }

    /// Every region of the catalogue, sorted.
    pub fn regions(&self) -> &[String] {
        &self.inner.regions
    }

    /// Whether the credential may make and delete application credentials: a password always may, an application
    /// credential only when it is unrestricted.
    pub fn may_mint_credentials(&self) -> bool {
        self.inner
            .identity
            .application_credential
            .as_ref()
            .is_none_or(|credential| !credential.restricted)
    }

    /// Whether the cloud offers a service here.
    pub async fn has(&self, service: Service) -> bool {
        self.endpoint(service).await.is_ok()
    }

    /// The base URL of a service, version included.
    pub async fn endpoint(&self, service: Service) -> Result<Url, Error> {
        let token = self.inner.token.read().await.clone();
        token
            .catalog
            .endpoint(service, &self.inner.config, self.region())
            .map_err(|message| {
                Error::new(
                    Kind::Unreachable,
                    "find",
                    format!("the {service} service"),
                    message,
                )
            })
    }
}

fn choose_region(config: &CloudConfig, regions: &[String]) -> Result<Option<String>, Error> {
    let problem = |message: String| {
        Error::new(
            Kind::BadRequest,
            "choose",
            format!("a region of cloud {}", config.name),
            message,
        )
    };
    match (&config.region, regions) {
        (Some(wanted), regions) if regions.contains(wanted) || regions.is_empty() => {
            Ok(Some(wanted.clone()))
        }
        (Some(wanted), regions) => Err(problem(format!(
            "region_name is {wanted:?}, the catalogue has {}",
            regions.join(", ")
        ))),
        (None, []) => Ok(None),
        (None, [only]) => Ok(Some(only.clone())),
        (None, several) => Err(problem(format!(
            "set region_name in clouds.yaml to one of {}",
            several.join(", ")
        ))),
    }
}
