//! What is made for a bastion, against a Neutron that holds lists: made once, let in exactly, gone by id.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use capstan_openstack::Session;
use capstan_plan::Observation;
use capstan_spec::cluster::Bastion;
use capstan_spec::status::Resolved;
use capstan_spec::{ClusterName, KubernetesVersion, ServerGroupPolicy, WorkloadClusterSpec};
use capstan_workload::{bastion, prepare};
use serde_json::{Value, json};
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// Things by collection. Lists are filtered as Neutron does: several values of one filter are "one of".
#[derive(Clone, Default)]
struct Neutron {
    things: Arc<Mutex<BTreeMap<String, Vec<Value>>>>,
    /// Groups that a port uses.
    used: Arc<Mutex<bool>>,
}

impl Neutron {
    async fn start(&self) -> (MockServer, Session) {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let server = MockServer::start().await;
        let uri = server.uri();
        let network = json!({"type": "network", "endpoints": [
            {"interface": "public", "url": format!("{uri}/network"), "region_id": "one"}]});
        let token = json!({"token": {
            "expires_at": "2999-01-01T01:00:00.000000Z", "issued_at": "2999-01-01T00:00:00.000000Z",
            "user": {"id": "u", "name": "demo"}, "project": {"id": "p", "name": "demo"},
            "roles": [{"id": "r", "name": "member"}], "catalog": [network],
        }});
        let answer = ResponseTemplate::new(201).insert_header("X-Subject-Token", "token");
        Mock::given(path("/v3/auth/tokens"))
            .respond_with(answer.set_body_json(token))
            .mount(&server)
            .await;
        Mock::given(any())
            .respond_with(self.clone())
            .mount(&server)
            .await;
        let session = Session::connect(capstan_testkit::cloud(&uri))
            .await
            .unwrap();
        (server, session)
    }

    fn held(&self, collection: &str) -> Vec<Value> {
        let things = self.things.lock().unwrap();
        things.get(collection).cloned().unwrap_or_default()
    }

    fn add(&self, collection: &str, mut thing: Value) -> Value {
        let mut things = self.things.lock().unwrap();
        let count: usize = things.values().map(Vec::len).sum();
        thing["id"] = json!(format!("{collection}-{count}"));
        if collection == "floatingips" {
            thing["floating_ip_address"] = json!("198.51.100.8");
        }
        let of = things.entry(collection.to_owned()).or_default();
        of.push(thing.clone());
        thing
    }
}

fn singular(collection: &str) -> String {
    collection.trim_end_matches('s').replace('-', "_")
}

impl Respond for Neutron {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let path: Vec<_> = request.url.path_segments().unwrap().collect();
        let ["network", "v2.0", collection, rest @ ..] = path.as_slice() else {
            panic!("no such place: {path:?}");
        };
        let (one, many) = (singular(collection), collection.replace('-', "_"));
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let query: Vec<_> = request.url.query_pairs().collect();
                let wanted = |thing: &Value, key: &str| {
                    let mut values = query.iter().filter(|(k, _)| k == key).peekable();
                    values.peek().is_none() || values.any(|(_, value)| thing[key] == **value)
                };
                let mut found = self.held(collection);
                found.retain(|thing| {
                    ["name", "description", "security_group_id"]
                        .iter()
                        .all(|key| wanted(thing, key))
                });
                ResponseTemplate::new(200).set_body_json(json!({many: found}))
            }
            ("POST", []) => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                let answer = match &body[&many] {
                    Value::Array(several) => {
                        let made = several.iter().map(|new| self.add(collection, new.clone()));
                        json!({many: made.collect::<Vec<_>>()})
                    }
                    _ => json!({&one: self.add(collection, body[&one].clone())}),
                };
                ResponseTemplate::new(201).set_body_json(answer)
            }
            ("DELETE", [id]) => {
                if *collection == "security-groups" && *self.used.lock().unwrap() {
                    return ResponseTemplate::new(409);
                }
                let mut things = self.things.lock().unwrap();
                let held = things.entry((*collection).to_owned()).or_default();
                let before = held.len();
                held.retain(|thing| thing["id"] != **id);
                ResponseTemplate::new(if held.len() < before { 204 } else { 404 })
            }
            other => panic!("no such request: {other:?}"),
        }
    }
}

fn name() -> ClusterName {
    ClusterName::new("team", "demo", "x7k2p".parse().unwrap())
}

/// A cluster for which nothing but its bastion is to be made.
fn spec(allowed: &[&str]) -> WorkloadClusterSpec {
    let mut spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
    spec.control_plane.server_group = ServerGroupPolicy::None;
    spec.workers.clear();
    spec.bastion = (!allowed.is_empty()).then(|| Bastion {
        flavor: "a".into(),
        image: None,
        ssh_key: Some("ops".into()),
        allowed_cidrs: allowed.iter().map(|range| range.parse().unwrap()).collect(),
        availability_zone: None,
    });
    spec
}

fn pinned() -> Resolved {
    Resolved {
        external_network_id: Some("ext".into()),
        floating_ip_id: Some("api".into()),
        floating_ip: Some("198.51.100.7".into()),
        ..Resolved::default()
    }
}

/// What CAPO was told of the bastion, and whether it has a server still.
fn seen(told: &Value, server: bool) -> Observation {
    let server = server.then(|| json!({"metadata": {"name": "demo-x7k2p-bastion"}}));
    Observation {
        infrastructure: Some(serde_json::from_value(json!({"spec": {"bastion": told}})).unwrap()),
        openstack_servers: server
            .map(|server| serde_json::from_value(server).unwrap())
            .into_iter()
            .collect(),
        ..Observation::default()
    }
}

fn ranges(neutron: &Neutron) -> Vec<String> {
    let rules = neutron.held("security-group-rules");
    let mut ranges: Vec<_> = rules
        .iter()
        .map(|rule| {
            rule["remote_ip_prefix"]
                .as_str()
                .unwrap_or("all")
                .to_owned()
        })
        .collect();
    ranges.sort();
    ranges
}

#[tokio::test]
async fn it_is_made_once_and_lets_in_exactly_those_that_are_named() {
    let neutron = Neutron::default();
    let (_server, session) = neutron.start().await;
    let mut resolved = pinned();
    let wanted = spec(&["203.0.113.0/24", "192.0.2.7/32"]);
    let prepared = async |spec: &WorkloadClusterSpec, resolved: &mut Resolved| {
        prepare::prepare(&session, spec, &name(), resolved)
            .await
            .unwrap();
    };
    prepared(&wanted, &mut resolved).await;
    assert_eq!(ranges(&neutron), ["192.0.2.7/32", "203.0.113.0/24"]);
    let made = resolved.bastion.clone().unwrap();
    assert_eq!(made.floating_ip.as_deref(), Some("198.51.100.8"));
    // The answers were lost: found again by name and description.
    let mut forgotten = pinned();
    prepared(&wanted, &mut forgotten).await;
    assert_eq!(forgotten.bastion, Some(made.clone()));
    assert_eq!(neutron.held("floatingips").len(), 1);

    // Somebody opens it by hand, and the wish becomes another: both is put right, and what goes out stays.
    let group = made.security_group_id.unwrap();
    let rule = |direction: &str| json!({"security_group_id": group, "direction": direction, "ethertype": "IPv4"});
    neutron.add("security-group-rules", rule("ingress"));
    neutron.add("security-group-rules", rule("egress"));
    prepared(&spec(&["203.0.113.0/24"]), &mut resolved).await;
    assert_eq!(ranges(&neutron), ["203.0.113.0/24", "all"]);
}

#[tokio::test]
async fn it_goes_by_id_after_its_server_and_what_is_in_use_goes_later() {
    let neutron = Neutron::default();
    let (_server, session) = neutron.start().await;
    // A namesake, which is nobody's business.
    let theirs = json!({"name": "capstan-demo-x7k2p-bastion-of-theirs", "description": ""});
    neutron.add("security-groups", theirs);
    let mut resolved = pinned();
    let wanted = spec(&["203.0.113.0/24"]);
    prepare::prepare(&session, &wanted, &name(), &mut resolved)
        .await
        .unwrap();
    let none = spec(&[]);
    let release = async |told: &Value, server: bool, resolved: &mut Resolved| {
        bastion::release(&session, &none, &name(), &seen(told, server), resolved)
            .await
            .unwrap();
    };
    let count = || {
        (
            neutron.held("floatingips").len(),
            neutron.held("security-groups").len(),
        )
    };
    let (on, off) = (json!({"enabled": true}), json!({"enabled": false}));
    let before = resolved.clone();
    for (told, server) in [(&on, true), (&on, false), (&off, true)] {
        release(told, server, &mut resolved).await;
        assert_eq!((&resolved, count()), (&before, (1, 2)), "{told} {server}");
    }
    *neutron.used.lock().unwrap() = true;
    release(&off, false, &mut resolved).await;
    let left = resolved.bastion.clone().unwrap();
    assert_eq!((left.floating_ip, count()), (None, (0, 2)));
    // The controller was moved to another server meanwhile, and its status with what was pinned stayed behind.
    *neutron.used.lock().unwrap() = false;
    resolved.bastion = None;
    release(&off, false, &mut resolved).await;
    assert_eq!((resolved.bastion.clone(), count()), (None, (0, 1)));
    release(&Value::Null, false, &mut resolved).await;
    assert_eq!(resolved.bastion, None);
}
