//! Whether the machines of a pool are on different hosts.
//!
//! Their server groups ask for it as long as there are enough hosts (soft anti-affinity); Nova does not say when it could
//! not. What a tenant sees of a host is a name of it that differs per project (`hostId`): equal means the same host.

use std::collections::BTreeMap;

use capstan_spec::ClusterName;
use capstan_spec::status::{Condition, ConditionStatus};
use jiff::Timestamp;

use crate::facts::CONTROL_PLANE;
use crate::progress::{Observation, pool_of};

/// A pool of which several machines are on one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The pool, or `control-plane`.
    pub pool: String,
    /// Hosts that the pool is on.
    pub hosts: usize,
    /// Names of the machines that are together, by host; hosts with one machine are left out.
    pub together: Vec<Vec<String>>,
    machines: usize,
}

/// The pools of which several machines are on one host. `groups` are the server groups by pool: a pool without one was not
/// to be spread. `hosts` are the hosts by the id of the server.
pub fn shared(
    name: &ClusterName,
    seen: &Observation,
    groups: &BTreeMap<String, String>,
    hosts: &BTreeMap<String, String>,
) -> Vec<Shared> {
    let mut pools: BTreeMap<String, BTreeMap<&str, Vec<String>>> = BTreeMap::new();
    for machine in seen.machines.iter().filter(|m| !m.metadata.is_deleting()) {
        let pool = pool_of(name, machine);
        let server = seen
            .openstack_servers
            .iter()
            .find(|server| server.metadata.name == machine.metadata.name)
            .and_then(|server| server.status.instance_id.as_ref());
        // A server that is being built has no host yet.
        let host = server
            .and_then(|id| hosts.get(id))
            .filter(|h| !h.is_empty());
        if let Some(host) = host.filter(|_| groups.contains_key(&pool)) {
            let machines = pools.entry(pool).or_default().entry(host).or_default();
            machines.push(machine.metadata.name.clone());
        }
    }
    pools
        .into_iter()
        .filter(|(_, hosts)| hosts.values().any(|machines| machines.len() > 1))
        .map(|(pool, hosts)| Shared {
            pool,
            hosts: hosts.len(),
            machines: hosts.values().map(Vec::len).sum(),
            together: together(hosts),
        })
        .collect()
}

/// The condition [`Condition::SPREAD`], in the same words as long as nothing changes.
pub fn condition(shared: &[Shared], generation: Option<i64>, now: Timestamp) -> Condition {
    let control_plane = shared.iter().any(|shared| shared.pool == CONTROL_PLANE);
    let (status, reason) = match (shared.is_empty(), control_plane) {
        (true, _) => (ConditionStatus::True, "Spread"),
        (false, true) => (ConditionStatus::False, "ControlPlaneSharesHost"),
        (false, false) => (ConditionStatus::False, "WorkersShareHost"),
    };
    let mut told: Vec<String> = shared.iter().map(tell).collect();
    if !told.is_empty() {
        told.push(
            "the failure of such a host takes all of them; once the cloud has room on another host, a machine that is made \
             anew goes there"
                .to_owned(),
        );
    }
    Condition {
        kind: Condition::SPREAD.to_owned(),
        status,
        reason: reason.to_owned(),
        message: told.join("; "),
        last_transition_time: now,
        observed_generation: generation,
    }
}

fn together(hosts: BTreeMap<&str, Vec<String>>) -> Vec<Vec<String>> {
    let mut together: Vec<Vec<String>> = hosts
        .into_values()
        .filter(|machines| machines.len() > 1)
        .map(|mut machines| {
            machines.sort_unstable();
            machines
        })
        .collect();
    together.sort_unstable();
    together
}

/// The control plane by names, for there each counts; a pool by numbers.
fn tell(shared: &Shared) -> String {
    let Shared {
        pool,
        hosts,
        together,
        machines,
    } = shared;
    if pool == CONTROL_PLANE {
        let groups: Vec<String> = together
            .iter()
            .map(|machines| format!("{} are on one host", machines.join(", ")))
            .collect();
        return format!("{pool}: {}", groups.join(", "));
    }
    let hosts = if *hosts == 1 {
        "one host".to_owned()
    } else {
        format!("{hosts} hosts")
    };
    format!("{pool}: {machines} machines are on {hosts}")
}

#[cfg(test)]
mod tests {
    use capstan_capi::{label, view};

    use super::*;

    fn name() -> ClusterName {
        ClusterName::new("team-a", "demo", "x7k2p".parse().unwrap())
    }

    /// A cluster of machines with their hosts; names that begin with `c` are the control plane's.
    fn look(machines: &[(&str, &str)], groups: &[&str]) -> Vec<Shared> {
        let mut seen = Observation::default();
        let mut hosts = BTreeMap::new();
        for (machine, host) in machines {
            let metadata = view::Metadata {
                name: (*machine).to_owned(),
                ..view::Metadata::default()
            };
            let mut one = view::Machine {
                metadata: metadata.clone(),
                ..view::Machine::default()
            };
            let (key, value) = if machine.starts_with('c') {
                (label::CONTROL_PLANE, "")
            } else {
                (label::DEPLOYMENT_NAME, "demo-x7k2p-workers")
            };
            one.metadata.labels.insert(key.to_owned(), value.to_owned());
            if machine.ends_with("-going") {
                one.metadata.deletion_timestamp = Some(Timestamp::UNIX_EPOCH);
            }
            seen.machines.push(one);
            let mut server = view::OpenStackServer {
                metadata,
                ..view::OpenStackServer::default()
            };
            server.status.instance_id = Some(format!("id-{machine}"));
            seen.openstack_servers.push(server);
            hosts.insert(format!("id-{machine}"), (*host).to_owned());
        }
        let groups = groups
            .iter()
            .map(|pool| ((*pool).to_owned(), "group".to_owned()))
            .collect();
        shared(&name(), &seen, &groups, &hosts)
    }

    const BOTH: &[&str] = &["control-plane", "workers"];

    #[test]
    fn spread_machines_are_no_matter_to_speak_of() {
        let spread = [("c1", "a"), ("c2", "b"), ("w1", "a"), ("w2", "b")];
        for machines in [&spread[..], &[], &[("c1", "a")]] {
            let shared = look(machines, BOTH);
            assert_eq!(shared, []);
            let condition = condition(&shared, Some(1), Timestamp::UNIX_EPOCH);
            assert_eq!(condition.status, ConditionStatus::True);
            assert_eq!(condition.message, "");
        }
    }

    #[test]
    fn machines_that_go_or_have_no_host_yet_or_were_not_to_be_spread_do_not_count() {
        assert_eq!(look(&[("c1", "a"), ("c2-going", "a")], BOTH), []);
        assert_eq!(look(&[("c1", ""), ("c2", "")], BOTH), []);
        assert_eq!(look(&[("w1", "a"), ("w2", "a")], &["control-plane"]), []);
    }

    #[test]
    fn shared_hosts_are_told_with_the_control_plane_first() {
        let machines = [
            ("c3", "a"),
            ("c1", "a"),
            ("c2", "b"),
            ("w1", "a"),
            ("w2", "a"),
            ("w3", "b"),
        ];
        let shared = look(&machines, BOTH);
        assert_eq!(shared.len(), 2);
        assert_eq!(shared[0].together, [["c1", "c3"]]);
        let told = condition(&shared, Some(1), Timestamp::UNIX_EPOCH);
        assert_eq!(told.status, ConditionStatus::False);
        assert_eq!(told.reason, "ControlPlaneSharesHost");
        assert!(
            told.message.starts_with(
                "control-plane: c1, c3 are on one host; workers: 3 machines are on 2 hosts; "
            ),
            "{}",
            told.message
        );
        let workers = look(&machines[3..], BOTH);
        let told = condition(&workers, Some(1), Timestamp::UNIX_EPOCH);
        assert_eq!(told.reason, "WorkersShareHost");
    }
}
