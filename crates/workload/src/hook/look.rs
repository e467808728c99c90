//! Whether what a hook has applied is done.

use capstan_kubernetes::{
    Error as KubernetesError, ErrorKind, Kinds, ObjectName, condition_status, deployment_available,
    deployment_runs,
};
use capstan_plan::hook::{JobSeen, JobState, Seen};
use capstan_spec::cluster::Hook;
use kube::api::ListParams;
use kube::core::DynamicObject;
use serde_json::Value;

use super::RUN;
use crate::Error;
use crate::equip::daemon_set_available;

/// Label by which Kubernetes marks the pods of a Job.
const JOB_NAME: &str = "batch.kubernetes.io/job-name";
/// The longest last word of a container that is told.
const LAST_WORDS: usize = 200;

/// Whether words of others about the objects of a hook are told. What a Secret holds may be among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// They are.
    Told,
    /// They are not: only what kind of thing it is.
    Withheld,
}

impl Words {
    pub(super) fn about(hook: &Hook) -> Self {
        let secret = hook.from.as_ref().and_then(|from| from.secret.as_ref());
        if secret.is_some() {
            Self::Withheld
        } else {
            Self::Told
        }
    }

    pub(super) fn of_error(self, error: &Error) -> String {
        match (self, error) {
            (_, Error::Kubernetes(error)) if error.kind() == ErrorKind::Unreachable => {
                format!("the API of the cluster does not answer ({error})")
            }
            (Self::Told, error) => error.reason().message,
            (
                Self::Withheld,
                Error::Kubernetes(KubernetesError::Request {
                    verb, object, kind, ..
                }),
            ) => {
                format!(
                    "failed to {verb} {object} ({kind:?}; the words are withheld, as the manifest is in a Secret)"
                )
            }
            (Self::Withheld, _) => {
                "failed to apply it (the words are withheld, as the manifest is in a Secret)"
                    .to_owned()
            }
        }
    }
}

fn is(object: &DynamicObject, group: &str, kind: &str) -> bool {
    let name = ObjectName::of(object);
    name.group() == group && name.kind == kind
}

pub(super) fn is_job(object: &DynamicObject) -> bool {
    is(object, "batch", "Job")
}

/// A Job as it is.
pub(super) fn job(found: &DynamicObject) -> JobSeen {
    let annotations = found.metadata.annotations.as_ref();
    let holds =
        |kind: &str| condition_status(found, kind).is_some_and(|(status, ..)| status == "True");
    JobSeen {
        mark: annotations.and_then(|annotations| annotations.get(RUN).cloned()),
        state: if found.metadata.deletion_timestamp.is_some() {
            JobState::Going
        } else if holds("Complete") {
            JobState::Complete
        } else if holds("Failed") {
            JobState::Failed
        } else {
            JobState::Active
        },
    }
}

/// What one object says of the hook's end.
enum End {
    Reached,
    Ahead(String),
    Missed(String),
}

/// How far everything is that a hook waits for. A Job that has failed is the end, whatever else there is.
pub(super) async fn look(
    kinds: &Kinds,
    objects: &[DynamicObject],
    words: Words,
) -> Result<Seen, Error> {
    let mut waits = Vec::new();
    for object in objects {
        match end(kinds, object, words).await? {
            End::Reached => {}
            End::Ahead(what) => waits.push(what),
            End::Missed(why) => return Ok(Seen::Failed(why)),
        }
    }
    if waits.is_empty() {
        return Ok(Seen::Succeeded);
    }
    Ok(Seen::Pending {
        applied: true,
        message: format!("waits for {}", waits.join(", ")),
    })
}

async fn end(kinds: &Kinds, object: &DynamicObject, words: Words) -> Result<End, Error> {
    let program = ["Deployment", "DaemonSet", "StatefulSet"]
        .into_iter()
        .find(|kind| is(object, "apps", kind));
    if program.is_none() && !is_job(object) {
        return Ok(End::Reached);
    }
    let mut name = ObjectName::of(object);
    name.namespace.get_or_insert_with(|| "default".to_owned());
    let found = kinds.api_of(&name).await?.get_opt(&name.name).await;
    let found = found.map_err(|e| KubernetesError::request("read", name.to_string(), e))?;
    let Some(found) = found else {
        return Ok(End::Missed(format!("{name} went before its end was seen")));
    };
    let state = match program {
        None => return end_of_job(kinds, &name, &found, words).await,
        Some("Deployment") if words == Words::Told => deployment_runs(kinds, &found).await,
        Some("Deployment") => deployment_available(&found),
        Some("DaemonSet") => daemon_set_available(&found),
        Some(_) => stateful_set_available(&found),
    };
    Ok(match state {
        Ok(()) => End::Reached,
        Err(missing) => End::Ahead(format!("{name} ({missing})")),
    })
}

async fn end_of_job(
    kinds: &Kinds,
    name: &ObjectName,
    found: &DynamicObject,
    words: Words,
) -> Result<End, Error> {
    Ok(match job(found).state {
        JobState::Complete => End::Reached,
        JobState::Failed => {
            let (_, reason, message) = condition_status(found, "Failed").unwrap_or_default();
            let mut text = format!("{name} failed: {reason}");
            if words == Words::Told {
                text = format!("{text}: {message}");
                if let Some(words) = last_words(kinds, name).await {
                    text = format!("{text}; {words}");
                }
                text = format!(
                    "{text} (in the cluster: kubectl --namespace {} logs job/{})",
                    name.namespace.as_deref().unwrap_or_default(),
                    name.name
                );
            }
            End::Missed(text)
        }
        JobState::Going => End::Ahead(format!("{name} (it is being deleted)")),
        JobState::Active => {
            let count = |path: &str| {
                found
                    .data
                    .pointer(path)
                    .and_then(Value::as_u64)
                    .unwrap_or(0)
            };
            End::Ahead(format!(
                "{name} (pods: {} active, {} failed)",
                count("/status/active"),
                count("/status/failed")
            ))
        }
    })
}

/// How a container of the Job ended. Its log is not told: nobody knows what is in there, and more people read the status of a
/// cluster. What a container leaves as its termination message is meant to be told. It is for telling only: where pods cannot
/// be listed nothing is.
async fn last_words(kinds: &Kinds, job: &ObjectName) -> Option<String> {
    let pods = ObjectName {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        namespace: job.namespace.clone(),
        name: String::new(),
    };
    let label = format!("{JOB_NAME}={}", job.name);
    let api = kinds.api_of(&pods).await.ok()?;
    let found = api.list(&ListParams::default().labels(&label)).await.ok()?;
    found.items.iter().find_map(|pod| end_of_pod(&pod.data))
}

fn end_of_pod(pod: &Value) -> Option<String> {
    let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let containers = statuses
        .into_iter()
        .filter_map(|path| pod.pointer(path)?.as_array())
        .flatten();
    let ended = |container: &Value| {
        let end = ["/state/terminated", "/lastState/terminated"]
            .into_iter()
            .find_map(|path| container.pointer(path))?;
        let code = end.get("exitCode")?.as_i64().filter(|code| *code != 0)?;
        let name = container.get("name")?.as_str()?;
        let said = end
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .trim();
        let said: String = said.chars().take(LAST_WORDS).collect();
        let said = if said.is_empty() {
            said
        } else {
            format!(": {said}")
        };
        Some(format!("container {name} ended with code {code}{said}"))
    };
    containers.into_iter().find_map(ended)
}

fn stateful_set_available(object: &DynamicObject) -> Result<(), String> {
    let number = |path: &str| object.data.pointer(path).and_then(Value::as_i64);
    if number("/status/observedGeneration").unwrap_or(0) < object.metadata.generation.unwrap_or(0) {
        return Err("the newest version is not rolled out yet".to_owned());
    }
    let wanted = number("/spec/replicas").unwrap_or(1);
    let ready = number("/status/readyReplicas").unwrap_or(0);
    let updated = number("/status/updatedReplicas").unwrap_or(0);
    if ready < wanted || updated < wanted {
        return Err(format!("{} of {wanted} pods ready", ready.min(updated)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_job_is_done_or_failed_by_its_conditions() {
        let seen = |status: Value, going: bool| {
            let mut metadata = json!({"name": "j", "annotations": {RUN: "abc.1"}});
            if going {
                metadata["deletionTimestamp"] = json!("2026-11-28T10:00:00Z");
            }
            job(&object(json!({
                "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "status": status,
            })))
        };
        let of =
            |kind: &str, status: &str| json!({"conditions": [{"type": kind, "status": status}]});
        for (status, going, state) in [
            (json!({"active": 1}), false, JobState::Active),
            (of("Complete", "True"), false, JobState::Complete),
            (of("Complete", "False"), false, JobState::Active),
            // They precede the end, while pods are still there.
            (of("FailureTarget", "True"), false, JobState::Active),
            (of("Failed", "True"), false, JobState::Failed),
            (of("Failed", "True"), true, JobState::Going),
        ] {
            let job = seen(status, going);
            assert_eq!(job.state, state);
            assert_eq!(job.mark.as_deref(), Some("abc.1"));
        }
    }

    #[test]
    fn how_a_container_ended_is_told() {
        let pod = |end: Value| {
            end_of_pod(&json!({"status": {"containerStatuses": [
                {"name": "good", "state": {"terminated": {"exitCode": 0, "message": "x"}}},
                {"name": "main", "state": end},
            ]}}))
        };
        assert_eq!(
            pod(json!({"terminated": {"exitCode": 3, "message": "no disk\n"}})).as_deref(),
            Some("container main ended with code 3: no disk")
        );
        assert_eq!(
            pod(json!({"terminated": {"exitCode": 3}})).as_deref(),
            Some("container main ended with code 3")
        );
        assert_eq!(pod(json!({"running": {}})), None);
    }

    #[test]
    fn a_stateful_set_runs_when_all_of_its_newest_pods_are_ready() {
        let of = |status: Value| {
            stateful_set_available(&object(json!({
                "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s", "generation": 2},
                "spec": {"replicas": 2}, "status": status,
            })))
        };
        assert!(
            of(json!({"observedGeneration": 1, "readyReplicas": 2, "updatedReplicas": 2})).is_err()
        );
        let half = of(json!({"observedGeneration": 2, "readyReplicas": 2, "updatedReplicas": 1}));
        assert_eq!(half, Err("1 of 2 pods ready".to_owned()));
        assert_eq!(
            of(json!({"observedGeneration": 2, "readyReplicas": 2, "updatedReplicas": 2})),
            Ok(())
        );
    }
}
