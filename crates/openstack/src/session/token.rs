//! Getting a token: the bodies sent to Keystone and what is read out of its answer.

use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::catalog::Catalog;
use crate::config::{ApplicationCredentialRef, Auth, Domain, Project, User};

/// A token is renewed this long before it ends, so that no call carries one that ends on the way.
const MARGIN: Duration = Duration::from_mins(2);

/// A token and what Keystone says about it.
pub(crate) struct Token {
    pub(crate) secret: SecretString,
    pub(crate) identity: Identity,
    pub(crate) catalog: Catalog,
    /// By our monotonic clock from its lifetime, so that a wrong wall clock does no harm.
    renew_at: Option<Instant>,
}

impl Token {
    pub(crate) fn is_old(&self, now: Instant) -> bool {
        self.renew_at.is_some_and(|at| now >= at)
    }
}

/// Who a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The project all resources are made in.
    pub project_id: String,
    /// Its name.
    pub project_name: String,
    /// The user.
    pub user_id: String,
    /// Its name.
    pub user_name: String,
    /// Names of the roles in the project, sorted.
    pub roles: Vec<String>,
    /// Set when the session is an application credential's.
    pub application_credential: Option<CredentialIdentity>,
    /// When the token ends.
    pub expires_at: jiff::Timestamp,
}

/// The application credential of a session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CredentialIdentity {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Restricted: it may not make or delete application credentials.
    #[serde(default)]
    pub restricted: bool,
}

#[derive(Deserialize)]
struct Answer {
    token: Body,
}

#[derive(Deserialize)]
struct Body {
    expires_at: jiff::Timestamp,
    issued_at: jiff::Timestamp,
    user: Named,
    project: Option<Named>,
    #[serde(default)]
    roles: Vec<Named>,
    #[serde(default)]
    catalog: Catalog,
    application_credential: Option<CredentialIdentity>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    name: String,
}

/// Reads Keystone's answer; `Err` says what is missing.
pub(crate) fn read(secret: SecretString, body: &[u8], now: Instant) -> Result<Token, String> {
    let Answer { token } = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let project = token
        .project
        .ok_or("the token belongs to no project: name one in clouds.yaml")?;
    let lifetime =
        Duration::try_from(token.expires_at.duration_since(token.issued_at)).unwrap_or_default();
    let mut roles: Vec<_> = token.roles.into_iter().map(|role| role.name).collect();
    roles.sort();
    Ok(Token {
        secret,
        catalog: token.catalog,
        renew_at: lifetime
            .checked_sub(MARGIN)
            .filter(|rest| *rest > MARGIN)
            .map(|rest| now + rest),
        identity: Identity {
            project_id: project.id,
            project_name: project.name,
            user_id: token.user.id,
            user_name: token.user.name,
            roles,
            application_credential: token.application_credential,
            expires_at: token.expires_at,
        },
    })
}

/// The body of `POST /auth/tokens`.
pub(crate) fn request(auth: &Auth) -> Value {
    match auth {
        Auth::Password {
            user: who,
            password,
            project,
        } => {
            let mut body = user(who);
            body["password"] = password.expose_secret().into();
            json!({"auth": {
                "identity": {"methods": ["password"], "password": {"user": body}},
                "scope": {"project": scope(project)},
            }})
        }
        Auth::ApplicationCredential { credential, secret } => {
            let mut body = match credential {
                ApplicationCredentialRef::Id(id) => json!({ "id": id }),
                ApplicationCredentialRef::Name(name, owner) => {
                    json!({"name": name, "user": user(owner)})
                }
            };
            body["secret"] = secret.expose_secret().into();
            json!({"auth": {"identity": {"methods": ["application_credential"], "application_credential": body}}})
        }
        Auth::Token { token, project } => {
            let mut body = json!({"auth": {
                "identity": {"methods": ["token"], "token": {"id": token.expose_secret()}},
            }});
            if let Some(project) = project {
                body["auth"]["scope"] = json!({"project": scope(project)});
            }
            body
        }
    }
}

fn user(user: &User) -> Value {
    match user {
        User::Id(id) => json!({ "id": id }),
        User::Name(name, of) => json!({"name": name, "domain": domain(of)}),
    }
}

fn scope(project: &Project) -> Value {
    match project {
        Project::Id(id) => json!({ "id": id }),
        Project::Name(name, of) => json!({"name": name, "domain": domain(of)}),
    }
}

fn domain(domain: &Domain) -> Value {
    match domain {
        Domain::Id(id) => json!({ "id": id }),
        Domain::Name(name) => json!({ "name": name }),
    }
}
