//! What the controller tells of itself, for Prometheus.
//!
//! [`ALL`] is the one source of names and help texts; [`page`] makes the documentation of it, and a test holds what is
//! answered to it.

mod clusters;
mod definition;
mod process;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use capstan_kubernetes::{Request, RequestObserver};
use capstan_openstack::{Attempt, CallObserver};
use capstan_plan::RENDERER;
use capstan_workload::Error;
use capstan_workload::clouds::Observers;
use capstan_workload::resource::WorkloadCluster;
use jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::runtime::reflector::{ObjectRef, Store};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use self::clusters::Clusters;
pub use self::definition::{ALL, Definition, Kind, page};
use self::process::Process;

/// Seconds: from an answer out of a cache to the longest a call may take.
const CALLS: [f64; 10] = [0.002, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 20.0, 60.0];
/// Seconds: from a look at a settled cluster to one that installs a chart.
const LOOKS: [f64; 10] = [0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 5.0, 20.0, 60.0, 300.0];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The numbers of this process.
pub(crate) struct Metrics {
    registry: Registry,
    clusters: Arc<Clusters>,
    lease: Gauge,
    active: Gauge,
    reconciles: Family<OfOutcome, Counter>,
    reconcile_duration: Histogram,
    calls: Arc<Calls>,
    management: Arc<Requests>,
    workload: Arc<Requests>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let clusters = Arc::new(Clusters::default());
        let build = Family::<OfBuild, Gauge>::default();
        build.get_or_create(&OfBuild::this()).set(1);
        let requests: Family<OfRequest, Counter> = Family::default();
        let requested: Histograms<OfServer> = Family::new_with_constructor(calls);
        let to = |server| {
            Arc::new(Requests {
                server,
                count: requests.clone(),
                duration: requested.clone(),
            })
        };
        let metrics = Self {
            clusters: clusters.clone(),
            lease: Gauge::default(),
            active: Gauge::default(),
            reconciles: Family::default(),
            reconcile_duration: Histogram::new(LOOKS),
            calls: Arc::new(Calls {
                count: Family::default(),
                duration: Family::new_with_constructor(calls),
            }),
            management: to("management"),
            workload: to("workload"),
            registry: Registry::default(),
        };
        register(&mut registry, &definition::BUILD, build);
        register(&mut registry, &definition::LEASE, metrics.lease.clone());
        registry.register_collector(Box::new(clusters));
        register(
            &mut registry,
            &definition::RECONCILES,
            metrics.reconciles.clone(),
        );
        let duration = metrics.reconcile_duration.clone();
        register(&mut registry, &definition::RECONCILE_DURATION, duration);
        register(&mut registry, &definition::ACTIVE, metrics.active.clone());
        let count = metrics.calls.count.clone();
        register(&mut registry, &definition::OPENSTACK_CALLS, count);
        let duration = metrics.calls.duration.clone();
        register(&mut registry, &definition::OPENSTACK_DURATION, duration);
        register(&mut registry, &definition::KUBERNETES_REQUESTS, requests);
        register(&mut registry, &definition::KUBERNETES_DURATION, requested);
        registry.register_collector(Box::new(Process::starting()));
        Self {
            registry,
            ..metrics
        }
    }

    /// All of it as text, in the format [`FORMAT`].
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }

    pub(crate) fn lease_held(&self, held: bool) {
        self.lease.set(held.into());
    }

    /// From where the clusters there are come.
    pub(crate) fn clusters_from(&self, store: Store<WorkloadCluster>) {
        self.clusters.known_from(store);
    }

    /// Something of the cluster has changed.
    pub(crate) fn woken(&self, cluster: &ObjectRef<WorkloadCluster>) {
        self.clusters.woken(cluster);
    }

    /// Measures one look at a cluster.
    pub(crate) async fn measure(
        &self,
        cluster: &WorkloadCluster,
        look: impl Future<Output = Result<Action, Error>>,
    ) -> Result<Action, Error> {
        let (name, started) = (ObjectRef::from_obj(cluster), Instant::now());
        self.clusters.begun(&name);
        let active = Active::of(&self.active);
        let outcome = look.await;
        drop(active);
        self.reconcile_duration
            .observe(started.elapsed().as_secs_f64());
        let word = match &outcome {
            Ok(_) => "ok",
            Err(error) => error.word(),
        };
        self.reconciles
            .get_or_create(&OfOutcome { outcome: word })
            .inc();
        self.clusters
            .ended(&name, outcome.is_ok(), Timestamp::now());
        outcome
    }

    /// Who counts requests to the management server.
    pub(crate) fn management(&self) -> Arc<dyn RequestObserver> {
        self.management.clone()
    }

    /// Who counts what is asked of clouds and of clusters.
    pub(crate) fn observers(&self) -> Observers {
        Observers {
            cloud: Some(self.calls.clone()),
            workload: Some(self.workload.clone()),
        }
    }
}

/// The content type of [`Metrics::text`].
pub(crate) const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counts a look as long as it goes on, even when it is cut off.
struct Active(Gauge);

impl Active {
    fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn register(registry: &mut Registry, definition: &Definition, metric: impl Metric) {
    registry.register(definition.registered(), definition.help, metric);
}

/// The help text as the library would write it; collectors write it themselves.
fn sentence(definition: &Definition) -> String {
    format!("{}.", definition.help)
}

fn calls() -> Histogram {
    Histogram::new(CALLS)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfBuild {
    version: &'static str,
    renderer: u32,
}

impl OfBuild {
    const fn this() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            renderer: RENDERER,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCall {
    service: String,
    method: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfService {
    service: String,
    method: String,
}

/// Counts calls to OpenStack.
struct Calls {
    count: Family<OfCall, Counter>,
    duration: Histograms<OfService>,
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").finish_non_exhaustive()
    }
}

impl CallObserver for Calls {
    fn called(&self, attempt: &Attempt) {
        let (service, method) = (attempt.service.to_string(), attempt.method.to_string());
        self.duration
            .get_or_create(&OfService {
                service: service.clone(),
                method: method.clone(),
            })
            .observe(attempt.took.as_secs_f64());
        let outcome = attempt.outcome.as_str();
        self.count
            .get_or_create(&OfCall {
                service,
                method,
                outcome,
            })
            .inc();
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRequest {
    server: &'static str,
    resource: String,
    method: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfServer {
    server: &'static str,
    method: String,
}

/// Counts requests to API servers.
struct Requests {
    server: &'static str,
    count: Family<OfRequest, Counter>,
    duration: Histograms<OfServer>,
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl RequestObserver for Requests {
    fn asked(&self, request: &Request<'_>) {
        let (server, method) = (self.server, request.method.to_string());
        self.duration
            .get_or_create(&OfServer {
                server,
                method: method.clone(),
            })
            .observe(request.took.as_secs_f64());
        let labels = OfRequest {
            server,
            resource: request.resource.to_owned(),
            method,
            outcome: request.outcome.as_str(),
        };
        self.count.get_or_create(&labels).inc();
    }
}

#[cfg(test)]
mod tests;
