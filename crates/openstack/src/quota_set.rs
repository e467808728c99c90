//! Setting a project's quota, for administrators.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    Resource, Session,
    error::{Error, Kind},
    session::{Call, Service},
};

/// The service that keeps a resource's limit, and its name there.
fn place(resource: Resource) -> (Service, &'static str) {
    match resource {
        Resource::Instances => (Service::Compute, "instances"),
        Resource::Cores => (Service::Compute, "cores"),
        Resource::Ram => (Service::Compute, "ram"),
        Resource::ServerGroups => (Service::Compute, "server_groups"),
        Resource::ServerGroupMembers => (Service::Compute, "server_group_members"),
        Resource::Keypairs => (Service::Compute, "key_pairs"),
        Resource::Volumes => (Service::Volume, "volumes"),
        Resource::Gigabytes => (Service::Volume, "gigabytes"),
        Resource::Networks => (Service::Network, "network"),
        Resource::Subnets => (Service::Network, "subnet"),
        Resource::Routers => (Service::Network, "router"),
        Resource::Ports => (Service::Network, "port"),
        Resource::FloatingIps => (Service::Network, "floatingip"),
        Resource::SecurityGroups => (Service::Network, "security_group"),
        Resource::SecurityGroupRules => (Service::Network, "security_group_rule"),
        Resource::LoadBalancers => (Service::LoadBalancer, "load_balancer"),
        Resource::Listeners => (Service::LoadBalancer, "listener"),
        Resource::Pools => (Service::LoadBalancer, "pool"),
        Resource::Members => (Service::LoadBalancer, "member"),
    }
}

impl Session {
    /// Sets limits of a project; `None` is unlimited. Needs an administrator ([`Kind::Forbidden`] otherwise).
    pub async fn set_quota(
        &self,
        project_id: &str,
        limits: &[(Resource, Option<u32>)],
    ) -> Result<(), Error> {
        let mut by_service: BTreeMap<Service, BTreeMap<&str, i64>> = BTreeMap::new();
        for (resource, limit) in limits {
            let (service, name) = place(*resource);
            by_service
                .entry(service)
                .or_default()
                .insert(name, limit.map_or(-1, i64::from));
        }
        for (service, limits) in by_service {
            let object = format!("{service} quota of project {project_id}");
            let (path, body) = match service {
                Service::Compute | Service::Volume => (
                    vec!["os-quota-sets", project_id],
                    json!({ "quota_set": limits }),
                ),
                Service::Network => (vec!["quotas", project_id], json!({ "quota": limits })),
                Service::LoadBalancer => (
                    vec!["lbaas", "quotas", project_id],
                    json!({ "quota": limits }),
                ),
                Service::Identity | Service::Image => {
                    return Err(Error::new(
                        Kind::BadRequest,
                        "set",
                        object,
                        "this service has no quota",
                    ));
                }
            };
            self.run(&Call::update(service, &path, object, body).verb("set"))
                .await?;
        }
        Ok(())
    }
}
