//! `capstan status`: whether a server is usable, and what it is if not.

use capstan_openstack::compute::Server;
use serde::Serialize;

use crate::api::{Api, Readiness};
use crate::desk::{Desk, Situation};
use crate::error::Error;
use crate::survey::Survey;
use crate::validity::Validity;

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was seen.
    pub detail: String,
}

/// What is known of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// `https://<address>:6443`.
    pub endpoint: Option<String>,
    /// Checks, from the cloud upwards.
    pub checks: Vec<Check>,
}

impl Status {
    /// Whether all is as it should be.
    pub fn usable(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }
}

/// Looks at a server from the cloud's side and from its API's.
///
/// # Errors
/// [`Error::NoServer`]; a server that is there and does not work is a [`Status`].
pub async fn status(desk: &Desk, name: &str) -> Result<Status, Error> {
    let survey = Survey::read(&desk.session).await?;
    let (identity, found, record) = match desk.situation(name, None, &survey)? {
        Situation::Nothing => {
            let known = survey.servers.keys().map(ToString::to_string).collect();
            return Err(Error::NoServer {
                name: name.to_owned(),
                project: desk.project().to_owned(),
                known,
            });
        }
        Situation::Ours { record, found } => (record.identity.clone(), *found, Some(record)),
        Situation::Elsewhere { identity, found } => (identity, *found, None),
    };
    let mut checks = vec![server(&found.servers)];
    let endpoint = record.and_then(|record| record.endpoint.clone());
    let files = desk.files(name);
    let keys = files.pki()?;
    checks.push(match (&endpoint, &keys) {
        (Some(endpoint), Some((pki, client))) => {
            api(Api::new(endpoint, &pki.ca.certificate, client)?
                .readiness()
                .await)
        }
        _ => Check {
            name: "API",
            ok: false,
            detail: "its certificates are not on this machine".into(),
        },
    });
    if let Some((_, client)) = &keys {
        checks.extend(Validity::of(&client.certificate).map(certificate));
    }
    Ok(Status {
        name: identity.name,
        uid: identity.uid.to_string(),
        endpoint,
        checks,
    })
}

fn server(servers: &[Server]) -> Check {
    let detail = match servers {
        [] => "there is none; capstan up goes on".to_owned(),
        [one] => match &one.fault {
            Some(fault) => format!("{}: {}", one.status, fault.message),
            None => one.status.clone(),
        },
        several => format!(
            "there are {}; capstan up removes those not in use",
            several.len()
        ),
    };
    Check {
        name: "server",
        ok: matches!(servers, [one] if one.status == "ACTIVE"),
        detail,
    }
}

fn certificate(validity: Validity) -> Check {
    let now = jiff::Timestamp::now();
    Check {
        name: "client certificate",
        ok: !validity.is_over(now),
        detail: validity.told(now),
    }
}

fn api(readiness: Readiness) -> Check {
    match readiness {
        Readiness::Ready(nodes) => Check {
            name: "API",
            ok: true,
            detail: format!("answers; nodes Ready: {nodes}"),
        },
        Readiness::NotYet(state) => Check {
            name: "API",
            ok: false,
            detail: state,
        },
    }
}
