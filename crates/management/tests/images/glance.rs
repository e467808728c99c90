//! A Glance in memory, with a Keystone before it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use capstan_openstack::{Options, RetryPolicy, Session};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha512};
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// What the cloud has, and how it behaves.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) images: BTreeMap<String, Map<String, Value>>,
    /// Every change, in order.
    pub(crate) calls: Vec<String>,
    /// Contents that came in full.
    pub(crate) contents: Vec<Vec<u8>>,
    /// Answered to the next upload instead of taking it.
    pub(crate) refuse: Option<(u16, &'static str)>,
    /// Whether a piece of the content gets lost.
    pub(crate) corrupts: bool,
    /// What the cloud itself finds at a URL.
    pub(crate) fetches: Option<Vec<u8>>,
    /// `image_size_total`: limit and usage in MiB.
    pub(crate) usage: Option<(i64, i64)>,
    pub(crate) made: usize,
}

#[derive(Clone, Default)]
pub(crate) struct Glance(Arc<Mutex<State>>);

impl Glance {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The images by name, with what they say.
    pub(crate) fn only(&self) -> Map<String, Value> {
        let state = self.state();
        assert_eq!(state.images.len(), 1, "{:?}", state.images);
        state.images.values().next().unwrap().clone()
    }

    pub(crate) fn put(&self, id: &str, image: &Value) {
        let mut image = image.as_object().unwrap().clone();
        image.insert("id".into(), json!(id));
        image.entry("status").or_insert(json!("active"));
        image.entry("owner").or_insert(json!("p"));
        image.entry("os_hidden").or_insert(json!(false));
        image.entry("visibility").or_insert(json!("private"));
        self.state().images.insert(id.into(), image);
    }

    /// A session with this cloud.
    pub(crate) async fn serve(&self, server: &MockServer) -> Session {
        let uri = server.uri();
        let endpoints = |path: &str| json!([{"interface": "public", "url": format!("{uri}{path}"), "region_id": "one"}]);
        let token = json!({"token": {
            "expires_at": "2999-01-01T01:00:00.000000Z", "issued_at": "2999-01-01T00:00:00.000000Z",
            "user": {"id": "u", "name": "demo"}, "project": {"id": "p", "name": "demo"}, "roles": [],
            "catalog": [
                {"type": "image", "endpoints": endpoints("/image")},
                {"type": "compute", "endpoints": endpoints("/compute/v2.1")},
            ],
        }});
        let answer = ResponseTemplate::new(201)
            .insert_header("X-Subject-Token", "t")
            .set_body_json(token);
        Mock::given(method("POST"))
            .and(path("/v3/auth/tokens"))
            .respond_with(answer)
            .mount(server)
            .await;
        let servers = json!({"servers": [{"id": "s", "name": "s", "status": "ACTIVE", "image": {"id": "running"}}]});
        Mock::given(method("GET"))
            .and(path("/compute/v2.1/servers/detail"))
            .respond_with(ResponseTemplate::new(200).set_body_json(servers))
            .mount(server)
            .await;
        Mock::given(path_regex("^/image/v2/"))
            .respond_with(self.clone())
            .mount(server)
            .await;
        let retry = RetryPolicy {
            attempts: 1,
            ..RetryPolicy::default()
        };
        Session::connect_with(
            capstan_testkit::cloud(&uri),
            Options {
                retry,
                ..Options::default()
            },
        )
        .await
        .unwrap()
    }
}

impl State {
    fn list(&self, request: &Request) -> Value {
        let query: BTreeMap<_, _> = request.url.query_pairs().collect();
        let wanted = |image: &&Map<String, Value>| {
            let hidden = query.get("os_hidden").is_some_and(|value| value == "true");
            image["os_hidden"] == json!(hidden)
                && ["name", "owner"].iter().all(|key| {
                    query
                        .get(*key)
                        .is_none_or(|value| image[*key] == json!(value))
                })
                && query
                    .get("tag")
                    .is_none_or(|tag| image["tags"].as_array().unwrap().contains(&json!(tag)))
        };
        json!({"images": self.images.values().filter(wanted).collect::<Vec<_>>()})
    }

    fn filled(&mut self, id: &str, content: &[u8]) {
        let image = self.images.get_mut(id).unwrap();
        image.insert("status".into(), json!("active"));
        image.insert("size".into(), json!(content.len()));
        image.insert("os_hash_algo".into(), json!("sha512"));
        image.insert(
            "os_hash_value".into(),
            json!(hex::encode(Sha512::digest(content))),
        );
        self.contents.push(content.to_owned());
    }

    fn patch(&mut self, id: &str, body: &Value) {
        let image = self.images.get_mut(id).unwrap();
        for change in body.as_array().unwrap() {
            let name = change["path"]
                .as_str()
                .unwrap()
                .trim_start_matches('/')
                .to_owned();
            match change["op"].as_str().unwrap() {
                "remove" => assert!(image.remove(&name).is_some(), "{name} is not there"),
                "replace" => assert!(
                    image
                        .insert(name.clone(), change["value"].clone())
                        .is_some(),
                    "{name} is not there"
                ),
                _ => drop(image.insert(name, change["value"].clone())),
            }
        }
    }
}

impl Respond for Glance {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.state();
        let segments: Vec<String> = request
            .url
            .path_segments()
            .unwrap()
            .skip(2)
            .map(str::to_owned)
            .collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let verb = request.method.as_str();
        if verb != "GET" {
            state.calls.push(format!("{verb} {}", segments.join("/")));
        }
        let ok = |value: Value| ResponseTemplate::new(200).set_body_json(value);
        match (verb, &segments[..]) {
            ("GET", ["images"]) => ok(state.list(request)),
            ("POST", ["images"]) => {
                let mut image: Map<String, Value> = serde_json::from_slice(&request.body).unwrap();
                state.made += 1;
                let id = format!("new-{}", state.made);
                image.insert("id".into(), json!(id));
                image.insert("status".into(), json!("queued"));
                image.insert("owner".into(), json!("p"));
                state.images.insert(id, image.clone());
                ResponseTemplate::new(201).set_body_json(Value::Object(image))
            }
            ("PUT", ["images", id, "file"]) => {
                if let Some((status, text)) = state.refuse.take() {
                    return ResponseTemplate::new(status).set_body_string(text);
                }
                let lost = if state.corrupts { 7 } else { 0 };
                let content = request.body[lost..].to_owned();
                state.filled(id, &content);
                ResponseTemplate::new(204)
            }
            ("POST", ["images", id, "import"]) => {
                if let Some(content) = state.fetches.clone() {
                    state.filled(id, &content);
                } else {
                    let image = state.images.get_mut(*id).unwrap();
                    image.insert("os_glance_failed_import".into(), json!("store"));
                }
                ResponseTemplate::new(202)
            }
            ("GET", ["info", "import"]) => {
                ok(json!({"import-methods": {"value": ["glance-direct", "web-download"]}}))
            }
            ("GET", ["info", "usage"]) => match state.usage {
                Some((limit, usage)) => {
                    ok(json!({"usage": {"image_size_total": {"limit": limit, "usage": usage}}}))
                }
                None => ResponseTemplate::new(404),
            },
            ("GET", ["images", _, "members"]) => ok(json!({"members": [{"member_id": "friend"}]})),
            ("GET", ["images", id]) => match state.images.get(*id) {
                Some(image) => ok(Value::Object(image.clone())),
                None => ResponseTemplate::new(404),
            },
            ("PATCH", ["images", id]) => {
                state.patch(id, &serde_json::from_slice(&request.body).unwrap());
                ok(Value::Object(state.images[*id].clone()))
            }
            ("DELETE", ["images", id]) => match state.images.remove(*id) {
                Some(_) => ResponseTemplate::new(204),
                None => ResponseTemplate::new(404),
            },
            other => panic!("{other:?}"),
        }
    }
}
