//! The reconciler of `WorkloadCluster`s.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use capstan_addons::ChartEngine;
use capstan_catalog::Catalogue;
use capstan_kubernetes::Error as KubernetesError;
use capstan_plan::progress::AddonState;
use capstan_plan::{Observation, progress};
use capstan_spec::progress::{Reason, ReasonCode, StepState};
use capstan_spec::status::{ClusterPhase, ConditionStatus, Resolved, WorkloadClusterStatus};
use capstan_spec::{ClusterName, DeletionPolicy, Severity, Uid};
use capstan_workload::resource::WorkloadCluster;
use capstan_workload::surroundings::Context;
use capstan_workload::{
    Error, apply, equip, ledger, observe, preflight, prepare, removal, resolve,
};
use jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::controller::Action;
use kube::{Api, Client};
use rand::Rng as _;
use serde_json::json;

use crate::record::Record;
use crate::status;

/// Holds a `WorkloadCluster` until everything of it is gone.
const FINALIZER: &str = "capstan.dev/cluster";
/// Until the next look while work is under way.
const SOON: Duration = Duration::from_secs(3);
/// Until the next look when something has to change outside first.
const BLOCKED: Duration = Duration::from_secs(20);
/// Until the next look when all is well.
const LATER: Duration = Duration::from_mins(2);

/// What every reconciliation uses.
pub(crate) struct World {
    client: Client,
    catalogue: Catalogue,
    charts: Arc<dyn ChartEngine>,
}

impl World {
    pub(crate) fn new(client: Client, catalogue: Catalogue, charts: Arc<dyn ChartEngine>) -> Self {
        Self {
            client,
            catalogue,
            charts,
        }
    }
}

/// How soon a failed reconciliation is tried again: soon for what passes, later for what needs somebody; with jitter, so
/// that many clusters on one cloud do not come back together.
pub(crate) fn retry_after(_: Arc<WorkloadCluster>, error: &Error, _: Arc<World>) -> Action {
    let base = if error.is_transient() { SOON } else { BLOCKED };
    Action::requeue(base.mul_f64(rand::rng().random_range(1.0..1.5)))
}

/// Brings one cluster a step further.
pub(crate) async fn reconcile(
    cluster: Arc<WorkloadCluster>,
    world: Arc<World>,
) -> Result<Action, Error> {
    let one = One::new(&world, &cluster);
    if cluster.metadata.deletion_timestamp.is_some() {
        if !one.has_finalizer() {
            return Ok(Action::await_change());
        }
        let outcome = Box::pin(one.remove()).await;
        return one.told(outcome, ClusterPhase::Deleting).await;
    }
    if !one.has_finalizer() {
        one.set_finalizers(true).await?;
        return Ok(Action::requeue(Duration::ZERO));
    }
    let outcome = Box::pin(one.bring_about()).await;
    one.told(outcome, ClusterPhase::Pending).await
}

/// One cluster being reconciled.
struct One<'a> {
    world: &'a World,
    cluster: &'a WorkloadCluster,
    api: Api<WorkloadCluster>,
    namespace: &'a str,
    name: &'a str,
}

impl<'a> One<'a> {
    fn new(world: &'a World, cluster: &'a WorkloadCluster) -> Self {
        let namespace = cluster.metadata.namespace.as_deref().unwrap_or("default");
        let name = cluster.metadata.name.as_deref().unwrap_or_default();
        Self {
            world,
            cluster,
            api: Api::namespaced(world.client.clone(), namespace),
            namespace,
            name,
        }
    }

    fn has_finalizer(&self) -> bool {
        self.cluster
            .metadata
            .finalizers
            .iter()
            .flatten()
            .any(|finalizer| finalizer == FINALIZER)
    }

    /// Adds or takes away our finalizer; the resource version guards those of others. Our own writes of the status raise the
    /// version, too, so the newest is read first.
    async fn set_finalizers(&self, ours: bool) -> Result<(), Error> {
        let latest = self
            .api
            .get_opt(self.name)
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
            .patch(self.name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
        {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() && !ours => Ok(()),
            Err(error) => Err(self.failed("write", error)),
        }
    }

    fn failed(&self, verb: &'static str, error: kube::Error) -> Error {
        KubernetesError::request(
            verb,
            format!("WorkloadCluster {}/{}", self.namespace, self.name),
            error,
        )
        .into()
    }

    /// Writes a failure into the status before it is passed on, so that it is seen where people look.
    async fn told(
        &self,
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
        let mut status = self.read_status().await?;
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
            self.cluster.metadata.generation,
        );
        let mut progress = status.progress.take().unwrap_or_default();
        progress.reasons = vec![reason];
        status.progress = Some(progress);
        self.write_status(&status).await?;
        Err(error)
    }

    async fn read_status(&self) -> Result<WorkloadClusterStatus, Error> {
        let read = self
            .api
            .get_opt(self.name)
            .await
            .map_err(|e| self.failed("read", e))?;
        Ok(read.and_then(|cluster| cluster.status).unwrap_or_default())
    }

    async fn write_status(&self, status: &WorkloadClusterStatus) -> Result<(), Error> {
        if self.cluster.status.as_ref() == Some(status) {
            return Ok(());
        }
        let mut cluster = self.cluster.clone();
        cluster.status = Some(status.clone());
        // Replaced, not merged: what is no longer so must disappear. Only we write the status, so the newest version is
        // taken, whatever the spec has become meanwhile.
        let latest = self
            .api
            .get_opt(self.name)
            .await
            .map_err(|e| self.failed("read", e))?;
        let Some(latest) = latest else { return Ok(()) };
        cluster.metadata = latest.metadata;
        cluster.spec = latest.spec;
        match self
            .api
            .replace_status(self.name, &PostParams::default(), &cluster)
            .await
        {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(error) => Err(self.failed("write the status of", error)),
        }
    }

    /// The cluster's names. The uid is written down before anything is made with it.
    async fn identity(&self, status: &mut WorkloadClusterStatus) -> Result<ClusterName, Error> {
        let uid = if let Some(uid) = &status.uid {
            uid.clone()
        } else {
            let uid = Uid::from_random(rand::rng().random());
            status.uid = Some(uid.clone());
            status.phase = Some(ClusterPhase::Pending);
            self.write_status(status).await?;
            uid
        };
        Ok(ClusterName::new(self.namespace, self.name, uid))
    }

    async fn bring_about(&self) -> Result<Action, Error> {
        let spec = &self.cluster.spec;
        let generation = self.cluster.metadata.generation;
        let mut status = self.cluster.status.clone().unwrap_or_default();
        let wrong: Vec<Reason> = capstan_spec::validate::cluster(self.name, spec)
            .into_iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| Reason {
                code: ReasonCode::Other,
                message: finding.message,
                remedy: finding
                    .remedy
                    .unwrap_or_else(|| "change the cluster".to_owned()),
                object: Some(finding.path),
                detail: None,
            })
            .collect();
        let name = self.identity(&mut status).await?;
        if !wrong.is_empty() {
            let seen = Observation {
                now: Timestamp::now(),
                blockers: wrong,
                ..Observation::default()
            };
            return self
                .tell(&mut status, &name, generation, seen, BLOCKED)
                .await;
        }

        let context = Context::connect(&self.world.client, self.namespace, &spec.cloud).await?;
        let mut record = Record::open(&self.world.client, &name, &spec.cloud).await?;
        let mut seen = observe::observe(&context, &name).await?;

        let mut resolved = status.resolved.clone().unwrap_or_default();
        seen.blockers = self.check(&context, &name, &seen, &mut resolved).await?;
        let may_make = seen.blockers.is_empty() && !spec.paused;
        if may_make {
            record.note("creation began");
            record.save().await?;
            let prepared = prepare::prepare(&context.session, spec, &name, &mut resolved).await;
            // What was made is written down even if the next thing failed.
            status.resolved = Some(resolved.clone());
            self.write_status(&status).await?;
            prepared?;
            prepare::credential(&context, &name).await?;
        }
        if status.resolved.is_some() && resolved.floating_ip.is_some() {
            let rendered = apply::rendered(&context, spec, &name, &resolved)?;
            if spec.paused {
                apply::pause(&context, &rendered).await?;
            } else if may_make {
                apply::apply(&context, &rendered).await?;
                apply::collect(&context, &name, &rendered, &templates_in_use(&seen)).await?;
                seen.addons = self.addons(&context, &name, &seen).await?;
            }
        }
        let found = ledger::look(
            &context.session,
            spec,
            &name,
            &ledger_servers(&seen, &record),
        )
        .await?;
        ledger::enter(&mut record.status, &found);
        record.save().await?;
        let next = if seen.blockers.is_empty() {
            SOON
        } else {
            BLOCKED
        };
        self.tell(&mut status, &name, generation, seen, next).await
    }

    /// Looks up names and quota, as far as it is needed: nothing when all is pinned and no machine is missing.
    async fn check(
        &self,
        context: &Context,
        name: &ClusterName,
        seen: &Observation,
        resolved: &mut Resolved,
    ) -> Result<Vec<Reason>, Error> {
        let spec = &self.cluster.spec;
        let machines = machines(seen);
        let control_plane = machines
            .get(capstan_plan::facts::CONTROL_PLANE)
            .copied()
            .unwrap_or(0);
        let grows = control_plane < spec.control_plane.replicas
            || spec
                .workers
                .iter()
                .any(|pool| machines.get(&pool.name).copied().unwrap_or(0) < pool.replicas);
        let seen_generation = self
            .cluster
            .status
            .as_ref()
            .and_then(|status| status.observed_generation);
        let changed = seen_generation != self.cluster.metadata.generation;
        let blocked =
            self.cluster.status.as_ref().and_then(|s| s.phase) == Some(ClusterPhase::Blocked);
        // Quota is asked before a change begins; while Cluster API works on it, what it reserves would count twice.
        if resolved.image_id.is_some()
            && resolved.external_network_id.is_some()
            && !changed
            && !blocked
        {
            return Ok(Vec::new());
        }
        let inventory = context.session.inventory().await?;
        let rules = self.world.catalogue.node_image_rules();
        let defaults = &context.cloud.spec.defaults;
        match resolve::resolve(spec, defaults, &inventory, rules, Some(resolved)) {
            Ok(found) => *resolved = found,
            Err(reasons) => return Ok(reasons),
        }
        if !grows {
            return Ok(Vec::new());
        }
        let existing = preflight::Existing {
            control_plane,
            infrastructure: seen.infrastructure.as_ref().is_some_and(|i| i.status.ready),
        };
        // A creation whose infrastructure is half there is past the preflight already.
        if seen.cluster.is_some() && !existing.infrastructure {
            return Ok(Vec::new());
        }
        tracing::debug!(cluster = name.cluster(), "checking quota");
        let flavors = resolve::flavors(&inventory);
        let lines = preflight::lines(
            spec,
            resolved,
            &flavors,
            &machines,
            existing,
            &inventory.quota,
        );
        Ok(preflight::reasons(&lines))
    }

    /// Installs addons as soon as the API of the cluster answers.
    async fn addons(
        &self,
        context: &Context,
        name: &ClusterName,
        seen: &Observation,
    ) -> Result<Vec<AddonState>, Error> {
        let initialized = seen
            .control_plane
            .as_ref()
            .is_some_and(|c| c.status.initialization.control_plane_initialized)
            || seen
                .cluster
                .as_ref()
                .is_some_and(|c| c.status.initialization.control_plane_initialized);
        let kubeconfig = if initialized {
            equip::kubeconfig(context, name).await?
        } else {
            None
        };
        let waiting = |message: &str| {
            let addons = capstan_plan::addons::addons(&self.cluster.spec);
            addons
                .iter()
                .map(|a| AddonState {
                    name: a.name.to_owned(),
                    state: StepState::Waiting,
                    message: message.to_owned(),
                })
                .collect()
        };
        let Some(kubeconfig) = kubeconfig else {
            return Ok(waiting("waits for the API"));
        };
        let mirror = context.surroundings.mirror.as_ref();
        let spec = &self.cluster.spec;
        let charts = self.world.charts.as_ref();
        match equip::equip(charts, &self.world.catalogue, spec, mirror, &kubeconfig).await {
            Ok(states) => Ok(states),
            // The rest of the cluster is looked at all the same.
            Err(error) if error.is_transient() => {
                tracing::info!(cluster = name.cluster(), %error, "addons");
                Ok(waiting(&error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    async fn tell(
        &self,
        status: &mut WorkloadClusterStatus,
        name: &ClusterName,
        generation: Option<i64>,
        seen: Observation,
        next: Duration,
    ) -> Result<Action, Error> {
        let progress = progress(&self.cluster.spec, name, &seen);
        status::tell(
            status,
            &self.cluster.spec,
            name,
            generation,
            &seen,
            progress,
        );
        self.write_status(status).await?;
        let next = if status.phase == Some(ClusterPhase::Ready) {
            LATER
        } else {
            next
        };
        Ok(Action::requeue(next))
    }

    async fn remove(&self) -> Result<Action, Error> {
        let spec = &self.cluster.spec;
        let mut status = self.cluster.status.clone().unwrap_or_default();
        let Some(uid) = status.uid.clone() else {
            // Nothing was ever made: every name contains the uid.
            self.set_finalizers(false).await?;
            return Ok(Action::await_change());
        };
        let name = ClusterName::new(self.namespace, self.name, uid);
        let generation = self.cluster.metadata.generation;
        if spec.deletion_policy == DeletionPolicy::Protect {
            status.phase = Some(ClusterPhase::Blocked);
            let message =
                "spec.deletionPolicy is protect: change it to delete the cluster".to_owned();
            status::ready(
                &mut status,
                ConditionStatus::False,
                "Protected",
                message,
                generation,
            );
            self.write_status(&status).await?;
            return Ok(Action::requeue(LATER));
        }
        let context = Context::connect(&self.world.client, self.namespace, &spec.cloud).await?;
        let mut record = Record::open(&self.world.client, &name, &spec.cloud).await?;
        let seen = observe::observe(&context, &name).await?;
        let found = ledger::look(
            &context.session,
            spec,
            &name,
            &ledger_servers(&seen, &record),
        )
        .await?;
        ledger::enter(&mut record.status, &found);
        record.note("deletion began");
        record.save().await?;
        let left = record.status.settle(Timestamp::now());
        status.phase = Some(ClusterPhase::Deleting);
        let message = format!("{} of {} resources are gone", left.gone, left.created);
        status::ready(
            &mut status,
            ConditionStatus::False,
            "Deleting",
            message,
            generation,
        );
        status.progress = Some(removing(left.created, left.gone));
        self.write_status(&status).await?;

        if !removal::delete_cluster(&context, &name).await? {
            return Ok(Action::requeue(SOON));
        }
        removal::sweep(&context.session, &found).await?;
        let found = ledger::look(
            &context.session,
            spec,
            &name,
            &ledger_servers(&seen, &record),
        )
        .await?;
        ledger::enter(&mut record.status, &found);
        record.save().await?;
        let only_credential = found
            .entries()
            .iter()
            .all(|entry| entry.kind == "application credential");
        if !only_credential {
            return Ok(Action::requeue(SOON));
        }
        self.finish(&context, &name, &mut record, &found).await
    }

    /// The last act: the credential, our objects, the audit, the finalizer.
    async fn finish(
        &self,
        context: &Context,
        name: &ClusterName,
        record: &mut Record,
        found: &ledger::Found,
    ) -> Result<Action, Error> {
        removal::remove_credential(&context.session, found).await?;
        removal::delete_objects(context, name).await?;
        let none = ledger::look(
            &context.session,
            &self.cluster.spec,
            name,
            &BTreeSet::default(),
        )
        .await?;
        ledger::enter(&mut record.status, &none);
        let audit = record.status.settle(Timestamp::now());
        let clean = audit.left.is_empty();
        tracing::info!(
            cluster = name.cluster(),
            created = audit.created,
            gone = audit.gone,
            "cluster removed"
        );
        record.note(&format!("{} created, {} gone", audit.created, audit.gone));
        record.status.audit = Some(audit);
        record.save().await?;
        if !clean {
            return Ok(Action::requeue(SOON));
        }
        self.set_finalizers(false).await?;
        Ok(Action::await_change())
    }
}

fn removing(created: u32, gone: u32) -> capstan_spec::progress::Progress {
    let percent = (gone * 100).checked_div(created).unwrap_or(100);
    capstan_spec::progress::Progress {
        percent: u8::try_from(percent.min(100)).unwrap_or(100),
        ..capstan_spec::progress::Progress::default()
    }
}

/// Servers to look for: those Cluster API knows now, and those it once knew.
fn ledger_servers(seen: &Observation, record: &Record) -> BTreeSet<String> {
    let known = record
        .status
        .ledger
        .iter()
        .filter(|entry| entry.kind == "server")
        .map(|entry| entry.id.clone());
    ledger::servers(seen).into_iter().chain(known).collect()
}

/// Machines by pool.
fn machines(seen: &Observation) -> BTreeMap<String, u32> {
    let mut machines = BTreeMap::new();
    for machine in &seen.machines {
        if let Some(pool) = machine.metadata.label(capstan_plan::render::POOL_LABEL) {
            *machines.entry(pool.to_owned()).or_insert(0) += 1;
        } else if machine.is_control_plane() {
            *machines
                .entry(capstan_plan::facts::CONTROL_PLANE.to_owned())
                .or_insert(0) += 1;
        }
    }
    machines
}

/// Names of templates that machines, machine sets or pools still refer to.
fn templates_in_use(seen: &Observation) -> Vec<String> {
    let mut names = Vec::new();
    for machine in &seen.machines {
        names.push(machine.spec.infrastructure_ref.name.clone());
        names.push(machine.spec.bootstrap.config_ref.name.clone());
    }
    for machine in &seen.openstack_machines {
        let cloned = machine
            .metadata
            .annotations
            .get("cluster.x-k8s.io/cloned-from-name");
        names.extend(cloned.cloned());
    }
    names
}
