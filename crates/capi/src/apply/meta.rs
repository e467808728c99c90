//! What all objects share.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Kind;

/// Labels or annotations, in the order of their keys.
pub type Labels = BTreeMap<String, String>;

/// Metadata of an object or of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Name; none in templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Namespace; none in templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: Labels,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Labels,
}

impl Metadata {
    /// Whether nothing is set, so that the field must be left out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An object to be applied: type, metadata and spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Object<S> {
    api_version: String,
    kind: &'static str,
    /// Name, namespace, labels and annotations.
    pub metadata: Metadata,
    /// What is wished.
    pub spec: S,
}

impl<S> Object<S> {
    /// An object of the given kind.
    pub fn new(kind: Kind, metadata: Metadata, spec: S) -> Self {
        Self {
            api_version: kind.api_version(),
            kind: kind.kind,
            metadata,
            spec,
        }
    }
}

impl<S> Object<S> {
    /// The same object written in another version, its spec made anew.
    pub(crate) fn into_version<T>(self, kind: Kind, spec: impl FnOnce(S) -> T) -> Object<T> {
        Object {
            api_version: kind.api_version(),
            kind: self.kind,
            metadata: self.metadata,
            spec: spec(self.spec),
        }
    }
}

/// A reference by group, kind and name, as v1beta2 has it: without version and namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContractReference {
    api_group: &'static str,
    kind: &'static str,
    /// Name of the object referred to.
    pub name: String,
}

impl ContractReference {
    /// Refers to an object in the same namespace.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            api_group: kind.group,
            kind: kind.kind,
            name: name.into(),
        }
    }
}

/// A label selector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// Labels that must have these values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: Labels,
    /// Further conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<SelectorExpression>,
}

/// A condition of a label selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SelectorExpression {
    /// Label.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: &'static str,
}
