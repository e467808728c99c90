//! A Keystone that says what a test wants, and a service whose connections break.

#![allow(dead_code)] // each test binary uses its part

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use capstan_openstack::{Options, RetryPolicy};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

pub(crate) use capstan_testkit::cloud as config;

/// Impatient, so that tests are quick.
pub(crate) fn options() -> Options {
    Options {
        call_limit: Duration::from_millis(500),
        retry: RetryPolicy {
            attempts: 5,
            attempts_at_500: 3,
            first: Duration::from_millis(5),
            longest: Duration::from_secs(2),
        },
        ..Options::default()
    }
}

/// The answer of a Keystone.
pub(crate) struct Keystone {
    token: String,
    times: u64,
    network: Option<String>,
    regions: Vec<String>,
    restricted: bool,
}

impl Keystone {
    pub(crate) fn token(token: &str) -> Self {
        Self {
            token: token.into(),
            times: 100,
            network: None,
            regions: vec!["one".into()],
            restricted: false,
        }
    }

    pub(crate) fn with_network(url: &str) -> Self {
        Self {
            network: Some(url.into()),
            ..Self::token("token-1")
        }
    }

    pub(crate) fn with_regions(regions: &[&str]) -> Self {
        Self {
            regions: regions.iter().map(|&region| region.to_owned()).collect(),
            ..Self::token("token-1")
        }
    }

    pub(crate) fn restricted() -> Self {
        Self {
            restricted: true,
            ..Self::token("token-1")
        }
    }

    pub(crate) fn once(self) -> Self {
        Self { times: 1, ..self }
    }

    pub(crate) async fn mount(server: &MockServer) {
        Self::token("token-1").mount_on(server).await;
    }

    pub(crate) async fn mount_on(self, server: &MockServer) {
        Mock::given(method("POST"))
            .and(path("/v3/auth/tokens"))
            .respond_with(
                ResponseTemplate::new(201)
                    .insert_header("X-Subject-Token", self.token.as_str())
                    .set_body_json(self.body(&server.uri())),
            )
            .up_to_n_times(self.times)
            .mount(server)
            .await;
    }

    pub(crate) fn body(&self, uri: &str) -> Value {
        let endpoints = |url: String| -> Value {
            self.regions
                .iter()
                .map(|region| json!({"interface": "public", "url": url, "region_id": region, "region": region}))
                .collect()
        };
        let network = self
            .network
            .clone()
            .unwrap_or_else(|| format!("{uri}/network"));
        let mut token = json!({
            "expires_at": "2999-01-01T01:00:00.000000Z",
            "issued_at": "2999-01-01T00:00:00.000000Z",
            "user": {"id": "u", "name": "demo"},
            "project": {"id": "p", "name": "demo"},
            "roles": [{"id": "r", "name": "member"}],
            "catalog": [
                {"type": "network", "endpoints": endpoints(network)},
                {"type": "compute", "endpoints": endpoints(format!("{uri}/compute/v2.1"))},
            ],
        });
        if self.restricted {
            token["application_credential"] = json!({"id": "a", "name": "ci", "restricted": true});
        }
        json!({ "token": token })
    }
}

/// A service that has no networks, takes its time, and counts how many ask it at once.
pub(crate) struct Busy {
    uri: String,
    most: Arc<AtomicUsize>,
}

impl Busy {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let (most, now) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counting = most.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, most, now) = (stream.unwrap(), counting.clone(), now.clone());
                std::thread::spawn(move || {
                    let mut request = [0; 16 * 1024];
                    if stream.read(&mut request).unwrap_or(0) == 0 {
                        return;
                    }
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    // What a service works on it.
                    std::thread::sleep(Duration::from_millis(5));
                    now.fetch_sub(1, Ordering::SeqCst);
                    let body = r#"{"networks": []}"#;
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                        body.len()
                    );
                    stream.write_all((head + body).as_bytes()).unwrap();
                });
            }
        });
        Self { uri, most }
    }

    pub(crate) fn uri(&self) -> String {
        self.uri.clone()
    }

    /// The most requests that were there at once.
    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

/// A service that has no networks and breaks some connections after it has read the request.
pub(crate) struct Flaky {
    uri: String,
    to_break: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Flaky {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let (to_break, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (breaking, counting) = (to_break.clone(), requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = [0; 16 * 1024];
                // One read has the whole of these small requests' heads.
                if stream.read(&mut request).unwrap_or(0) == 0 {
                    continue;
                }
                counting.fetch_add(1, Ordering::SeqCst);
                let broken = breaking.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                    left.checked_sub(1)
                });
                if broken.is_ok() {
                    continue;
                }
                let body = r#"{"networks": []}"#;
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                stream.write_all((head + body).as_bytes()).unwrap();
            }
        });
        Self {
            uri,
            to_break,
            requests,
        }
    }

    pub(crate) fn uri(&self) -> String {
        self.uri.clone()
    }

    pub(crate) fn break_next(&self, connections: usize) {
        self.to_break.store(connections, Ordering::SeqCst);
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}
