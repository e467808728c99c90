//! What a cluster autoscaler reads on a pool: its bounds, and what a node has while there is none to look at.

use capstan_capi::apply::Labels;
use capstan_capi::label;
use capstan_spec::WorkerPool;
use capstan_spec::status::Capacity;

use super::workers::NODE_POOL_LABEL;

/// Annotations of the autoscaler's provider `clusterapi`; none for a pool that people scale.
pub(super) fn annotations(pool: &WorkerPool, capacity: Option<&Capacity>) -> Labels {
    let mut annotations = Labels::new();
    let Some(bounds) = pool.autoscaling else {
        return annotations;
    };
    let mut say = |key: &str, value: String| annotations.insert(key.to_owned(), value);
    say(label::AUTOSCALER_MIN, bounds.min.to_string());
    say(label::AUTOSCALER_MAX, bounds.max.to_string());
    if let Some(capacity) = capacity {
        say(label::CAPACITY_CPU, capacity.vcpus.to_string());
        say(label::CAPACITY_MEMORY, format!("{}Mi", capacity.ram_mib));
        say(label::CAPACITY_DISK, format!("{}Gi", capacity.disk_gib));
    }
    let labels = pool
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .chain([format!("{NODE_POOL_LABEL}={}", pool.name)]);
    say(label::CAPACITY_LABELS, labels.collect::<Vec<_>>().join(","));
    let taints: Vec<String> = pool
        .taints
        .iter()
        .map(|taint| format!("{}={}:{}", taint.key, taint.value, taint.effect.as_str()))
        .collect();
    if !taints.is_empty() {
        say(label::CAPACITY_TAINTS, taints.join(","));
    }
    annotations
}

#[cfg(test)]
mod tests {
    use capstan_spec::cluster::{Autoscaling, Taint, TaintEffect};

    use super::*;

    #[test]
    fn a_pool_of_none_tells_what_a_node_would_be_and_others_tell_nothing() {
        let mut pool = WorkerPool::new("gpu", "large");
        assert!(annotations(&pool, None).is_empty());
        pool.autoscaling = Some(Autoscaling { min: 0, max: 3 });
        pool.labels = [("example.org/gpu".to_owned(), "yes".to_owned())].into();
        pool.taints = vec![Taint {
            key: "gpu".into(),
            value: String::new(),
            effect: TaintEffect::NoSchedule,
        }];
        let capacity = Capacity {
            vcpus: 4,
            ram_mib: 8192,
            disk_gib: 40,
        };
        let told = annotations(&pool, Some(&capacity));
        let told: Vec<String> = told
            .iter()
            .map(|(key, value)| format!("{} {value}", key.rsplit('/').next().unwrap()))
            .collect();
        let expected = [
            "cpu 4",
            "ephemeral-disk 40Gi",
            "labels example.org/gpu=yes,node.cluster.x-k8s.io/pool=gpu",
            "memory 8192Mi",
            "taints gpu=:NoSchedule",
            "cluster-api-autoscaler-node-group-max-size 3",
            "cluster-api-autoscaler-node-group-min-size 0",
        ];
        assert_eq!(told, expected);
    }
}
