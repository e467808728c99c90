//! A session against services that misbehave: every fault a cloud was ever seen with, on loopback.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // the helpers of tests are tests, too

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use capstan_openstack::{
    Budget, Created, Error, Kind, Options, Session, create_or_find, network::NetworkCreate,
};
use serde_json::json;
use support::{Busy, Flaky, Keystone, config, options};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path, query_param, query_param_is_missing},
};

async fn session(server: &MockServer) -> Session {
    Keystone::mount(server).await;
    Session::connect_with(config(&server.uri()), options())
        .await
        .unwrap()
}

fn new_network() -> NetworkCreate {
    NetworkCreate {
        name: "n".into(),
        description: "d".into(),
        ..NetworkCreate::default()
    }
}

fn networks(names: &[&str]) -> serde_json::Value {
    json!({"networks": names.iter().map(|name| json!({"id": name, "name": name})).collect::<Vec<_>>()})
}

async fn answer_get(server: &MockServer, response: ResponseTemplate, times: u64) {
    Mock::given(method("GET"))
        .and(path("/network/v2.0/networks"))
        .respond_with(response)
        .up_to_n_times(times)
        .mount(server)
        .await;
}

fn chain(error: &Error) -> String {
    format!("{error:?}")
}

#[tokio::test]
async fn a_429_is_obeyed() {
    let server = MockServer::start().await;
    let session = session(&server).await;
    answer_get(
        &server,
        ResponseTemplate::new(429).insert_header("Retry-After", "1"),
        1,
    )
    .await;
    answer_get(
        &server,
        ResponseTemplate::new(200).set_body_json(networks(&["a"])),
        1,
    )
    .await;
    let started = Instant::now();
    assert_eq!(session.network().networks(&[]).await.unwrap().len(), 1);
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_one_cloud_share_what_it_is_asked_at_once() {
    let server = MockServer::start().await;
    let busy = Busy::start();
    Keystone::with_network(&busy.uri()).mount_on(&server).await;
    let shared = Options {
        budget: Budget::new(2),
        ..options()
    };
    let connect = || Session::connect_with(config(&server.uri()), shared.clone());
    let (one, other) = (connect().await.unwrap(), connect().await.unwrap());
    let calls = (0..20).map(|index| {
        let session = if index % 2 == 0 { &one } else { &other }.clone();
        tokio::spawn(async move { session.network().networks(&[]).await.map(drop) })
    });
    let calls: Vec<_> = calls.collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(busy.most(), 2);
}

#[tokio::test]
async fn who_is_sent_away_is_so_for_all_sessions_of_the_cloud() {
    let server = MockServer::start().await;
    Keystone::mount(&server).await;
    let shared = Options {
        budget: Budget::new(1),
        ..options()
    };
    let connect = || Session::connect_with(config(&server.uri()), shared.clone());
    let (one, other) = (connect().await.unwrap(), connect().await.unwrap());
    Mock::given(method("GET"))
        .and(path("/network/v2.0/networks"))
        .respond_with(ResponseTemplate::new(503).insert_header("Retry-After", "1"))
        .up_to_n_times(1)
        .expect(1)
        .mount(&server)
        .await;
    answer_get(
        &server,
        ResponseTemplate::new(200).set_body_json(networks(&["a"])),
        2,
    )
    .await;
    let started = Instant::now();
    let (one, other) = (one.network(), other.network());
    let (first, second) = tokio::join!(one.networks(&[]), async {
        let told = other.networks(&[]).await;
        (told, started.elapsed())
    });
    assert_eq!(first.unwrap().len(), 1);
    assert_eq!(second.0.unwrap().len(), 1);
    assert!(second.1 >= Duration::from_secs(1), "{:?}", second.1);
}

#[tokio::test]
async fn a_rejected_post_is_sent_again_because_nothing_was_done() {
    let server = MockServer::start().await;
    let session = session(&server).await;
    let post = || Mock::given(method("POST")).and(path("/network/v2.0/networks"));
    post()
        .respond_with(ResponseTemplate::new(429))
        .up_to_n_times(2)
        .expect(2)
        .mount(&server)
        .await;
    post()
        .respond_with(ResponseTemplate::new(201).set_body_json(json!({"network": {"id": "a"}})))
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(
        session
            .network()
            .create_network(&new_network())
            .await
            .unwrap()
            .id,
        "a"
    );
}

#[tokio::test]
async fn a_503_is_waited_out_by_get_and_reported_by_post() {
    let server = MockServer::start().await;
    let session = session(&server).await;
    answer_get(
        &server,
        ResponseTemplate::new(503).set_body_string("no healthy upstream"),
        3,
    )
    .await;
    answer_get(
        &server,
        ResponseTemplate::new(200).set_body_json(networks(&[])),
        1,
    )
    .await;
    assert_eq!(session.network().networks(&[]).await.unwrap().len(), 0);
    Mock::given(method("POST"))
        .and(path("/network/v2.0/networks"))
        .respond_with(ResponseTemplate::new(503).insert_header("x-openstack-request-id", "req-7"))
        .expect(1)
        .mount(&server)
        .await;
    let error = session
        .network()
        .create_network(&new_network())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Transient);
    assert!(error.outcome_unknown());
    assert_eq!(error.to_string(), "failed to create network n");
    assert_eq!(error.call().unwrap().request_id.as_deref(), Some("req-7"));
}

#[tokio::test]
async fn a_500_is_given_three_chances() {
    let server = MockServer::start().await;
    let session = session(&server).await;
    Mock::given(method("GET"))
        .and(path("/network/v2.0/networks"))
        .respond_with(
            ResponseTemplate::new(500).set_body_json(json!({"NeutronError": {"message": "boom"}})),
        )
        .expect(3)
        .mount(&server)
        .await;
    let error = session.network().networks(&[]).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Transient, "boom"));
    assert!(!error.outcome_unknown(), "a GET changes nothing");
}

#[tokio::test]
async fn no_answer_in_time() {
    let server = MockServer::start().await;
    let session = session(&server).await;
    let late = ResponseTemplate::new(200)
        .set_body_json(networks(&[]))
        .set_delay(Duration::from_secs(30));
    Mock::given(method("GET"))
        .and(path("/network/v2.0/networks"))
        .respond_with(late.clone())
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/network/v2.0/networks"))
        .respond_with(late)
        .expect(1)
        .mount(&server)
        .await;
    let error = session.network().networks(&[]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    let error = session
        .network()
        .create_network(&new_network())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    assert!(error.outcome_unknown());
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_for_all() {
    let server = MockServer::start().await;
    Keystone::token("old").once().mount_on(&server).await;
    Keystone::token("new").once().mount_on(&server).await;
    let session = Session::connect_with(config(&server.uri()), options())
        .await
        .unwrap();
    let get = |token: &str| {
        Mock::given(method("GET"))
            .and(path("/network/v2.0/networks"))
            .and(header("X-Auth-Token", token))
    };
    get("old")
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    get("new")
        .respond_with(ResponseTemplate::new(200).set_body_json(networks(&["a"])))
        .mount(&server)
        .await;
    let calls = (0..6).map(|_| session.network().networks(&[]));
    for result in futures::future::join_all(calls).await {
        assert_eq!(result.unwrap().len(), 1);
    }
    let asked = server.received_requests().await.unwrap();
    assert_eq!(
        asked
            .iter()
            .filter(|request| request.url.path() == "/v3/auth/tokens")
            .count(),
        2
    );
}

#[tokio::test]
async fn a_token_refused_again_is_an_error() {
    let server = MockServer::start().await;
    let session = session(&server).await;
    Mock::given(method("GET"))
        .and(path("/network/v2.0/networks"))
        .respond_with(ResponseTemplate::new(401))
        .expect(2)
        .mount(&server)
        .await;
    assert_eq!(
        session.network().networks(&[]).await.unwrap_err().kind(),
        Kind::Unauthorized
    );
}

#[tokio::test]
async fn lists_go_to_their_end_by_the_query_alone() {
    let server = MockServer::start().await;
    let session = session(&server).await;
    let mut first = networks(&["a", "b"]);
    // The host of the link is one only the cloud's inside knows.
    first["networks_links"] =
        json!([{"rel": "next", "href": "http://inside.invalid/v2.0/networks?marker=b"}]);
    Mock::given(path("/network/v2.0/networks"))
        .and(query_param_is_missing("marker"))
        .respond_with(ResponseTemplate::new(200).set_body_json(first))
        .mount(&server)
        .await;
    Mock::given(path("/network/v2.0/networks"))
        .and(query_param("marker", "b"))
        .respond_with(ResponseTemplate::new(200).set_body_json(networks(&["c"])))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    assert_eq!(session.network().networks(&[]).await.unwrap().len(), 3);
    Mock::given(path("/network/v2.0/networks"))
        .and(query_param("marker", "b"))
        .respond_with(ResponseTemplate::new(403))
        .mount(&server)
        .await;
    let error = session.network().networks(&[]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden, "half a list is no list");
}

#[tokio::test]
async fn pages_that_go_in_a_circle_end() {
    let server = MockServer::start().await;
    let session = session(&server).await;
    let mut page = networks(&["a"]);
    page["networks_links"] = json!([{"rel": "next", "href": "/v2.0/networks?marker=a"}]);
    answer_get(&server, ResponseTemplate::new(200).set_body_json(page), 100).await;
    let error = session.network().networks(&[]).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (Kind::Other, "the service's pages go round in a circle")
    );
}

#[tokio::test]
async fn an_answer_without_the_list_is_not_an_empty_list() {
    let server = MockServer::start().await;
    let session = session(&server).await;
    answer_get(
        &server,
        ResponseTemplate::new(200).set_body_json(json!({})),
        1,
    )
    .await;
    assert_eq!(
        session.network().networks(&[]).await.unwrap_err().kind(),
        Kind::Other
    );
    answer_get(
        &server,
        ResponseTemplate::new(200).set_body_string("<html>login</html>"),
        1,
    )
    .await;
    assert_eq!(
        session.network().networks(&[]).await.unwrap_err().kind(),
        Kind::Other
    );
}

#[tokio::test]
async fn an_empty_id_never_becomes_another_call() {
    let server = MockServer::start().await;
    let session = session(&server).await;
    for id in ["", ".", ".."] {
        let error = session.network().delete_network(id).await.unwrap_err();
        assert_eq!(error.kind(), Kind::BadRequest);
    }
    assert_eq!(
        server.received_requests().await.unwrap().len(),
        1,
        "only the token"
    );
}

#[tokio::test]
async fn a_redirect_does_not_take_the_token_along() {
    let server = MockServer::start().await;
    let elsewhere = MockServer::start().await;
    let session = session(&server).await;
    answer_get(
        &server,
        ResponseTemplate::new(302).insert_header("Location", elsewhere.uri().as_str()),
        1,
    )
    .await;
    assert_eq!(
        session.network().networks(&[]).await.unwrap_err().kind(),
        Kind::Other
    );
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn nobody_listens() {
    // A port that was free a moment ago and that nobody got since.
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = Session::connect_with(config(&format!("http://{address}")), options())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(!error.outcome_unknown());
    assert_eq!(error.to_string(), "failed to authenticate with cloud test");
}

#[tokio::test]
async fn a_broken_connection_is_tried_again_by_get_only() {
    let flaky = Flaky::start();
    let server = MockServer::start().await;
    Keystone::with_network(&flaky.uri()).mount_on(&server).await;
    let session = Session::connect_with(config(&server.uri()), options())
        .await
        .unwrap();
    flaky.break_next(2);
    assert_eq!(session.network().networks(&[]).await.unwrap().len(), 0);
    assert_eq!(flaky.requests(), 3);
    flaky.break_next(1);
    let error = session
        .network()
        .create_network(&new_network())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Transient);
    assert!(error.outcome_unknown());
    assert_eq!(flaky.requests(), 4);
}

#[tokio::test]
async fn what_was_made_without_an_answer_is_found() {
    let server = MockServer::start().await;
    let session = session(&server).await;
    Mock::given(method("POST"))
        .and(path("/network/v2.0/networks"))
        .respond_with(ResponseTemplate::new(504))
        .expect(1)
        .mount(&server)
        .await;
    answer_get(
        &server,
        ResponseTemplate::new(200).set_body_json(networks(&[])),
        2,
    )
    .await;
    answer_get(
        &server,
        ResponseTemplate::new(200).set_body_json(networks(&["n"])),
        1,
    )
    .await;
    let new = new_network();
    let api = session.network();
    let find = || async { Ok(api.networks(&[("name", "n")]).await?.into_iter().next()) };
    let made = create_or_find(find, || api.create_network(&new))
        .await
        .unwrap();
    assert!(matches!(made, Created::New(network) if network.id == "n"));
}

#[tokio::test]
async fn what_was_not_made_is_asked_for_again_and_a_refusal_is_final() {
    let attempts = Arc::new(AtomicUsize::new(0));
    let server = MockServer::start().await;
    let session = session(&server).await;
    let post = || Mock::given(method("POST")).and(path("/network/v2.0/networks"));
    post().respond_with(ResponseTemplate::new(409).set_body_json(json!({"NeutronError": {
        "type": "OverQuota", "message": "Quota exceeded for resources: ['network'].", "detail": ""}})))
        .expect(1)
        .mount(&server)
        .await;
    let new = new_network();
    let api = session.network();
    let create = || {
        attempts.fetch_add(1, Ordering::SeqCst);
        api.create_network(&new)
    };
    let error = create_or_find(|| async { Ok(None) }, create)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::QuotaExceeded);
    assert_eq!(attempts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_error_shows_no_secret() {
    let server = MockServer::start().await;
    let session = session(&server).await;
    answer_get(&server, ResponseTemplate::new(403).set_body_string("no"), 1).await;
    let error = session.network().networks(&[]).await.unwrap_err();
    for secret in ["secret-word", "token-1"] {
        assert!(!chain(&error).contains(secret));
        assert!(!format!("{session:?}").contains(secret));
    }
    assert!(chain(&error).contains("GET http://"), "{error:?}");
}

#[tokio::test]
async fn regions_are_not_guessed() {
    let server = MockServer::start().await;
    Keystone::with_regions(&["east", "west"])
        .mount_on(&server)
        .await;
    let connect = |region: Option<&str>| {
        let mut config = config(&server.uri());
        config.region = region.map(str::to_owned);
        Session::connect_with(config, options())
    };
    let error = connect(None).await.unwrap_err();
    assert_eq!(
        error.message(),
        "set region_name in clouds.yaml to one of east, west"
    );
    let error = connect(Some("north")).await.unwrap_err();
    assert_eq!(
        error.message(),
        "region_name is \"north\", the catalogue has east, west"
    );
    assert_eq!(connect(Some("west")).await.unwrap().region(), Some("west"));
}

#[tokio::test]
async fn a_restricted_credential_is_known_from_its_token() {
    let server = MockServer::start().await;
    Keystone::restricted().mount_on(&server).await;
    let session = Session::connect_with(config(&server.uri()), options())
        .await
        .unwrap();
    assert!(!session.may_mint_credentials());
    assert_eq!(
        session
            .whoami()
            .application_credential
            .as_ref()
            .unwrap()
            .name,
        "ci"
    );
}
