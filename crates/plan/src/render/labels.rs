//! Labels of nodes: those that Cluster API hands on from machines, and those that kubelets set on themselves.

use std::collections::BTreeMap;

use capstan_spec::WorkerPool;
use capstan_spec::cluster::Gpu;
use capstan_spec::validate::is_handed_on;

/// Labels that are set on the machines and from there on the nodes; changed in place.
pub(super) fn by_machine(pool: &WorkerPool) -> BTreeMap<String, String> {
    chosen(pool, true)
}

/// Labels that nodes register with; a change replaces the machines.
pub(super) fn by_kubelet(pool: &WorkerPool) -> BTreeMap<String, String> {
    chosen(pool, false)
}

/// All labels that the pool's nodes have from its spec.
pub(super) fn of_pool(pool: &WorkerPool) -> BTreeMap<String, String> {
    let mut labels = pool.labels.clone();
    if let Some(gpu) = &pool.gpu {
        // No value of a label has a slash.
        labels.insert(Gpu::LABEL.to_owned(), gpu.resource.replace('/', "-"));
    }
    labels
}

fn chosen(pool: &WorkerPool, handed_on: bool) -> BTreeMap<String, String> {
    let mut labels = of_pool(pool);
    labels.retain(|key, _| is_handed_on(key) == handed_on);
    labels
}
