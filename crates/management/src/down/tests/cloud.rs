//! A cloud that holds lists of things, and does to a request what a test wants.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use capstan_openstack::{Options, RetryPolicy, Session};
use serde_json::{Value, json};
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate};

/// What happens to a request.
pub(super) enum Event {
    /// Something that was asked for before comes true.
    Arrives(&'static str, Value),
    /// The service answers this and does nothing.
    Refused(u16),
    /// The service says yes and does nothing.
    Ignored,
}

#[derive(Default)]
struct State {
    things: BTreeMap<String, Vec<Value>>,
    script: Vec<(&'static str, &'static str, Event)>,
    requests: Vec<String>,
}

/// The cloud; what it holds is by collection, as in the URL.
#[derive(Clone, Default)]
pub(super) struct Cloud(Arc<Mutex<State>>);

/// Everything a [`Cloud`] answers.
struct Anything;

impl Match for Anything {
    fn matches(&self, _: &Request) -> bool {
        true
    }
}

/// What other things of the network service keep from being deleted.
fn used_by(collection: &str) -> &'static [&'static str] {
    match collection {
        "networks" | "subnets" => &["ports"],
        _ => &[],
    }
}

impl Cloud {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Something it holds.
    pub(super) fn with(self, collection: &str, thing: Value) -> Self {
        self.state()
            .things
            .entry(collection.to_owned())
            .or_default()
            .push(thing);
        self
    }

    /// Something that happens once, to the next request of this method to this collection.
    pub(super) fn then(self, method: &'static str, collection: &'static str, event: Event) -> Self {
        self.state().script.push((method, collection, event));
        self
    }

    /// Ids of all it holds.
    pub(super) fn held(&self) -> Vec<String> {
        let state = self.state();
        let things = state.things.values().flatten();
        things.map(|thing| id(thing).to_owned()).collect()
    }

    /// How often it was asked for a list.
    pub(super) fn looks(&self, collection: &str) -> usize {
        let asked = format!("GET {collection}");
        self.state()
            .requests
            .iter()
            .filter(|request| **request == asked)
            .count()
    }

    /// A session with it. The server lives as long as what is returned with it.
    pub(super) async fn start(&self) -> (MockServer, Session) {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let server = MockServer::start().await;
        let uri = server.uri();
        Mock::given(wiremock::matchers::path("/v3/auth/tokens"))
            .respond_with(token(&uri))
            .mount(&server)
            .await;
        Mock::given(Anything)
            .respond_with(self.clone())
            .mount(&server)
            .await;
        let session = Session::connect_with(capstan_testkit::cloud(&uri), options()).await;
        (server, session.unwrap())
    }

    fn answer(&self, method: &str, path: &[&str], body: &[u8]) -> ResponseTemplate {
        let (collection, named) = match path {
            ["network", "v2.0", collection, rest @ ..]
            | ["compute", "v2.1", collection, rest @ ..]
            | ["image", "v2", collection, rest @ ..]
            | ["v3", "users", "u", collection, rest @ ..] => (*collection, rest.first()),
            _ => panic!("no such place: {path:?}"),
        };
        // `servers/detail` is the list, too.
        let named = named.filter(|id| **id != "detail");
        let mut state = self.state();
        state.requests.push(format!("{method} {collection}"));
        let event = state
            .script
            .iter()
            .position(|(on, of, _)| (*on, *of) == (method, collection))
            .map(|at| state.script.remove(at).2);
        match event {
            Some(Event::Refused(status)) => return ResponseTemplate::new(status),
            Some(Event::Ignored) => return ResponseTemplate::new(204),
            Some(Event::Arrives(collection, thing)) => state
                .things
                .entry(collection.to_owned())
                .or_default()
                .push(thing),
            None => {}
        }
        match (method, named) {
            ("GET", None) => {
                let held = state.things.get(collection).cloned().unwrap_or_default();
                ResponseTemplate::new(200).set_body_json(list(collection, &held))
            }
            ("GET", Some(wanted)) => match find(&state, collection, wanted) {
                Some(thing) => {
                    ResponseTemplate::new(200).set_body_json(json!({ singular(collection): thing }))
                }
                None => ResponseTemplate::new(404),
            },
            ("POST", None) => {
                let body: Value = serde_json::from_slice(body).unwrap();
                let thing = body[singular(collection)].clone();
                if find(&state, collection, id(&thing)).is_some() {
                    return ResponseTemplate::new(409);
                }
                state
                    .things
                    .entry(collection.to_owned())
                    .or_default()
                    .push(thing.clone());
                ResponseTemplate::new(200).set_body_json(json!({ singular(collection): thing }))
            }
            ("DELETE", Some(unwanted)) => {
                let used = used_by(collection)
                    .iter()
                    .any(|user| state.things.get(*user).is_some_and(|them| !them.is_empty()));
                if used {
                    return ResponseTemplate::new(409);
                }
                let held = state.things.entry(collection.to_owned()).or_default();
                let before = held.len();
                held.retain(|thing| id(thing) != *unwanted);
                ResponseTemplate::new(if held.len() < before { 204 } else { 404 })
            }
            _ => panic!("no such request: {method} {path:?}"),
        }
    }
}

impl Respond for Cloud {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let path: Vec<_> = request.url.path_segments().unwrap().collect();
        // Nova's server groups are read by offset until a page is empty.
        if request
            .url
            .query_pairs()
            .any(|(key, value)| key == "offset" && value != "0")
        {
            return ResponseTemplate::new(200).set_body_json(json!({"server_groups": []}));
        }
        self.answer(request.method.as_str(), &path, &request.body)
    }
}

fn id(thing: &Value) -> &str {
    let id = thing["id"].as_str().or_else(|| thing["name"].as_str());
    id.unwrap()
}

fn find(state: &State, collection: &str, wanted: &str) -> Option<Value> {
    let held = state.things.get(collection)?;
    held.iter().find(|thing| id(thing) == wanted).cloned()
}

fn singular(collection: &str) -> &str {
    match collection {
        "os-keypairs" => "keypair",
        "floatingips" => "floatingip",
        other => other.trim_end_matches('s'),
    }
}

fn list(collection: &str, held: &[Value]) -> Value {
    match collection {
        "os-keypairs" => {
            let items: Vec<_> = held.iter().map(|key| json!({ "keypair": key })).collect();
            json!({ "keypairs": items })
        }
        "os-server-groups" => json!({ "server_groups": held }),
        "security-groups" => json!({ "security_groups": held }),
        "security-group-rules" => json!({ "security_group_rules": held }),
        other => json!({ other: held }),
    }
}

fn token(uri: &str) -> ResponseTemplate {
    let service = |kind: &str, url: String| json!({"type": kind, "endpoints": [{"interface": "public", "url": url, "region_id": "one"}]});
    let body = json!({"token": {
        "expires_at": "2999-01-01T01:00:00.000000Z", "issued_at": "2999-01-01T00:00:00.000000Z",
        "user": {"id": "u", "name": "demo"}, "project": {"id": "p", "name": "demo"},
        "roles": [{"id": "r", "name": "member"}],
        "catalog": [
            service("network", format!("{uri}/network")),
            service("compute", format!("{uri}/compute/v2.1")),
            service("image", format!("{uri}/image")),
            service("identity", format!("{uri}/v3")),
        ],
    }});
    ResponseTemplate::new(201)
        .insert_header("X-Subject-Token", "token-1")
        .set_body_json(body)
}

/// Impatient, so that tests are quick.
fn options() -> Options {
    Options {
        call_limit: Duration::from_secs(5),
        retry: RetryPolicy {
            attempts: 2,
            attempts_at_500: 2,
            first: Duration::from_millis(5),
            longest: Duration::from_millis(50),
        },
        ..Options::default()
    }
}
