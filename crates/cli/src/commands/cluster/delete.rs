//! `capstan cluster delete`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use capstan_spec::record::{Audit, Owner};
use capstan_spec::{ClusterName, DeletionPolicy};
use capstan_workload::history;
use capstan_workload::resource::{ClusterRecord, WorkloadCluster};
use clap::Args;
use jiff::Timestamp;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use serde::Serialize;
use serde_json::{Value, json};

use super::target::Target;
use super::watch::Display;
use crate::arguments::Global;
use crate::ask;
use crate::environment::person;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, table};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Remove a cluster and everything made for it. Says first what that is, and at the end what became of it.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    #[command(flatten)]
    target: Target,
    /// Do it without asking for the name
    #[arg(short, long)]
    yes: bool,
    /// Come back at once; the controller goes on
    #[arg(long)]
    no_wait: bool,
    /// Take the hooks before deletion out of the cluster first, also while it waits for one
    #[arg(long)]
    skip_hooks: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    cluster: String,
    created: u32,
    gone: u32,
    left: Vec<capstan_spec::record::LedgerEntry>,
}

impl Delete {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let client = self.target.client(global).await?;
        let api: Api<WorkloadCluster> = Api::namespaced(client.clone(), &self.target.namespace);
        let records: Api<ClusterRecord> = Api::namespaced(client, &self.target.namespace);
        let cluster = self.target.cluster(&api, &self.cluster).await?;
        if cluster.spec.deletion_policy == DeletionPolicy::Protect {
            return Err(Failure::new(
                Exit::Conflict,
                format!("cluster {} is protected from deletion", self.cluster),
            )
            .hint("set spec.deletionPolicy to delete first"));
        }
        let uid = cluster
            .status
            .as_ref()
            .and_then(|status| status.uid.clone());
        let record =
            uid.map(|uid| ClusterName::new(&self.target.namespace, &self.cluster, uid).cluster());
        self.tell(printer, &records, record.as_deref()).await?;
        if !self.skip_hooks {
            for hook in &cluster.spec.hooks.before_delete {
                printer.note(&format!("hook {} runs before", hook.name));
            }
        }
        if cluster.metadata.deletion_timestamp.is_some() {
            self.ask_again(&api, &cluster).await?;
        } else {
            self.approve()?;
            if self.skip_hooks {
                self.drop_hooks(&api, &cluster).await?;
            }
            self.sign(&api, &cluster, printer).await;
            let preconditions = Preconditions {
                uid: cluster.metadata.uid.clone(),
                resource_version: None,
            };
            let params = DeleteParams::background().preconditions(preconditions);
            match api.delete(&self.cluster, &params).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.is_not_found() => {}
                Err(error) => return Err(self.target.refused("delete", &self.cluster, error)),
            }
        }
        if self.no_wait {
            printer.note(&format!(
                "cluster {} is being removed by the controller",
                self.cluster
            ));
            return Ok(());
        }
        let begun = Instant::now();
        self.wait(&api, &cluster, printer, begun).await?;
        let audit = self.audit(&records, record.as_deref()).await?;
        let outcome = Outcome {
            cluster: self.cluster.clone(),
            created: audit.created,
            gone: audit.gone,
            left: audit.left,
        };
        printer.result(&outcome, || {
            format!(
                "cluster {}: {} created, {} gone, in {} s",
                self.cluster,
                outcome.created,
                outcome.gone,
                begun.elapsed().as_secs()
            )
        })?;
        if outcome.left.is_empty() {
            return Ok(());
        }
        let left = outcome
            .left
            .iter()
            .map(|entry| format!("{} {} {}", entry.kind, entry.name, entry.id))
            .collect();
        Err(Failure {
            exit: Exit::Left,
            message: "something of the cluster remains".to_owned(),
            causes: left,
            hint: None,
        })
    }

    /// What dies.
    async fn tell(
        &self,
        printer: &Printer,
        records: &Api<ClusterRecord>,
        record: Option<&str>,
    ) -> Result<(), Failure> {
        let Some(name) = record else {
            printer.note("nothing was made for this cluster yet");
            return Ok(());
        };
        let found = records
            .get_opt(name)
            .await
            .map_err(|error| self.target.refused("read the record of", name, error))?;
        let ledger = found
            .and_then(|record| record.status)
            .unwrap_or_default()
            .ledger;
        let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for entry in ledger
            .iter()
            .filter(|entry| entry.gone_at.is_none() && entry.owner != Owner::Given)
        {
            let name = if entry.name.is_empty() {
                entry.id.as_str()
            } else {
                entry.name.as_str()
            };
            kinds.entry(&entry.kind).or_default().push(name);
        }
        if kinds.is_empty() {
            printer.note("nothing of this cluster is known in the cloud");
            return Ok(());
        }
        let rows = kinds.iter().map(|(kind, names)| {
            vec![
                (*kind).to_owned(),
                names.len().to_string(),
                names.join(", "),
            ]
        });
        printer.note(&format!(
            "this will be removed for ever:\n{}",
            table(&["kind", "count", "names"], rows)
        ));
        Ok(())
    }

    fn approve(&self) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !ask::possible() {
            return Err(Failure::new(
                Exit::NeedsAnswer,
                format!("failed to ask whether to remove cluster {}", self.cluster),
            )
            .hint("--yes says so"));
        }
        if ask::type_name(&self.cluster)? {
            Ok(())
        } else {
            Err(Failure::new(
                Exit::NeedsAnswer,
                "the name was not typed; nothing was changed",
            ))
        }
    }

    /// Writes down who asks, for the cluster's record. Whoever may delete but not change it may delete it all the same.
    async fn sign(&self, api: &Api<WorkloadCluster>, cluster: &WorkloadCluster, printer: &Printer) {
        let annotations = json!({history::DELETION_REQUESTED_BY: person()});
        let patch = json!({"metadata": {"uid": cluster.metadata.uid, "annotations": annotations}});
        let params = PatchParams {
            field_manager: Some(history::COMMAND_LINE.to_owned()),
            ..PatchParams::default()
        };
        let signed = api
            .patch(&self.cluster, &params, &Patch::Merge(&patch))
            .await;
        if let Err(error) = signed {
            printer.note(&format!("who asks is not written down: {error}"));
        }
    }

    /// Asks for the deletion once more: a hook that has failed is tried again at once, or dropped.
    async fn ask_again(
        &self,
        api: &Api<WorkloadCluster>,
        cluster: &WorkloadCluster,
    ) -> Result<(), Failure> {
        if self.skip_hooks {
            return self.drop_hooks(api, cluster).await;
        }
        if cluster.spec.hooks.before_delete.is_empty() {
            return Ok(());
        }
        let asked = json!({"annotations": {history::ASKED_AGAIN: Timestamp::now()}});
        self.patch(api, cluster, json!({}), asked).await
    }

    async fn drop_hooks(
        &self,
        api: &Api<WorkloadCluster>,
        cluster: &WorkloadCluster,
    ) -> Result<(), Failure> {
        if cluster.spec.hooks.before_delete.is_empty() {
            return Ok(());
        }
        let signed = json!({"annotations": {history::REQUESTED_BY: person()}});
        let dropped = json!({"hooks": {"beforeDelete": null}});
        self.patch(api, cluster, dropped, signed).await
    }

    async fn patch(
        &self,
        api: &Api<WorkloadCluster>,
        cluster: &WorkloadCluster,
        spec: Value,
        mut metadata: Value,
    ) -> Result<(), Failure> {
        metadata["uid"] = json!(cluster.metadata.uid);
        let patch = json!({"metadata": metadata, "spec": spec});
        let params = PatchParams {
            field_manager: Some(history::COMMAND_LINE.to_owned()),
            ..PatchParams::default()
        };
        match api
            .patch(&self.cluster, &params, &Patch::Merge(&patch))
            .await
        {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(error) => Err(self.target.refused("change", &self.cluster, error)),
        }
    }

    /// Until the object is gone. One of the same name that was made meanwhile is another cluster.
    async fn wait(
        &self,
        api: &Api<WorkloadCluster>,
        cluster: &WorkloadCluster,
        printer: &Printer,
        begun: Instant,
    ) -> Result<(), Failure> {
        let mut display = Display::new(printer);
        loop {
            let found = api.get_opt(&self.cluster).await;
            match found.map_err(|error| self.target.refused("read", &self.cluster, error))? {
                Some(found) if found.metadata.uid == cluster.metadata.uid => {
                    display.show(&found, begun.elapsed());
                }
                _ => {
                    display.finish();
                    return Ok(());
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                _ = tokio::signal::ctrl_c() => {
                    display.finish();
                    return Err(Failure::new(Exit::Interrupted, "stopped waiting; the controller goes on removing")
                        .hint("the same command takes it up again"));
                }
            }
        }
    }

    async fn audit(
        &self,
        records: &Api<ClusterRecord>,
        record: Option<&str>,
    ) -> Result<Audit, Failure> {
        let Some(name) = record else {
            return Ok(Audit::default());
        };
        let found = records
            .get_opt(name)
            .await
            .map_err(|error| self.target.refused("read the record of", name, error))?;
        found
            .and_then(|record| record.status?.audit)
            .ok_or_else(|| {
                Failure::new(
                    Exit::Left,
                    format!(
                        "failed to find the final account of cluster {}",
                        self.cluster
                    ),
                )
                .hint(format!("look at ClusterRecord {name}"))
            })
    }
}
