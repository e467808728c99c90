//! A choice that nobody can make but the user.

use serde::Serialize;

/// What has to be chosen, out of what, and how to say it without being asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// What it is, in words.
    pub what: &'static str,
    /// Key in a settings file.
    pub key: &'static str,
    /// Flag of `capstan up`.
    pub flag: &'static str,
    /// Why it cannot be found out.
    pub reason: String,
    /// What there is to choose from; empty: free text.
    pub options: Vec<String>,
    /// What is probably meant; only ever an offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<String>,
}

impl Question {
    /// How to answer it beforehand.
    pub fn remedy(&self) -> String {
        let options = if self.options.is_empty() {
            String::new()
        } else {
            format!(", one of {}", self.options.join(", "))
        };
        let flag = match &self.proposal {
            Some(proposal) => format!("{} {proposal}", self.flag),
            None => self.flag.to_owned(),
        };
        format!(
            "{}: {flag} (or {} in a settings file){options}",
            self.reason, self.key
        )
    }
}
