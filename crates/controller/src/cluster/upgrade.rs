//! The next move of an upgrade, when its time has come.

use capstan_plan::Observation;
use capstan_plan::upgrade::Carried;
use capstan_spec::progress::Reason;
use capstan_spec::status::{Resolved, WorkloadClusterStatus};
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use capstan_workload::gate::Verdict;
use capstan_workload::surroundings::Context;
use capstan_workload::{Error, resolve};

use super::World;

/// What of the wish is carried out now. What is left of an upgrade is entered among what was seen, a move that begins into
/// status and pins; why it cannot go on becomes a blocker.
pub(super) async fn carry(
    world: &World,
    context: &Context,
    name: &ClusterName,
    wish: &WorkloadClusterSpec,
    status: &mut WorkloadClusterStatus,
    seen: &mut Observation,
    resolved: &mut Resolved,
) -> Result<WorkloadClusterSpec, Error> {
    if !seen.blockers.is_empty() {
        return Ok(wish.clone());
    }
    let mut begun = resolved.clone();
    match go_on(world, context, name, wish, seen, &mut begun).await? {
        Ok(part) => {
            if begun != *resolved
                && let Some(last) = &mut status.carried
            {
                // What a move changes was asked for with the version.
                last.generation = None;
            }
            (seen.told, seen.moves) = (Some(part.told), part.left);
            *resolved = begun;
            Ok(part.spec)
        }
        Err(reasons) => {
            seen.blockers = reasons;
            Ok(wish.clone())
        }
    }
}

/// What of the wish is carried out now, after the next move has begun if it may and the cluster is not paused. The reasons why there is none, instead:
/// the image is gone, or the catalogue has another opinion than when the wish was accepted.
async fn go_on(
    world: &World,
    context: &Context,
    name: &ClusterName,
    wish: &WorkloadClusterSpec,
    seen: &Observation,
    resolved: &mut Resolved,
) -> Result<Result<Carried, Vec<Reason>>, Error> {
    let known = world.catalogue.versions();
    let initialized = seen.is_initialized();
    let carried = match Carried::of(wish, resolved, initialized, &known) {
        Ok(carried) => carried,
        Err(obstacle) => return Ok(Err(Verdict::of_obstacle(obstacle).reasons())),
    };
    let Some(next) = carried.next(seen).filter(|_| !wish.paused) else {
        return Ok(Ok(carried));
    };
    let inventory = context.session.inventory().await?;
    let rules = world.catalogue.node_image_rules();
    if let Err(reason) = resolve::image::begin(wish, next, &inventory, rules, resolved) {
        return Ok(Err(vec![reason]));
    }
    tracing::info!(cluster = name.cluster(), %next, "upgrade");
    Ok(match Carried::of(wish, resolved, initialized, &known) {
        Ok(carried) => Ok(carried),
        Err(obstacle) => Err(Verdict::of_obstacle(obstacle).reasons()),
    })
}
