//! Machines that may join and have not noticed.
//!
//! Until the control plane is initialized, the bootstrap provider looks at each machine that waits for it every 30 s, counted
//! from the machine's creation: a change of the `Cluster` wakes it for the infrastructure only, not for the control plane
//! (seen with Cluster API 1.14.2: of two workers made together one went on after a second and the other after 31). A change
//! of its `Machine` does wake it.

use capstan_capi::view::Machine;

use crate::progress::Observation;

/// Annotation on a machine that was woken. Its value never changes: a machine waits for its control plane once.
pub const WOKEN: &str = "capstan.dev/woken";

/// The machines whose control plane is there and whose user data is not made yet, and that were not woken.
pub fn sleeping(seen: &Observation) -> impl Iterator<Item = &Machine> {
    // What the `Cluster` says and not what its control plane says: that is what the bootstrap provider reads.
    let may_join = seen
        .cluster
        .as_ref()
        .is_some_and(|cluster| cluster.status.initialization.control_plane_initialized);
    seen.machines.iter().filter(move |machine| {
        may_join
            && !machine.metadata.is_deleting()
            && !machine.status.initialization.bootstrap_data_secret_created
            && !machine.metadata.annotations.contains_key(WOKEN)
    })
}

#[cfg(test)]
mod tests {
    use capstan_capi::view;

    use super::*;

    fn machine(name: &str, change: impl FnOnce(&mut Machine)) -> Machine {
        let mut machine = Machine::default();
        name.clone_into(&mut machine.metadata.name);
        change(&mut machine);
        machine
    }

    #[test]
    fn who_waits_for_a_control_plane_that_is_there_is_woken_once() {
        let mut cluster = view::Cluster::default();
        let machines = vec![
            machine("waits", |_| ()),
            machine("made", |m| {
                m.status.initialization.bootstrap_data_secret_created = true;
            }),
            machine("goes", |m| {
                m.metadata.deletion_timestamp = Some(jiff::Timestamp::UNIX_EPOCH);
            }),
            machine("woken", |m| {
                m.metadata
                    .annotations
                    .insert(WOKEN.to_owned(), String::new());
            }),
        ];
        let of = |cluster: &view::Cluster| {
            let seen = Observation {
                cluster: Some(cluster.clone()),
                machines: machines.clone(),
                ..Observation::default()
            };
            let names = sleeping(&seen).map(|machine| machine.metadata.name.clone());
            names.collect::<Vec<_>>()
        };
        assert!(of(&cluster).is_empty(), "nothing to join yet");
        cluster.status.initialization.control_plane_initialized = true;
        assert_eq!(of(&cluster), ["waits"]);
    }
}
