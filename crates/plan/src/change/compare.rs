//! In which fields a live object is other than the one that shall be.
//!
//! Only what we say counts: the API server and others add fields of their own. A field that we own
//! (`metadata.managedFields`) and say no longer is taken away by server-side apply, so it is told, too.

use std::collections::BTreeSet;

use capstan_capi::Kind;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Effect, rule};

/// Keys by which the elements of a list are told from each other, where all have one.
const KEYS: [&str; 3] = ["name", "path", "key"];
/// The field by which a rollout is started again.
const RESTART: &str = "spec.rollout.after";
/// What to do with a bastion that is to go.
pub(super) const DISABLE_FIRST: &str = "have it disabled first";
/// What a value is shown as that may be long or secret.
const WITHHELD: &str = "(content)";

/// One field that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// Kind of the object.
    pub object: String,
    /// Path in the object, for instance `spec.template.spec.version`.
    pub field: String,
    /// Value before, in one line; absent when there was none. The content of files is withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Value after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// What the change does to machines.
    pub effect: Effect,
    /// Where that is known from.
    pub source: String,
    /// What to do instead, where it is forbidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// A field that differs, before it is judged.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    pub(super) path: String,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

impl Difference {
    /// What the change of the field does in an object of that kind.
    pub(super) fn judged(self, kind: Kind) -> FieldChange {
        let rule = rule::of(kind, &self.path).unwrap_or(&rule::UNKNOWN);
        // A time that is no longer said makes no machine older.
        let forgotten = self.after.is_none() && self.path == RESTART;
        let effect = if forgotten {
            Effect::InPlace
        } else {
            rule.effect
        };
        self.told(kind, &rule::Rule { effect, ..*rule })
    }

    /// The same with a rule that is known already.
    pub(super) fn told(self, kind: Kind, rule: &rule::Rule) -> FieldChange {
        let withheld = self.path.ends_with(".content");
        let told = |value: Option<Value>| {
            value.map(|value| match value {
                _ if withheld => WITHHELD.to_owned(),
                Value::String(text) => text,
                // Files within a list that changed as a whole.
                Value::Array(items) => {
                    shown(&Value::Array(items.into_iter().map(reticent).collect()))
                }
                other => shown(&reticent(other)),
            })
        };
        FieldChange {
            object: kind.kind.to_owned(),
            before: told(self.before),
            after: told(self.after),
            field: self.path,
            effect: rule.effect,
            source: rule.source.to_owned(),
            remedy: rule.remedy.map(str::to_owned),
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(items)
            if items
                .iter()
                .all(|item| !item.is_object() && !item.is_array()) =>
        {
            let items: Vec<String> = items.iter().map(shown).collect();
            items.join(", ")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn reticent(mut value: Value) -> Value {
    if let Some(content) = value.get_mut("content") {
        *content = Value::String(WITHHELD.to_owned());
    }
    value
}

/// The differences between a live object and the one that is applied under `manager`, in the order of their paths.
pub(super) fn differences(live: &Value, desired: &Value, manager: &str) -> Vec<Difference> {
    let mut found = Vec::new();
    for section in ["metadata", "spec"] {
        if let Some(desired) = desired.get(section) {
            said(section, &live[section], desired, &mut found);
        }
    }
    for owned in owned(live, manager) {
        for section in ["metadata", "spec"] {
            let key = format!("f:{section}");
            if let Some(owned) = owned.get(&key).and_then(Value::as_object) {
                unsaid(
                    section,
                    owned,
                    &live[section],
                    &desired[section],
                    &mut found,
                );
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found.dedup_by(|one, other| one.path == other.path);
    found
}

/// Whether going from one whole specification of an object to another has machines replaced, by the same rules as the plan.
/// Both are as the API server has them, so what is missing in one is not there.
pub fn replaces(kind: Kind, before: &Value, after: &Value) -> bool {
    let (before, after) = (json!({"spec": before}), json!({"spec": after}));
    let said = differences(&before, &after, "");
    let gone = differences(&after, &before, "").into_iter();
    let gone = gone.map(|found| Difference {
        before: found.after,
        after: found.before,
        ..found
    });
    said.into_iter()
        .chain(gone)
        .any(|found| found.judged(kind).effect == Effect::Rolled)
}

/// The sets of fields that the manager owns by applying.
fn owned<'a>(live: &'a Value, manager: &'a str) -> impl Iterator<Item = &'a Map<String, Value>> {
    live.pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(move |entry| {
            entry["manager"] == manager
                && entry["operation"] == "Apply"
                && entry.get("subresource").is_none()
        })
        .filter_map(|entry| entry["fieldsV1"].as_object())
}

/// What is said and is not so.
fn said(path: &str, live: &Value, desired: &Value, found: &mut Vec<Difference>) {
    match (live, desired) {
        (_, Value::Object(wanted)) if live.is_object() || live.is_null() => {
            for (key, wanted) in wanted {
                // The names of an object are what it was found by.
                if path == "metadata" && (key == "name" || key == "namespace") {
                    continue;
                }
                said(&format!("{path}.{key}"), &live[key.as_str()], wanted, found);
            }
        }
        (Value::Array(there), Value::Array(wanted)) => list(path, there, wanted, found),
        _ if live == desired => {}
        _ => found.push(Difference {
            path: path.to_owned(),
            before: (!live.is_null()).then(|| live.clone()),
            after: Some(desired.clone()),
        }),
    }
}

fn list(path: &str, there: &[Value], wanted: &[Value], found: &mut Vec<Difference>) {
    if there.len() == wanted.len()
        && there
            .iter()
            .zip(wanted)
            .all(|(there, wanted)| covers(there, wanted))
    {
        return;
    }
    let Some(key) = key_of(there, wanted) else {
        // Places mean something only where the lists are equally long.
        if there.len() == wanted.len() && wanted.iter().all(Value::is_object) {
            for (place, (there, wanted)) in there.iter().zip(wanted).enumerate() {
                said(&format!("{path}[{place}]"), there, wanted, found);
            }
            return;
        }
        found.push(Difference {
            path: path.to_owned(),
            before: Some(Value::Array(there.to_vec())),
            after: Some(Value::Array(wanted.to_vec())),
        });
        return;
    };
    let name = |item: &Value| item[key].as_str().unwrap_or_default().to_owned();
    for item in wanted {
        let place = format!("{path}[{}]", name(item));
        match there.iter().find(|one| one[key] == item[key]) {
            Some(one) => said(&place, one, item, found),
            None => found.push(Difference {
                path: place,
                before: None,
                after: Some(item.clone()),
            }),
        }
    }
    for item in there {
        if !wanted.iter().any(|one| one[key] == item[key]) {
            found.push(Difference {
                path: format!("{path}[{}]", name(item)),
                before: Some(item.clone()),
                after: None,
            });
        }
    }
    let order = |items: &[Value]| items.iter().map(name).collect::<Vec<_>>();
    let (before, after) = (order(there), order(wanted));
    let same: BTreeSet<_> = before.iter().collect();
    if before != after && same == after.iter().collect() {
        // The same elements in another order: later files and flags win over earlier ones.
        found.push(Difference {
            path: format!("{path}[]"),
            before: Some(before.into()),
            after: Some(after.into()),
        });
    }
}

/// Whether everything that is wanted is so already.
fn covers(there: &Value, wanted: &Value) -> bool {
    let mut found = Vec::new();
    said("", there, wanted, &mut found);
    found.is_empty()
}

/// The key that tells all elements of both lists apart.
fn key_of(one: &[Value], other: &[Value]) -> Option<&'static str> {
    KEYS.into_iter().find(|key| {
        [one, other].into_iter().all(|list| {
            let names: Vec<&str> = list.iter().filter_map(|item| item[*key].as_str()).collect();
            let different: BTreeSet<&str> = names.iter().copied().collect();
            names.len() == list.len() && different.len() == list.len()
        })
    })
}

/// What is owned and no longer said.
fn unsaid(
    path: &str,
    owned: &Map<String, Value>,
    live: &Value,
    desired: &Value,
    found: &mut Vec<Difference>,
) {
    for (key, below) in owned {
        // Elements of lists (`k:`, `v:`) are compared with their list.
        let Some(key) = key.strip_prefix("f:") else {
            continue;
        };
        let path = format!("{path}.{key}");
        let (live, desired) = (&live[key], &desired[key]);
        if live.is_null() {
            continue;
        }
        match below.as_object().filter(|below| !below.is_empty()) {
            _ if desired.is_array() => {}
            Some(below) if desired.is_object() && below.keys().any(|key| key.starts_with("f:")) => {
                unsaid(&path, below, live, desired, found);
            }
            Some(below) if desired.is_null() && below.keys().any(|key| key.starts_with("f:")) => {
                unsaid(&path, below, live, desired, found);
            }
            _ if desired.is_null() => found.push(Difference {
                path,
                before: Some(live.clone()),
                after: None,
            }),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(live: &Value, desired: &Value) -> Vec<String> {
        differences(live, desired, "capstan")
            .into_iter()
            .map(|difference| difference.path)
            .collect()
    }

    #[test]
    fn what_others_add_is_no_difference() {
        let live = json!({"metadata": {"name": "a", "labels": {"x": "1", "theirs": "2"}}, "spec": {
            "replicas": 3, "default": true, "rules": [{"name": "a", "port": 1, "etherType": "IPv4"}],
        }});
        let desired = json!({"metadata": {"name": "b", "labels": {"x": "1"}}, "spec": {
            "replicas": 3, "rules": [{"name": "a", "port": 1}],
        }});
        assert_eq!(paths(&live, &desired), Vec::<String>::new());
    }

    #[test]
    fn elements_with_a_name_are_compared_by_it_and_others_as_a_whole() {
        let live = json!({"spec": {
            "args": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
            "cidrs": ["10.0.0.0/8"], "subnets": [{"cidr": "a", "dns": ["x"]}],
        }});
        let desired = json!({"spec": {
            "args": [{"name": "c", "value": "3"}, {"name": "a", "value": "4"}],
            "cidrs": ["10.0.0.0/8", "192.0.2.0/24"], "subnets": [{"cidr": "a", "dns": ["y"]}],
        }});
        assert_eq!(
            paths(&live, &desired),
            [
                "spec.args[a].value",
                "spec.args[b]",
                "spec.args[c]",
                "spec.cidrs",
                "spec.subnets[0].dns"
            ]
        );
        let turned =
            json!({"spec": {"args": [{"name": "b", "value": "2"}, {"name": "a", "value": "1"}]}});
        assert_eq!(paths(&live, &turned), ["spec.args[]"]);
    }

    #[test]
    fn what_is_ours_and_no_longer_said_goes_and_what_is_not_ours_stays() {
        let live = json!({
            "metadata": {"managedFields": [
                {"manager": "capstan", "operation": "Apply", "fieldsV1": {"f:spec": {
                    "f:mine": {}, "f:said": {}, "f:deep": {"f:a": {}, "f:b": {}}, "f:gone": {},
                    "f:list": {"k:{\"name\":\"x\"}": {".": {}, "f:name": {}}},
                }}},
                {"manager": "other", "operation": "Update", "fieldsV1": {"f:spec": {"f:theirs": {}}}},
            ]},
            "spec": {"mine": 1, "said": 2, "deep": {"a": 1, "b": 2}, "theirs": 3, "list": [{"name": "x"}]},
        });
        assert_eq!(
            paths(&live, &json!({"spec": {"said": 2, "deep": {"a": 1}}})),
            ["spec.deep.b", "spec.list", "spec.mine"]
        );
    }

    #[test]
    fn counts_and_time_limits_replace_no_machine_and_everything_else_does() {
        let before = json!({
            "replicas": 3, "version": "v1.36.3", "rollout": {"strategy": {"type": "RollingUpdate"}},
            "machineTemplate": {"metadata": {"labels": {"a": "b"}},
                                "spec": {"deletion": {"nodeDrainTimeoutSeconds": 1}, "infrastructureRef": {"name": "t-1"}}},
            "kubeadmConfigSpec": {"files": [{"path": "/a", "content": "b"}]},
        });
        let plane = capstan_capi::kind::KUBEADM_CONTROL_PLANE;
        let with = |pointer: &str, value: Option<Value>| {
            let mut other = before.clone();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            let parent = other.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            match value {
                Some(value) => parent.insert(key.to_owned(), value),
                None => parent.remove(key),
            };
            (
                replaces(plane, &before, &other),
                replaces(plane, &other, &before),
            )
        };
        let other = || Some(json!("other"));
        for pointer in [
            "/replicas",
            "/rollout/strategy",
            "/machineTemplate/metadata/labels",
            "/machineTemplate/spec/deletion",
        ] {
            assert_eq!(with(pointer, other()), (false, false), "{pointer}");
            assert_eq!(with(pointer, None), (false, false), "{pointer}");
        }
        for pointer in [
            "/version",
            "/machineTemplate/spec/infrastructureRef",
            "/kubeadmConfigSpec/files",
        ] {
            assert_eq!(with(pointer, other()), (true, true), "{pointer}");
            assert_eq!(with(pointer, None), (true, true), "{pointer}");
        }
        // Said, it makes machines old; no longer said, it makes none older.
        let time = Some(json!("2026-12-01T00:00:00Z"));
        assert_eq!(with("/rollout/after", time), (true, false));
    }

    #[test]
    fn contents_of_files_are_not_told() {
        let kind = capstan_capi::kind::KUBEADM_CONTROL_PLANE;
        let live = json!({"spec": {"kubeadmConfigSpec": {"files": [{"path": "/a", "content": "old secret"}]}}});
        let desired = json!({"spec": {"kubeadmConfigSpec": {"files": [
            {"path": "/a", "content": "new secret"}, {"path": "/b", "content": "secret"},
        ]}}});
        let told: Vec<FieldChange> = differences(&live, &desired, "capstan")
            .into_iter()
            .map(|difference| difference.judged(kind))
            .collect();
        assert_eq!(told.len(), 2);
        assert!(told.iter().all(|change| change.effect == Effect::Rolled));
        let text = serde_json::to_string(&told).unwrap();
        assert!(!text.contains("secret"), "{text}");
        assert!(text.contains("/b"), "{text}");
    }
}
