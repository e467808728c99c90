//! `capstan status`: whether a server is usable, and what it is if not.

use capstan_kubernetes::{Applier, cluster_uid};
use capstan_openstack::compute::Server;
use serde::Serialize;

use crate::adoption::Entrance;
use crate::api::{Api, Readiness};
use crate::desk::{Desk, Situation};
use crate::error::Error;
use crate::identity::Identity;
use crate::providers::Claim;
use crate::state::{Adopted, ServerFiles};
use crate::survey::{Found, Survey};
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
        Situation::Nothing => return Err(desk.no_server(name, &survey)),
        Situation::Ours { record, found } => (record.identity.clone(), *found, Some(record)),
        Situation::Elsewhere { identity, found } => (identity, *found, None),
    };
    let (endpoint, adopted) =
        record.map_or((None, None), |record| (record.endpoint, record.adopted));
    let files = desk.files(name);
    let checks = match adopted {
        Some(adopted) => of_adopted(&files, &identity, &adopted, &found).await,
        None => of_made(&files, endpoint.as_deref(), &found).await?,
    };
    Ok(Status {
        name: identity.name,
        uid: identity.uid.to_string(),
        endpoint,
        checks,
    })
}

async fn of_made(
    files: &ServerFiles,
    endpoint: Option<&str>,
    found: &Found,
) -> Result<Vec<Check>, Error> {
    let mut checks = vec![server(&found.servers)];
    let keys = files.pki()?;
    checks.push(match (endpoint, &keys) {
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
    Ok(checks)
}

/// Of an adopted cluster: the credential, whether the cluster answers, and whether it is still this server's.
async fn of_adopted(
    files: &ServerFiles,
    identity: &Identity,
    adopted: &Adopted,
    found: &Found,
) -> Vec<Check> {
    let mut checks = vec![Check {
        name: "application credential",
        ok: !found.credentials.is_empty(),
        detail: match found.credentials.first() {
            Some(credential) => credential.id.clone(),
            None => "there is none; capstan up goes on".to_owned(),
        },
    }];
    let entrance = match Entrance::stored(&files.kubeconfig_path()) {
        Ok(entrance) => entrance,
        Err(error) => {
            checks.push(api(Readiness::NotYet(error.to_string())));
            return checks;
        }
    };
    let client = match entrance.client().await {
        Ok(client) => client,
        Err(error) => {
            checks.push(api(Readiness::NotYet(error.to_string())));
            return checks;
        }
    };
    checks.push(api(Api::adopted(client.clone()).readiness().await));
    if checks.iter().all(|check| check.ok) {
        checks.push(cluster(&client, identity, adopted).await);
    }
    checks.extend(entrance.validity().map(|validity| {
        let now = jiff::Timestamp::now();
        Check {
            name: "client certificate",
            ok: !validity.is_over(now),
            detail: validity.told_of_others(now),
        }
    }));
    checks
}

async fn cluster(client: &kube::Client, identity: &Identity, adopted: &Adopted) -> Check {
    let look = async {
        let uid = cluster_uid(client)
            .await
            .map_err(|error| error.to_string())?;
        if uid != adopted.cluster {
            return Err("another cluster answers there".to_owned());
        }
        match Claim::read(&Applier::new(client.clone())).await {
            Ok(Claim::Held(holder)) if holder == *identity => {
                Ok(format!("adopted, context {}", adopted.context))
            }
            Ok(Claim::Held(holder)) => Err(format!("is management server {holder} now")),
            Ok(_) => Err("nothing is installed; capstan up goes on".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    };
    let seen = look.await;
    Check {
        name: "cluster",
        ok: seen.is_ok(),
        detail: seen.unwrap_or_else(|problem| problem),
    }
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
