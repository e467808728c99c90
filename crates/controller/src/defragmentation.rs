//! etcd of all clusters, each in its minute of the night. What is done, and when, is said by [`capstan_plan::etcd`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use capstan_plan::etcd;
use capstan_spec::{ClusterName, Uid};
use capstan_workload::Error;
use capstan_workload::etcd::{Report, Which, defragment};
use capstan_workload::resource::WorkloadCluster;
use futures::StreamExt as _;
use jiff::Timestamp;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::reflector::Store;
use kube::{Client, Resource as _, ResourceExt as _};

/// How often the clusters are gone through: nothing is asked of anybody unless one's minute has come.
const ROUND: Duration = Duration::from_mins(5);
/// Clusters worked on at once.
const CONCURRENCY: usize = 4;

/// Goes through the clusters until it is dropped. Whatever is under way then is ended by etcd itself.
pub(crate) async fn nightly(client: Client, clusters: Store<WorkloadCluster>) {
    let reporter = Reporter {
        controller: "capstan".to_owned(),
        instance: None,
    };
    let recorder = Recorder::new(client.clone(), reporter);
    let mut tried: HashMap<Uid, Timestamp> = HashMap::new();
    loop {
        let now = Timestamp::now();
        let due = due(&clusters.state(), now, &tried);
        tried.extend(due.iter().map(|(_, name)| (name.uid().clone(), now)));
        futures::stream::iter(due)
            .for_each_concurrent(CONCURRENCY, |(cluster, name)| {
                let (client, recorder) = (&client, &recorder);
                async move { look_after(client, recorder, &cluster, &name).await }
            })
            .await;
        tokio::time::sleep(ROUND).await;
    }
}

/// Clusters whose time it is, and of which nothing is under way.
fn due(
    clusters: &[Arc<WorkloadCluster>],
    now: Timestamp,
    tried: &HashMap<Uid, Timestamp>,
) -> Vec<(Arc<WorkloadCluster>, ClusterName)> {
    let due = clusters.iter().filter_map(|cluster| {
        let status = cluster.status.as_ref()?;
        let uid = status.uid.clone()?;
        let rule = cluster.spec.kubeadm.etcd.defragmentation;
        let gone = cluster.metadata.deletion_timestamp.is_some();
        let last = tried.get(&uid).copied();
        if gone
            || !etcd::due(rule, &uid, now, last)
            || etcd::settled(&cluster.spec, cluster.metadata.generation, status).is_err()
        {
            return None;
        }
        let namespace = cluster.namespace().unwrap_or_default();
        let name = ClusterName::new(namespace, cluster.name_any(), uid);
        Some((cluster.clone(), name))
    });
    due.collect()
}

async fn look_after(
    client: &Client,
    recorder: &Recorder,
    cluster: &WorkloadCluster,
    name: &ClusterName,
) {
    let rule = cluster.spec.kubeadm.etcd.defragmentation;
    let replicas = cluster.spec.control_plane.replicas;
    let outcome = defragment(client, name, replicas, Which::Worthwhile(rule)).await;
    match &outcome {
        Ok(report) => tracing::info!(cluster = name.cluster(), ?report, "etcd was looked after"),
        Err(error) => {
            tracing::warn!(cluster = name.cluster(), %error, "etcd was not looked after");
        }
    }
    let Some(event) = event(outcome) else { return };
    if let Err(error) = recorder.publish(&event, &cluster.object_ref(&())).await {
        tracing::warn!(cluster = name.cluster(), %error, "failed to write an event");
    }
}

/// What is told of it; nothing when there was nothing to do.
fn event(outcome: Result<Report, Error>) -> Option<Event> {
    let (type_, reason, note) = match outcome {
        Ok(report) if report.done.is_empty() => return None,
        Ok(report) => (EventType::Normal, "EtcdDefragmented", report.to_string()),
        Err(error) => (EventType::Warning, "EtcdNotDefragmented", error.to_string()),
    };
    Some(Event {
        type_,
        reason: reason.to_owned(),
        note: Some(note),
        action: "Defragment".to_owned(),
        secondary: None,
    })
}

#[cfg(test)]
mod tests {
    use capstan_spec::status::{ClusterPhase, ReplicaCounts, WorkloadClusterStatus};
    use capstan_spec::{KubernetesVersion, WorkloadClusterSpec};

    use super::*;

    #[test]
    fn only_settled_clusters_come_in_their_minute_and_once() {
        let spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
        let replicas = spec.control_plane.replicas;
        let mut cluster = WorkloadCluster::new("default", "demo", spec);
        cluster.status = Some(WorkloadClusterStatus {
            uid: Some("x7k2p".parse().unwrap()),
            phase: Some(ClusterPhase::Ready),
            control_plane: Some(ReplicaCounts {
                desired: replicas,
                current: replicas,
                ready: replicas,
                up_to_date: replicas,
            }),
            ..WorkloadClusterStatus::default()
        });
        let late: Timestamp = "2026-12-01T02:59:30Z".parse().unwrap();
        let nothing = HashMap::new();
        let found = due(&[Arc::new(cluster.clone())], late, &nothing);
        assert_eq!(found.len(), 1);
        let tried = HashMap::from([(found[0].1.uid().clone(), late)]);
        assert!(due(&[Arc::new(cluster.clone())], late, &tried).is_empty());
        let noon = "2026-12-01T12:00:00Z".parse().unwrap();
        assert!(due(&[Arc::new(cluster.clone())], noon, &nothing).is_empty());
        cluster.status.as_mut().unwrap().phase = Some(ClusterPhase::Updating);
        assert!(due(&[Arc::new(cluster)], late, &nothing).is_empty());
    }

    #[test]
    fn nothing_is_told_of_a_night_without_work_and_a_refusal_is_a_warning() {
        let mut report = Report {
            before: Vec::new(),
            done: Vec::new(),
            after: Vec::new(),
        };
        assert!(event(Ok(report.clone())).is_none());
        report.done.push("m1".into());
        assert_eq!(event(Ok(report)).unwrap().reason, "EtcdDefragmented");
        let refused = event(Err(etcd::Refusal::NoLeader.into())).unwrap();
        assert!(matches!(refused.type_, EventType::Warning));
    }
}
