//! Server groups: servers on different hosts, or on the same.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ComputeApi;
use crate::{
    error::Error,
    session::{Call, Removal, Service},
};

/// A server group.
#[derive(Debug, Clone, Deserialize)]
pub struct ServerGroup {
    /// Id.
    pub id: String,
    /// Name, not unique.
    pub name: String,
    /// Its rule.
    pub policy: GroupPolicy,
    /// Ids of its servers.
    #[serde(default)]
    pub members: Vec<String>,
    /// Owner.
    #[serde(default)]
    pub project_id: Option<String>,
}

/// Where the servers of a group go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupPolicy {
    /// Never on one host.
    AntiAffinity,
    /// On different hosts as long as there are enough.
    SoftAntiAffinity,
    /// All on one host.
    Affinity,
    /// On one host as long as it has room.
    SoftAffinity,
}

impl ComputeApi<'_> {
    /// Every server group of the project.
    pub async fn server_groups(self) -> Result<Vec<ServerGroup>, Error> {
        let call = Call::list(Service::Compute, &["os-server-groups"], "server groups");
        self.0.list_by_offset(call, "server_groups").await
    }

    /// One server group.
    pub async fn server_group(self, id: &str) -> Result<ServerGroup, Error> {
        let call = Call::read(
            Service::Compute,
            &["os-server-groups", id],
            format!("server group {id}"),
        );
        self.0.fetch(&call, Some("server_group")).await
    }

    /// Makes a server group.
    pub async fn create_server_group(
        self,
        name: &str,
        policy: GroupPolicy,
    ) -> Result<ServerGroup, Error> {
        let body = json!({"server_group": {"name": name, "policy": policy}});
        let call = Call::create(
            Service::Compute,
            &["os-server-groups"],
            format!("server group {name}"),
            body,
        );
        self.0.fetch(&call, Some("server_group")).await
    }

    /// Deletes a server group; its servers stay.
    pub async fn delete_server_group(self, id: &str) -> Result<Removal, Error> {
        let path = ["os-server-groups", id];
        self.0
            .remove(&Call::delete(
                Service::Compute,
                &path,
                format!("server group {id}"),
            ))
            .await
    }
}
