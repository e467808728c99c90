//! The three ways in which the scripts' files are written, as entries with their places.

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, ObjectKey};

use super::OldFile;
use crate::file::FileError;
use crate::finding::{Finding, Position};
use crate::yaml::{self, Entry, Node, NodeValue};

/// The entries of a file, in its order.
pub(super) fn entries(file: OldFile<'_>) -> Result<Vec<Entry>, FileError> {
    let ends = |ending: &str| file.name.to_ascii_lowercase().ends_with(ending);
    let read = if ends(".tfvars") {
        terraform(file.text)
    } else if ends(".yaml") || ends(".yml") {
        mapping(file.text)
    } else {
        shell(file.text)
    };
    read.map_err(|mut finding| {
        finding.file = Some(file.name.to_owned());
        FileError {
            findings: vec![*finding],
        }
    })
}

fn mapping(text: &str) -> Result<Vec<Entry>, Box<Finding>> {
    let node = yaml::tree(text)
        .map_err(|error| Box::new(Finding::error("", error.message).at(error.position)))?;
    match node.value {
        NodeValue::Map(entries) => Ok(entries),
        NodeValue::Null => Ok(Vec::new()),
        other => {
            let text = format!(
                "expected a mapping of keys to values, found {}",
                other.kind()
            );
            Err(Box::new(Finding::error("", text).at(node.position)))
        }
    }
}

fn terraform(text: &str) -> Result<Vec<Entry>, Box<Finding>> {
    let body = hcl_edit::parser::parse_body(text).map_err(|error| {
        let place = error.location();
        Finding::error("", error.message().to_owned()).at(Some(Position {
            line: place.line() as u64,
            column: place.column() as u64,
        }))
    })?;
    body.into_attributes()
        .map(|attribute| {
            let position = attribute.key.span().map(|span| position(text, span.start));
            let key = attribute.key.to_string().trim().to_owned();
            let value = value(&attribute.value).ok_or_else(|| {
                let finding = Finding::error(
                    &key,
                    "this is an expression, which only Terraform can work out",
                );
                finding.remedy("write the value itself").at(position)
            })?;
            let value = Node { value, position };
            Ok(Entry {
                key,
                position,
                value,
            })
        })
        .collect()
}

/// A value that stands for itself.
fn value(expression: &Expression) -> Option<NodeValue> {
    Some(match expression {
        Expression::Null(_) => NodeValue::Null,
        Expression::Bool(value) => NodeValue::Bool(**value),
        Expression::Number(number) => match number.as_i64() {
            Some(number) => NodeValue::Integer(number),
            None => NodeValue::Float(number.as_f64()?),
        },
        Expression::String(text) => NodeValue::Text(text.to_string()),
        Expression::Array(items) => {
            let items = items.iter().map(|item| value(item).map(bare));
            NodeValue::List(items.collect::<Option<_>>()?)
        }
        Expression::Object(fields) => {
            let fields = fields.iter().map(|(key, field)| {
                let key = match key {
                    ObjectKey::Ident(name) => name.as_str().to_owned(),
                    ObjectKey::Expression(name) => name.as_str()?.to_owned(),
                };
                Some(Entry {
                    key,
                    position: None,
                    value: bare(value(field.expr())?),
                })
            });
            NodeValue::Map(fields.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn bare(value: NodeValue) -> Node {
    Node {
        value,
        position: None,
    }
}

fn position(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or(before);
    Position {
        line: before.matches('\n').count() as u64 + 1,
        column: line.chars().count() as u64 + 1,
    }
}

/// `NAME=value` lines; the scripts write nothing else into these files.
fn shell(text: &str) -> Result<Vec<Entry>, Box<Finding>> {
    let lines = text.lines().zip(1..).filter_map(|(line, number)| {
        let position = Some(Position {
            line: number,
            column: 1,
        });
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((key, value)) = line.split_once('=') else {
            let finding = Finding::error("", "expected NAME=value");
            return Some(Err(Box::new(finding.at(position))));
        };
        let quoted = |quote: char| {
            let inner = value.strip_prefix(quote)?.rsplit_once(quote)?;
            Some(inner.0)
        };
        let plain = || value.split(" #").next().unwrap_or(value).trim_end();
        let value = quoted('"').or_else(|| quoted('\'')).unwrap_or_else(plain);
        let value = Node {
            value: NodeValue::Text(value.to_owned()),
            position,
        };
        Some(Ok(Entry {
            key: key.trim().to_owned(),
            position,
            value,
        }))
    });
    lines.collect()
}
