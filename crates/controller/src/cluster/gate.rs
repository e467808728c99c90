//! Whether what is asked for is carried out, before it is begun.

use capstan_plan::Observation;
use capstan_spec::ClusterName;
use capstan_spec::status::{ACCEPTED_PLAN, Resolved};
use capstan_workload::gate::{Verdict, is_open};
use capstan_workload::surroundings::Context;
use capstan_workload::{Error, registries, template, wish};

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
        // Other credentials are a change that nobody asked for: what they replace waits for its plan to be accepted.
        let logins = resolved.registry_secret.as_deref();
        let wanted = registries::wanted(&context.client, name, subject.spec(), logins).await?;
        // Those that cannot be read (any more) change nothing for nodes that have them.
        if let Ok(wanted) = wanted {
            resolved.registry_secret = wanted;
        }
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
