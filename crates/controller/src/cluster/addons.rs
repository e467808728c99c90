//! Addons, as soon as the API of the cluster answers.

use capstan_plan::Observation;
use capstan_plan::progress::AddonState;
use capstan_spec::progress::StepState;
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use capstan_workload::equip::Access;
use capstan_workload::surroundings::Context;
use capstan_workload::{Error, equip};

use super::World;

/// Tells how far each addon is, and installs what is missing unless the wish is refused.
pub(super) async fn bring_about(
    world: &World,
    spec: &WorkloadClusterSpec,
    context: &Context,
    name: &ClusterName,
    seen: &Observation,
    access: Option<&Access>,
) -> Result<Vec<AddonState>, Error> {
    let waiting = |message: &str| {
        let addons = capstan_plan::addons::addons(spec);
        addons
            .iter()
            .map(|a| AddonState {
                name: a.name.to_owned(),
                state: StepState::Waiting,
                message: message.to_owned(),
            })
            .collect()
    };
    let Some(access) = access else {
        return Ok(waiting("waits for the API"));
    };
    let told = if seen.blockers.is_empty() {
        let mirror = context.surroundings.mirror.as_ref();
        let charts = world.charts.as_ref();
        equip::equip(charts, &world.catalogue, spec, mirror, access).await
    } else {
        equip::look(spec, access).await
    };
    match told {
        Ok(states) => Ok(states),
        // The rest of the cluster is looked at all the same.
        Err(error) if error.is_transient() => {
            tracing::info!(cluster = name.cluster(), %error, "addons");
            Ok(waiting(&error.to_string()))
        }
        Err(error) => Err(error),
    }
}
