//! What an object of the OpenStack provider keeps of the older version, once it is written in the newer one.
//!
//! Server-side apply converts an object into the version of every owner it knows before it takes anything away. CAPO 0.15
//! answers in the older version what was written through it last, whatever has changed since (it keeps that in an
//! [annotation](CONVERSION_DATA)), so one owner of the older version is enough for what is applied to be undone. Therefore
//! no object may keep such owners: what was applied through the older version is owned through the newer one from then on.

use serde_json::{Map, Value};

use crate::kind::{self, Kind};
use crate::openstack_api::OpenStackApi;

/// Where CAPO's conversion keeps an object as it was in the older version.
pub const CONVERSION_DATA: &str = "cluster.x-k8s.io/conversion-data";

const OLDER: OpenStackApi = OpenStackApi::V1Beta1;
const NEWER: OpenStackApi = OpenStackApi::V1Beta2;

/// Where fields of an `OpenStackCluster` went, older and newer (CAPO, `api/v1beta1/conversion.go`).
const OF_CLUSTER: &[(&str, &str)] = &[
    ("spec.apiServerPort", "spec.apiServer.port"),
    ("spec.apiServerFixedIP", "spec.apiServer.fixedIP"),
    ("spec.apiServerFloatingIP", "spec.apiServer.floatingIP"),
    (
        "spec.disableAPIServerFloatingIP",
        "spec.apiServer.enableFloatingIP",
    ),
    (
        "spec.apiServerLoadBalancer",
        "spec.apiServer.managedLoadBalancer",
    ),
    ("spec.disableExternalNetwork", "spec.enableExternalNetwork"),
    ("spec.networkMTU", "spec.managedNetwork.mtu"),
    (
        "spec.disablePortSecurity",
        "spec.managedNetwork.enablePortSecurity",
    ),
    ("spec.externalRouterIPs", "spec.managedRouter.externalIPs"),
    (
        "spec.managedSecurityGroups.allNodesSecurityGroupRules",
        "spec.managedSecurityGroups.clusterNodesSecurityGroupRules",
    ),
    (
        "spec.bastion.spec.flavor",
        "spec.bastion.spec.flavor.filter.name",
    ),
    ("spec.bastion.spec.flavorID", "spec.bastion.spec.flavor.id"),
];

/// The same of a machine's template.
const OF_TEMPLATE: &[(&str, &str)] = &[
    (
        "spec.template.spec.flavor",
        "spec.template.spec.flavor.filter.name",
    ),
    (
        "spec.template.spec.flavorID",
        "spec.template.spec.flavor.id",
    ),
];

/// The owners that an object shall have (`metadata.managedFields`) in place of those it has; `None` when none of them is of
/// the older version, and for kinds that come in one version only.
///
/// Who applied in the older version owns the same fields in the newer one. Who merely wrote (CAPO itself) is left out: that
/// decides nothing, and the next write says it anew.
pub fn owners(kind: Kind, owners: &[Value]) -> Option<Vec<Value>> {
    let moves = match kind {
        kind if kind == kind::OPENSTACK_CLUSTER => OF_CLUSTER,
        kind if kind == kind::OPENSTACK_MACHINE_TEMPLATE => OF_TEMPLATE,
        _ => return None,
    };
    let older = OLDER.of(kind).api_version();
    let is_older = |owner: &Value| owner["apiVersion"] == older.as_str();
    if !owners.iter().any(is_older) {
        return None;
    }
    let applied = |owner: &Value| {
        owner["operation"] == "Apply" && owner.get("subresource").is_none_or(|of| of == "")
    };
    let same = |one: &Value, other: &Value| one["manager"] == other["manager"];
    let newer = |owner: &Value| {
        let superseded = owners
            .iter()
            .any(|other| !is_older(other) && applied(other) && same(other, owner));
        (applied(owner) && !superseded).then(|| {
            let mut owner = owner.clone();
            owner["apiVersion"] = NEWER.of(kind).api_version().into();
            if let Some(fields) = owner["fieldsV1"].as_object_mut() {
                for (from, to) in moves {
                    shift(fields, from, to);
                }
            }
            owner
        })
    };
    let owners = owners.iter().filter_map(|owner| {
        if is_older(owner) {
            newer(owner)
        } else {
            Some(owner.clone())
        }
    });
    Some(owners.collect())
}

/// Moves a field of a set of fields (`fieldsV1`), with all that is below it.
fn shift(fields: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(moved) = take(fields, from) {
        put(fields, to, moved);
    }
}

/// Takes a field out, and the fields it was in when nothing else is in them.
fn take(fields: &mut Map<String, Value>, path: &str) -> Option<Value> {
    let Some((first, rest)) = path.split_once('.') else {
        return fields.remove(&key(path));
    };
    let first = key(first);
    let inner = fields.get_mut(&first)?.as_object_mut()?;
    let taken = take(inner, rest)?;
    if inner.is_empty() {
        fields.remove(&first);
    }
    Some(taken)
}

fn put(fields: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((first, rest)) = path.split_once('.') else {
        fields.insert(key(path), value);
        return;
    };
    let inner = fields
        .entry(key(first))
        .or_insert_with(|| Value::Object(Map::new()));
    if let Some(inner) = inner.as_object_mut() {
        put(inner, rest, value);
    }
}

fn key(field: &str) -> String {
    format!("f:{field}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owner(manager: &str, operation: &str, version: &str, fields: &Value) -> Value {
        json!({
            "manager": manager, "operation": operation, "fieldsType": "FieldsV1", "fieldsV1": fields,
            "apiVersion": format!("infrastructure.cluster.x-k8s.io/{version}"),
        })
    }

    #[test]
    fn what_was_applied_stays_owned_where_it_is_now() {
        let rules = json!({"k:{\"name\":\"x\"}": {".": {}, "f:protocol": {}}});
        let before = json!({
            "f:metadata": {"f:labels": {"f:a": {}}},
            "f:spec": {
                "f:apiServerLoadBalancer": {"f:enabled": {}, "f:allowedCIDRs": {"v:\"10.0.0.0/8\"": {}}},
                "f:apiServerPort": {}, "f:networkMTU": {}, "f:tags": {},
                "f:managedSecurityGroups": {"f:allNodesSecurityGroupRules": rules},
                "f:bastion": {"f:spec": {"f:flavor": {}}},
            },
        });
        let after = json!({
            "f:metadata": {"f:labels": {"f:a": {}}},
            "f:spec": {
                "f:apiServer": {
                    "f:managedLoadBalancer": {"f:enabled": {}, "f:allowedCIDRs": {"v:\"10.0.0.0/8\"": {}}},
                    "f:port": {},
                },
                "f:managedNetwork": {"f:mtu": {}}, "f:tags": {},
                "f:managedSecurityGroups": {"f:clusterNodesSecurityGroupRules": rules},
                "f:bastion": {"f:spec": {"f:flavor": {"f:filter": {"f:name": {}}}}},
            },
        });
        let found = owners(
            kind::OPENSTACK_CLUSTER,
            &[owner("capstan", "Apply", "v1beta1", &before)],
        );
        assert_eq!(
            found,
            Some(vec![owner("capstan", "Apply", "v1beta2", &after)])
        );
    }

    #[test]
    fn who_merely_wrote_through_the_older_version_is_left_out() {
        let flavor = json!({"f:spec": {"f:template": {"f:spec": {"f:flavor": {}}}}});
        let newer = json!({"f:spec": {"f:template": {"f:spec": {"f:flavor": {"f:filter": {"f:name": {}}}}}}});
        let mut status = owner("manager", "Apply", "v1beta1", &json!({"f:status": {}}));
        status["subresource"] = "status".into();
        let there = owner("manager", "Update", "v1beta2", &json!({}));
        let all = [
            owner("manager", "Update", "v1beta1", &json!({"f:spec": {}})),
            status,
            owner("somebody", "Apply", "v1beta1", &flavor),
            there.clone(),
        ];
        let found = owners(kind::OPENSTACK_MACHINE_TEMPLATE, &all).unwrap();
        assert_eq!(
            found,
            [owner("somebody", "Apply", "v1beta2", &newer), there]
        );
        assert_eq!(
            owners(kind::OPENSTACK_MACHINE_TEMPLATE, &found),
            None,
            "there is nothing left to carry over"
        );
    }

    #[test]
    fn what_is_owned_in_the_newer_version_already_is_not_owned_twice() {
        let newer = owner(
            "capstan",
            "Apply",
            "v1beta2",
            &json!({"f:spec": {"f:tags": {}}}),
        );
        let older = owner("capstan", "Apply", "v1beta1", &json!({"f:spec": {}}));
        let found = owners(kind::OPENSTACK_CLUSTER, &[older, newer.clone()]);
        assert_eq!(found, Some(vec![newer]));
    }

    #[test]
    fn kinds_of_one_version_have_nothing_to_carry() {
        let older = owner("capstan", "Apply", "v1beta1", &json!({}));
        assert_eq!(owners(kind::CLUSTER, &[older]), None);
    }
}
