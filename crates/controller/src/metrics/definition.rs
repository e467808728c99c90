//! What is measured, in what words. The one source of the names, the help texts and the page of the documentation.

use std::fmt::Write as _;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only ever rises, from 0 at the start of the process.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Durations, sorted into buckets.
    Histogram,
}

impl Kind {
    /// Prometheus's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Definition {
    /// Name as it is read; of a histogram without `_bucket`, `_count` and `_sum`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it tells: a sentence without its full stop, which the library adds.
    pub help: &'static str,
}

impl Definition {
    /// The name it is registered under: the library adds `_total`.
    pub(super) fn registered(&self) -> &'static str {
        self.name.strip_suffix("_total").unwrap_or(self.name)
    }
}

macro_rules! definitions {
    ($($constant:ident: $kind:ident $name:literal [$($label:literal),*] $help:expr;)*) => {
        $(pub(super) const $constant: Definition = Definition {
            name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help,
        };)*
        /// Every metric, in the order of the documentation.
        pub const ALL: &[Definition] = &[$($constant),*];
    };
}

definitions! {
    BUILD: Gauge "capstan_build_info" ["version", "renderer"]
        "Always 1; the labels say which Capstan this is, and the newest renderer it has";
    LEASE: Gauge "capstan_lease_held" []
        "1 while this process is the one that works, 0 while it waits for another to end";
    CLUSTERS: Gauge "capstan_clusters" ["phase"]
        "Workload clusters by phase; `Unknown` for those nobody has looked at yet";
    WANTED: Gauge "capstan_cluster_machines_wanted" ["namespace", "cluster", "role"]
        "Machines the cluster shall have; the role is `control-plane` or `worker`";
    READY: Gauge "capstan_cluster_machines_ready" ["namespace", "cluster", "role"]
        "Machines of the cluster whose node is ready; the role is `control-plane` or `worker`";
    LAST_SUCCESS: Gauge "capstan_cluster_last_success_timestamp_seconds" ["namespace", "cluster"]
        "When this process last looked at the cluster to the end without an error, in seconds since 1970";
    FAILURES: Gauge "capstan_cluster_failures" ["namespace", "cluster"]
        "Looks at the cluster in a row that ended in an error; 0 after one that did not";
    RECONCILES: Counter "capstan_reconciles_total" ["outcome"]
        "Looks at clusters by how they ended: `ok`, or the kind of error";
    RECONCILE_DURATION: Histogram "capstan_reconcile_duration_seconds" []
        "How long a look at a cluster took";
    ACTIVE: Gauge "capstan_reconciles_active" []
        "Clusters that are being looked at";
    WAITING: Gauge "capstan_reconciles_waiting" []
        "Clusters of which something has changed, or that nobody has looked at since the start, and that are not being looked at yet";
    OPENSTACK_CALLS: Counter "capstan_openstack_calls_total" ["service", "method", "outcome"]
        "Attempts of calls to OpenStack; the outcome is `ok`, `not_found`, `limited` (429), `refused` (other 4xx), `failed` (5xx) or `unanswered`";
    OPENSTACK_DURATION: Histogram "capstan_openstack_call_duration_seconds" ["service", "method"]
        "How long attempts of calls to OpenStack took";
    KUBERNETES_REQUESTS: Counter "capstan_kubernetes_requests_total" ["server", "resource", "method", "outcome"]
        "Requests to the API of the management server (`management`) and to those of clusters (`workload`); outcomes as of OpenStack's, and `conflict` (409)";
    KUBERNETES_DURATION: Histogram "capstan_kubernetes_request_duration_seconds" ["server", "method"]
        "Time until an API server began to answer";
    CPU: Counter "process_cpu_seconds_total" []
        "Processor time this process has used";
    MEMORY: Gauge "process_resident_memory_bytes" []
        "Memory of this process";
    STARTED: Gauge "process_start_time_seconds" []
        "When this process started, in seconds since 1970";
}

/// The page of the documentation.
pub fn page() -> String {
    let mut text = "# Metrics\n\nWritten by `make reference`. The controller answers `GET /metrics` on its port `health` (8081) in the format \
                    OpenMetrics, in\nthe cluster only: no Service and no load balancer leads there. [Monitoring](../guide/monitoring.md) says how \
                    to collect them.\n\nLabels take few values: words of this page, names of clusters that exist, plurals of kinds.\n\n\
                    | metric | type | labels | tells |\n|---|---|---|---|\n"
        .to_owned();
    for one in ALL {
        let labels: Vec<String> = one
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {}. |",
            one.name,
            one.kind.as_str(),
            labels.join(", "),
            one.help
        );
    }
    text
}
