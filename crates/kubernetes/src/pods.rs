//! Why the pods of a Deployment do not run, in the words of the one who has to change something.

use kube::api::ListParams;
use kube::core::DynamicObject;
use serde_json::Value;

use crate::{Kinds, ObjectName, deployment_available};

/// As [`deployment_available`], with the trouble of its pods where they have one.
pub async fn deployment_runs(
    kinds: &Kinds,
    deployment: &DynamicObject,
) -> std::result::Result<(), String> {
    let Err(reason) = deployment_available(deployment) else {
        return Ok(());
    };
    Err(match trouble(kinds, deployment).await {
        Some(trouble) => format!("{reason}: {trouble}"),
        None => reason,
    })
}

/// What is wrong with its pods. It is for telling only: where they cannot be listed nothing is told.
async fn trouble(kinds: &Kinds, deployment: &DynamicObject) -> Option<String> {
    let labels = deployment
        .data
        .pointer("/spec/selector/matchLabels")?
        .as_object()?;
    let selector: Vec<String> = labels
        .iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
        .collect();
    let name = ObjectName {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        namespace: deployment.metadata.namespace.clone(),
        name: String::new(),
    };
    let api = kinds.api_of(&name).await.ok()?;
    let pods = api
        .list(&ListParams::default().labels(&selector.join(",")))
        .await
        .ok()?;
    let told: Vec<&Value> = pods.items.iter().map(|pod| &pod.data).collect();
    of_pods(&told)
}

/// The gravest first: an image that cannot be had, a program that ends, a pod without a place.
fn of_pods(pods: &[&Value]) -> Option<String> {
    [image, end, place]
        .into_iter()
        .find_map(|look| pods.iter().find_map(|pod| look(pod)))
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .filter_map(|path| pod.pointer(path)?.as_array())
        .flatten()
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn image(pod: &Value) -> Option<String> {
    const PULL: [&str; 5] = [
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "RegistryUnavailable",
    ];
    containers(pod).find_map(|container| {
        let reason = text(container, "/state/waiting/reason");
        PULL.contains(&reason).then(|| {
            let message = text(container, "/state/waiting/message");
            // The back-off repeats the failure behind its own words; without that part the reason would change with every try.
            let cause = message
                .split_once("ErrImagePull: ")
                .map_or(message, |(_, cause)| cause);
            let cause = if cause.is_empty() || cause.starts_with("Back-off") {
                String::new()
            } else {
                format!(": {}", cause.trim_end_matches('"'))
            };
            format!(
                "node {} cannot pull {} (ErrImagePull){cause}",
                text(pod, "/spec/nodeName"),
                text(container, "/image"),
            )
        })
    })
}

fn end(pod: &Value) -> Option<String> {
    containers(pod).find_map(|container| {
        let name = text(container, "/name");
        match text(container, "/state/waiting/reason") {
            "CrashLoopBackOff" => {
                let last = container.pointer("/lastState/terminated");
                let code = last.and_then(|last| last.get("exitCode")?.as_i64());
                let code = code.map_or_else(String::new, |code| format!(" with code {code}"));
                Some(format!("container {name} ends again and again{code}"))
            }
            reason @ ("CreateContainerConfigError"
            | "CreateContainerError"
            | "RunContainerError") => {
                let message = text(container, "/state/waiting/message");
                Some(format!(
                    "container {name} does not start ({reason}): {message}"
                ))
            }
            _ => None,
        }
    })
}

fn place(pod: &Value) -> Option<String> {
    let conditions = pod.pointer("/status/conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| {
            text(condition, "/type") == "PodScheduled" && text(condition, "/status") == "False"
        })
        .map(|condition| format!("no node takes the pod: {}", text(condition, "/message")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn waiting(reason: &str, message: &str) -> Value {
        json!({
            "spec": {"nodeName": "worker-1"},
            "status": {"containerStatuses": [{
                "name": "manager", "image": "registry.k8s.io/x:v1",
                "state": {"waiting": {"reason": reason, "message": message}},
            }]},
        })
    }

    #[test]
    fn a_pull_that_fails_is_told_alike_while_it_is_tried_and_while_it_pauses() {
        let tried = waiting("ErrImagePull", "dial tcp 203.0.113.1:443: no route to host");
        let pauses = waiting(
            "ImagePullBackOff",
            "Back-off pulling image \"registry.k8s.io/x:v1\": ErrImagePull: dial tcp 203.0.113.1:443: no route to host",
        );
        let told = of_pods(&[&tried]).unwrap();
        assert_eq!(
            told,
            "node worker-1 cannot pull registry.k8s.io/x:v1 (ErrImagePull): dial tcp 203.0.113.1:443: no route to host"
        );
        assert_eq!(of_pods(&[&pauses]), Some(told));
    }

    #[test]
    fn the_gravest_trouble_is_told() {
        let nowhere = json!({"status": {"conditions": [
            {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"},
        ]}});
        let ends = json!({"status": {"containerStatuses": [{
            "name": "manager", "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 2}},
        }]}});
        assert_eq!(
            of_pods(&[&nowhere]).unwrap(),
            "no node takes the pod: 0/1 nodes are available"
        );
        assert_eq!(
            of_pods(&[&nowhere, &ends]).unwrap(),
            "container manager ends again and again with code 2"
        );
        assert!(
            of_pods(&[&nowhere, &ends, &waiting("ErrImagePull", "no")])
                .unwrap()
                .contains("cannot pull")
        );
        assert_eq!(of_pods(&[&json!({"status": {}})]), None);
    }
}
