//! Where the work is done: a session with a cloud and the local state that goes with it.

use capstan_openstack::{Entry, Session};

use crate::error::Error;
use crate::identity::Identity;
use crate::state::{CloudKey, Record, ServerFiles, StateRoot};
use crate::survey::{Found, Survey};

/// A cloud, and what this machine knows of the servers in it.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The cloud, in one project.
    pub session: Session,
    /// Local state of all servers.
    pub root: StateRoot,
}

/// What there is of a server.
#[derive(Debug, Clone)]
pub enum Situation {
    /// Nothing, here or in the cloud.
    Nothing,
    /// Made from here, perhaps not finished.
    Ours {
        /// What this machine remembers.
        record: Box<Record>,
        /// What is in the cloud.
        found: Box<Found>,
    },
    /// In the cloud, but not known here.
    Elsewhere {
        /// Which.
        identity: Identity,
        /// What is in the cloud.
        found: Box<Found>,
    },
}

impl Situation {
    /// Whether a server is in the cloud.
    pub fn has_server(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Ours { found, .. } | Self::Elsewhere { found, .. } => !found.servers.is_empty(),
        }
    }
}

impl Desk {
    /// Names the cloud in local state.
    pub fn cloud(&self) -> CloudKey {
        CloudKey {
            auth_url: self.session.config().auth_url.to_string(),
            project_id: self.session.project_id().to_owned(),
        }
    }

    /// The files of a server.
    pub fn files(&self, name: &str) -> ServerFiles {
        self.root.server(&self.cloud(), name)
    }

    /// The project's name.
    pub fn project(&self) -> &str {
        &self.session.whoami().project_name
    }

    /// What there is of a server, by local state first, else by the identity its resources carry.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] if several servers have the name and neither `uid` nor local state says which is meant.
    pub fn situation(
        &self,
        name: &str,
        uid: Option<&str>,
        survey: &Survey,
    ) -> Result<Situation, Error> {
        let record = self.files(name).record()?;
        let meant = |identity: &&Identity| uid.is_none_or(|uid| identity.uid.as_str() == uid);
        if let Some(record) = record.filter(|record| meant(&&record.identity)) {
            let found = survey.of(&record.identity);
            return Ok(Situation::Ours {
                record: Box::new(record),
                found: Box::new(found),
            });
        }
        let named = survey.named(name);
        let mut candidates = named.iter().copied().filter(meant);
        match (candidates.next(), candidates.next()) {
            (None, _) => Ok(Situation::Nothing),
            (Some(only), None) => Ok(Situation::Elsewhere {
                identity: only.clone(),
                found: Box::new(survey.of(only)),
            }),
            (Some(_), Some(_)) => Err(Error::Ambiguous {
                name: name.to_owned(),
                uids: named
                    .iter()
                    .map(|identity| identity.uid.to_string())
                    .collect(),
            }),
        }
    }

    /// That there is no server of a name, with those that there are.
    pub fn no_server(&self, name: &str, survey: &Survey) -> Error {
        Error::NoServer {
            name: name.to_owned(),
            project: self.project().to_owned(),
            known: survey.servers.keys().map(ToString::to_string).collect(),
        }
    }

    /// Whatever in the project looks like a cluster made by Cluster API: names that its OpenStack provider gives. Only for
    /// telling, never for removing.
    ///
    /// # Errors
    /// If it cannot be listed.
    pub async fn cluster_traces(&self) -> Result<Vec<Entry>, Error> {
        let snapshot = self.session.snapshot().await?;
        Ok(snapshot
            .entries
            .into_iter()
            .filter(|entry| entry.name.starts_with("k8s-clusterapi-cluster-"))
            .collect())
    }
}
