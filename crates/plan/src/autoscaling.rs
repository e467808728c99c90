//! Pools whose size an autoscaler sets: for counting they are as large as it wants them to be.

use capstan_spec::{ClusterName, WorkloadClusterSpec};

use crate::progress::Observation;

/// Sets the number of machines of each pool with `autoscaling` to what its `MachineDeployment` asks for; the fewest before
/// there is one. Only in memory: the wish of people stays as they wrote it.
pub fn follow(spec: &mut WorkloadClusterSpec, name: &ClusterName, seen: &Observation) {
    for pool in &mut spec.workers {
        let Some(bounds) = pool.autoscaling else {
            continue;
        };
        let deployment = name.pool(&pool.name);
        let asked = seen
            .pools
            .iter()
            .find(|pool| pool.metadata.name == deployment)
            .and_then(|pool| pool.spec.replicas);
        pool.replicas = asked.map_or(bounds.min, |asked| bounds.within(asked));
    }
}

#[cfg(test)]
mod tests {
    use capstan_capi::view;
    use capstan_spec::KubernetesVersion;
    use capstan_spec::cluster::{Autoscaling, WorkerPool};

    use super::*;

    #[test]
    fn a_pool_is_as_large_as_the_autoscaler_wants_within_the_bounds() {
        let version = KubernetesVersion::new(1, 36, 3);
        let name = ClusterName::new("team", "demo", "x7k2p".parse().unwrap());
        let sizes = |asked: Option<u32>| {
            let mut spec = WorkloadClusterSpec::new(version, "a", "b");
            spec.workers.push(WorkerPool {
                autoscaling: Some(Autoscaling::within_bounds(1, 4)),
                ..WorkerPool::new("elastic", "b")
            });
            let pools = ["workers", "elastic"].map(|pool| {
                let mut deployment = view::MachineDeployment::default();
                deployment.metadata.name = name.pool(pool);
                deployment.spec.replicas = asked;
                deployment
            });
            let seen = Observation {
                pools: pools.into(),
                ..Observation::default()
            };
            follow(&mut spec, &name, &seen);
            spec.workers
                .iter()
                .map(|pool| pool.replicas)
                .collect::<Vec<_>>()
        };
        assert_eq!(sizes(None), [3, 1]);
        assert_eq!(sizes(Some(2)), [3, 2]);
        // The bounds have just been changed; the deployment follows with the next write.
        assert_eq!(sizes(Some(9)), [3, 4]);
        assert_eq!(sizes(Some(0)), [3, 1]);
    }
}
