//! A file that stands on a template.

use super::{BASE, Reading};
use crate::TemplateDefaults;
use crate::finding::Finding;
use crate::yaml::{self, Entry, NodeValue};

/// The key that names the template whose defaults hold where neither the file nor its base says anything.
pub const TEMPLATE: &str = "template";

/// A template that was asked for.
#[derive(Clone, Debug)]
pub struct Ground<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it says where a file is silent.
    pub defaults: &'a TemplateDefaults,
}

/// The template that a file names, or else its base. What is wrong with either is told when it is read.
pub fn named_template(
    text: &str,
    load: impl FnOnce(&str) -> Result<String, String>,
) -> Option<String> {
    let said = |text: &str, key: &str| {
        let NodeValue::Map(entries) = yaml::tree(text).ok()?.value else {
            return None;
        };
        let entry = entries.into_iter().find(|entry| entry.key == key)?;
        match entry.value.value {
            NodeValue::Text(name) => Some(name),
            _ => None,
        }
    };
    said(text, TEMPLATE).or_else(|| said(&load(&said(text, BASE)?).ok()?, TEMPLATE))
}

impl Reading {
    /// Reads the defaults of a template as if they stood in a file.
    pub(super) fn ground(&mut self, ground: &Ground<'_>) {
        let text = match yaml::to_string(&ground.defaults) {
            Ok(text) => text,
            Err(error) => {
                self.findings
                    .push(Finding::error(TEMPLATE, error.to_string()));
                return;
            }
        };
        self.base(&format!("template {}", ground.name), &text, false);
        // Lines of a text that nobody has written tell nobody anything.
        for finding in &mut self.findings {
            finding.position = None;
        }
        for origin in &mut self.origins {
            origin.position = None;
        }
    }

    /// That the template the file names was not asked for.
    pub(super) fn unasked(&mut self, entry: &Entry) {
        let position = entry.value.position.or(entry.position);
        let finding = if matches!(entry.value.value, NodeValue::Text(_)) {
            let text = "templates are known to the management server only, which is not asked here";
            Finding::error(TEMPLATE, text).remedy("give the file to capstan cluster create or plan")
        } else {
            let text = format!(
                "expected the name of a template, found {}",
                entry.value.value.kind()
            );
            Finding::error(TEMPLATE, text)
        };
        self.findings.push(finding.at(position));
    }
}
