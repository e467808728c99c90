//! What a cluster autoscaler reads on a pool: its bounds, and what a node has while there is none to look at.

use capstan_capi::apply::Labels;
use capstan_capi::label;
use capstan_spec::status::Capacity;
use capstan_spec::{Architecture, WorkerPool};

use super::labels;
use super::workers::NODE_POOL_LABEL;

/// Set by each kubelet on its node.
const ARCHITECTURE_LABEL: &str = "kubernetes.io/arch";

/// Annotations of the autoscaler's provider `clusterapi`; none for a pool that people scale.
pub(super) fn annotations(
    pool: &WorkerPool,
    capacity: Option<&Capacity>,
    architecture: Architecture,
) -> Labels {
    let mut annotations = Labels::new();
    let Some(bounds) = pool.autoscaling else {
        return annotations;
    };
    let mut say = |key: &str, value: String| annotations.insert(key.to_owned(), value);
    say(label::AUTOSCALER_MIN, bounds.min.to_string());
    say(label::AUTOSCALER_MAX, bounds.max.to_string());
    if let Some(seconds) = bounds.scale_down_after_seconds {
        say(label::AUTOSCALER_UNNEEDED, format!("{seconds}s"));
    }
    if let Some(capacity) = capacity {
        say(label::CAPACITY_CPU, capacity.vcpus.to_string());
        say(label::CAPACITY_MEMORY, format!("{}Mi", capacity.ram_mib));
        say(label::CAPACITY_DISK, format!("{}Gi", capacity.disk_gib));
        if let Some(gpu) = &pool.gpu {
            say(label::CAPACITY_GPUS, capacity.gpus.to_string());
            say(label::CAPACITY_GPU_TYPE, gpu.resource.clone());
        }
    }
    // An autoscaler that sees no node takes it for the usual one.
    let processor = (architecture != Architecture::default())
        .then(|| format!("{ARCHITECTURE_LABEL}={architecture}"));
    let of_pool = labels::of_pool(pool);
    let labels = of_pool
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .chain(processor)
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
    use capstan_spec::cluster::{Autoscaling, Gpu, Taint, TaintEffect};

    use super::*;

    #[test]
    fn a_pool_of_none_tells_what_a_node_would_be_and_others_tell_nothing() {
        let mut pool = WorkerPool::new("gpu", "large");
        assert!(annotations(&pool, None, Architecture::Arm64).is_empty());
        pool.autoscaling = Some(Autoscaling::within_bounds(0, 3));
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
            gpus: 2,
        };
        let told = |pool: &WorkerPool, architecture| -> Vec<String> {
            let told = annotations(pool, Some(&capacity), architecture);
            told.iter()
                .map(|(key, value)| format!("{} {value}", key.rsplit('/').next().unwrap()))
                .collect()
        };
        let expected = [
            "cpu 4",
            "ephemeral-disk 40Gi",
            "labels example.org/gpu=yes,node.cluster.x-k8s.io/pool=gpu",
            "memory 8192Mi",
            "taints gpu=:NoSchedule",
            "cluster-api-autoscaler-node-group-max-size 3",
            "cluster-api-autoscaler-node-group-min-size 0",
        ];
        assert_eq!(told(&pool, Architecture::Amd64), expected);

        pool.gpu = Some(Gpu {
            resource: "example.org/npu".into(),
            count: None,
        });
        let told = told(&pool, Architecture::Arm64);
        for expected in [
            "gpu-count 2",
            "gpu-type example.org/npu",
            "labels cluster-api/accelerator=example.org-npu,example.org/gpu=yes,kubernetes.io/arch=arm64,node.cluster.x-k8s.io/pool=gpu",
        ] {
            assert!(
                told.iter().any(|one| one == expected),
                "{expected} in {told:?}"
            );
        }
    }
}
