//! The `WorkloadCluster` being reconciled: its newest version, its finalizer, its status.

use capstan_kubernetes::Error as KubernetesError;
use capstan_plan::{Observation, autoscaling};
use capstan_spec::status::{ClusterPhase, ConditionStatus, WorkloadClusterStatus};
use capstan_spec::{ClusterName, Uid, WorkloadClusterSpec};
use capstan_workload::Error;
use capstan_workload::resource::WorkloadCluster;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::controller::Action;
use kube::{Api, Client};
use rand::Rng as _;
use serde_json::json;

use crate::status;

/// Holds a `WorkloadCluster` until everything of it is gone.
const FINALIZER: &str = "capstan.dev/cluster";

/// One cluster being reconciled.
pub(super) struct Subject {
    api: Api<WorkloadCluster>,
    cluster: WorkloadCluster,
    namespace: String,
    name: String,
}

impl Subject {
    /// Reads the newest version; `None` when it is gone. What the watch has told may be older than our own last write, and
    /// a decision made on an older status (how often a machine was tried, say) would be made twice.
    pub(super) async fn read(
        client: &Client,
        told: &WorkloadCluster,
    ) -> Result<Option<Self>, Error> {
        let namespace = told
            .metadata
            .namespace
            .clone()
            .unwrap_or_else(|| "default".to_owned());
        let name = told.metadata.name.clone().unwrap_or_default();
        let api: Api<WorkloadCluster> = Api::namespaced(client.clone(), &namespace);
        let found = api
            .get_opt(&name)
            .await
            .map_err(|error| failed("read", &namespace, &name, error))?;
        Ok(found.map(|cluster| Self {
            api,
            cluster,
            namespace,
            name,
        }))
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn spec(&self) -> &WorkloadClusterSpec {
        &self.cluster.spec
    }

    /// Counts pools with an autoscaler as it wants them to be. Never written back: only the status is.
    pub(super) fn follow_autoscaler(&mut self, name: &ClusterName, seen: &Observation) {
        autoscaling::follow(&mut self.cluster.spec, name, seen);
    }

    pub(super) fn metadata(&self) -> &ObjectMeta {
        &self.cluster.metadata
    }

    /// Value of an annotation.
    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        let annotations = self.cluster.metadata.annotations.as_ref()?;
        annotations.get(key).map(String::as_str)
    }

    pub(super) fn generation(&self) -> Option<i64> {
        self.cluster.metadata.generation
    }

    /// The status as it was last read or written.
    pub(super) fn status(&self) -> WorkloadClusterStatus {
        self.cluster.status.clone().unwrap_or_default()
    }

    pub(super) fn is_deleting(&self) -> bool {
        self.cluster.metadata.deletion_timestamp.is_some()
    }

    pub(super) fn has_finalizer(&self) -> bool {
        self.cluster
            .metadata
            .finalizers
            .iter()
            .flatten()
            .any(|finalizer| finalizer == FINALIZER)
    }

    /// Adds or takes away our finalizer; the resource version guards those of others. Our own writes of the status raise the
    /// version, too, so the newest is read first.
    pub(super) async fn set_finalizer(&self, ours: bool) -> Result<(), Error> {
        let latest = self
            .api
            .get_opt(&self.name)
            .await
            .map_err(|e| self.failed("read", e))?;
        let Some(latest) = latest else { return Ok(()) };
        let mut finalizers = latest.metadata.finalizers.unwrap_or_default();
        finalizers.retain(|finalizer| finalizer != FINALIZER);
        if ours {
            finalizers.push(FINALIZER.to_owned());
        }
        let version = &latest.metadata.resource_version;
        let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": version}});
        match self
            .api
            .patch(&self.name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
        {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() && !ours => Ok(()),
            Err(error) => Err(self.failed("write", error)),
        }
    }

    /// The cluster's names. The uid is written down before anything is made with it.
    pub(super) async fn identity(
        &mut self,
        status: &mut WorkloadClusterStatus,
    ) -> Result<ClusterName, Error> {
        let uid = if let Some(uid) = &status.uid {
            uid.clone()
        } else {
            let uid = Uid::from_random(rand::rng().random());
            status.uid = Some(uid.clone());
            status.phase = Some(ClusterPhase::Pending);
            self.write_status(status).await?;
            uid
        };
        Ok(ClusterName::new(
            self.namespace.as_str(),
            self.name.as_str(),
            uid,
        ))
    }

    /// Writes the status unless it is what was written last.
    pub(super) async fn write_status(
        &mut self,
        status: &WorkloadClusterStatus,
    ) -> Result<(), Error> {
        if self.cluster.status.as_ref() == Some(status) {
            return Ok(());
        }
        // Replaced, not merged: what is no longer so must disappear. Only we write the status, so the newest version is
        // taken, whatever the spec has become meanwhile.
        let latest = self
            .api
            .get_opt(&self.name)
            .await
            .map_err(|e| self.failed("read", e))?;
        let Some(mut latest) = latest else {
            return Ok(());
        };
        latest.status = Some(status.clone());
        match self
            .api
            .replace_status(&self.name, &PostParams::default(), &latest)
            .await
        {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(error) => return Err(self.failed("write the status of", error)),
        }
        self.cluster.status = Some(status.clone());
        Ok(())
    }

    /// Writes a failure into the status before it is passed on, so that it is seen where people look.
    pub(super) async fn told(
        mut self,
        outcome: Result<Action, Error>,
        phase: ClusterPhase,
    ) -> Result<Action, Error> {
        let error = match outcome {
            Ok(action) => return Ok(action),
            Err(error) => error,
        };
        if error.is_conflict() {
            // Somebody was faster; the next round sees what they wrote. Nothing a person should read.
            return Err(error);
        }
        tracing::warn!(cluster = self.name, %error, "reconciliation");
        let mut status = self.status();
        let reason = error.reason();
        status.phase = Some(match status.phase {
            Some(ClusterPhase::Ready | ClusterPhase::Updating) => ClusterPhase::Degraded,
            Some(known) if phase != ClusterPhase::Deleting => known,
            _ => phase,
        });
        status::ready(
            &mut status,
            ConditionStatus::False,
            "Failed",
            reason.message.clone(),
            self.generation(),
        );
        let mut progress = status.progress.take().unwrap_or_default();
        progress.reasons = vec![reason];
        status.progress = Some(progress);
        self.write_status(&status).await?;
        Err(error)
    }

    fn failed(&self, verb: &'static str, error: kube::Error) -> Error {
        failed(verb, &self.namespace, &self.name, error)
    }
}

fn failed(verb: &'static str, namespace: &str, name: &str, error: kube::Error) -> Error {
    KubernetesError::request(verb, format!("WorkloadCluster {namespace}/{name}"), error).into()
}
