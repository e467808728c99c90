//! Clouds that a test plays itself.

use std::collections::BTreeMap;

use capstan_openstack::CloudConfig;
use capstan_openstack::config::{Auth, Domain, Interface, Project, User};

/// A cloud with a password whose Keystone is at `uri`.
///
/// # Panics
/// When `uri` is none.
#[allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
pub fn cloud(uri: &str) -> CloudConfig {
    CloudConfig {
        name: "test".into(),
        file: None,
        auth_url: format!("{uri}/v3").parse().unwrap(),
        auth: Auth::Password {
            user: User::Name("demo".into(), Domain::default()),
            password: "secret-word".into(),
            project: Project::Name("demo".into(), Domain::default()),
        },
        region: None,
        interface: Interface::Public,
        ca: None,
        verify: true,
        client_identity: None,
        endpoint_overrides: BTreeMap::new(),
    }
}
