//! The `ClusterRecord` of a cluster: made before anything else, kept when the cluster is gone.

use capstan_kubernetes::Error as KubernetesError;
use capstan_spec::ClusterName;
use capstan_spec::record::{ClusterRecordSpec, ClusterRecordStatus, HistoryEntry};
use capstan_workload::Error;
use capstan_workload::resource::ClusterRecord;
use jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

/// The record of one cluster.
pub(crate) struct Record {
    api: Api<ClusterRecord>,
    name: String,
    /// What is in it.
    pub(crate) status: ClusterRecordStatus,
    written: ClusterRecordStatus,
}

impl Record {
    /// Reads the record, or makes it.
    pub(crate) async fn open(
        client: &Client,
        name: &ClusterName,
        cloud: &str,
    ) -> Result<Self, Error> {
        let api: Api<ClusterRecord> = Api::namespaced(client.clone(), name.namespace());
        let record_name = name.cluster();
        let failed = |verb, error| {
            KubernetesError::request(verb, format!("ClusterRecord {record_name}"), error)
        };
        let found = if let Some(found) = api
            .get_opt(&record_name)
            .await
            .map_err(|e| failed("read", e))?
        {
            found
        } else {
            let spec = ClusterRecordSpec {
                cluster: name.name().to_owned(),
                uid: name.uid().clone(),
                cloud: cloud.to_owned(),
            };
            let new = ClusterRecord::new(name.namespace(), &record_name, spec);
            api.create(&PostParams::default(), &new)
                .await
                .map_err(|e| failed("create", e))?
        };
        let status = found.status.unwrap_or_default();
        Ok(Self {
            api,
            name: record_name,
            written: status.clone(),
            status,
        })
    }

    /// Adds a line to the history, unless it is the last one already.
    pub(crate) fn note(&mut self, action: &str) {
        let last = self.status.history.last();
        if last.is_none_or(|last| last.action != action) {
            self.status.enter(line(action, None));
        }
    }

    /// Adds a line to the history, unless it is there already.
    pub(crate) fn note_once(&mut self, action: &str, who: Option<String>) {
        let history = &self.status.history;
        if history.iter().all(|entry| entry.action != action) {
            self.status.enter(line(action, who));
        }
    }

    /// Writes what has changed.
    pub(crate) async fn save(&mut self) -> Result<(), Error> {
        if self.status == self.written {
            return Ok(());
        }
        let patch = json!({"status": self.status});
        let written = self
            .api
            .patch_status(&self.name, &PatchParams::default(), &Patch::Merge(&patch))
            .await;
        written.map_err(|e| {
            KubernetesError::request("write", format!("ClusterRecord {}", self.name), e)
        })?;
        self.written = self.status.clone();
        Ok(())
    }
}

fn line(action: &str, who: Option<String>) -> HistoryEntry {
    HistoryEntry {
        at: Timestamp::now(),
        action: action.to_owned(),
        who,
        result: None,
        generation: None,
    }
}
