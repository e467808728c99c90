//! Clusters that are as they were when they were last looked at in full.
//!
//! A full look asks the management server some fifty things, and the cloud a dozen. A cluster that is as wanted is spared
//! that as long as nothing that a look decides by has changed. At the end of every full look that finds all as wanted, a
//! hash of all that it decided by is written into the status (`settled`); a look that comes to the same hash, from what the
//! watches tell and without a request, has nothing to do. So a controller that starts again asks nothing about the clusters
//! that are well.
//!
//! What no watch tells is asked now and then, spread over time: the addons and logins at mirrors every few minutes, everything else (resources of
//! the cloud, templates and health checks that somebody has changed) in a full look twice an hour. Nothing is ever written
//! on the strength of a hash: whoever has something to do looks in full first.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use capstan_catalog::Catalogue;
use capstan_plan::addons::addons;
use capstan_plan::autoscaler::is_wanted;
use capstan_plan::facts::{Facts, Surroundings};
use capstan_plan::render;
use capstan_spec::progress::StepState;
use capstan_spec::status::{ClusterPhase, Resolved};
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use capstan_workload::fingerprint::Objects;
use capstan_workload::resource::WorkloadCluster;
use capstan_workload::{autoscaler, equip, registries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use rand::Rng as _;
use tokio::time::Instant;

use super::{World, requeue};

/// Between two full looks at a cluster that is as wanted.
const FULL: Duration = Duration::from_mins(30);

/// When what no watch tells is asked next, by cluster. Kept in memory: after a start it is spread anew.
#[derive(Default)]
pub(crate) struct Settled(Mutex<HashMap<ObjectRef<WorkloadCluster>, Due>>);

#[derive(Clone, Copy)]
struct Due {
    addons: Instant,
    full: Instant,
}

impl Settled {
    fn due(&self, cluster: &ObjectRef<WorkloadCluster>, now: Instant) -> Due {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *all.entry(cluster.clone()).or_insert_with(|| Due {
            addons: now + within(requeue::SETTLED),
            full: now + within(FULL),
        })
    }

    fn looked_at_addons(&self, cluster: &ObjectRef<WorkloadCluster>, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(due) = all.get_mut(cluster) {
            due.addons = now + requeue::SETTLED;
        }
    }

    /// A full look has begun: the next is due long after it. Forgotten with [`Settled::forget`].
    pub(super) fn looked_in_full(&self, cluster: &ObjectRef<WorkloadCluster>) {
        let now = Instant::now();
        // A tenth more or less, so that clusters which were looked at together part.
        let full = now + FULL.mul_f64(rand::rng().random_range(0.9..1.1));
        let addons = now + requeue::SETTLED;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(cluster.clone(), Due { addons, full });
    }

    pub(super) fn forget(&self, cluster: &ObjectRef<WorkloadCluster>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(cluster);
    }
}

fn within(limit: Duration) -> Duration {
    limit.mul_f64(rand::rng().random_range(0.0..1.0))
}

/// What is to be done about a cluster that is as it was: nothing, until something changes or the time has come. `None`: it
/// has to be looked at in full.
pub(super) async fn look(world: &World, told: &WorkloadCluster) -> Option<Action> {
    let (metadata, status) = (&told.metadata, told.status.as_ref()?);
    let before = status.settled.as_deref()?;
    let well = status.phase == Some(ClusterPhase::Ready)
        && status.observed_generation == metadata.generation
        && metadata.deletion_timestamp.is_none();
    if !well {
        return None;
    }
    let name = ClusterName::new(
        metadata.namespace.as_deref()?,
        metadata.name.as_deref()?,
        status.uid.clone()?,
    );
    let objects = world.seen.objects(&name).await?;
    let (spec, clouds) = (&told.spec, &world.clouds);
    let around = clouds.surroundings(name.namespace(), &spec.cloud).await;
    // What is wrong is told by a full look.
    let around = around.ok()?;
    let resolved = status.resolved.as_ref()?;
    let now = fingerprint(
        &world.catalogue,
        spec,
        metadata,
        &name,
        resolved,
        &around,
        &objects,
    )?;
    if now != before {
        return None;
    }
    let cluster = ObjectRef::from_obj(told);
    let now = Instant::now();
    let due = world.settled.due(&cluster, now);
    if due.full <= now {
        return None;
    }
    if due.addons > now {
        return Some(Action::requeue(due.addons.min(due.full) - now));
    }
    let access = equip::access(clouds, &name).await.ok()??;
    let addons = equip::look(spec, &access).await.ok()?;
    if addons.iter().any(|addon| addon.state != StepState::Done) {
        return None;
    }
    if is_wanted(spec) {
        let autoscaler = autoscaler::look(clouds, &name).await;
        if autoscaler.ok()?.state != StepState::Done {
            return None;
        }
    }
    // No watch tells of them either: Capstan may read the Secrets it knows by name, not list any.
    let logins = resolved.registry_secret.as_deref();
    let wanted = registries::wanted(&world.client, &name, spec, logins).await;
    if wanted.ok()?.is_ok_and(|wanted| wanted.as_deref() != logins) {
        return None;
    }
    world.settled.looked_at_addons(&cluster, now);
    Some(Action::requeue(requeue::SETTLED.min(due.full - now)))
}

/// Hash over all that a look decides by, except what no watch tells. `None` when it cannot be rendered.
pub(super) fn fingerprint(
    catalogue: &Catalogue,
    spec: &WorkloadClusterSpec,
    metadata: &ObjectMeta,
    name: &ClusterName,
    resolved: &Resolved,
    around: &Surroundings,
    objects: &Objects,
) -> Option<String> {
    let facts = Facts::collect(spec, resolved, around).ok()?;
    let rendered = render(spec, name, &facts).ok()?;
    let mut charts = String::new();
    for addon in addons(spec) {
        let version = catalogue.component(spec.version, addon.chart).ok()?;
        // Writing to a string does not fail.
        let _ = writeln!(charts, "{addon:?} {version}");
    }
    if is_wanted(spec) {
        let release = catalogue.release(spec.version).ok()?;
        charts.push_str(&release.cluster_autoscaler);
    }
    let marks = format!(
        "{:?} {:?} {:?} {:?}",
        metadata.generation, metadata.annotations, metadata.labels, around.mirror
    );
    Some(objects.digest([rendered.hash.as_str(), &charts, &marks]))
}
