//! Application credentials: what servers and controllers hold instead of a password.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::IdentityApi;
use crate::{
    error::Error,
    session::{Call, Removal, Service},
};

/// An application credential as listed; its secret is shown only by [`IdentityApi::create_application_credential`].
#[derive(Debug, Clone, Deserialize)]
pub struct ApplicationCredential {
    /// Id.
    pub id: String,
    /// Name, unique per user.
    pub name: String,
    /// Free text.
    #[serde(default)]
    pub description: Option<String>,
    /// The project it works in.
    pub project_id: String,
    /// Its roles.
    #[serde(default)]
    pub roles: Vec<super::RoleRef>,
    /// Whether it may make and delete application credentials.
    #[serde(default, deserialize_with = "or_false")]
    pub unrestricted: bool,
    /// End, in UTC without zone; `None` for ever.
    #[serde(default)]
    pub expires_at: Option<String>,
    /// The secret, in the answer to the creating request only.
    #[serde(default)]
    pub secret: Option<SecretString>,
}

/// An API call an application credential is limited to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccessRule {
    /// Service type, for example `compute`.
    pub service: String,
    /// HTTP method.
    pub method: String,
    /// Path with `*`, `**` or `{name}`.
    pub path: String,
}

/// What a new application credential shall be.
#[derive(Debug, Clone, Default)]
pub struct ApplicationCredentialCreate {
    /// Name, unique per user.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Our own secret. Given here it survives the loss of the answer; `None` lets Keystone make one.
    pub secret: Option<SecretString>,
    /// Names of roles; empty means all of the caller's.
    pub roles: Vec<String>,
    /// Whether it may make and delete application credentials.
    pub unrestricted: bool,
    /// The only calls it may make; empty means no limit.
    pub access_rules: Vec<AccessRule>,
    /// End; `None` for ever.
    pub expires_at: Option<jiff::Timestamp>,
}

impl IdentityApi<'_> {
    /// Every application credential of the session's user, in all its projects.
    pub async fn application_credentials(self) -> Result<Vec<ApplicationCredential>, Error> {
        let path = ["users", self.0.user_id(), "application_credentials"];
        self.0
            .list(
                Call::list(Service::Identity, &path, "application credentials"),
                "application_credentials",
            )
            .await
    }

    /// The application credential of this exact name.
    pub async fn application_credential_named(
        self,
        name: &str,
    ) -> Result<Option<ApplicationCredential>, Error> {
        let path = ["users", self.0.user_id(), "application_credentials"];
        let call =
            Call::list(Service::Identity, &path, "application credentials").query("name", name);
        let found: Vec<ApplicationCredential> =
            self.0.list(call, "application_credentials").await?;
        Ok(found.into_iter().find(|credential| credential.name == name))
    }

    /// One application credential.
    pub async fn application_credential(self, id: &str) -> Result<ApplicationCredential, Error> {
        let path = ["users", self.0.user_id(), "application_credentials", id];
        let call = Call::read(
            Service::Identity,
            &path,
            format!("application credential {id}"),
        );
        self.0.fetch(&call, Some("application_credential")).await
    }

    /// Makes one for the session's user and project. A restricted credential may not
    /// ([`Kind::Forbidden`](crate::Kind::Forbidden)); a name that is taken is [`Kind::Conflict`](crate::Kind::Conflict).
    pub async fn create_application_credential(
        self,
        new: &ApplicationCredentialCreate,
    ) -> Result<ApplicationCredential, Error> {
        let mut body = json!({"name": new.name, "unrestricted": new.unrestricted});
        if let Some(description) = &new.description {
            body["description"] = description.as_str().into();
        }
        if let Some(secret) = &new.secret {
            body["secret"] = secret.expose_secret().into();
        }
        if !new.roles.is_empty() {
            body["roles"] = new
                .roles
                .iter()
                .map(|name| json!({ "name": name }))
                .collect();
        }
        if !new.access_rules.is_empty() {
            body["access_rules"] = json!(new.access_rules);
        }
        if let Some(end) = new.expires_at {
            body["expires_at"] = end.strftime("%Y-%m-%dT%H:%M:%S.000000").to_string().into();
        }
        let path = ["users", self.0.user_id(), "application_credentials"];
        let object = format!("application credential {}", new.name);
        let call = Call::create(
            Service::Identity,
            &path,
            object,
            json!({"application_credential": body}),
        );
        self.0.fetch(&call, Some("application_credential")).await
    }

    /// Deletes one; what authenticates with it is out at once.
    pub async fn delete_application_credential(self, id: &str) -> Result<Removal, Error> {
        let path = ["users", self.0.user_id(), "application_credentials", id];
        self.0
            .remove(&Call::delete(
                Service::Identity,
                &path,
                format!("application credential {id}"),
            ))
            .await
    }
}

/// Keystone keeps and gives back the `null` with which openstacksdk leaves `unrestricted` to it; it means no.
fn or_false<'de, D: Deserializer<'de>>(input: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(input)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_of_which_nobody_said_whether_it_is_restricted_is() {
        let one: ApplicationCredential = serde_json::from_value(
            json!({"id": "a", "name": "n", "project_id": "p", "unrestricted": null}),
        )
        .unwrap();
        assert!(!one.unrestricted);
    }
}
