//! A server whose OpenStack provider becomes newer while clusters run: they go on, and no node is rolled.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests"
)]

mod case;
mod managers;
mod support;

use capstan_capi::{Kind, OpenStackApi, carry, kind};
use capstan_kubernetes::Applier;
use capstan_management::providers::{CheckLine, check, install};
use capstan_plan::change::Effect;
use capstan_spec::{ClusterName, Uid, WorkloadClusterSpec};
use capstan_testkit::ApiServer;
use capstan_workload::provider::openstack_api;
use kube::Client;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use case::{Case, limit, rendered, spec};
use managers::run_managers;
use support::{NEWER_OPENSTACK, OPENSTACK, Openstack, all, manifests, plan_with, play_kubelet};

const OURS: [Kind; 2] = [kind::OPENSTACK_CLUSTER, kind::OPENSTACK_MACHINE_TEMPLATE];

/// Everything that is said where the newer version has another field for it.
fn before() -> WorkloadClusterSpec {
    let mut spec = spec();
    spec.api_access.port = 8443;
    spec.network.mtu = Some(1400);
    spec.network.node_port_cidrs = vec!["192.0.2.0/24".parse().unwrap()];
    spec
}

async fn installed(client: &Client, directory: &std::path::Path, openstack: Openstack) {
    let kubelet = tokio::spawn(play_kubelet(client.clone()));
    install(client.clone(), &plan_with(directory, openstack), |_| ())
        .await
        .unwrap();
    kubelet.abort();
}

/// Takes back what pointed to managers that are no more: the next installation says it anew.
async fn forget_managers(client: &Client) {
    for (kind, plural) in [
        (
            "ValidatingWebhookConfiguration",
            "validatingwebhookconfigurations",
        ),
        (
            "MutatingWebhookConfiguration",
            "mutatingwebhookconfigurations",
        ),
    ] {
        let api = all(client, "admissionregistration.k8s.io", kind, plural);
        let (delete, every) = (DeleteParams::default(), ListParams::default());
        api.delete_collection(&delete, &every).await.unwrap();
    }
    let definitions = all(
        client,
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "customresourcedefinitions",
    );
    let none = json!({"spec": {"conversion": {"strategy": "None", "webhook": null}}});
    for definition in definitions.list(&ListParams::default()).await.unwrap() {
        if definition
            .data
            .pointer("/spec/conversion/webhook")
            .is_some()
        {
            let name = definition.metadata.name.unwrap();
            let patch = Patch::Merge(&none);
            let params = PatchParams::default();
            definitions.patch(&name, &params, &patch).await.unwrap();
        }
    }
}

fn versions(object: &DynamicObject) -> Vec<String> {
    let owners = object.metadata.managed_fields.iter().flatten();
    owners
        .filter_map(|owner| owner.api_version.clone())
        .collect()
}

fn pinned(object: &DynamicObject) -> (Option<String>, Option<i64>) {
    (object.metadata.name.clone(), object.metadata.generation)
}

#[tokio::test]
async fn clusters_go_on_and_no_node_is_rolled() {
    let Some(directory) = manifests().filter(|directory| NEWER_OPENSTACK.is_in(directory)) else {
        return;
    };
    let Some(server) = ApiServer::start().await else {
        return;
    };
    let client = server.client().await.unwrap();
    installed(&client, &directory, OPENSTACK).await;
    let run = async |openstack: Openstack| {
        let more = [(openstack.program, "--namespace=nothing-is-here")];
        run_managers(&server, &client, openstack.program, &more).await
    };
    let Some(managers) = run(OPENSTACK).await else {
        return;
    };
    let case = |word, seed, spoken| Case {
        // One that has asked nothing yet, as after a restart.
        applier: Applier::new(client.clone()),
        name: ClusterName::new("default", word, Uid::from_random(seed)),
        spoken,
    };
    for (word, seed) in [("demo", 1), ("careless", 2)] {
        let older = case(word, seed, OpenStackApi::V1Beta1);
        let spoken = openstack_api(older.applier.kinds()).await.unwrap();
        assert_eq!(spoken, OpenStackApi::V1Beta1);
        let refused = older.apply(&rendered(&older.name, &before(), spoken)).await;
        assert!(refused.is_empty(), "{refused:?}");
        older.play_infrastructure().await;
        older.settled().await;
    }

    drop(managers);
    forget_managers(&client).await;
    installed(&client, &directory, NEWER_OPENSTACK).await;
    let Some(mut managers) = run(NEWER_OPENSTACK).await else {
        return;
    };
    let newer = OpenStackApi::V1Beta2;
    let demo = case("demo", 1, newer);
    assert_eq!(openstack_api(demo.applier.kinds()).await.unwrap(), newer);

    // Nothing is to be done, and doing it changes nothing.
    let same = rendered(&demo.name, &before(), newer);
    let templates = demo.list(newer.of(kind::OPENSTACK_MACHINE_TEMPLATE)).await;
    assert_eq!(templates.len(), 2);
    let plan = demo.plan(&same).await;
    assert!(plan.is_empty(), "{plan:#?}");
    assert_eq!(demo.apply(&same).await.len(), 0);
    let after = demo.list(newer.of(kind::OPENSTACK_MACHINE_TEMPLATE)).await;
    let known = |all: &[DynamicObject]| all.iter().map(pinned).collect::<Vec<_>>();
    assert_eq!(known(&templates), known(&after));
    for kind in OURS {
        for object in demo.list(newer.of(kind)).await {
            let older = OpenStackApi::V1Beta1.of(kind).api_version();
            assert!(!versions(&object).contains(&older), "{object:?}");
            let annotations = object.metadata.annotations.unwrap();
            assert!(!annotations.contains_key(carry::CONVERSION_DATA));
        }
    }
    assert_eq!(
        [demo.plane_rolls().await, demo.pool_rolls().await],
        [false; 2]
    );

    let lines = check(client.clone()).await;
    let of_provider = |line: &&CheckLine| line.what.contains("infrastructure.cluster.x-k8s.io");
    let asked: Vec<_> = lines.iter().filter(of_provider).collect();
    assert_eq!(asked.len(), 2, "{lines:#?}");
    for line in asked {
        assert!(line.is_good() && line.what.contains("v1beta2"), "{line:?}");
    }

    changes_are_carried_out(&demo).await;
    nothing_is_carried_out_where_owners_are_not_carried_over(&case("careless", 2, newer)).await;
    assert!(managers.all_run(), "{}", managers.output());
}

/// What was said in the older version can be changed and taken away.
async fn changes_are_carried_out(demo: &Case) {
    let mut wished = before();
    wished.network.node_port_cidrs.clear();
    wished.api_access.allowed_cidrs = vec!["192.0.2.0/24".parse().unwrap()];
    let wished = rendered(&demo.name, &wished, demo.spoken);
    let plan = demo.plan(&wished).await;
    assert_eq!(plan.parts[0].effect, Effect::InPlace, "{plan:#?}");
    assert_eq!(demo.apply(&wished).await.len(), 0);
    let spec = spec_of(demo).await;
    assert_eq!(
        spec["apiServer"]["managedLoadBalancer"]["allowedCIDRs"],
        json!(["192.0.2.0/24"])
    );
    let groups = &spec["managedSecurityGroups"];
    assert!(
        groups.get("workerNodesSecurityGroupRules").is_none(),
        "{groups}"
    );
    assert_eq!(
        groups["clusterNodesSecurityGroupRules"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(spec["apiServer"]["port"], 8443);
    assert_eq!(spec["controlPlaneEndpoint"]["host"], "198.51.100.7");
    assert!(demo.plan(&wished).await.is_empty());
    assert_eq!(
        [demo.plane_rolls().await, demo.pool_rolls().await],
        [false; 2]
    );
}

/// Why they are carried over: without that, who may connect stays who might before, and nobody says so.
async fn nothing_is_carried_out_where_owners_are_not_carried_over(careless: &Case) {
    let mut wished = before();
    wished.api_access.allowed_cidrs = vec!["192.0.2.0/24".parse().unwrap()];
    let wished = rendered(&careless.name, &wished, careless.spoken);
    for desired in wished.of(kind::OPENSTACK_CLUSTER) {
        let value = serde_json::from_value(desired.value.clone()).unwrap();
        careless.applier.apply_one(&value, limit()).await.unwrap();
    }
    let spec = spec_of(careless).await;
    assert_eq!(
        spec["apiServer"]["managedLoadBalancer"]["allowedCIDRs"],
        json!(["203.0.113.0/24"]),
        "what was applied is no longer undone: then nothing needs to be carried over"
    );
}

async fn spec_of(case: &Case) -> Value {
    let found = case.list(case.spoken.of(kind::OPENSTACK_CLUSTER)).await;
    found[0].data["spec"].clone()
}
