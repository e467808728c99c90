//! Pausing a rollout on a real API server with the real definitions.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests"
)]

mod support;

use capstan_capi::{Kind, kind, label, view};
use capstan_kubernetes::{Applier, ObjectName};
use capstan_plan::{Observation, Rendered, offline, render};
use capstan_spec::{ClusterName, KubernetesVersion, WorkloadClusterSpec};
use capstan_workload::rollout;
use kube::core::DynamicObject;

fn name() -> ClusterName {
    ClusterName::new("default", "paused", "x7k2p".parse().unwrap())
}

fn spec() -> WorkloadClusterSpec {
    let version = KubernetesVersion::new(1, 36, 3);
    let mut spec = WorkloadClusterSpec::new(version, "a", "b");
    spec.image = Some("node".into());
    spec.api_access.allowed_cidrs = vec!["203.0.113.0/24".parse().unwrap()];
    spec
}

async fn read(applier: &Applier, kind: Kind, name: String) -> Option<DynamicObject> {
    let name = ObjectName {
        api_version: kind.api_version(),
        kind: kind.kind.to_owned(),
        namespace: Some("default".to_owned()),
        name,
    };
    let api = applier.kinds().api_of(&name).await.unwrap();
    api.get_opt(&name.name).await.unwrap()
}

/// Brings the wish to the API server as the controller does, and tells whether the control plane is left alone then, and
/// whether the pool is paused.
async fn bring(applier: &Applier, spec: &WorkloadClusterSpec) -> (bool, bool) {
    let facts = offline::facts(spec).unwrap();
    let mut rendered: Rendered = render(spec, &name(), &facts).unwrap();
    let plane = || read(applier, kind::KUBEADM_CONTROL_PLANE, name().control_plane());
    let before: Option<view::ControlPlane> = plane()
        .await
        .map(|found| serde_json::from_value(serde_json::to_value(&found).unwrap()).unwrap());
    let mut machine = view::Machine::default();
    let labels = &mut machine.metadata.labels;
    labels.insert(label::CONTROL_PLANE.to_owned(), String::new());
    let seen = Observation {
        control_plane: before,
        machines: vec![machine],
        ..Observation::default()
    };
    rollout::hold(applier, spec, &seen, &mut rendered)
        .await
        .unwrap();
    for object in &rendered.objects {
        let object = serde_json::from_value(object.value.clone()).unwrap();
        applier.apply_one(&object, support::soon()).await.unwrap();
    }
    let annotations = plane().await.unwrap().metadata.annotations;
    let held = annotations.is_some_and(|all| all.contains_key(label::PAUSED));
    let pool = read(applier, kind::MACHINE_DEPLOYMENT, name().pool("workers"));
    let paused = pool.await.unwrap().data["spec"]["paused"] == true;
    (held, paused)
}

#[tokio::test]
async fn a_pause_holds_back_what_would_replace_machines_and_nothing_else() {
    let Some((_server, applier)) = support::providers().await else {
        return;
    };
    let mut spec = spec();
    assert_eq!(bring(&applier, &spec).await, (false, false));
    spec.control_plane.rollout.paused = true;
    spec.workers[0].rollout.paused = true;
    assert_eq!(
        bring(&applier, &spec).await,
        (false, true),
        "nothing to hold"
    );
    spec.control_plane.rollout.drain_timeout_seconds = 30;
    spec.control_plane.replicas = 1;
    assert_eq!(bring(&applier, &spec).await, (false, true), "in place");
    // Taken away by leaving it out: only the API server knows that it was there.
    spec.kubeadm.post_commands = vec!["true".into()];
    spec.control_plane.rollout.paused = false;
    assert_eq!(bring(&applier, &spec).await, (false, true));
    spec.control_plane.rollout.paused = true;
    spec.kubeadm.post_commands.clear();
    assert_eq!(bring(&applier, &spec).await, (true, true), "a change");
    assert_eq!(
        bring(&applier, &spec).await,
        (true, true),
        "let go by itself"
    );
    spec.control_plane.rollout.paused = false;
    spec.workers[0].rollout.paused = false;
    assert_eq!(bring(&applier, &spec).await, (false, false), "never let go");
    spec.workers[0].rollout.after = Some("2026-12-01T00:00:00.5Z".parse().unwrap());
    bring(&applier, &spec).await;
    let pool = read(&applier, kind::MACHINE_DEPLOYMENT, name().pool("workers"));
    let after = &pool.await.unwrap().data["spec"]["rollout"]["after"];
    assert_eq!(after, "2026-12-01T00:00:00Z");
}
