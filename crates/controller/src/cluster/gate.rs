//! Whether what is asked for is carried out: the wish before it is begun, and the rendering before it is applied.

use capstan_plan::change::{Approval, approval};
use capstan_plan::{Observation, Rendered};
use capstan_spec::ClusterName;
use capstan_spec::status::{ACCEPTED_PLAN, Carried, Resolved, WorkloadClusterStatus};
use capstan_workload::gate::{self, Verdict, is_open};
use capstan_workload::surroundings::Context;
use capstan_workload::{Error, change, wish};

use super::World;
use super::subject::Subject;

/// Judges the wish. `None` when there is nothing to judge, because it was accepted before.
pub(super) async fn judge(
    world: &World,
    subject: &Subject,
    context: &Context,
    name: &ClusterName,
    seen: &Observation,
    resolved: &mut Resolved,
) -> Result<Option<Verdict>, Error> {
    let pinned = resolved.image_id.is_some() && resolved.external_network_id.is_some();
    if pinned && !is_open(&subject.status(), subject.generation()) {
        return Ok(None);
    }
    let judged = wish::judge(
        &world.catalogue,
        context,
        name,
        subject.spec(),
        &subject.status(),
        seen,
        subject.annotation(ACCEPTED_PLAN),
    )
    .await?;
    *resolved = judged.resolved;
    Ok(Some(judged.verdict))
}

/// Whether what was rendered is applied: it is what was carried out last, or what a newer wish asks for, or nobody has asked
/// for it and it replaces no machine. Else it waits for its plan to be accepted, and the status says so.
pub(super) async fn may_apply(
    subject: &Subject,
    context: &Context,
    name: &ClusterName,
    seen: &Observation,
    rendered: &Rendered,
    status: &mut WorkloadClusterStatus,
) -> Result<bool, Error> {
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
            return Ok(false);
        }
    }
    status.pending = None;
    status.carried = Some(carried);
    Ok(true)
}
