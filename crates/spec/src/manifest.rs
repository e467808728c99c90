//! The rules of a hook's manifest: Kubernetes objects as YAML, of which each can be found again by its name.

use std::collections::BTreeSet;

use crate::finding::Position;
use crate::yaml::{self, Node, NodeValue};

/// The least time a finished Job stays before Kubernetes removes it, where it says one: it has to be seen that it is done.
pub const LEAST_TTL_SECONDS: i64 = 300;

/// Something that is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What, in plain words. Words of the manifest are among them only as far as they name an object.
    pub message: String,
    /// Where in the manifest.
    pub position: Option<Position>,
}

/// Everything that is wrong with a manifest, in its order.
pub fn faults(text: &str) -> Vec<Fault> {
    let documents = match yaml::trees(text) {
        Ok(documents) => documents,
        Err(error) => {
            let (message, position) = (error.message, error.position);
            return vec![Fault { message, position }];
        }
    };
    let mut reading = Reading::default();
    for document in &documents {
        reading.document(document);
    }
    if reading.known.is_empty() && reading.faults.is_empty() {
        reading.fault("it has no objects", None);
    }
    reading.faults
}

#[derive(Default)]
struct Reading {
    /// Kind, namespace and name.
    known: BTreeSet<(String, String, String)>,
    faults: Vec<Fault>,
}

impl Reading {
    fn fault(&mut self, message: impl Into<String>, position: Option<Position>) {
        let message = message.into();
        self.faults.push(Fault { message, position });
    }

    fn document(&mut self, node: &Node) {
        if node.value == NodeValue::Null {
            return;
        }
        let items = word(node, "kind").filter(|kind| kind.ends_with("List"));
        match items
            .and_then(|_| field(node, "items"))
            .map(|items| &items.value)
        {
            Some(NodeValue::List(items)) => items.iter().for_each(|item| self.object(item)),
            _ => self.object(node),
        }
    }

    fn object(&mut self, node: &Node) {
        if !matches!(node.value, NodeValue::Map(_)) {
            let text = format!("an object is a mapping, and this is {}", node.value.kind());
            return self.fault(text, node.position);
        }
        let (Some(version), Some(kind)) = (word(node, "apiVersion"), word(node, "kind")) else {
            return self.fault("an object has no apiVersion and kind", node.position);
        };
        let metadata = field(node, "metadata");
        let Some(name) = metadata.and_then(|metadata| word(metadata, "name")) else {
            let generated = metadata.and_then(|metadata| field(metadata, "generateName"));
            return match generated {
                Some(generated) => self.fault(
                    format!(
                        "{kind}: generateName would make another object each time it is applied; give it a name"
                    ),
                    generated.position,
                ),
                None => self.fault(format!("{kind} has no metadata.name"), node.position),
            };
        };
        let ttl = field(node, "spec").and_then(|spec| field(spec, "ttlSecondsAfterFinished"));
        if kind == "Job"
            && let Some((NodeValue::Integer(seconds), at)) =
                ttl.map(|ttl| (&ttl.value, ttl.position))
            && *seconds < LEAST_TTL_SECONDS
        {
            let text = format!(
                "Job {name}: ttlSecondsAfterFinished is {seconds}, and less than {LEAST_TTL_SECONDS} s may not suffice to \
                 see its end"
            );
            self.fault(text, at);
        }
        let namespace = metadata.and_then(|metadata| word(metadata, "namespace"));
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let key = (
            format!("{kind}.{group}"),
            namespace.unwrap_or("default").to_owned(),
            name.to_owned(),
        );
        if !self.known.insert(key) {
            self.fault(format!("{kind} {name} stands there twice"), node.position);
        }
    }
}

fn field<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let NodeValue::Map(entries) = &node.value else {
        return None;
    };
    let entry = entries.iter().find(|entry| entry.key == key)?;
    Some(&entry.value)
}

/// A text that says something.
fn word<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    match &field(node, key)?.value {
        NodeValue::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
---
---
apiVersion: batch/v1
kind: Job
metadata: {name: a}
spec: {ttlSecondsAfterFinished: 3600}
";

    fn told(text: &str) -> Vec<(String, Option<(u64, u64)>)> {
        let told = |fault: Fault| {
            let place = fault.position.map(|place| (place.line, place.column));
            (fault.message, place)
        };
        faults(text).into_iter().map(told).collect()
    }

    #[test]
    fn what_can_be_applied_again_and_again_is_good() {
        assert_eq!(told(GOOD), []);
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        for (text, message, place) in [
            ("", "it has no objects", None),
            ("# nothing\n---\n", "it has no objects", None),
            (
                "- a\n",
                "an object is a mapping, and this is a list",
                Some((1, 1)),
            ),
            (
                "metadata: {name: a}\n",
                "an object has no apiVersion and kind",
                Some((1, 1)),
            ),
            (
                "apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: a-\n",
                "Pod: generateName would make another object each time it is applied; give it a name",
                Some((4, 17)),
            ),
            (
                "apiVersion: v1\nkind: Pod\n",
                "Pod has no metadata.name",
                Some((1, 1)),
            ),
            (
                "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n  ttlSecondsAfterFinished: 0\n",
                "Job j: ttlSecondsAfterFinished is 0, and less than 300 s may not suffice to see its end",
                Some((5, 28)),
            ),
        ] {
            assert_eq!(told(text), [(message.to_owned(), place)], "{text}");
        }
        let twice = "{apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: default}}\n";
        assert_eq!(
            told(twice),
            [("Pod a stands there twice".to_owned(), Some((3, 1)))]
        );
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_place() {
        let found = told("apiVersion: v1\nkind: Pod\nmetadata: {name: a\nspec: 1\n");
        assert!(
            matches!(&found[..], [(_, Some((line, _)))] if *line >= 3),
            "{found:?}"
        );
        let twice = told("apiVersion: v1\nkind: Pod\nkind: Pod\n");
        assert!(matches!(&twice[..], [(_, Some((3, _)))]), "{twice:?}");
    }
}
