//! Rendered clusters on a real API server with the real definitions of Cluster API and its OpenStack provider: strict
//! field validation, and the rules in CEL, which the tests of the renderer cannot ask.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests"
)]

mod rich;
mod support;

use capstan_plan::facts::Facts;
use capstan_plan::render;
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use kube::core::DynamicObject;

fn objects(name: &str, spec: &WorkloadClusterSpec, facts: &Facts) -> Vec<DynamicObject> {
    let name = ClusterName::new("default", name, "x7k2p".parse().unwrap());
    let rendered = render(spec, &name, facts).unwrap();
    let objects = rendered.objects.into_iter();
    objects
        .map(|object| serde_json::from_value(object.value).unwrap())
        .collect()
}

#[tokio::test]
async fn the_api_server_takes_everything_that_a_cluster_file_can_say() {
    let Some((_server, applier)) = support::providers().await else {
        return;
    };
    for (name, spec, facts) in rich::clusters() {
        for object in objects(&name, &spec, &facts) {
            let kind = object.types.as_ref().map(|types| types.kind.clone());
            let told = applier.apply_one(&object, support::soon()).await;
            assert!(told.is_ok(), "{name} {kind:?}: {told:?}");
        }
    }
}
