//! Waiting for something to become true, with an end.

use std::time::Duration;

use kube::core::{DynamicObject, ObjectMeta};
use serde_json::Value;
use tokio::time::Instant;

use crate::{Error, Kinds, ObjectName, Result};

/// A moment after which nobody waits any longer.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    end: Instant,
    limit: Duration,
}

impl Deadline {
    /// A deadline `limit` from now.
    pub fn after(limit: Duration) -> Self {
        Self {
            end: Instant::now() + limit,
            limit,
        }
    }

    /// The time left; zero when it has passed.
    pub fn remaining(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// The limit it was made with.
    pub const fn limit(&self) -> Duration {
        self.limit
    }
}

/// Asks `check` again and again until it says `Ok(value)`. `Err(why)` from it means "not yet"; a transient failure of
/// the request too; a lasting failure ends the wait. When `deadline` passes the error tells the last thing seen.
///
/// A closure that returns a future, not an async closure: those cannot be proved `Send` inside a spawned task.
pub async fn wait_for<T, F>(
    what: &str,
    deadline: Deadline,
    mut check: impl FnMut() -> F,
) -> Result<T>
where
    F: Future<Output = Result<std::result::Result<T, String>>>,
{
    let mut pause = Duration::from_millis(100);
    loop {
        let last = match check().await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(reason)) => reason,
            Err(error) if error.kind().is_transient() => error.to_string(),
            Err(error) => return Err(error),
        };
        if deadline.remaining() < pause {
            return Err(Error::Timeout {
                what: what.to_owned(),
                limit: deadline.limit(),
                last,
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(Duration::from_secs(1));
    }
}

/// Waits until an object, recognised by its uid, is gone. A new object of the same name counts as gone, and so does every
/// object of a kind that is no longer served.
pub async fn wait_deleted(
    kinds: &Kinds,
    name: &ObjectName,
    uid: &str,
    deadline: Deadline,
) -> Result<()> {
    wait_for(&format!("{name} to be gone"), deadline, || async {
        Ok(match kinds.find(name).await? {
            Some(object) if object.metadata.uid.as_deref() == Some(uid) => {
                Err(waiting_for(&object.metadata))
            }
            _ => Ok(()),
        })
    })
    .await
}

fn waiting_for(object: &ObjectMeta) -> String {
    let finalizers = object.finalizers.as_deref().unwrap_or_default();
    if finalizers.is_empty() {
        "still there".to_owned()
    } else {
        format!("still there, held by {}", finalizers.join(", "))
    }
}

/// The `status` of a condition ("True", "False", "Unknown") with its reason and message, if the object has it.
pub fn condition_status<'a>(
    object: &'a DynamicObject,
    condition: &str,
) -> Option<(&'a str, &'a str, &'a str)> {
    let conditions = object.data.pointer("/status/conditions")?.as_array()?;
    let text =
        |value: &'a Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    conditions
        .iter()
        .find(|c| c.get("type").and_then(Value::as_str) == Some(condition))
        .map(|c| (text(c, "status"), text(c, "reason"), text(c, "message")))
}

/// Whether a `CustomResourceDefinition` is served; `Err` says what is missing.
pub fn crd_established(object: &DynamicObject) -> std::result::Result<(), String> {
    match condition_status(object, "Established") {
        Some(("True", _, _)) => Ok(()),
        Some((_, reason, message)) => Err(format!("not established: {reason} {message}")
            .trim()
            .to_owned()),
        None => Err("not established yet".to_owned()),
    }
}

/// Whether a Deployment runs what its newest spec says, with enough pods; `Err` says what is missing.
pub fn deployment_available(object: &DynamicObject) -> std::result::Result<(), String> {
    let number = |path: &str| {
        object
            .data
            .pointer(path)
            .and_then(Value::as_i64)
            .unwrap_or(0)
    };
    if number("/status/observedGeneration") < object.metadata.generation.unwrap_or(0) {
        return Err("the newest version is not rolled out yet".to_owned());
    }
    let wanted = object
        .data
        .pointer("/spec/replicas")
        .and_then(Value::as_i64)
        .unwrap_or(1);
    let (updated, ready) = (
        number("/status/updatedReplicas"),
        number("/status/readyReplicas"),
    );
    if let Some(("False", "ProgressDeadlineExceeded", message)) =
        condition_status(object, "Progressing")
    {
        return Err(format!("stuck: {message}"));
    }
    match condition_status(object, "Available") {
        Some(("True", _, _)) if updated >= wanted => Ok(()),
        Some(("True", _, _)) => Err(format!(
            "{updated} of {wanted} pods are of the newest version"
        )),
        _ => Err(format!("{ready} of {wanted} pods ready")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(generation: i64, status: &Value) -> DynamicObject {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "d", "namespace": "n", "generation": generation},
            "spec": {"replicas": 2}, "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn an_old_observation_never_counts_as_available() {
        let available = serde_json::json!([{"type": "Available", "status": "True"}]);
        let old = deployment(
            2,
            &serde_json::json!({"observedGeneration": 1, "updatedReplicas": 2, "conditions": available}),
        );
        assert!(deployment_available(&old).is_err());
        let new = deployment(
            2,
            &serde_json::json!({"observedGeneration": 2, "updatedReplicas": 2, "conditions": available}),
        );
        assert_eq!(deployment_available(&new), Ok(()));
        let half = deployment(
            2,
            &serde_json::json!({"observedGeneration": 2, "updatedReplicas": 1, "conditions": available}),
        );
        assert_eq!(
            deployment_available(&half),
            Err("1 of 2 pods are of the newest version".to_owned())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_fails_tells_what_was_seen_last() {
        let deadline = Deadline::after(Duration::from_secs(3));
        let error = wait_for::<(), _>("pods", deadline, || async { Ok(Err("0 of 2".to_owned())) })
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "failed to see pods within 3s; last seen: 0 of 2"
        );
    }
}
