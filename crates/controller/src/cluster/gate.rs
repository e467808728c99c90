//! Names and quota, before anything is made or changed.

use capstan_openstack::Holdings;
use capstan_plan::Observation;
use capstan_plan::facts::CONTROL_PLANE;
use capstan_spec::ClusterName;
use capstan_spec::status::Resolved;
use capstan_workload::gate::{Verdict, is_open};
use capstan_workload::surroundings::Context;
use capstan_workload::{Error, preflight, resolve};

use super::World;
use super::subject::Subject;

/// Judges the wish: names, then quota where machines are missing. `None` when there is nothing to judge, because it was
/// accepted before.
pub(super) async fn judge(
    world: &World,
    subject: &Subject,
    context: &Context,
    name: &ClusterName,
    seen: &Observation,
    resolved: &mut Resolved,
) -> Result<Option<Verdict>, Error> {
    let spec = subject.spec();
    let pinned = resolved.image_id.is_some() && resolved.external_network_id.is_some();
    if pinned && !is_open(&subject.status(), subject.generation()) {
        return Ok(None);
    }
    let inventory = context.session.inventory().await?;
    let rules = world.catalogue.node_image_rules();
    let defaults = &context.cloud.spec.defaults;
    let holdings = if resolve::needs_holdings(spec) {
        context.session.holdings().await?
    } else {
        Holdings::default()
    };
    let found = resolve::resolve(spec, defaults, &inventory, &holdings, rules, Some(resolved));
    match found {
        Ok(found) => *resolved = found,
        Err(reasons) => return Ok(Some(Verdict::Unresolved(reasons))),
    }
    let running = subject.status().version;
    if let Some(invalid) = Verdict::of_facts(spec, resolved, running) {
        return Ok(Some(invalid));
    }
    let machines = preflight::machines(seen);
    let there = |pool: &str| machines.get(pool).copied().unwrap_or(0);
    let control_plane = there(CONTROL_PLANE);
    let grows = control_plane < spec.control_plane.replicas
        || spec
            .workers
            .iter()
            .any(|pool| there(&pool.name) < pool.replicas);
    let existing = preflight::Existing {
        control_plane,
        infrastructure: seen.infrastructure.as_ref().is_some_and(|i| i.status.ready),
    };
    // A creation whose infrastructure is half there is past the preflight already.
    let half_made = seen.cluster.is_some() && !existing.infrastructure;
    if !grows || half_made {
        return Ok(Some(Verdict::Accepted));
    }
    tracing::debug!(cluster = name.cluster(), "checking quota");
    let flavors = resolve::flavors(&inventory.flavors);
    let lines = preflight::lines(
        spec,
        resolved,
        &flavors,
        &machines,
        existing,
        &inventory.quota,
    );
    Ok(Some(Verdict::of_quota(lines)))
}
