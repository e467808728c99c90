//! Clouds that clusters are on: one session for each, for all of its clusters.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use capstan_kubernetes::{Applier, Kinds, RequestObserver};
use capstan_openstack::{Budget, CallObserver, CloudConfig, Options, Session};
use capstan_plan::facts::Surroundings;
use kube::Client;
use tokio::sync::Mutex;

use crate::resource::Cloud;
use crate::{Error, surroundings};

/// How old what a `Cloud` and the server say may be, for those who only compare. Who acts reads.
const FRESH: Duration = Duration::from_mins(1);

/// Who is told of what is asked, for instance to count it.
#[derive(Debug, Clone, Default)]
pub struct Observers {
    /// Of clouds.
    pub cloud: Option<Arc<dyn CallObserver>>,
    /// Of workload clusters.
    pub workload: Option<Arc<dyn RequestObserver>>,
}

/// The management server's API, and the clouds its clusters are on. Cheap to clone; clones share the sessions.
#[derive(Clone)]
pub struct Clouds {
    pub(crate) client: Client,
    /// Knows the kinds of the management server, once for all looks.
    pub(crate) applier: Applier,
    pub(crate) observers: Observers,
    sessions: Arc<Mutex<HashMap<Key, Arc<Slot>>>>,
    around: Arc<Mutex<HashMap<Key, Arc<Around>>>>,
    /// By the URL of Keystone: many tenants' `Cloud`s are one cloud, which counts what all of them ask.
    budgets: Arc<Mutex<HashMap<String, Budget>>>,
}

/// Calls in flight per cloud, of all its clusters together. CAPO and the clusters' own cloud controllers ask beside us.
const CALLS: usize = 16;

/// Namespace and name of a `Cloud`.
type Key = (String, String);

/// The session of one `Cloud`. Locked while it is made, so that a thousand clusters that begin together log in once.
#[derive(Default)]
struct Slot(Mutex<Option<(Fingerprint, Session)>>);

/// What was read of the surroundings, and when. Locked while it is read, so that all who wait read once.
#[derive(Default)]
struct Around(Mutex<Option<(Instant, Surroundings)>>);

/// Of the credentials a session was made with.
pub(crate) type Fingerprint = [u8; 32];

/// The credentials of a `Cloud` as they are now. What they are shows nowhere, only whether they are others than before.
pub struct Credential {
    key: Key,
    config: CloudConfig,
    fingerprint: Fingerprint,
}

impl Credential {
    /// Tells these credentials from others.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }
}

impl Clouds {
    /// Starts without a session.
    pub fn new(client: Client, observers: Observers) -> Self {
        Self {
            applier: Applier::new(client.clone()),
            client,
            observers,
            sessions: Arc::default(),
            around: Arc::default(),
            budgets: Arc::default(),
        }
    }

    /// The kinds of the management server, as far as they are known.
    pub const fn kinds(&self) -> &Kinds {
        self.applier.kinds()
    }

    /// What a cluster in `namespace` on the cloud of that name stands on, read at most a minute ago.
    pub async fn surroundings(&self, namespace: &str, cloud: &str) -> Result<Surroundings, Error> {
        let key = (namespace.to_owned(), cloud.to_owned());
        let slot = self.around.lock().await.entry(key).or_default().clone();
        let mut slot = slot.0.lock().await;
        if let Some((read, around)) = slot.as_ref()
            && read.elapsed() < FRESH
        {
            return Ok(around.clone());
        }
        let around = surroundings::read(self.applier.kinds(), namespace, cloud).await?;
        *slot = Some((Instant::now(), around.clone()));
        Ok(around)
    }

    /// The credentials of a `Cloud`, read from the management server without asking the cloud.
    pub async fn credential(&self, cloud: &Cloud) -> Result<Credential, Error> {
        let home = cloud.metadata.namespace.clone().unwrap_or_default();
        let (config, fingerprint) = surroundings::credentials(&self.client, &home, cloud).await?;
        Ok(Credential {
            key: (home, cloud.metadata.name.clone().unwrap_or_default()),
            config,
            fingerprint,
        })
    }

    /// The session for these credentials: the one its clusters have, or a new one.
    pub async fn log_in(&self, credential: Credential) -> Result<Session, Error> {
        let Credential {
            key,
            config,
            fingerprint,
        } = credential;
        self.session(key, config, fingerprint).await
    }

    /// The session of the `Cloud`, made with these credentials: the one there is, unless they have changed.
    pub(crate) async fn session(
        &self,
        cloud: Key,
        config: CloudConfig,
        fingerprint: Fingerprint,
    ) -> Result<Session, Error> {
        let slot = self.sessions.lock().await.entry(cloud).or_default().clone();
        let mut slot = slot.0.lock().await;
        if let Some((of, session)) = slot.as_ref()
            && *of == fingerprint
        {
            return Ok(session.clone());
        }
        let options = Options {
            budget: self.budget(&config).await,
            observer: self.observers.cloud.clone(),
            ..Options::default()
        };
        let session = Session::connect_with(config, options).await?;
        *slot = Some((fingerprint, session.clone()));
        Ok(session)
    }

    async fn budget(&self, config: &CloudConfig) -> Budget {
        let mut budgets = self.budgets.lock().await;
        let budget = budgets.entry(config.auth_url.as_str().trim_end_matches('/').to_owned());
        budget.or_insert_with(|| Budget::new(CALLS)).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `clouds.yaml` with that Keystone and project, read as every other is.
    fn config(auth_url: &str, project: &str) -> CloudConfig {
        let text = format!(
            "clouds: {{c: {{auth: {{auth_url: \"{auth_url}\", username: u, password: p, project_name: {project}, \
             user_domain_name: Default, project_domain_name: Default}}}}}}"
        );
        capstan_openstack::config::from_text(&text, None, Some("c")).unwrap()
    }

    #[tokio::test]
    async fn projects_of_one_cloud_share_what_it_is_asked() {
        let nobody = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        let client = Client::try_from(nobody).unwrap();
        let clouds = Clouds::new(client, Observers::default());
        let of = async |url, project| clouds.budget(&config(url, project)).await;
        let one = of("https://a.example/v3", "one").await;
        assert!(one == of("https://a.example/v3", "two").await);
        assert!(one == of("https://a.example/v3/", "two").await);
        assert!(one != of("https://b.example/v3", "one").await);
    }
}
