//! Clouds that clusters are on: one session for each, for all of its clusters.

use std::collections::HashMap;
use std::sync::Arc;

use capstan_kubernetes::RequestObserver;
use capstan_openstack::{CallObserver, CloudConfig, Options, Session};
use kube::Client;
use tokio::sync::Mutex;

use crate::Error;

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
    pub(crate) observers: Observers,
    sessions: Arc<Mutex<HashMap<Key, Arc<Slot>>>>,
}

/// Namespace and name of a `Cloud`.
type Key = (String, String);

/// The session of one `Cloud`. Locked while it is made, so that a thousand clusters that begin together log in once.
#[derive(Default)]
struct Slot(Mutex<Option<(Fingerprint, Session)>>);

/// Of the credentials a session was made with.
pub(crate) type Fingerprint = [u8; 32];

impl Clouds {
    /// Starts without a session.
    pub fn new(client: Client, observers: Observers) -> Self {
        Self {
            client,
            observers,
            sessions: Arc::default(),
        }
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
            observer: self.observers.cloud.clone(),
            ..Options::default()
        };
        let session = Session::connect_with(config, options).await?;
        *slot = Some((fingerprint, session.clone()));
        Ok(session)
    }
}
