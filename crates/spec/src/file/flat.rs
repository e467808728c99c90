//! Flat keys.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value};

use super::Reading;
use super::keys::{Field, FieldKind, Key, Use};
use crate::VersionWish;
use crate::finding::Finding;
use crate::yaml::{self, Entry, Node, NodeValue};

impl Reading {
    pub(super) fn flat(&mut self, key: &'static Key, entry: &Entry) {
        match key.usage {
            Use::Sets(field) => self.set(key.name, field, entry),
            Use::Renamed { to } => {
                let text =
                    "this key is not supported: it is a variable of the scripts' environment";
                let finding = Finding::error(key.name, text).remedy(format!("use {to}"));
                self.findings.push(finding.at(entry.position));
            }
            Use::Refused {
                reason,
                instead,
                harmless,
            } => {
                if !is_harmless(harmless, &entry.value) {
                    let finding =
                        Finding::error(key.name, format!("this key is not supported: {reason}"));
                    self.findings
                        .push(finding.remedy(instead).at(entry.position));
                }
            }
        }
    }

    fn set(&mut self, key: &str, field: Field, entry: &Entry) {
        let position = entry.value.position.or(entry.position);
        // An empty value says "the default", as in the files that the scripts wrote.
        if matches!(entry.value.value, NodeValue::Null) {
            return;
        }
        let value = match value(field.kind, &entry.value) {
            Ok(value) => value,
            Err((message, remedy)) => {
                self.findings
                    .push(Finding::error(key, message).remedy(remedy).at(position));
                return;
            }
        };
        if field.kind == FieldKind::SoftSpread && self.is_unspread() {
            // The scripts made no groups then, whatever this key said; its default asks for nothing.
            if value == SOFT {
                let text = "OPENSTACK_ANTI_AFFINITY says that machines are not spread at all";
                let finding = Finding::error(key, text).remedy("keep one of the two");
                self.findings.push(finding.at(position));
            }
            return;
        }
        for path in field.paths {
            self.claim(path, key, position);
            put(&mut self.spec, path, value.clone());
        }
    }

    fn is_unspread(&self) -> bool {
        let plane = self.spec.get("controlPlane");
        plane.and_then(|plane| plane.get("serverGroup")) == Some(&Value::from(NO_GROUP))
    }
}

const SOFT: &str = "softAntiAffinity";
const STRICT: &str = "antiAffinity";
const NO_GROUP: &str = "none";

/// Message and remedy.
type Fault = (String, String);

fn value(kind: FieldKind, node: &Node) -> Result<Value, Fault> {
    match kind {
        FieldKind::Text => text(node).map(Value::String),
        FieldKind::Version => {
            let said = text(node)?;
            let version: VersionWish =
                said.parse()
                    .map_err(|error: crate::version::VersionError| {
                        (
                            format!("{said:?} is no Kubernetes version: {}", error.reason),
                            "write for instance v1.36.3".into(),
                        )
                    })?;
            Ok(Value::String(match version {
                VersionWish::Exact(version) => version.to_string(),
                VersionWish::Line { .. } => said,
            }))
        }
        FieldKind::Count => number(node, "a number of machines", 0),
        FieldKind::Gib => number(node, "a size in GiB", 1),
        FieldKind::Metadata => metadata(node),
        FieldKind::Spread => Ok(Value::from(if boolean(node)? { SOFT } else { NO_GROUP })),
        FieldKind::SoftSpread => Ok(Value::from(if boolean(node)? { SOFT } else { STRICT })),
        FieldKind::Cidr => range(&text(node)?),
        FieldKind::Addresses => many(node, address),
        FieldKind::Cidrs => ranges(node),
    }
}

/// Whether a value asks for nothing but what happens anyway.
pub(super) fn is_harmless(harmless: &[&str], value: &Node) -> bool {
    let said = scalar(value).unwrap_or_default();
    harmless
        .iter()
        .any(|value| value.eq_ignore_ascii_case(&said))
}

/// The text of a scalar, as it would be in a shell variable.
pub(super) fn scalar(node: &Node) -> Option<String> {
    match &node.value {
        NodeValue::Text(text) => Some(text.clone()),
        NodeValue::Integer(number) => Some(number.to_string()),
        NodeValue::Float(number) => Some(number.to_string()),
        NodeValue::Bool(value) => Some(value.to_string()),
        NodeValue::Null => Some(String::new()),
        NodeValue::List(_) | NodeValue::Map(_) => None,
    }
}

fn text(node: &Node) -> Result<String, Fault> {
    let wrong = || {
        (
            format!("expected text, found {}", node.value.kind()),
            "write one value, in quotes if need be".into(),
        )
    };
    let said = scalar(node).ok_or_else(wrong)?;
    match &node.value {
        // 1.10 would have become 1.1 by now.
        NodeValue::Float(_) => Err((
            format!("{said} was read as a number"),
            "put the value in quotes".into(),
        )),
        _ if said.trim().is_empty() => Err((
            "the value is empty".into(),
            "leave the key out for the default".into(),
        )),
        _ => Ok(said.trim().to_owned()),
    }
}

fn number(node: &Node, what: &str, least: u32) -> Result<Value, Fault> {
    let wrong = |found: String| {
        (
            format!("expected {what}, found {found}"),
            "write for instance 3".to_owned(),
        )
    };
    let said = scalar(node).ok_or_else(|| wrong(node.value.kind().to_owned()))?;
    let number: Option<u32> = said.trim().parse().ok();
    number
        .filter(|number| *number >= least)
        .map(Value::from)
        .ok_or_else(|| wrong(format!("{said:?}")))
}

fn boolean(node: &Node) -> Result<bool, Fault> {
    let said = scalar(node).unwrap_or_default();
    said.trim().parse().map_err(|_| {
        let found = match &node.value {
            NodeValue::List(_) | NodeValue::Map(_) => node.value.kind().to_owned(),
            _ => format!("{said:?}"),
        };
        (
            format!("expected true or false, found {found}"),
            "write true or false".to_owned(),
        )
    })
}

/// A mapping, or the text of one: the scripts put it into a template as it stood. Empty text is an empty mapping.
fn metadata(node: &Node) -> Result<Value, Fault> {
    let wrong = |found: &str| {
        (
            format!("expected a mapping of names to values, found {found}"),
            "write for instance {restart: \"true\"}".to_owned(),
        )
    };
    match &node.value {
        NodeValue::Map(entries) => {
            let pairs = entries.iter().map(|entry| {
                let said = match &entry.value.value {
                    // 1.10 would have become 1.1 by now.
                    NodeValue::Float(_) => text(&entry.value)?,
                    other => scalar(&entry.value).ok_or_else(|| wrong(other.kind()))?,
                };
                Ok((entry.key.clone(), Value::String(said)))
            });
            pairs.collect::<Result<Map<_, _>, _>>().map(Value::Object)
        }
        NodeValue::Text(text) if text.trim().is_empty() => Ok(Value::Object(Map::new())),
        NodeValue::Text(text) => match yaml::tree(text) {
            Ok(inner) if matches!(inner.value, NodeValue::Map(_)) => metadata(&inner),
            _ => Err(wrong(&format!("{text:?}"))),
        },
        other => Err(wrong(other.kind())),
    }
}

fn range(said: &str) -> Result<Value, Fault> {
    let range: IpNet = said.parse().map_err(|_| {
        (
            format!("{said:?} is no range of addresses"),
            "write for instance 10.8.0.0/20".to_owned(),
        )
    })?;
    Ok(Value::String(range.to_string()))
}

fn address(said: &str) -> Result<Value, Fault> {
    let address: IpAddr = said.parse().map_err(|_| {
        (
            format!("{said:?} is no address"),
            "write for instance 9.9.9.9".to_owned(),
        )
    })?;
    Ok(Value::String(address.to_string()))
}

fn range_or_address(said: &str) -> Result<Value, Fault> {
    match said.parse::<IpAddr>() {
        Ok(address) => Ok(Value::String(IpNet::from(address).to_string())),
        Err(_) => range(said),
    }
}

/// A list, or text with commas between: clusterctl's variables know no lists.
fn many(node: &Node, one: fn(&str) -> Result<Value, Fault>) -> Result<Value, Fault> {
    let items = if let NodeValue::List(items) = &node.value {
        items.iter().map(text).collect::<Result<Vec<_>, _>>()?
    } else {
        let said = text(node)?;
        let bare = said.trim_matches(['[', ']']).split(',');
        bare.map(|item| item.trim().to_owned()).collect()
    };
    items
        .iter()
        .map(|item| one(item))
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}

/// In the old scripts an empty list opened the API to everybody and `none` closed it. Here an empty list would close it,
/// so it is refused: whoever writes it must say what is meant.
fn ranges(node: &Node) -> Result<Value, Fault> {
    if matches!(&node.value, NodeValue::List(items) if items.is_empty()) {
        return Err((
            "an empty list does not say whether the API is open to everybody or to nobody".into(),
            "write [\"0.0.0.0/0\"] for everybody, [\"none\"] for the management server alone"
                .into(),
        ));
    }
    let Value::Array(said) = many(node, |item| Ok(Value::String(item.to_owned())))? else {
        return Ok(Value::Array(Vec::new()));
    };
    let wanted = said
        .iter()
        .filter_map(Value::as_str)
        .filter(|item| *item != "none");
    wanted
        .map(range_or_address)
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}

/// Puts a value at a path like `workers[0].replicas`.
fn put(spec: &mut Map<String, Value>, path: &str, value: Value) {
    let (head, rest) = path
        .split_once('.')
        .map_or((path, None), |(head, rest)| (head, Some(rest)));
    let (name, in_list) = head
        .strip_suffix("[0]")
        .map_or((head, false), |name| (name, true));
    let Some(rest) = rest else {
        spec.insert(name.to_owned(), value);
        return;
    };
    let empty = || Value::Object(Map::new());
    let slot = if in_list {
        let list = spec
            .entry(name)
            .or_insert_with(|| Value::Array(vec![empty()]));
        list.get_mut(0)
    } else {
        Some(spec.entry(name).or_insert_with(empty))
    };
    if let Some(Value::Object(inner)) = slot {
        put(inner, rest, value);
    }
}
