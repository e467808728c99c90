//! Security groups and their rules.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::NetworkApi;
use crate::{
    error::Error,
    session::{Call, Removal, Service},
};

/// A security group.
#[derive(Debug, Clone, Deserialize)]
pub struct SecurityGroup {
    /// Id.
    pub id: String,
    /// Name, not unique.
    #[serde(default)]
    pub name: String,
    /// Free text; Capstan's identity of what it made.
    #[serde(default)]
    pub description: String,
    /// Its rules.
    #[serde(default, rename = "security_group_rules")]
    pub rules: Vec<SecurityGroupRule>,
    /// Owner.
    #[serde(default)]
    pub project_id: String,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A rule that lets something through.
#[derive(Debug, Clone, Deserialize)]
pub struct SecurityGroupRule {
    /// Id.
    pub id: String,
    /// Its group.
    pub security_group_id: String,
    /// In or out.
    pub direction: Direction,
    /// IPv4 or IPv6.
    pub ethertype: EtherType,
    /// `tcp`, `udp`, `icmp`, a number; `None` is all.
    #[serde(default)]
    pub protocol: Option<String>,
    /// First port.
    #[serde(default)]
    pub port_range_min: Option<u16>,
    /// Last port.
    #[serde(default)]
    pub port_range_max: Option<u16>,
    /// The other side's range.
    #[serde(default)]
    pub remote_ip_prefix: Option<String>,
    /// The other side's group.
    #[serde(default)]
    pub remote_group_id: Option<String>,
    /// Free text.
    #[serde(default)]
    pub description: Option<String>,
    /// Owner.
    #[serde(default)]
    pub project_id: String,
}

/// In or out, seen from the server.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Into the server.
    #[default]
    Ingress,
    /// Out of it.
    Egress,
}

/// IPv4 or IPv6.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum EtherType {
    /// IPv4.
    #[default]
    IPv4,
    /// IPv6.
    IPv6,
}

/// What a new security group shall be. Neutron adds two rules that let everything out.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SecurityGroupCreate {
    /// Name.
    pub name: String,
    /// Identity.
    pub description: String,
}

/// What a new rule shall let through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SecurityGroupRuleCreate {
    /// Its group.
    pub security_group_id: String,
    /// In or out.
    pub direction: Direction,
    /// IPv4 or IPv6.
    pub ethertype: EtherType,
    /// `tcp`, `udp`, `icmp`, a number; `None` is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// First port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_range_min: Option<u16>,
    /// Last port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_range_max: Option<u16>,
    /// The other side's range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip_prefix: Option<String>,
    /// The other side's group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_group_id: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl SecurityGroupRule {
    /// Whether this rule lets through exactly what `wanted` asks for. Descriptions do not count: Neutron takes two
    /// rules that differ only there for the same.
    pub fn is(&self, wanted: &SecurityGroupRuleCreate) -> bool {
        self.security_group_id == wanted.security_group_id
            && self.direction == wanted.direction
            && self.ethertype == wanted.ethertype
            && self.protocol == wanted.protocol
            && self.port_range_min == wanted.port_range_min
            && self.port_range_max == wanted.port_range_max
            && any(self.remote_ip_prefix.as_deref()) == any(wanted.remote_ip_prefix.as_deref())
            && self.remote_group_id == wanted.remote_group_id
    }
}

/// The whole range is the same as no range.
fn any(prefix: Option<&str>) -> Option<&str> {
    prefix.filter(|prefix| !matches!(*prefix, "0.0.0.0/0" | "::/0"))
}

impl NetworkApi<'_> {
    /// Security groups by filters.
    pub async fn security_groups(
        self,
        filters: &[(&str, &str)],
    ) -> Result<Vec<SecurityGroup>, Error> {
        self.0
            .list(
                Call::list(Service::Network, &["security-groups"], "security groups")
                    .filters(filters),
                "security_groups",
            )
            .await
    }

    /// One security group.
    pub async fn security_group(self, id: &str) -> Result<SecurityGroup, Error> {
        let call = Call::read(
            Service::Network,
            &["security-groups", id],
            format!("security group {id}"),
        );
        self.0.fetch(&call, Some("security_group")).await
    }

    /// Makes a security group.
    pub async fn create_security_group(
        self,
        new: &SecurityGroupCreate,
    ) -> Result<SecurityGroup, Error> {
        let object = format!("security group {}", new.name);
        let call = Call::create(
            Service::Network,
            &["security-groups"],
            object,
            json!({"security_group": new}),
        );
        self.0.fetch(&call, Some("security_group")).await
    }

    /// Deletes a security group.
    pub async fn delete_security_group(self, id: &str) -> Result<Removal, Error> {
        self.0
            .remove(&Call::delete(
                Service::Network,
                &["security-groups", id],
                format!("security group {id}"),
            ))
            .await
    }

    /// Rules by filters, for example `("security_group_id", id)`.
    pub async fn security_group_rules(
        self,
        filters: &[(&str, &str)],
    ) -> Result<Vec<SecurityGroupRule>, Error> {
        let call = Call::list(
            Service::Network,
            &["security-group-rules"],
            "security group rules",
        );
        self.0
            .list(call.filters(filters), "security_group_rules")
            .await
    }

    /// Makes those of the rules that their groups do not have yet, in one request: all or none.
    /// Returns the rules that were made.
    pub async fn ensure_security_group_rules(
        self,
        wanted: &[SecurityGroupRuleCreate],
    ) -> Result<Vec<SecurityGroupRule>, Error> {
        let mut groups: Vec<&str> = wanted
            .iter()
            .map(|rule| rule.security_group_id.as_str())
            .collect();
        groups.sort_unstable();
        groups.dedup();
        let mut present = Vec::new();
        for group in &groups {
            present.extend(
                self.security_group_rules(&[("security_group_id", group)])
                    .await?,
            );
        }
        let missing: Vec<_> = wanted
            .iter()
            .filter(|wanted| !present.iter().any(|rule| rule.is(wanted)))
            .collect();
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let object = format!(
            "{} rules of security group {}",
            missing.len(),
            groups.join(", ")
        );
        let body = json!({ "security_group_rules": missing });
        let call = Call::create(Service::Network, &["security-group-rules"], object, body);
        self.0.fetch(&call, Some("security_group_rules")).await
    }

    /// Deletes a rule.
    pub async fn delete_security_group_rule(self, id: &str) -> Result<Removal, Error> {
        let path = ["security-group-rules", id];
        self.0
            .remove(&Call::delete(
                Service::Network,
                &path,
                format!("security group rule {id}"),
            ))
            .await
    }
}
