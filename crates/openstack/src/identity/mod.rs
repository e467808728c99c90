//! Keystone: application credentials; projects, users and roles for who may administer them.

mod application_credential;
mod project;

pub use application_credential::{AccessRule, ApplicationCredential, ApplicationCredentialCreate};
pub use project::{IdentityProject, IdentityUser, RoleRef};

use crate::Session;

/// The identity service. By value everywhere: it is only a borrowed [`Session`].
#[derive(Debug, Clone, Copy)]
pub struct IdentityApi<'a>(pub(crate) &'a Session);

impl Session {
    /// The identity service.
    pub fn identity(&self) -> IdentityApi<'_> {
        IdentityApi(self)
    }
}
