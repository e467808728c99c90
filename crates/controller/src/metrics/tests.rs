use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use capstan_kubernetes::RequestOutcome;
use capstan_openstack::{Outcome, Service};
use capstan_spec::status::{ClusterPhase, ReplicaCounts, WorkloadClusterStatus};
use capstan_spec::{KubernetesVersion, WorkloadClusterSpec};
use kube::runtime::reflector::store;
use kube::runtime::watcher::Event;

use super::*;

fn cluster(name: &str, phase: Option<ClusterPhase>) -> WorkloadCluster {
    let version = KubernetesVersion::new(1, 36, 3);
    let spec = WorkloadClusterSpec::new(version, "a", "b");
    let mut cluster = WorkloadCluster::new("team", name, spec);
    let counts = |desired, ready| ReplicaCounts {
        desired,
        ready,
        ..ReplicaCounts::default()
    };
    cluster.status = phase.map(|phase| WorkloadClusterStatus {
        phase: Some(phase),
        control_plane: Some(counts(3, 3)),
        workers: [("a", counts(2, 1)), ("b", counts(5, 4))]
            .map(|(pool, counts)| (pool.to_owned(), counts))
            .into(),
        ..WorkloadClusterStatus::default()
    });
    cluster
}

/// Metrics of a controller with two clusters, every one of which has a value.
async fn told() -> (
    Metrics,
    kube::runtime::reflector::store::Writer<WorkloadCluster>,
) {
    let metrics = Metrics::new();
    let (reader, mut writer) = store();
    metrics.clusters_from(reader);
    metrics.lease_held(true);
    let clusters = [
        cluster("demo", Some(ClusterPhase::Ready)),
        cluster("new", None),
    ];
    for one in &clusters {
        writer.apply_watcher_event(&Event::Apply(one.clone()));
    }
    let [demo, new] = &clusters;
    metrics.woken(&ObjectRef::from_obj(demo));
    let well = async { Ok(Action::await_change()) };
    metrics.measure(demo, well).await.unwrap();
    let badly = async { Err(Error::Missing("Cloud".to_owned())) };
    metrics.measure(new, badly).await.unwrap_err();
    metrics.calls.called(&Attempt {
        service: Service::Volume,
        method: http::Method::GET,
        outcome: Outcome::Limited,
        took: Duration::from_millis(7),
    });
    metrics.management().asked(&Request {
        method: &http::Method::PATCH,
        resource: "machines",
        outcome: RequestOutcome::Conflict,
        took: Duration::from_millis(7),
    });
    (metrics, writer)
}

/// Name and labels of a line with a value.
fn parts(line: &str) -> (&str, BTreeSet<&str>) {
    let (name, rest) = line.split_once(['{', ' ']).unwrap();
    let labels = rest.split_once('}').map_or("", |(labels, _)| labels);
    let labels = labels
        .split("\",")
        .filter_map(|one| Some(one.split_once('=')?.0));
    (name, labels.filter(|label| *label != "le").collect())
}

#[tokio::test]
async fn what_is_answered_is_what_the_documentation_says() {
    let (metrics, _writer) = told().await;
    let text = metrics.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let told = |word: &str| -> BTreeMap<&str, &str> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("# "));
        lines
            .filter_map(|line| line.strip_prefix(word)?.trim().split_once(' '))
            .collect()
    };
    let (helps, types) = (told("HELP"), told("TYPE"));
    assert_eq!(types.len(), ALL.len(), "{types:#?}");
    for one in ALL {
        assert_eq!(types[one.registered()], one.kind.as_str(), "{}", one.name);
        assert_eq!(helps[one.registered()], format!("{}.", one.help));
        let wanted: BTreeSet<&str> = one.labels.iter().copied().collect();
        let mut values = 0;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, labels) = parts(line);
            let of_histogram = |end| name.strip_suffix(end) == Some(one.name);
            if name == one.name || ["_bucket", "_sum", "_count"].into_iter().any(of_histogram) {
                assert_eq!(labels, wanted, "{line}");
                values += 1;
            }
        }
        assert!(values > 0, "{} has no value", one.name);
    }
}

#[tokio::test]
async fn a_cluster_is_told_of_as_long_as_there_is_one() {
    let (metrics, mut writer) = told().await;
    let has = |line: &str| metrics.text().lines().any(|told| told.starts_with(line));
    assert!(has("capstan_clusters{phase=\"Ready\"} 1"));
    assert!(has("capstan_clusters{phase=\"Unknown\"} 1"));
    assert!(has("capstan_clusters{phase=\"Deleting\"} 0"));
    let worker = "{namespace=\"team\",cluster=\"demo\",role=\"worker\"}";
    assert!(has(&format!("capstan_cluster_machines_wanted{worker} 7")));
    assert!(has(&format!("capstan_cluster_machines_ready{worker} 5")));
    let demo = "{namespace=\"team\",cluster=\"demo\"}";
    assert!(has(&format!("capstan_cluster_failures{demo} 0")));
    let seen = format!("capstan_cluster_last_success_timestamp_seconds{demo}");
    assert!(has(&seen));
    let new = "{namespace=\"team\",cluster=\"new\"}";
    assert!(has(&format!("capstan_cluster_failures{new} 1")));
    let never = format!("capstan_cluster_last_success_timestamp_seconds{new}");
    assert!(!has(&never), "a success that never was");

    writer.apply_watcher_event(&Event::Delete(cluster("demo", None)));
    assert!(!has(&seen));
    assert!(has("capstan_clusters{phase=\"Ready\"} 0"));
}

#[tokio::test]
async fn who_waits_is_who_has_changed_or_was_never_looked_at() {
    let (metrics, mut writer) = told().await;
    let waiting = || {
        let text = metrics.text();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("capstan_reconciles_waiting "));
        line.unwrap().to_owned()
    };
    assert_eq!(waiting(), "0");
    metrics.woken(&ObjectRef::new("demo").within("team"));
    assert_eq!(waiting(), "1");
    // Somebody else's cluster of a similar name is none of ours.
    metrics.woken(&ObjectRef::new("foreign").within("team"));
    assert_eq!(waiting(), "1");
    writer.apply_watcher_event(&Event::Apply(cluster("third", None)));
    assert_eq!(waiting(), "2");
}

#[tokio::test]
async fn a_look_that_is_cut_off_is_no_longer_active() {
    let metrics = Metrics::new();
    let one = cluster("demo", None);
    let look = metrics.measure(&one, std::future::pending());
    assert!(tokio::time::timeout(Duration::ZERO, look).await.is_err());
    assert!(metrics.text().contains("\ncapstan_reconciles_active 0\n"));
}
