//! How far the bastion is, and when what was made for it may go.

use capstan_capi::view::{self, OpenStackServer};
use capstan_spec::progress::{Reason, ReasonCode};
use capstan_spec::{ClusterName, WorkloadClusterSpec};

use crate::progress::{Observation, reason};

/// How far the bastion is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There as it is wished, or not there and not wished.
    AsWanted,
    /// It comes, goes or is made anew: in which way, for people.
    Moving(String),
    /// Its server has failed, and CAPO makes no other.
    Failed(Reason),
}

/// How far the bastion of a cluster is whose network is there.
pub fn standing(spec: &WorkloadClusterSpec, name: &ClusterName, seen: &Observation) -> Standing {
    let server = server(name, seen);
    let moving = |message: &str| Standing::Moving(message.to_owned());
    if spec.bastion.is_none() {
        return if server.is_some() || seen.bastion_left {
            moving("the bastion is being removed")
        } else {
            Standing::AsWanted
        };
    }
    let infrastructure = seen.infrastructure.as_ref();
    let told = infrastructure.and_then(|one| one.spec.bastion.as_ref());
    let (Some(server), Some(told)) = (server, told) else {
        return moving("the bastion is being requested");
    };
    if server.metadata.is_deleting() || !is_as_told(server, told) {
        return moving("the bastion is made anew");
    }
    if let Some(reason) = fault(server, seen) {
        return Standing::Failed(reason);
    }
    let address = infrastructure.and_then(|one| one.status.bastion.as_ref());
    match (server.status.ready, address) {
        (false, _) => moving("the bastion's server is being built"),
        (true, Some(address)) if !address.floating_ip.is_empty() => Standing::AsWanted,
        (true, _) => {
            let told = infrastructure.and_then(words);
            let told = told.map_or_else(String::new, |words| format!(": {words}"));
            Standing::Moving(format!("the bastion gets its address{told}"))
        }
    }
}

/// What CAPO last failed at with the bastion. It tries again by itself, and leaves the cluster ready meanwhile.
fn words(infrastructure: &view::OpenStackCluster) -> Option<&str> {
    let ready = view::condition(&infrastructure.status.conditions, "Ready")?;
    let about = ready.is_false() && ready.message.contains("bastion");
    about.then_some(ready.message.as_str())
}

/// Whether CAPO has let go of the bastion: it was told that none shall be, and its server with all its ports is gone. Before,
/// its address and its security group are in use.
pub fn is_let_go(name: &ClusterName, seen: &Observation) -> bool {
    let holds = seen.infrastructure.as_ref().is_some_and(|one| {
        let told = one.spec.bastion.as_ref();
        told.is_some_and(view::Bastion::is_enabled) || one.status.bastion.is_some()
    });
    !holds && server(name, seen).is_none()
}

/// Flavor of the bastion's server that there is, in whatever state; `None` while there is none.
pub fn flavor<'a>(name: &ClusterName, seen: &'a Observation) -> Option<&'a str> {
    let server = server(name, seen)?;
    Some(server.spec.shape.flavor.as_deref().unwrap_or_default())
}

fn server<'a>(name: &ClusterName, seen: &'a Observation) -> Option<&'a OpenStackServer> {
    let wanted = name.capo_bastion();
    let mut servers = seen.openstack_servers.iter();
    servers.find(|server| server.metadata.name == wanted)
}

/// CAPO compares the same, and makes a server anew that is otherwise; until it has looked, the old one is there and ready.
fn is_as_told(server: &OpenStackServer, told: &view::Bastion) -> bool {
    told.spec.as_ref() == Some(&server.spec.shape)
        && told.availability_zone == server.spec.availability_zone
}

fn fault(server: &OpenStackServer, seen: &Observation) -> Option<Reason> {
    let condition = view::condition(&server.status.conditions, "InstanceReady");
    let said = condition.filter(|condition| condition.is_false());
    let failed = server.status.instance_state.as_deref() == Some("ERROR");
    if !failed && said.is_none_or(|said| said.message.is_empty()) {
        return None;
    }
    let words = seen.faults.get(&server.metadata.name);
    let words = words.or_else(|| said.map(|said| &said.message));
    let fallback = (
        ReasonCode::Other,
        "the server of the bastion has failed",
        "change its flavor or its zone, or take it out of the cluster and put it in again once it is gone: it is made anew",
    );
    let object = format!("OpenStackServer {}", server.metadata.name);
    Some(reason(
        words.map_or("", String::as_str),
        Some(object),
        fallback,
    ))
}

#[cfg(test)]
mod tests {
    use capstan_spec::KubernetesVersion;
    use capstan_spec::cluster::Bastion;
    use serde_json::{Value, json};

    use super::*;

    fn name() -> ClusterName {
        ClusterName::new("team-a", "demo", "x7k2p".parse().unwrap())
    }

    fn spec(bastion: bool) -> WorkloadClusterSpec {
        let mut spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
        spec.bastion = bastion.then(|| Bastion {
            flavor: "a".into(),
            image: None,
            ssh_key: Some("ops".into()),
            allowed_cidrs: Vec::new(),
            availability_zone: None,
        });
        spec
    }

    fn seen(told: &Value, address: Option<&str>, server: Option<&Value>) -> Observation {
        let cluster = json!({
            "spec": {"bastion": told},
            "status": {"ready": true, "bastion": address.map(|address| json!({"floatingIP": address}))},
        });
        Observation {
            infrastructure: Some(serde_json::from_value(cluster).unwrap()),
            openstack_servers: server
                .map(|server| serde_json::from_value(server.clone()).unwrap())
                .into_iter()
                .collect(),
            ..Observation::default()
        }
    }

    fn shape(flavor: &str) -> Value {
        json!({"flavor": flavor, "image": {"id": "i"}, "sshKeyName": "ops", "ports": [{"securityGroups": [{"id": "g"}]}]})
    }

    fn server(flavor: &str, status: &Value) -> Value {
        json!({"metadata": {"name": "demo-x7k2p-bastion"}, "spec": shape(flavor), "status": status})
    }

    fn moves(standing: &Standing, word: &str) -> bool {
        matches!(standing, Standing::Moving(message) if message.contains(word))
    }

    #[test]
    fn it_comes_step_by_step_and_is_made_anew_when_told_otherwise() {
        let told = json!({"enabled": true, "spec": shape("a")});
        let stands = |seen: &Observation| standing(&spec(true), &name(), seen);
        let (built, wired) = (json!({"ready": false}), json!({"ready": true}));
        assert!(moves(&stands(&seen(&Value::Null, None, None)), "requested"));
        let building = seen(&told, None, Some(&server("a", &built)));
        assert!(moves(&stands(&building), "built"));
        let unaddressed = seen(&told, Some(""), Some(&server("a", &wired)));
        assert!(moves(&stands(&unaddressed), "address"));
        let mut refused = unaddressed.clone();
        let why = "failed to associate floating IP with bastion: not reachable";
        let condition = json!([{"type": "Ready", "status": "False", "message": why}]);
        let cluster = refused.infrastructure.as_mut().unwrap();
        cluster.status.conditions = serde_json::from_value(condition).unwrap();
        assert!(moves(&stands(&refused), "not reachable"));
        let done = seen(&told, Some("198.51.100.8"), Some(&server("a", &wired)));
        assert_eq!(stands(&done), Standing::AsWanted);
        let other = seen(&told, Some("198.51.100.8"), Some(&server("b", &wired)));
        assert!(moves(&stands(&other), "anew"));
    }

    #[test]
    fn a_failed_one_is_told_with_the_words_of_the_cloud() {
        let told = json!({"enabled": true, "spec": shape("a")});
        let failed = server("a", &json!({"ready": false, "instanceState": "ERROR"}));
        let mut seen = seen(&told, None, Some(&failed));
        let why = |seen: &Observation| match standing(&spec(true), &name(), seen) {
            Standing::Failed(reason) => reason,
            other => panic!("{other:?}"),
        };
        assert!(why(&seen).message.contains("has failed"));
        let words = "No valid host was found.";
        seen.faults
            .insert("demo-x7k2p-bastion".into(), words.into());
        assert_eq!(why(&seen).code, ReasonCode::NoValidHost);
    }

    #[test]
    fn what_was_made_for_it_goes_after_its_server_and_never_before_capo_was_told() {
        let on = json!({"enabled": true, "spec": shape("a")});
        let off = json!({"enabled": false});
        let there = server("a", &json!({"ready": true}));
        let gone = |told: &Value, address, server| is_let_go(&name(), &seen(told, address, server));
        assert!(!gone(&on, None, None), "CAPO is about to make it");
        assert!(
            !gone(&json!({"spec": shape("a")}), None, None),
            "nothing said is yes"
        );
        assert!(!gone(&off, None, Some(&there)));
        assert!(!gone(&off, Some("198.51.100.8"), None));
        assert!(gone(&off, None, None));
        assert!(gone(&Value::Null, None, None));
        assert!(is_let_go(&name(), &Observation::default()));
        let mut left = seen(&off, None, None);
        assert_eq!(standing(&spec(false), &name(), &left), Standing::AsWanted);
        left.bastion_left = true;
        assert!(moves(&standing(&spec(false), &name(), &left), "removed"));
    }
}
