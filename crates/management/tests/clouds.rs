//! Clouds of a server on a real API server with Capstan's own definitions.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests"
)]

use std::time::Duration;

use capstan_catalog::Catalogue;
use capstan_kubernetes::{Applier, Deadline};
use capstan_management::Category;
use capstan_management::clouds::{self, CloudsError, NewCloud, Removed};
use capstan_management::identity::Identity;
use capstan_management::providers::own;
use capstan_spec::cloud::CloudDefaults;
use capstan_spec::status::ConditionStatus;
use capstan_spec::{KubernetesVersion, WorkloadClusterSpec};
use capstan_testkit::ApiServer;
use capstan_workload::resource::{WorkloadCluster, definitions};
use capstan_workload::surroundings::read_secret;
use kube::api::PostParams;
use kube::{Api, Client};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

/// A server as `up` leaves it, as far as clouds go.
async fn server(applier: &Applier) {
    let owner = Identity {
        name: "demo".into(),
        uid: "x7k2p".parse().unwrap(),
    };
    let mut objects = definitions().unwrap();
    objects.push(own::namespace(&owner).unwrap());
    applier.apply(&objects, soon(), |_| ()).await.unwrap();
}

async fn make_cluster(client: &Client, name: &str, cloud: &str) {
    let version = KubernetesVersion::new(1, 36, 3);
    let mut spec = WorkloadClusterSpec::new(version, "a", "b");
    spec.cloud = cloud.to_owned();
    let api: Api<WorkloadCluster> = Api::namespaced(client.clone(), "default");
    let cluster = WorkloadCluster::new("default", name, spec);
    api.create(&PostParams::default(), &cluster).await.unwrap();
}

#[tokio::test]
async fn a_cloud_is_found_used_noted_and_removed_when_nothing_is_on_it() {
    let Some(api) = ApiServer::start().await else {
        return;
    };
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .ok();
    let client = api.client().await.unwrap();
    server(&Applier::new(client.clone())).await;
    // What Keystone says of a credential that is gone.
    let keystone = MockServer::start().await;
    let refused = ResponseTemplate::new(401).set_body_json(serde_json::json!({
        "error": {"code": 401, "title": "Unauthorized", "message": "no such credential"},
    }));
    Mock::given(any())
        .respond_with(refused)
        .mount(&keystone)
        .await;

    let new = NewCloud {
        name: "east".to_owned(),
        defaults: CloudDefaults {
            external_network: Some("public".to_owned()),
            ..CloudDefaults::default()
        },
    };
    let text = format!(
        "{{clouds: {{openstack: {{auth_type: v3applicationcredential, auth: {{auth_url: '{}/v3', \
         application_credential_id: i, application_credential_secret: hidden}}}}}}}}",
        keystone.uri()
    );
    clouds::register(&client, &new, Some(&text.into()), None)
        .await
        .unwrap();
    let secret = read_secret(&client, "capstan-system", "cloud-east")
        .await
        .unwrap()
        .unwrap();
    assert!(secret.contains_key("clouds.yaml"));
    // Without a new credential the old one stays.
    clouds::register(&client, &new, None, None).await.unwrap();
    let again = read_secret(&client, "capstan-system", "cloud-east")
        .await
        .unwrap();
    assert!(again.is_some_and(|data| data.contains_key("clouds.yaml")));

    let east = clouds::find(&client, "default", "east").await.unwrap();
    assert_eq!(east.spec.defaults, new.defaults);
    let unknown = clouds::find(&client, "default", "aest").await.unwrap_err();
    assert_eq!(unknown.category(), Category::NotFound);
    assert_eq!(unknown.hint().as_deref(), Some("did you mean east?"));

    make_cluster(&client, "there", "east").await;
    make_cluster(&client, "elsewhere", "west").await;
    assert_eq!(
        clouds::clusters_on(&client, &east).await.unwrap(),
        ["default/there"]
    );
    let error = clouds::remove(&client, &east).await.unwrap_err();
    assert!(
        matches!(&error, CloudsError::InUse { clusters, .. } if clusters == &["default/there"]),
        "{error}"
    );

    let catalogue = Catalogue::bundled().unwrap();
    let rules = catalogue.node_image_rules();
    let (rows, seen) = clouds::check(&client, &east, rules).await;
    assert_eq!(seen.unwrap_err().category(), Category::Permission);
    assert!(rows.iter().all(|row| row.remedy.is_some()), "{rows:?}");
    assert!(!format!("{rows:?}").contains("hidden"));
    clouds::note(&client, &east, Err("it does not answer"), rules)
        .await
        .unwrap();
    let noted = clouds::find(&client, "default", "east")
        .await
        .unwrap()
        .status
        .unwrap();
    assert_eq!(noted.conditions[0].status, ConditionStatus::False);
    assert_eq!(noted.conditions[0].message, "it does not answer");

    let clusters: Api<WorkloadCluster> = Api::namespaced(client.clone(), "default");
    clusters
        .delete("there", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    assert_eq!(
        clouds::remove(&client, &east).await.unwrap(),
        Removed::NoCredential
    );
    assert!(clouds::list(&client).await.unwrap().is_empty());
    assert!(
        read_secret(&client, "capstan-system", "cloud-east")
            .await
            .unwrap()
            .is_none()
    );
}
