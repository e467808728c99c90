//! Carrying out what was accepted: rendered, compared with what was carried out last, applied.

use capstan_plan::change::{Approval, approval};
use capstan_plan::{Observation, RENDERER, Rendered};
use capstan_spec::status::{ACCEPTED_PLAN, Carried, ClusterPhase, WorkloadClusterStatus};
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use capstan_workload::surroundings::Context;
use capstan_workload::{Error, apply, change, gate, observe, registries, rollout};
use tokio::time::Instant;

use super::recent::is_moving;
use super::site::Site;
use super::subject::Subject;

impl Site<'_> {
    /// Applies what of the wish is carried out now, and was accepted: a refused one may name what was not found. What is
    /// seen afterwards is the state after it. False when it waits for somebody.
    pub(super) async fn carry_out(
        &self,
        subject: &mut Subject,
        spec: &WorkloadClusterSpec,
        status: &mut WorkloadClusterStatus,
        seen: &mut Observation,
    ) -> Result<bool, Error> {
        let (context, name, recent) = (self.context, self.name, self.recent);
        let mut rendered = apply::rendered(context, spec, name, self.resolved)?;
        let carrying = may_apply(subject, context, name, seen, &rendered, status).await?;
        if carrying == Carrying::Waiting {
            return Ok(false);
        }
        // It is begun, and nobody shall take it for done before it was looked at again.
        if carrying == Carrying::Anew && status.phase == Some(ClusterPhase::Ready) {
            status.phase = Some(ClusterPhase::Updating);
        }
        // What is carried out is written down first: cut off in between, it is taken up and not asked about.
        subject.write_status(status).await?;
        rollout::hold(&context.applier, spec, seen, &mut rendered).await?;
        let moving = is_moving(&capstan_plan::progress(spec, name, seen));
        if carrying == Carrying::Again
            && moving
            && recent.is_applied(name, seen, &rendered, Instant::now())
        {
            return Ok(true);
        }
        if let Some(secret) = &self.resolved.registry_secret {
            registries::make(&context.client, name, spec, secret).await?;
        }
        apply::apply(context, &rendered).await?;
        apply::collect(context, name, &rendered, seen).await?;
        if carrying == Carrying::Anew {
            // Else a cluster whose machines are about to be replaced would be told to be as wanted.
            *seen = Observation {
                blockers: std::mem::take(&mut seen.blockers),
                told: seen.told,
                moves: std::mem::take(&mut seen.moves),
                bastion_left: seen.bastion_left,
                ..observe::observe(context, name).await?
            };
        }
        recent.applied(name, seen, &rendered, Instant::now());
        Ok(true)
    }
}

/// What is done with what was rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrying {
    /// Nothing: it waits.
    Waiting,
    /// It is applied once more.
    Again,
    /// It is applied for the first time: what was seen before says nothing of it.
    Anew,
}

/// Whether what was rendered is applied: it is what was carried out last, or what a newer wish asks for, or nobody has asked
/// for it and it replaces no machine. Else it waits for its plan to be accepted, and the status says so.
async fn may_apply(
    subject: &Subject,
    context: &Context,
    name: &ClusterName,
    seen: &Observation,
    rendered: &Rendered,
    status: &mut WorkloadClusterStatus,
) -> Result<Carrying, Error> {
    let generation = subject.generation();
    let carried = Carried {
        generation,
        hash: rendered.hash.clone(),
    };
    let asked_for = match &status.carried {
        Some(last) => last.generation != generation || last.hash == rendered.hash,
        None => seen.cluster.is_none(),
    };
    if !asked_for {
        let live = change::live(&context.applier, name, seen).await?;
        let plan = change::of_rendered(rendered, &live);
        let waits = approval::unasked(&plan, subject.annotation(ACCEPTED_PLAN));
        if let Approval::Needed(why) = waits {
            status.pending = Some(gate::pending(&plan, why));
            return Ok(Carrying::Waiting);
        }
    }
    status.pending = None;
    let anew = status.carried.as_ref() != Some(&carried);
    status.carried = Some(carried);
    status.renderer = Some(RENDERER);
    Ok(if anew {
        Carrying::Anew
    } else {
        Carrying::Again
    })
}
