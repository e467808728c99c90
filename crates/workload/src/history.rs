//! What was asked of a cluster and by whom, for its record. Pure.

use std::fmt::Write as _;

use capstan_spec::WorkloadClusterSpec;
use capstan_spec::record::HistoryEntry;
use capstan_spec::status::{Refusal, WorkloadClusterStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};

use crate::gate::Verdict;

/// Annotation in which a door of ours (command line, API, git) says for whom it wrote the wish. It is a word, not a proof:
/// whoever may write the object may write this. The proof is in the audit log of the API server.
pub const REQUESTED_BY: &str = "capstan.dev/requested-by";
/// Annotation with the time at which the same wish was made once more; its change wakes the controller.
pub const ASKED_AGAIN: &str = "capstan.dev/asked-again";
/// The same for the deletion, which leaves no other trace in the object.
pub const DELETION_REQUESTED_BY: &str = "capstan.dev/deletion-requested-by";
/// Field manager under which the command line writes.
pub const COMMAND_LINE: &str = "capstan-cli";
/// A name that is longer is cut: it is shown in a line.
const LONGEST_NAME: usize = 128;

/// The entry for a verdict on a wish: one when it is judged first, and one when what was refused goes on. `before` is the
/// status before the verdict was told.
pub fn entry(
    before: &WorkloadClusterStatus,
    metadata: &ObjectMeta,
    spec: &WorkloadClusterSpec,
    verdict: &Verdict,
    now: Timestamp,
) -> Option<HistoryEntry> {
    let generation = metadata.generation;
    let result = match verdict.refusal() {
        None => "accepted",
        Some(Refusal::QuotaExceeded) => "refused for quota",
        Some(Refusal::Unresolved) => "refused: it names what the cloud does not have",
        Some(Refusal::Invalid) => "refused: it breaks the rules",
        Some(Refusal::AwaitsApproval) => "waits for an approval",
    };
    let entry = |action: String, who| HistoryEntry {
        at: now,
        action,
        who,
        result: Some(result.to_owned()),
        generation,
    };
    if before.verdict(generation).is_some() {
        let goes_on = before.refusal(generation).is_some() && verdict.refusal().is_none();
        return goes_on.then(|| entry("what was refused goes on".to_owned(), None));
    }
    // A status of a version that did not write verdicts: nobody has asked for anything.
    if before.observed_generation.is_some() && before.observed_generation == generation {
        return None;
    }
    Some(entry(describe(before, spec), asked_by(metadata)))
}

/// Who asked for the newest spec: the one named in [`REQUESTED_BY`] if that was written by the same hand, else the field
/// manager that wrote it (`kubectl-edit`, say).
pub fn asked_by(metadata: &ObjectMeta) -> Option<String> {
    let writers = metadata.managed_fields.iter().flatten();
    let newest = writers
        .filter(|entry| entry.subresource.as_deref().unwrap_or_default().is_empty())
        .filter(|entry| owns(entry, &["f:spec"]))
        .max_by_key(|entry| entry.time.as_ref().map(|time| time.0))?;
    let annotation = format!("f:{REQUESTED_BY}");
    let named = if owns(newest, &["f:metadata", "f:annotations", &annotation]) {
        annotated(metadata, REQUESTED_BY)
    } else {
        None
    };
    named.or_else(|| newest.manager.clone())
}

/// Who asked for the deletion, as far as a door of ours has said.
pub fn deletion_asked_by(metadata: &ObjectMeta) -> Option<String> {
    annotated(metadata, DELETION_REQUESTED_BY)
}

fn annotated(metadata: &ObjectMeta, key: &str) -> Option<String> {
    let value = metadata.annotations.as_ref()?.get(key)?.trim();
    let value: String = value
        .chars()
        .filter(|letter| !letter.is_control())
        .take(LONGEST_NAME)
        .collect();
    (!value.is_empty()).then_some(value)
}

fn owns(entry: &ManagedFieldsEntry, path: &[&str]) -> bool {
    let mut value = entry.fields_v1.as_ref().map(|fields| &fields.0);
    for key in path {
        value = value.and_then(|value| value.get(key));
    }
    value.is_some()
}

/// What is other than it was wished before, in a line.
fn describe(before: &WorkloadClusterStatus, spec: &WorkloadClusterSpec) -> String {
    if before.observed_generation.is_none() {
        let mut text = format!(
            "creation: {}, control plane {}",
            spec.version, spec.control_plane.replicas
        );
        for pool in &spec.workers {
            let _ = write!(text, ", {} {}", pool.name, pool.replicas);
        }
        return text;
    }
    let mut changes = Vec::new();
    let mut note = |what: &str, old: Option<u32>, new: Option<u32>| match (old, new) {
        (Some(old), Some(new)) if old != new => changes.push(format!("{what} {old} to {new}")),
        (None, Some(new)) => changes.push(format!("{what} of {new} added")),
        (Some(_), None) => changes.push(format!("{what} removed")),
        _ => {}
    };
    let control_plane = before.control_plane.map(|counts| counts.desired);
    note(
        "control plane",
        control_plane.or(Some(spec.control_plane.replicas)),
        Some(spec.control_plane.replicas),
    );
    for pool in &spec.workers {
        let old = before.workers.get(&pool.name).map(|counts| counts.desired);
        note(&pool.name, old, Some(pool.replicas));
    }
    for (pool, counts) in &before.workers {
        if spec.pool(pool).is_none() {
            note(pool, Some(counts.desired), None);
        }
    }
    let made = before.resolved.as_ref().and_then(|r| r.bastion.as_ref());
    match (made.is_some(), spec.bastion.is_some()) {
        (false, true) => changes.push("bastion added".to_owned()),
        (true, false) => changes.push("bastion removed".to_owned()),
        _ => {}
    }
    let version = before.resolved.as_ref().and_then(|r| r.version);
    if let Some(version) = version.filter(|version| *version != spec.version) {
        changes.push(format!("{version} to {}", spec.version));
    }
    if changes.is_empty() {
        "a change".to_owned()
    } else {
        changes.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use capstan_plan::quota::{Line, Resource};
    use capstan_spec::KubernetesVersion;
    use capstan_spec::cluster::{Bastion, WorkerPool};
    use capstan_spec::status::{ReplicaCounts, Resolved, ResolvedBastion};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, Time};
    use serde_json::{Value, json};

    use super::*;

    fn spec() -> WorkloadClusterSpec {
        let mut spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
        spec.control_plane.replicas = 1;
        spec.workers[0].replicas = 3;
        spec
    }

    fn writer(manager: &str, second: i64, fields: Value) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            manager: Some(manager.to_owned()),
            time: Some(Time(Timestamp::from_second(second).unwrap())),
            fields_v1: Some(FieldsV1(fields)),
            ..ManagedFieldsEntry::default()
        }
    }

    fn by_command_line(second: i64) -> ManagedFieldsEntry {
        let named = json!({"f:annotations": {".": {}, format!("f:{REQUESTED_BY}"): {}}});
        let fields = json!({"f:spec": {"f:version": {}}, "f:metadata": named});
        writer(COMMAND_LINE, second, fields)
    }

    fn metadata(writers: Vec<ManagedFieldsEntry>) -> ObjectMeta {
        let annotations =
            [(REQUESTED_BY, "alice@desk")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        ObjectMeta {
            generation: Some(2),
            annotations: Some(annotations.into()),
            managed_fields: Some(writers),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn the_one_named_by_our_door_is_who_asked() {
        let controller = writer("capstan", 300, json!({"f:metadata": {"f:finalizers": {}}}));
        let mut status = writer("capstan", 400, json!({"f:spec": {}, "f:status": {}}));
        status.subresource = Some("status".to_owned());
        let asked = asked_by(&metadata(vec![by_command_line(100), controller, status]));
        assert_eq!(asked.as_deref(), Some("alice@desk"));
    }

    #[test]
    fn an_old_name_is_not_given_for_what_somebody_else_wrote_later() {
        let edit = writer("kubectl-edit", 200, json!({"f:spec": {"f:workers": {}}}));
        let asked = asked_by(&metadata(vec![by_command_line(100), edit]));
        assert_eq!(asked.as_deref(), Some("kubectl-edit"));
    }

    #[test]
    fn a_name_is_one_short_line() {
        let mut metadata = metadata(vec![by_command_line(1)]);
        let long = format!(" eve\n{}", "x".repeat(500));
        metadata.annotations = Some(BTreeMap::from([(REQUESTED_BY.to_owned(), long)]));
        let asked = asked_by(&metadata).unwrap();
        assert!(asked.starts_with("evexx"), "{asked}");
        assert_eq!(asked.len(), LONGEST_NAME);
    }

    fn before() -> WorkloadClusterStatus {
        let counts = |desired| ReplicaCounts {
            desired,
            ..ReplicaCounts::default()
        };
        WorkloadClusterStatus {
            observed_generation: Some(1),
            control_plane: Some(counts(1)),
            workers: BTreeMap::from([("workers".to_owned(), counts(2))]),
            resolved: Some(Resolved {
                version: Some(KubernetesVersion::new(1, 35, 0)),
                ..Resolved::default()
            }),
            ..WorkloadClusterStatus::default()
        }
    }

    #[test]
    fn what_is_asked_is_told_by_what_is_other_than_before() {
        assert_eq!(
            describe(&WorkloadClusterStatus::default(), &spec()),
            "creation: v1.36.3, control plane 1, workers 3"
        );
        assert_eq!(
            describe(&before(), &spec()),
            "workers 2 to 3, v1.35.0 to v1.36.3"
        );
        let mut other = spec();
        other.workers = vec![WorkerPool {
            replicas: 4,
            ..WorkerPool::new("big", "b")
        }];
        other.version = KubernetesVersion::new(1, 35, 0);
        assert_eq!(
            describe(&before(), &other),
            "big of 4 added, workers removed"
        );
        let mut same = spec();
        same.workers[0].replicas = 2;
        same.version = KubernetesVersion::new(1, 35, 0);
        assert_eq!(describe(&before(), &same), "a change");
        let mut had = before();
        had.resolved.as_mut().unwrap().bastion = Some(ResolvedBastion::default());
        assert_eq!(describe(&had, &same), "bastion removed");
        same.bastion = Some(Bastion {
            flavor: "a".into(),
            image: None,
            ssh_key: None,
            allowed_cidrs: Vec::new(),
            availability_zone: None,
        });
        assert_eq!(describe(&had, &same), "a change");
        assert_eq!(describe(&before(), &same), "bastion added");
    }

    #[test]
    fn a_wish_is_entered_once_and_once_more_when_it_goes_on() {
        let short = Verdict::OverQuota(vec![Line {
            resource: Resource::Cores,
            need: 6,
            free: Some(4),
        }]);
        let metadata = metadata(vec![by_command_line(1)]);
        let mut status = before();
        let mut judge = |verdict: &Verdict| {
            let now = Timestamp::UNIX_EPOCH;
            let entry = entry(&status, &metadata, &spec(), verdict, now);
            verdict.tell(&mut status, metadata.generation, now);
            entry.map(|entry| (entry.action, entry.who, entry.result.unwrap_or_default()))
        };
        let (action, who, result) = judge(&short).unwrap();
        assert!(action.starts_with("workers 2 to 3"), "{action}");
        assert_eq!(who.as_deref(), Some("alice@desk"));
        assert_eq!(result, "refused for quota");
        assert_eq!(judge(&short), None);
        let (action, who, result) = judge(&Verdict::Accepted).unwrap();
        assert_eq!(
            (action.as_str(), who, result.as_str()),
            ("what was refused goes on", None, "accepted")
        );
        assert_eq!(judge(&Verdict::Accepted), None);
    }

    #[test]
    fn a_status_of_an_older_version_makes_no_entry() {
        let mut metadata = metadata(vec![by_command_line(1)]);
        metadata.generation = Some(1);
        let made = entry(
            &before(),
            &metadata,
            &spec(),
            &Verdict::Accepted,
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(made, None);
    }
}
