//! The removal against a cloud that is late, refuses or lies.

mod cloud;

use std::sync::Mutex as Cell;
use std::time::Instant;

use capstan_openstack::Session;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use wiremock::MockServer;

use super::*;
use crate::error::Category;
use crate::settings::Settings;
use crate::state::{Adopted, Record, StateRoot};
use cloud::{Cloud, Event as Then};

fn identity() -> Identity {
    Identity {
        name: "default".into(),
        uid: "x7k2p".parse().unwrap(),
    }
}

fn thing(id: &str) -> Value {
    json!({
        "id": id, "name": identity().resource_name(), "description": identity().description(),
        // What the kinds' types demand besides.
        "network_id": "n", "cidr": "10.0.0.0/24", "ip_version": 4,
        "floating_ip_address": "198.51.100.7", "floating_network_id": "public",
    })
}

/// Keeps the notes.
#[derive(Default)]
struct Notes(Cell<Vec<String>>);

impl Reporter for Notes {
    fn report(&self, event: Event) {
        if let Event::Note { text } = event {
            self.0.lock().unwrap().push(text);
        }
    }
}

/// A server whose last `up` left a note that ends in so many seconds.
struct Bed {
    cloud: Cloud,
    desk: Desk,
    notes: Notes,
    took: Duration,
    _server: MockServer,
    _directory: tempfile::TempDir,
}

impl Bed {
    async fn new(cloud: Cloud, note: Option<i64>) -> Self {
        let (server, session) = cloud.start().await;
        let directory = tempfile::tempdir().unwrap();
        let desk = Desk {
            session,
            root: StateRoot::at(directory.path()),
        };
        desk.files("default")
            .save_record(&record(&desk.session, &desk, note))
            .unwrap();
        Self {
            cloud,
            desk,
            notes: Notes::default(),
            took: Duration::ZERO,
            _server: server,
            _directory: directory,
        }
    }

    async fn down(&mut self) -> Result<Gone, Error> {
        self.down_allowed(Allowed::default()).await
    }

    async fn down_allowed(&mut self, allowed: Allowed) -> Result<Gone, Error> {
        let survey = Survey::read(&self.desk.session).await?;
        let prepared = prepare(&self.desk, Wanted::named("default"), allowed, &survey).await?;
        let caller = Caller {
            who: "a test".into(),
        };
        let patience = Patience {
            in_use: Duration::from_millis(100),
            settle: Duration::from_secs(1),
            late: Duration::from_secs(1),
        };
        let stop = CancellationToken::new();
        let started = Instant::now();
        let gone = down_with(&self.desk, prepared, &caller, &self.notes, &stop, patience).await;
        self.took = started.elapsed();
        gone
    }

    fn told(&self, part: &str) -> bool {
        self.notes
            .0
            .lock()
            .unwrap()
            .iter()
            .any(|note| note.contains(part))
    }
}

fn record(session: &Session, desk: &Desk, note: Option<i64>) -> Record {
    Record {
        identity: identity(),
        cloud: desk.cloud(),
        cloud_name: session.config().name.clone(),
        created: Timestamp::now(),
        settings: Settings::default(),
        holder: "h".into(),
        endpoint: None,
        replaces: false,
        usable_since: None,
        late_until: note.map(|seconds| Timestamp::now() + SignedDuration::from_secs(seconds)),
        adopted: None,
    }
}

#[tokio::test]
async fn after_a_run_that_ended_nothing_is_waited_for() {
    let cloud = Cloud::default().with("networks", thing("n"));
    let mut bed = Bed::new(cloud, None).await;
    assert_eq!(bed.down().await.unwrap().created, 1);
    assert_eq!(bed.cloud.held(), Vec::<String>::new());
    assert_eq!(bed.cloud.looks("networks"), 2, "the survey and one audit");
    assert!(!bed.told("did not end"));
}

#[tokio::test]
async fn what_a_dead_run_asked_for_is_removed_when_it_appears() {
    let cloud = Cloud::default()
        .with("networks", thing("n"))
        .then("DELETE", "networks", Then::Arrives("routers", thing("r")))
        .then(
            "DELETE",
            "routers",
            Then::Arrives("floatingips", thing("f")),
        );
    let mut bed = Bed::new(cloud, Some(2)).await;
    assert_eq!(bed.down().await.unwrap().created, 3);
    assert_eq!(bed.cloud.held(), Vec::<String>::new());
    assert!(bed.told("has appeared only now") && bed.told("did not end"));
    assert!(bed.desk.files("default").record().unwrap().is_none());
}

#[tokio::test]
async fn after_a_dead_run_it_is_looked_for_what_may_still_appear() {
    let cloud = Cloud::default().with("networks", thing("n"));
    let mut bed = Bed::new(cloud, Some(2)).await;
    assert_eq!(bed.down().await.unwrap().created, 1);
    assert!(bed.took > Duration::from_secs(1), "{:?}", bed.took);
    assert!(bed.cloud.looks("networks") > 2);
}

#[tokio::test]
async fn what_appears_late_and_holds_another_thing_goes_first() {
    let cloud = Cloud::default()
        .with("networks", thing("n"))
        .with("subnets", thing("s"))
        .then("DELETE", "subnets", Then::Arrives("ports", thing("p")));
    let mut bed = Bed::new(cloud, Some(10)).await;
    assert_eq!(bed.down().await.unwrap().created, 3);
    assert_eq!(bed.cloud.held(), Vec::<String>::new());
}

#[tokio::test]
async fn a_step_that_fails_is_told_by_its_own_kind() {
    for (refusals, category) in [
        (vec![403], Category::Permission),
        // Tried again once, being a deletion.
        (vec![503, 503], Category::Unreachable),
        (vec![409, 409], Category::Conflict),
    ] {
        let mut cloud = Cloud::default().with("networks", thing("n"));
        for status in refusals {
            cloud = cloud.then("DELETE", "networks", Then::Refused(status));
        }
        let mut bed = Bed::new(cloud, None).await;
        assert_eq!(bed.down().await.unwrap_err().category(), category);
        assert_eq!(bed.cloud.held(), ["n"], "and the lock is let go");
        assert!(bed.desk.files("default").record().unwrap().is_some());
    }
}

#[tokio::test]
async fn once_removal_has_begun_the_server_is_not_asked_for_clusters_again() {
    let cloud = Cloud::default().with("networks", thing("n")).then(
        "DELETE",
        "networks",
        Then::Refused(403),
    );
    let mut bed = Bed::new(cloud, None).await;
    let files = bed.desk.files("default");
    files
        .update_record(|record| record.usable_since = Some(Timestamp::now()))
        .unwrap();
    assert!(bed.down().await.is_err());
    assert_eq!(files.record().unwrap().unwrap().usable_since, None);
}

#[tokio::test]
async fn only_what_the_audit_finds_is_left() {
    let cloud =
        Cloud::default()
            .with("networks", thing("n"))
            .then("DELETE", "networks", Then::Ignored);
    let mut bed = Bed::new(cloud, None).await;
    let error = bed.down().await.unwrap_err();
    assert_eq!(error.category(), Category::Left);
    assert!(
        error
            .to_string()
            .starts_with("created 1, gone 0: 1 left: network")
    );
}

fn credential() -> Value {
    let mut credential = thing("c");
    credential["project_id"] = "p".into();
    credential
}

const ABANDON: Allowed = Allowed {
    with_clusters: false,
    abandon_clusters: true,
};

#[tokio::test]
async fn an_adopted_cluster_that_cannot_be_asked_is_given_up_only_if_that_was_said() {
    let cloud = Cloud::default().with("application_credentials", credential());
    let mut bed = Bed::new(cloud, None).await;
    let files = bed.desk.files("default");
    let adopted = Adopted {
        context: "prod".into(),
        cluster: "u".into(),
    };
    files
        .update_record(|record| record.adopted = Some(adopted))
        .unwrap();
    // Nobody listens on the discard port.
    let kubeconfig = "{current-context: prod, contexts: [{name: prod, context: {cluster: c, user: u}}], \
                      clusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}], users: [{name: u, user: {token: t}}]}";
    files.save_kubeconfig(&kubeconfig.into()).unwrap();

    let error = bed.down().await.unwrap_err();
    assert_eq!(error.category(), Category::Conflict);
    assert!(error.hint().unwrap().contains("--abandon-clusters"));
    assert_eq!(bed.cloud.held(), ["c"]);

    let gone = bed.down_allowed(ABANDON).await.unwrap();
    assert_eq!((gone.created, gone.uninstalled), (1, 0));
    assert_eq!(bed.cloud.held(), Vec::<String>::new());
    assert!(files.record().unwrap().is_none() && !files.kubeconfig_path().exists());
}

#[tokio::test]
async fn a_credential_alone_may_be_an_adopted_clusters() {
    let cloud = Cloud::default().with("application_credentials", credential());
    let mut bed = Bed::new(cloud, None).await;
    // Another machine than the one that adopted.
    bed.desk.files("default").remove().unwrap();
    let error = bed.down().await.unwrap_err();
    assert_eq!(error.category(), Category::Conflict);
    assert!(error.hint().unwrap().contains("--kubeconfig"));
    assert_eq!(bed.cloud.held(), ["c"]);
    assert_eq!(bed.down_allowed(ABANDON).await.unwrap().created, 1);
    assert_eq!(bed.cloud.held(), Vec::<String>::new());
}
