//! Labels of nodes: those that Cluster API hands on from machines, and those that kubelets set on themselves.

use std::collections::BTreeMap;

use capstan_spec::WorkerPool;
use capstan_spec::validate::is_handed_on;

/// Labels that are set on the machines and from there on the nodes; changed in place.
pub(super) fn by_machine(pool: &WorkerPool) -> BTreeMap<String, String> {
    chosen(pool, true)
}

/// Labels that nodes register with; a change replaces the machines.
pub(super) fn by_kubelet(pool: &WorkerPool) -> BTreeMap<String, String> {
    chosen(pool, false)
}

fn chosen(pool: &WorkerPool, handed_on: bool) -> BTreeMap<String, String> {
    let chosen = pool
        .labels
        .iter()
        .filter(|(key, _)| is_handed_on(key) == handed_on);
    chosen
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
