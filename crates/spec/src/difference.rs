//! Where two specs differ.

use serde_json::Value;

use crate::WorkloadClusterSpec;

/// Paths of the fields in which two specs differ, each with both values (`controlPlane.replicas: 1, 3`), sorted by path.
/// Empty when both mean the same. Lists are compared place by place.
pub fn difference(one: &WorkloadClusterSpec, other: &WorkloadClusterSpec) -> Vec<String> {
    let mut lines = Vec::new();
    // A spec holds strings, numbers and lists only, so it always has a JSON form.
    let value = |spec| serde_json::to_value(spec).unwrap_or_default();
    compare("", &value(one), &value(other), &mut lines);
    lines.sort();
    lines
}

fn compare(path: &str, one: &Value, other: &Value, lines: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let only_in_b = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(only_in_b) {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                let side = |map: &serde_json::Map<String, Value>| {
                    map.get(key).cloned().unwrap_or(Value::Null)
                };
                compare(&path, &side(a), &side(b), lines);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for place in 0..a.len().max(b.len()) {
                let side = |list: &[Value]| list.get(place).cloned().unwrap_or(Value::Null);
                compare(&format!("{path}[{place}]"), &side(a), &side(b), lines);
            }
        }
        _ if one == other => {}
        _ => lines.push(format!("{path}: {}, {}", shown(one), shown(other))),
    }
}

/// The longest value that is shown whole: some fields hold whole manifests.
const LONGEST: usize = 200;

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    let cut: String = text.chars().take(LONGEST).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WorkerPool;

    fn spec() -> WorkloadClusterSpec {
        WorkloadClusterSpec::new("v1.36.3".parse().unwrap(), "small", "small")
    }

    #[test]
    fn the_same_differs_nowhere() {
        assert_eq!(difference(&spec(), &spec()), Vec::<String>::new());
    }

    #[test]
    fn every_change_is_named_by_its_path() {
        let mut other = spec();
        other.control_plane.replicas = 3;
        other.image = Some("mine".into());
        other.workers.push(WorkerPool {
            name: "more".into(),
            ..spec().workers[0].clone()
        });
        let lines = difference(&spec(), &other);
        assert!(
            lines.contains(&"controlPlane.replicas: 1, 3".to_owned()),
            "{lines:?}"
        );
        assert!(
            lines.contains(&"image: nothing, mine".to_owned()),
            "{lines:?}"
        );
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("workers[1]: nothing, ")),
            "{lines:?}"
        );
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn what_is_long_is_cut() {
        let mut other = spec();
        other.ssh_key = Some("ä".repeat(1000));
        let lines = difference(&spec(), &other);
        assert_eq!(
            lines,
            [format!("sshKey: nothing, {}…", "ä".repeat(LONGEST))]
        );
    }
}
