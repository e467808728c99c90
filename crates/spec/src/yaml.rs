//! The one place that knows which YAML library is used, and with which options.
//!
//! `yes`, `on` and the like are text and not booleans, numbers with a leading zero are text and not octal, keys must not
//! stand twice, and bombs of aliases are refused.

use std::fmt;

use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_saphyr::Spanned;

use crate::finding::Position;

/// Some text is no YAML, or not of the wanted shape.
#[derive(Debug, thiserror::Error)]
#[error("failed to read YAML: {message}")]
pub struct YamlError {
    /// What is wrong, without the place.
    pub message: String,
    /// Where, as far as known.
    pub position: Option<Position>,
}

/// A value could not be written as YAML.
#[derive(Debug, thiserror::Error)]
#[error("failed to write YAML")]
pub struct WriteError(#[source] Box<dyn std::error::Error + Send + Sync>);

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        legacy_octal_numbers: false,
        leading_zero_numbers_as_strings: true,
        with_snippet: false,
    }
}

/// Reads one document.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| failed(&error))
}

fn failed(error: &serde_saphyr::Error) -> YamlError {
    let error = error.without_snippet();
    let position = error.location().and_then(|place| position(&place));
    YamlError {
        message: message(&error.to_string()),
        position,
    }
}

/// Writes one document.
pub fn to_string<T: Serialize>(value: &T) -> Result<String, WriteError> {
    serde_saphyr::to_string(value).map_err(|error| WriteError(Box::new(error)))
}

/// Any document with the place of every value.
pub fn tree(text: &str) -> Result<Node, YamlError> {
    from_str::<Spanned<Raw>>(text).map(Node::from)
}

/// All documents of a text that has several, with the place of every value. Those that are empty are left out.
pub fn trees(text: &str) -> Result<Vec<Node>, YamlError> {
    let documents = documents::<Spanned<Raw>>(text)?;
    Ok(documents.into_iter().map(Node::from).collect())
}

/// All documents of a text that has several. Those that are empty are left out.
pub fn documents<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, YamlError> {
    serde_saphyr::from_multiple_with_options(text, options()).map_err(|error| failed(&error))
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: NodeValue,
    /// Where it begins.
    pub position: Option<Position>,
}

/// Any YAML value.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeValue {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
}

/// A key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub position: Option<Position>,
    /// The value.
    pub value: Node,
}

impl NodeValue {
    /// What kind of value it is, in plain words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number with a fraction",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

fn position(place: &serde_saphyr::Location) -> Option<Position> {
    (place.line() > 0).then(|| Position {
        line: place.line(),
        column: place.column(),
    })
}

/// The library puts the place before or behind its message; it is told apart from the message here.
fn message(text: &str) -> String {
    let first = text.lines().next().unwrap_or(text);
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let body = match first.split_once(": ") {
        Some((place, rest)) if place.starts_with("line ") => rest,
        _ => first,
    };
    body.split(" at line ")
        .next()
        .unwrap_or(body)
        .trim()
        .to_owned()
}

impl From<Spanned<Raw>> for Node {
    fn from(spanned: Spanned<Raw>) -> Self {
        let place = position(&spanned.referenced);
        let value = match spanned.value {
            Raw::Null => NodeValue::Null,
            Raw::Bool(value) => NodeValue::Bool(value),
            Raw::Integer(value) => NodeValue::Integer(value),
            Raw::Float(value) => NodeValue::Float(value),
            Raw::Text(value) => NodeValue::Text(value),
            Raw::List(items) => NodeValue::List(items.into_iter().map(Self::from).collect()),
            Raw::Map(entries) => NodeValue::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        position: position(&key.referenced),
                        key: key.value,
                        value: value.into(),
                    })
                    .collect(),
            ),
        };
        Self {
            value,
            position: place,
        }
    }
}

/// What the library is asked for: any value, with places inside.
enum Raw {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(i64::try_from(value).map_or_else(|_| Raw::Text(value.to_string()), Raw::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line and column of what must have a place.
    fn place(position: Option<Position>) -> (u64, u64) {
        position.map(|place| (place.line, place.column)).unwrap()
    }

    #[test]
    fn every_value_and_key_knows_its_place() {
        let tree = tree("# comment\nA: 1\nlist: [x, on]\nnested:\n  key: 1.5\n").unwrap();
        let NodeValue::Map(entries) = &tree.value else {
            panic!("{tree:?}");
        };
        let places: Vec<_> = entries
            .iter()
            .map(|e| (e.key.as_str(), place(e.position), place(e.value.position)))
            .collect();
        assert_eq!(places[0], ("A", (2, 1), (2, 4)));
        assert_eq!(places[1].1, (3, 1));
        let NodeValue::List(items) = &entries[1].value.value else {
            panic!("{tree:?}");
        };
        assert_eq!(items[1].value, NodeValue::Text("on".into()));
        assert_eq!(place(items[1].position), (3, 11));
        let NodeValue::Map(nested) = &entries[2].value.value else {
            panic!("{tree:?}");
        };
        assert_eq!(place(nested[0].position), (5, 3));
        assert_eq!(nested[0].value.value, NodeValue::Float(1.5));
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_place() {
        let error = tree("A: 1\nB: [1, 2\nC: 3\n").unwrap_err();
        assert!(error.position.is_some(), "{error:?}");
        let twice = tree("A: 1\nA: 2\n").unwrap_err();
        assert_eq!(twice.position.map(|p| p.line), Some(2), "{twice:?}");
        assert!(
            twice.message.to_lowercase().contains("duplicate"),
            "{twice:?}"
        );
    }

    #[test]
    fn leading_zeros_stay_text() {
        assert_eq!(tree("010").unwrap().value, NodeValue::Text("010".into()));
    }
}
