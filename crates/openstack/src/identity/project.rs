//! Projects, users and roles, for administrators: a test makes its own project, a portal one for a customer.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::IdentityApi;
use crate::{
    error::Error,
    session::{Call, Removal, Service},
};

/// A project.
#[derive(Debug, Clone, Deserialize)]
pub struct IdentityProject {
    /// Id.
    pub id: String,
    /// Name, unique in its domain.
    pub name: String,
    /// Domain.
    #[serde(default)]
    pub domain_id: String,
}

/// A user.
#[derive(Debug, Clone, Deserialize)]
pub struct IdentityUser {
    /// Id.
    pub id: String,
    /// Name, unique in its domain.
    pub name: String,
}

/// A role.
#[derive(Debug, Clone, Deserialize)]
pub struct RoleRef {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default)]
    pub name: String,
}

impl IdentityApi<'_> {
    /// Projects by filters, for example `("name", "x")`.
    pub async fn projects(self, filters: &[(&str, &str)]) -> Result<Vec<IdentityProject>, Error> {
        self.0
            .list(
                Call::list(Service::Identity, &["projects"], "projects").filters(filters),
                "projects",
            )
            .await
    }

    /// Makes a project in a domain.
    pub async fn create_project(
        self,
        name: &str,
        domain_id: &str,
    ) -> Result<IdentityProject, Error> {
        let body = json!({"project": {"name": name, "domain_id": domain_id}});
        let call = Call::create(
            Service::Identity,
            &["projects"],
            format!("project {name}"),
            body,
        );
        self.0.fetch(&call, Some("project")).await
    }

    /// Deletes a project. What is in it stays behind without an owner: empty it first.
    pub async fn delete_project(self, id: &str) -> Result<Removal, Error> {
        self.0
            .remove(&Call::delete(
                Service::Identity,
                &["projects", id],
                format!("project {id}"),
            ))
            .await
    }

    /// Makes a user in a domain.
    pub async fn create_user(
        self,
        name: &str,
        domain_id: &str,
        password: &SecretString,
    ) -> Result<IdentityUser, Error> {
        let body = json!({"user": {"name": name, "domain_id": domain_id, "password": password.expose_secret()}});
        let call = Call::create(Service::Identity, &["users"], format!("user {name}"), body);
        self.0.fetch(&call, Some("user")).await
    }

    /// Deletes a user and its application credentials.
    pub async fn delete_user(self, id: &str) -> Result<Removal, Error> {
        self.0
            .remove(&Call::delete(
                Service::Identity,
                &["users", id],
                format!("user {id}"),
            ))
            .await
    }

    /// Every role.
    pub async fn roles(self) -> Result<Vec<RoleRef>, Error> {
        self.0
            .list(Call::list(Service::Identity, &["roles"], "roles"), "roles")
            .await
    }

    /// Gives a user a role in a project.
    pub async fn assign_role(
        self,
        project_id: &str,
        user_id: &str,
        role_id: &str,
    ) -> Result<(), Error> {
        let path = ["projects", project_id, "users", user_id, "roles", role_id];
        let call = Call::update(
            Service::Identity,
            &path,
            format!("role of user {user_id}"),
            json!({}),
        );
        self.0.run(&call.verb("assign")).await
    }
}
