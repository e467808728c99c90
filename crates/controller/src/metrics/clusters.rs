//! What is told of each cluster. Most of it is in the statuses that the watch delivers; only how the last looks ended is
//! kept here, and forgotten with the cluster.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use capstan_plan::facts::CONTROL_PLANE;
use capstan_spec::status::{ClusterPhase, ReplicaCounts};
use capstan_workload::resource::WorkloadCluster;
use jiff::Timestamp;
use kube::runtime::reflector::{ObjectRef, Store};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet};
use prometheus_client::metrics::MetricType;

use super::definition::{CLUSTERS, Definition, FAILURES, LAST_SUCCESS, READY, WAITING, WANTED};

type Name = ObjectRef<WorkloadCluster>;

/// Those without a phase yet.
const UNKNOWN: &str = "Unknown";
const WORKER: &str = "worker";

/// How the looks at one cluster went.
#[derive(Debug, Default, Clone, Copy)]
struct Looks {
    succeeded: Option<Timestamp>,
    failures: u32,
    /// Something has changed since the last look began.
    woken: bool,
}

/// The clusters.
#[derive(Default)]
pub(super) struct Clusters {
    known: OnceLock<Store<WorkloadCluster>>,
    looks: Mutex<HashMap<Name, Looks>>,
}

impl fmt::Debug for Clusters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clusters").finish_non_exhaustive()
    }
}

impl Clusters {
    /// From where the clusters there are come.
    pub(super) fn known_from(&self, store: Store<WorkloadCluster>) {
        // Set once, when the controller begins.
        let _ = self.known.set(store);
    }

    pub(super) fn woken(&self, cluster: &Name) {
        self.of(cluster, |looks| looks.woken = true);
    }

    pub(super) fn begun(&self, cluster: &Name) {
        self.of(cluster, |looks| looks.woken = false);
    }

    pub(super) fn ended(&self, cluster: &Name, well: bool, now: Timestamp) {
        self.of(cluster, |looks| {
            if well {
                looks.succeeded = Some(now);
                looks.failures = 0;
            } else {
                looks.failures = looks.failures.saturating_add(1);
            }
        });
    }

    fn of(&self, cluster: &Name, change: impl FnOnce(&mut Looks)) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        change(looks.entry(cluster.clone()).or_default());
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPhase {
    phase: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCluster {
    namespace: String,
    cluster: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRole {
    namespace: String,
    cluster: String,
    role: &'static str,
}

impl Collector for Clusters {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let known = self.known.get().map(Store::state).unwrap_or_default();
        let names: Vec<Name> = known
            .iter()
            .map(|one| ObjectRef::from_obj(&**one))
            .collect();
        let looks: Vec<Option<Looks>> = {
            let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
            let there: std::collections::HashSet<&Name> = names.iter().collect();
            looks.retain(|name, _| there.contains(name));
            names.iter().map(|name| looks.get(name).copied()).collect()
        };

        let phase = |one: &WorkloadCluster| one.status.as_ref()?.phase;
        let of_phase =
            |wanted: Option<ClusterPhase>| known.iter().filter(|one| phase(one) == wanted).count();
        // Each phase has a value from the start, so that an alert sees it change.
        let phases = ClusterPhase::ALL
            .iter()
            .map(|one| (one.as_str(), of_phase(Some(*one))))
            .chain([(UNKNOWN, of_phase(None))])
            .map(|(phase, count)| (OfPhase { phase }, count));
        family(&mut encoder, &CLUSTERS, phases)?;

        let waiting = looks
            .iter()
            .filter(|looks| {
                looks.is_none_or(|l| l.woken || (l.succeeded.is_none() && l.failures == 0))
            })
            .count();
        encoder
            .encode_descriptor(
                WAITING.registered(),
                &super::sentence(&WAITING),
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&waiting)?;

        let roles = known.iter().flat_map(|one| machines(one));
        family(
            &mut encoder,
            &WANTED,
            roles
                .clone()
                .map(|(labels, counts)| (labels, counts.desired)),
        )?;
        family(
            &mut encoder,
            &READY,
            roles.map(|(labels, counts)| (labels, counts.ready)),
        )?;

        let told = names
            .iter()
            .zip(&looks)
            .filter_map(|(name, looks)| Some((of_cluster(name), looks.as_ref()?)));
        family(
            &mut encoder,
            &LAST_SUCCESS,
            told.clone()
                .filter_map(|(labels, looks)| Some((labels, looks.succeeded?.as_second()))),
        )?;
        family(
            &mut encoder,
            &FAILURES,
            told.map(|(labels, looks)| (labels, looks.failures)),
        )
    }
}

fn of_cluster(name: &Name) -> OfCluster {
    OfCluster {
        namespace: name.namespace.clone().unwrap_or_default(),
        cluster: name.name.clone(),
    }
}

/// Machines wanted and ready, by role.
fn machines(one: &WorkloadCluster) -> [(OfRole, ReplicaCounts); 2] {
    let status = one.status.as_ref();
    let control_plane = status.and_then(|status| status.control_plane);
    let workers = status
        .into_iter()
        .flat_map(|status| status.workers.values());
    let workers = workers.fold(ReplicaCounts::default(), |sum, pool| ReplicaCounts {
        desired: sum.desired + pool.desired,
        ready: sum.ready + pool.ready,
        ..sum
    });
    let OfCluster { namespace, cluster } = of_cluster(&ObjectRef::from_obj(one));
    [
        (CONTROL_PLANE, control_plane.unwrap_or_default()),
        (WORKER, workers),
    ]
    .map(|(role, counts)| {
        let labels = OfRole {
            namespace: namespace.clone(),
            cluster: cluster.clone(),
            role,
        };
        (labels, counts)
    })
}

/// A gauge with a value for each set of labels.
fn family<L: EncodeLabelSet, V: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    definition: &Definition,
    values: impl Iterator<Item = (L, V)>,
) -> Result<(), fmt::Error> {
    let help = super::sentence(definition);
    let mut family =
        encoder.encode_descriptor(definition.registered(), &help, None, MetricType::Gauge)?;
    for (labels, value) in values {
        family.encode_family(&labels)?.encode_gauge(&value)?;
    }
    Ok(())
}
