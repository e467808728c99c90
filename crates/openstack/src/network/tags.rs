//! Tags: a courtesy to people who look at a resource. Finding never depends on them, for a tag call can be lost.

use serde_json::json;

use super::NetworkApi;
use crate::{
    error::Error,
    session::{Call, Service},
};

/// What can have tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taggable {
    /// A network.
    Network,
    /// A subnet.
    Subnet,
    /// A router.
    Router,
    /// A port.
    Port,
    /// A security group.
    SecurityGroup,
    /// A floating IP.
    FloatingIp,
}

impl Taggable {
    fn path(self) -> &'static str {
        match self {
            Self::Network => "networks",
            Self::Subnet => "subnets",
            Self::Router => "routers",
            Self::Port => "ports",
            Self::SecurityGroup => "security-groups",
            Self::FloatingIp => "floatingips",
        }
    }
}

impl NetworkApi<'_> {
    /// Replaces all tags of a resource. Needs the extension `standard-attr-tag`.
    pub async fn set_tags(self, what: Taggable, id: &str, tags: &[&str]) -> Result<(), Error> {
        let path = [what.path(), id, "tags"];
        let call = Call::update(
            Service::Network,
            &path,
            format!("tags of {} {id}", what.path()),
            json!({ "tags": tags }),
        );
        self.0.run(&call.verb("set")).await
    }
}
