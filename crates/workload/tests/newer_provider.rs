//! The OpenStack provider's API v1beta2 on a real API server: its definitions alone, without its manager.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests"
)]

mod rich;

use std::time::Duration;

use capstan_capi::{OpenStackApi, contract, kind, view};
use capstan_kubernetes::{Applier, Deadline, FIELD_MANAGER, ObjectName};
use capstan_plan::change::{self, Live};
use capstan_plan::{Rendered, render};
use capstan_spec::ClusterName;
use capstan_testkit::ApiServer;
use capstan_workload::provider::openstack_api;
use kube::api::{Patch, PatchParams};
use kube::core::DynamicObject;
use serde_json::{Value, json};

const NEWER: OpenStackApi = OpenStackApi::V1Beta2;

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(30))
}

/// An API server that knows nothing but the two kinds, and only in the newer version.
async fn provider() -> Option<(ApiServer, Applier)> {
    let server = ApiServer::start().await?;
    let applier = Applier::new(server.client().await.unwrap());
    let none = openstack_api(applier.kinds()).await.unwrap();
    assert_eq!(none, OpenStackApi::V1Beta1, "nothing is served yet");
    let definitions = [kind::OPENSTACK_CLUSTER, kind::OPENSTACK_MACHINE_TEMPLATE]
        .map(|kind| contract::definition(NEWER.of(kind)).unwrap())
        .map(|definition| serde_json::from_value::<DynamicObject>(definition).unwrap());
    applier.apply(&definitions, soon(), |_| ()).await.unwrap();
    // That there was none is not remembered.
    assert_eq!(openstack_api(applier.kinds()).await.unwrap(), NEWER);
    Some((server, applier))
}

fn objects(rendered: &Rendered) -> Vec<DynamicObject> {
    let of_provider = rendered
        .objects
        .iter()
        .filter(|object| object.kind.group == kind::OPENSTACK_CLUSTER.group);
    of_provider
        .map(|object| serde_json::from_value(object.value.clone()).unwrap())
        .collect()
}

async fn live(applier: &Applier, object: &DynamicObject) -> Value {
    let name = ObjectName::of(object);
    let api = applier.kinds().api_of(&name).await.unwrap();
    serde_json::to_value(api.get(&name.name).await.unwrap()).unwrap()
}

/// Strictly: a field that is not known is refused, rules in CEL count, and what is set by default is no difference.
#[tokio::test]
async fn everything_that_a_cluster_file_can_say_is_taken_and_stays_as_it_is() {
    let Some((_server, applier)) = provider().await else {
        return;
    };
    for (word, spec, mut facts) in rich::clusters() {
        facts.openstack_api = NEWER;
        let name = ClusterName::new("default", word.as_str(), "x7k2p".parse().unwrap());
        let rendered = render(&spec, &name, &facts).unwrap();
        let objects = objects(&rendered);
        assert!(objects.len() >= 3, "{word}: {}", objects.len());
        for object in &objects {
            let told = applier.apply_one(object, soon()).await;
            assert!(told.is_ok(), "{word} {:?}: {told:?}", object.types);
            let first = live(&applier, object).await;
            applier.apply_one(object, soon()).await.unwrap();
            assert_eq!(live(&applier, object).await, first, "{word}: applied again");
        }
        let mut found = Live::default();
        for desired in &rendered.objects {
            let object = serde_json::from_value(desired.value.clone()).unwrap();
            let value = if desired.kind.group == kind::OPENSTACK_CLUSTER.group {
                live(&applier, &object).await
            } else {
                // Not this provider's: as it is wished.
                desired.value.clone()
            };
            found.objects.push(change::LiveObject {
                kind: desired.kind,
                name: desired.name.clone(),
                value,
            });
        }
        let plan = change::plan(&rendered, &found, FIELD_MANAGER);
        assert!(plan.is_empty(), "{word}: {plan:#?}");
    }
}

#[tokio::test]
async fn what_the_provider_says_is_read() {
    let Some((_server, applier)) = provider().await else {
        return;
    };
    let (_, spec, mut facts) = rich::clusters().swap_remove(0);
    facts.openstack_api = NEWER;
    let name = ClusterName::new("default", "demo", "x7k2p".parse().unwrap());
    let rendered = render(&spec, &name, &facts).unwrap();
    let cluster = rendered.of(kind::OPENSTACK_CLUSTER).next().unwrap();
    let object: DynamicObject = serde_json::from_value(cluster.value.clone()).unwrap();
    applier.apply_one(&object, soon()).await.unwrap();
    let status = json!({
        "initialization": {"provisioned": true},
        "network": {"id": "net", "name": "k8s", "subnets": [{"id": "sub", "name": "k8s", "cidr": "10.8.0.0/20"}]},
        "router": {"id": "rtr", "name": "k8s", "ips": []},
        "apiServerManagedLoadBalancer": {
            "id": "lb", "name": "k8s", "ip": "198.51.100.7", "internalIP": "10.8.0.2",
            "allowedCIDRs": ["10.8.0.0/20"], "loadBalancerNetwork": {"id": "net", "name": "k8s"},
        },
        "failureDomains": [{"name": "az1", "controlPlane": true}],
        "conditions": [{
            "type": "NetworkReady", "status": "False", "reason": "NetworkCreateFailed", "message": "Quota exceeded",
            "lastTransitionTime": "2026-11-28T10:00:00Z", "observedGeneration": 1,
        }],
    });
    let object_name = ObjectName::of(&object);
    let api = applier.kinds().api_of(&object_name).await.unwrap();
    let strict = PatchParams {
        field_validation: Some(kube::api::ValidationDirective::Strict),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(json!({"status": status}));
    api.patch_status(&object_name.name, &strict, &patch)
        .await
        .unwrap();
    let seen: view::OpenStackCluster =
        serde_json::from_value(live(&applier, &object).await).unwrap();
    assert!(seen.status.ready);
    assert_eq!(seen.status.network.unwrap().id, "net");
    let balancer = seen.status.api_server_load_balancer.unwrap();
    assert_eq!(balancer.ip, "198.51.100.7");
    let network = view::condition(&seen.status.conditions, "NetworkReady").unwrap();
    assert!(network.is_false());
}
