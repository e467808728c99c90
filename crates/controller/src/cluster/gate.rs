//! Whether what is asked for is carried out, before it is begun.

use capstan_plan::Observation;
use capstan_spec::ClusterName;
use capstan_spec::status::{ACCEPTED_PLAN, Resolved};
use capstan_workload::gate::{Verdict, is_open};
use capstan_workload::surroundings::Context;
use capstan_workload::{Error, template, wish};

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
    let (metadata, spec) = (subject.metadata(), subject.spec());
    let outside = template::judge(context, name, metadata, spec, &subject.status(), seen).await?;
    if outside.is_some() {
        return Ok(outside);
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
