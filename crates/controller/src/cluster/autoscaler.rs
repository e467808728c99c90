//! The cluster autoscaler: there while a pool wants it and the API of the cluster answers.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use capstan_plan::Observation;
use capstan_plan::autoscaler::{ADDON, is_wanted};
use capstan_plan::progress::AddonState;
use capstan_spec::progress::StepState;
use capstan_spec::status::{Resolved, WorkloadClusterStatus};
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use capstan_workload::surroundings::Context;
use capstan_workload::{Error, autoscaler};
use serde_json::Value;
use tokio::time::Instant;

use super::World;
use super::subject::Subject;

/// What a look at the autoscaler works with.
pub(super) struct Autoscaler<'a> {
    world: &'a World,
    context: &'a Context,
    name: &'a ClusterName,
}

impl<'a> Autoscaler<'a> {
    pub(super) const fn new(world: &'a World, context: &'a Context, name: &'a ClusterName) -> Self {
        Self {
            world,
            context,
            name,
        }
    }

    /// Sets it up, stops it while the cluster is paused, or takes it away. Where one is wanted, how far it is enters what is
    /// seen. A failure is told as one of the addon: the rest of the cluster is looked at all the same.
    pub(super) async fn bring_about(
        &self,
        subject: &mut Subject,
        status: &mut WorkloadClusterStatus,
        spec: &WorkloadClusterSpec,
        seen: &mut Observation,
    ) -> Result<(), Error> {
        let made = status.resolved.as_ref().is_some_and(|one| one.autoscaler);
        let acts = seen.blockers.is_empty();
        if !is_wanted(spec) {
            if acts && made {
                autoscaler::remove(&self.context.applier, self.name).await?;
                note(subject, status, false).await?;
            }
            return Ok(());
        }
        // While the cluster is paused one that is there is stopped, and none is made; otherwise what it reads must be there.
        let acts = acts
            && if spec.paused {
                made
            } else {
                seen.kubeconfig_expires.is_some()
            };
        if acts {
            // First written down, so that it goes again although the controller dies in between.
            note(subject, status, true).await?;
        }
        let state = self.run(spec, seen, acts).await.unwrap_or_else(|error| {
            tracing::info!(cluster = self.name.cluster(), %error, "autoscaler");
            let state = if error.is_transient() {
                StepState::Waiting
            } else {
                StepState::Blocked
            };
            AddonState {
                name: ADDON.to_owned(),
                state,
                message: error.to_string(),
            }
        });
        seen.addons.push(state);
        Ok(())
    }

    async fn run(
        &self,
        spec: &WorkloadClusterSpec,
        seen: &Observation,
        acts: bool,
    ) -> Result<AddonState, Error> {
        let (name, recent) = (self.name, &self.world.recent);
        let kinds = self.context.applier.kinds();
        let there = autoscaler::deployment(kinds, name).await?;
        if !acts {
            return Ok(autoscaler::state(name, there.as_ref()));
        }
        let (catalogue, expires) = (&self.world.catalogue, seen.kubeconfig_expires);
        let objects = autoscaler::rendered(catalogue, spec, name, expires)?;
        let hash = |generation: Option<i64>| hash(&objects, generation);
        let now = Instant::now();
        let generation = there.as_ref().and_then(|one| one.metadata.generation);
        if recent.is_equipped(name, hash(generation), now) {
            return Ok(autoscaler::state(name, there.as_ref()));
        }
        autoscaler::apply(&self.context.applier, name, &objects).await?;
        let there = autoscaler::deployment(kinds, name).await?;
        let generation = there.as_ref().and_then(|one| one.metadata.generation);
        recent.equipped(name, hash(generation), now);
        Ok(autoscaler::state(name, there.as_ref()))
    }
}

/// Writes down whether there is one.
async fn note(
    subject: &mut Subject,
    status: &mut WorkloadClusterStatus,
    autoscaler: bool,
) -> Result<(), Error> {
    let made: &mut Resolved = status.resolved.get_or_insert_default();
    made.autoscaler = autoscaler;
    subject.write_status(status).await
}

/// Hash over what is wanted and the generation of the Deployment that is there.
fn hash(objects: &[Value], generation: Option<i64>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (objects, generation).hash(&mut hasher);
    hasher.finish()
}
