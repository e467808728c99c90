//! Judging a wish: rules, names, what it changes, quota, approval. In this order, so that the first thing said is the one
//! that has to be put right first.

use capstan_catalog::Catalogue;
use capstan_openstack::Holdings;
use capstan_plan::bastion as standing;
use capstan_plan::change::{self, Approval, Effect, Live, Plan};
use capstan_plan::facts::CONTROL_PLANE;
use capstan_plan::hook;
use capstan_plan::upgrade::Carried;
use capstan_plan::{Observation, addons, autoscaling};
use capstan_spec::status::{Resolved, WorkloadClusterStatus};
use capstan_spec::{ClusterName, WorkloadClusterSpec};

use crate::gate::Verdict;
use crate::surroundings::Context;
use crate::{Error, bastion, change as changes, preflight, registries, resolve};

/// What was found out about a wish.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What becomes of it.
    pub verdict: Verdict,
    /// What its names mean; what was pinned before where they mean nothing.
    pub resolved: Resolved,
    /// What it changes; `None` when it was refused before that was known.
    pub plan: Option<Plan>,
}

/// Judges the wish. `before` is the cluster's status as it is; `accepted` is the hash of the plan that its owner has accepted.
pub async fn judge(
    catalogue: &Catalogue,
    context: &Context,
    name: &ClusterName,
    spec: &WorkloadClusterSpec,
    before: &WorkloadClusterStatus,
    seen: &Observation,
    accepted: Option<&str>,
) -> Result<Judged, Error> {
    let pinned = before.resolved.clone().unwrap_or_default();
    let refused = |verdict, resolved| {
        Ok(Judged {
            verdict,
            resolved,
            plan: None,
        })
    };
    let inventory = context.session.inventory().await?;
    let holdings = if resolve::needs_holdings(spec) {
        context.session.holdings().await?
    } else {
        Holdings::default()
    };
    let known = catalogue.versions();
    let carried = match Carried::of(spec, &pinned, seen.is_initialized(), &known) {
        Ok(carried) => carried,
        Err(obstacle) => return refused(Verdict::of_obstacle(obstacle), pinned),
    };
    let rules = catalogue.node_image_rules();
    let resolve = |spec: &WorkloadClusterSpec, before: &Resolved| {
        let defaults = &context.cloud.spec.defaults;
        resolve::resolve(spec, defaults, &inventory, &holdings, rules, Some(before))
    };
    // What is begun is pinned; the plan is about the goal.
    let found = resolve(&carried.spec, &pinned).and_then(|resolved| {
        let missing = resolve::image::missing(spec, &carried.left, &inventory, rules);
        if !missing.is_empty() {
            return Err(missing);
        }
        let mut at_goal = resolved.clone();
        at_goal.workers = None;
        Ok((resolve(spec, &at_goal)?, resolved))
    });
    let (mut goal, mut resolved) = match found {
        Ok(found) => found,
        Err(reasons) => return refused(Verdict::Unresolved(reasons), pinned),
    };
    for resolved in [&mut goal, &mut resolved] {
        bastion::recall(spec, seen, resolved);
    }
    let logins = pinned.registry_secret.as_deref();
    match registries::wanted(&context.client, name, spec, logins).await? {
        Ok(secret) => {
            goal.registry_secret.clone_from(&secret);
            resolved.registry_secret = secret;
        }
        Err(reason) => return refused(Verdict::Unresolved(vec![reason]), pinned),
    }
    let runs = before.version.is_some();
    if let Some(invalid) = Verdict::of_facts(spec, &resolved, runs) {
        return refused(invalid, resolved);
    }
    let live = changes::live(&context.applier, name, seen).await?;
    let mut plan = changes::plan(context, spec, name, &goal, &live)?;
    plan.addons = addons::changes(catalogue, spec, before)?;
    plan.hooks = hook::changes(&spec.hooks, &before.hooks);
    // What another password replaces beside what the wish does.
    let slips_in = logins.is_some() && logins != goal.registry_secret.as_deref() && {
        let mut as_before = goal.clone();
        as_before.registry_secret = logins.map(str::to_owned);
        rolled(&plan) > rolled(&changes::plan(context, spec, name, &as_before, &live)?)
    };
    if let Some(forbidden) = Verdict::of_plan(&plan) {
        return Ok(Judged {
            verdict: forbidden,
            resolved,
            plan: Some(plan),
        });
    }
    let mut counted = spec.clone();
    autoscaling::follow(&mut counted, name, seen);
    if needs_room(&counted, name, seen, &plan) {
        tracing::debug!(cluster = name.cluster(), "checking quota");
        plan.quota = preflight::lines(
            &counted,
            &resolved,
            &resolve::flavors(&inventory.flavors),
            &preflight::machines(seen),
            &existing(name, seen, &live, &plan),
            &inventory.quota,
        );
    }
    let mut verdict = Verdict::of_quota(plan.quota.clone());
    let begun = seen.cluster.is_some();
    if verdict == Verdict::Accepted && begun {
        let mut waits = change::approval::approval(&plan, &spec.approval, accepted);
        // A roll that nobody has asked for does not slip through with the next wish.
        if waits == Approval::NotNeeded && (before.pending.is_some() || slips_in) {
            waits = change::approval::unasked(&plan, accepted);
        }
        if let Approval::Needed(why) = waits {
            verdict = Verdict::of_waiting(&plan, why);
        }
    }
    Ok(Judged {
        verdict,
        resolved,
        plan: Some(plan),
    })
}

/// How many of its parts are replaced.
fn rolled(plan: &Plan) -> usize {
    let parts = plan.parts.iter();
    parts.filter(|part| part.effect == Effect::Rolled).count()
}

/// Whether the wish needs quota that is not used yet: machines are missing, or machines are replaced.
fn needs_room(
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    seen: &Observation,
    plan: &Plan,
) -> bool {
    // A creation whose infrastructure is half there is past the preflight already.
    if seen.cluster.is_some() && !has_infrastructure(seen) {
        return false;
    }
    let machines = preflight::machines(seen);
    let there = |pool: &str| machines.get(pool).copied().unwrap_or(0);
    there(CONTROL_PLANE) < spec.control_plane.replicas
        || spec
            .workers
            .iter()
            .any(|pool| there(&pool.name) < pool.replicas)
        || plan.parts.iter().any(|part| part.effect == Effect::Rolled)
        || (spec.bastion.is_some() && standing::flavor(name, seen).is_none())
}

fn has_infrastructure(seen: &Observation) -> bool {
    seen.infrastructure
        .as_ref()
        .is_some_and(|infrastructure| infrastructure.status.ready)
}

fn existing(
    name: &ClusterName,
    seen: &Observation,
    live: &Live,
    plan: &Plan,
) -> preflight::Existing {
    let machines = preflight::machines(seen);
    preflight::Existing {
        control_plane: machines.get(CONTROL_PLANE).copied().unwrap_or(0),
        infrastructure: has_infrastructure(seen),
        flavors: changes::flavors(live),
        bastion: standing::flavor(name, seen).map(str::to_owned),
        surge: changes::surge(plan),
    }
}

#[cfg(test)]
mod tests {
    use capstan_capi::view;
    use capstan_plan::Rendered;
    use capstan_spec::KubernetesVersion;
    use capstan_spec::cluster::Autoscaling;

    use super::*;

    #[test]
    fn a_pool_is_counted_as_large_as_its_autoscaler_wants_it() {
        let mut spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
        spec.control_plane.replicas = 0;
        spec.workers[0].autoscaling = Some(Autoscaling::within_bounds(0, 9));
        let name = ClusterName::new("team", "demo", "x7k2p".parse().unwrap());
        let nothing = Rendered {
            objects: Vec::new(),
            hash: String::new(),
        };
        let live = Live {
            objects: Vec::new(),
            machines: std::collections::BTreeMap::new(),
            pace: None,
        };
        let plan = changes::of_rendered(&nothing, &live);
        let needs = |asked: u32| {
            let mut pool = view::MachineDeployment::default();
            pool.metadata.name = name.pool(&spec.workers[0].name);
            pool.spec.replicas = Some(asked);
            let seen = Observation {
                pools: vec![pool],
                ..Observation::default()
            };
            let mut counted = spec.clone();
            autoscaling::follow(&mut counted, &name, &seen);
            needs_room(&counted, &name, &seen, &plan)
        };
        assert!(
            !needs(0),
            "what people once wrote as its size is not wished"
        );
        assert!(needs(2));
    }
}
