//! Who may do what about a cluster autoscaler, asked of a real API server: the rights that `up` gives are enough, and no more.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use capstan_catalog::{Catalogue, image};
use capstan_kubernetes::{Applier, Deadline, ErrorKind};
use capstan_management::identity::Identity;
use capstan_management::providers::own;
use capstan_plan::autoscaler as plan;
use capstan_spec::cluster::Autoscaling;
use capstan_spec::progress::StepState;
use capstan_spec::{ClusterName, KubernetesVersion, WorkloadClusterSpec};
use capstan_testkit::ApiServer;
use capstan_workload::autoscaler as running;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::DynamicObject;
use kube::{Api, Client, Config};
use serde_json::{Value, json};

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

async fn impersonating(server: &ApiServer, account: &str) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(server.kubeconfig()).unwrap();
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    config.auth_info.impersonate = Some(format!("system:serviceaccount:{account}"));
    Client::try_from(config).unwrap()
}

fn object(value: &Value) -> DynamicObject {
    serde_json::from_value(value.clone()).unwrap()
}

async fn may(client: &Client, verb: &str, namespace: &str, group: &str, resource: &str) -> bool {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                verb: Some(verb.to_owned()),
                namespace: Some(namespace.to_owned()),
                group: Some(group.to_owned()),
                resource: Some(resource.to_owned()),
                subresource: Some(subresource.to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = api.create(&PostParams::default(), &review).await.unwrap();
    answer.status.unwrap().allowed
}

#[tokio::test]
async fn the_controller_sets_one_up_that_may_do_its_work_and_nothing_else() {
    let Some(server) = ApiServer::start().await else {
        return;
    };
    let owner = Identity {
        name: "demo".into(),
        uid: "x7k2p".parse().unwrap(),
    };
    let mut objects = own::controller(&own::Controller::published(), &owner).unwrap();
    let team = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}});
    objects.push(object(&team));
    let administrator = Applier::new(server.client().await.unwrap());
    administrator.apply(&objects, soon(), |_| ()).await.unwrap();

    // With the controller's own rights, as it does it: strictly, one after the other; and again, which changes nothing.
    let mut spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
    spec.workers[0].autoscaling = Some(Autoscaling::within_bounds(0, 3));
    let name = ClusterName::new("team", "demo", "x7k2p".parse().unwrap());
    let catalogue = Catalogue::bundled().unwrap();
    let image = image::autoscaler(catalogue.release(spec.version).unwrap());
    let account = format!("{}:{}", own::NAMESPACE, own::CONTROLLER);
    let client = impersonating(&server, &account).await;
    let controller = Applier::new(client.clone());
    let wanted = plan::objects(&spec, &name, &image, None);
    for _ in 0..2 {
        running::apply(&controller, &name, &wanted).await.unwrap();
    }
    // Other rights it cannot give.
    let mut greedy = wanted[1].clone();
    greedy["metadata"]["name"] = "greedy".into();
    greedy["roleRef"]["name"] = "cluster-admin".into();
    let refused = controller.apply_one(&object(&greedy), soon()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);

    let account = format!("team:{}", name.autoscaler());
    let autoscaler = impersonating(&server, &account).await;
    let capi = "cluster.x-k8s.io";
    for (verb, group, resource) in [
        ("watch", capi, "machinedeployments"),
        ("list", capi, "machinesets"),
        ("list", capi, "machinepools"),
        ("update", capi, "machines"),
        ("get", capi, "machinedeployments/scale"),
        ("patch", capi, "machinedeployments/scale"),
        (
            "get",
            "infrastructure.cluster.x-k8s.io",
            "openstackmachinetemplates",
        ),
    ] {
        let here = may(&autoscaler, verb, "team", group, resource).await;
        let there = may(&autoscaler, verb, "default", group, resource).await;
        assert_eq!(
            (here, there),
            (true, false),
            "{verb} {resource}, in its namespace and elsewhere"
        );
    }
    for (verb, group, resource) in [
        ("get", "", "secrets"),
        ("delete", capi, "machines"),
        ("patch", capi, "machinedeployments"),
        ("get", "capstan.dev", "workloadclusters"),
    ] {
        let allowed = may(&autoscaler, verb, "team", group, resource).await;
        assert!(!allowed, "{verb} {resource}");
    }

    // What the controller has made it can take away: the program first, and again.
    let deployment = || running::deployment(controller.kinds(), &name);
    let there = deployment().await.unwrap();
    assert_eq!(
        running::state(&name, there.as_ref()).state,
        StepState::Running
    );
    for _ in 0..2 {
        running::remove(&controller, &name).await.unwrap();
    }
    // Nobody here collects it: it is going.
    let going = deployment().await.unwrap().unwrap();
    assert!(going.metadata.deletion_timestamp.is_some());
}
