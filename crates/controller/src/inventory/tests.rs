//! On a real API server, with a Keystone that refuses.

use capstan_catalog::Catalogue;
use capstan_kubernetes::{Applier, Deadline};
use capstan_management::clouds::{self, NewCloud};
use capstan_management::identity::Identity;
use capstan_management::providers::own;
use capstan_spec::cloud::{CloudDefaults, CloudStatus};
use capstan_spec::status::{Condition, ConditionStatus};
use capstan_testkit::ApiServer;
use capstan_workload::clouds::{Clouds, Observers};
use capstan_workload::resource::definitions;
use jiff::SignedDuration;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

/// An entry of `clouds.yaml` with another secret.
fn credential(keystone: &MockServer, secret: &str) -> secrecy::SecretString {
    let address = keystone.uri();
    format!(
        "{{clouds: {{openstack: {{auth_type: v3applicationcredential, auth: {{auth_url: '{address}/v3', \
         application_credential_id: i, application_credential_secret: {secret}}}}}}}}}"
    )
    .into()
}

async fn status(client: &Client) -> CloudStatus {
    let cloud = clouds::find(client, "default", "east").await.unwrap();
    cloud.status.unwrap_or_default()
}

fn condition<'a>(status: &'a CloudStatus, kind: &str) -> &'a Condition {
    let found = status.conditions.iter().find(|c| c.kind == kind);
    found.unwrap()
}

#[tokio::test]
async fn a_cloud_that_does_not_answer_keeps_its_inventory_marked_as_old() {
    let Some(api) = ApiServer::start().await else {
        return;
    };
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .ok();
    let client = api.client().await.unwrap();
    let owner = Identity {
        name: "demo".into(),
        uid: "x7k2p".parse().unwrap(),
    };
    let mut objects = definitions().unwrap();
    objects.push(own::namespace(&owner).unwrap());
    let soon = Deadline::after(Duration::from_secs(20));
    let applier = Applier::new(client.clone());
    applier.apply(&objects, soon, |_| ()).await.unwrap();
    let keystone = MockServer::start().await;
    let refused = ResponseTemplate::new(401).set_body_json(json!({
        "error": {"code": 401, "title": "Unauthorized", "message": "no such credential"},
    }));
    Mock::given(any())
        .respond_with(refused)
        .mount(&keystone)
        .await;
    let asked = async || keystone.received_requests().await.unwrap().len();

    let new = NewCloud {
        name: "east".to_owned(),
        defaults: CloudDefaults::default(),
    };
    let first = credential(&keystone, "hidden");
    clouds::register(&client, &new, Some(&first), None)
        .await
        .unwrap();
    let catalogue = Catalogue::bundled().unwrap();
    let known = Clouds::new(client.clone(), Observers::default());
    let mut inventories = Inventories::new(client.clone(), known, catalogue);

    let start = Timestamp::now();
    inventories.glance(start).await.unwrap();
    let never = status(&client).await;
    assert_eq!(condition(&never, Condition::READY).reason, "DoesNotAnswer");
    assert_eq!(condition(&never, Condition::INVENTORY).reason, "Never");
    assert!(never.asked_at.is_some_and(|at| at >= start));
    let once = asked().await;
    assert!(once > 0);

    // It has been listed by somebody since, and then it does not answer again.
    let listed = json!({"status": {"inventory": {
        "takenAt": "2026-11-28T01:12:09Z", "nodeImages": ["ubuntu-2404-kube-v1.36.3"],
    }}});
    let api: Api<Cloud> = Api::namespaced(client.clone(), "capstan-system");
    api.patch_status("east", &PatchParams::default(), &Patch::Merge(listed))
        .await
        .unwrap();
    inventories
        .glance(start + SignedDuration::from_secs(60))
        .await
        .unwrap();
    assert_eq!(asked().await, once, "it is not time yet");
    let second = credential(&keystone, "other");
    clouds::register(&client, &new, Some(&second), None)
        .await
        .unwrap();
    inventories
        .glance(start + SignedDuration::from_secs(61))
        .await
        .unwrap();
    assert!(asked().await > once, "the credential is another one");
    let old = status(&client).await;
    let current = condition(&old, Condition::INVENTORY);
    assert_eq!(current.status, ConditionStatus::False);
    assert_eq!(current.message, "what is listed is of 2026-11-28T01:12:09Z");
    let kept = old.inventory.as_ref().unwrap();
    assert_eq!(kept.node_images, ["ubuntu-2404-kube-v1.36.3"]);
    assert!(!format!("{old:?}").contains("hidden"));

    clouds::remove(
        &client,
        &clouds::find(&client, "default", "east").await.unwrap(),
    )
    .await
    .unwrap();
    inventories.glance(start).await.unwrap();
    assert!(
        inventories.asked.is_empty(),
        "what is gone is not remembered"
    );
}
