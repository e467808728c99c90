//! The plan of a change: the objects that there are against those that are wished.

use std::collections::BTreeMap;

use capstan_capi::{Kind, OpenStackApi, carry, kind};
use capstan_kubernetes::{Applier, Error as KubernetesError, FIELD_MANAGER, ObjectName};
use capstan_plan::change::{self, Live, LiveObject, Plan};
use capstan_plan::render::UID_LABEL;
use capstan_plan::{Observation, Rendered};
use capstan_spec::status::Resolved;
use capstan_spec::{ClusterName, ServerGroupPolicy, WorkloadClusterSpec};
use kube::api::ListParams;
use serde_json::Value;

use crate::surroundings::Context;
use crate::{Error, apply, preflight, prepare, provider};

/// The kinds that the renderer makes.
const KINDS: [Kind; 7] = [
    kind::OPENSTACK_MACHINE_TEMPLATE,
    kind::KUBEADM_CONFIG_TEMPLATE,
    kind::OPENSTACK_CLUSTER,
    kind::KUBEADM_CONTROL_PLANE,
    kind::CLUSTER,
    kind::MACHINE_DEPLOYMENT,
    kind::MACHINE_HEALTH_CHECK,
];

/// Reads the objects of a cluster that the renderer makes, as they are.
pub async fn live(
    applier: &Applier,
    name: &ClusterName,
    seen: &Observation,
) -> Result<Live, Error> {
    let spoken = provider::openstack_api(applier.kinds()).await?;
    let lists = KINDS.map(|kind| of_kind(applier, name, spoken.of(kind)));
    let objects = futures::future::try_join_all(lists).await?;
    Ok(Live {
        objects: objects.into_iter().flatten().collect(),
        machines: preflight::machines(seen),
        pace: change::pace(&seen.machines),
    })
}

async fn of_kind(
    applier: &Applier,
    name: &ClusterName,
    kind: Kind,
) -> Result<Vec<LiveObject>, Error> {
    let of_kind = ObjectName {
        api_version: kind.api_version(),
        kind: kind.kind.to_owned(),
        namespace: Some(name.namespace().to_owned()),
        name: String::new(),
    };
    let api = applier.kinds().api_of(&of_kind).await?;
    let label = format!("{UID_LABEL}={}", name.uid());
    let found = api.list(&ListParams::default().labels(&label)).await;
    let found = found.map_err(|e| KubernetesError::request("list", kind.plural, e))?;
    found
        .items
        .into_iter()
        .map(|object| {
            let object_name = object.metadata.name.clone().unwrap_or_default();
            let mut value = serde_json::to_value(object).map_err(|source| Error::Shape {
                what: format!("{} {object_name}", kind.kind),
                source,
            })?;
            if OpenStackApi::written_in(kind) == Some(OpenStackApi::V1Beta2) {
                as_carried_over(kind, &mut value);
            }
            Ok(LiveObject {
                kind,
                name: object_name,
                value,
            })
        })
        .collect()
}

/// Who owns which field as it will be once the object is written through the newer version.
fn as_carried_over(kind: Kind, object: &mut Value) {
    if let Some(owners) = object.pointer_mut("/metadata/managedFields")
        && let Some(carried) = owners.as_array().and_then(|all| carry::owners(kind, all))
    {
        *owners = Value::Array(carried);
    }
}

/// What the wish changes. What is only made once it is accepted is stood in for, so that everybody who asks before gets the
/// same plan with the same hash.
pub fn plan(
    context: &Context,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    resolved: &Resolved,
    live: &Live,
) -> Result<Plan, Error> {
    let rendered = apply::rendered(context, spec, name, &expected(spec, resolved))?;
    Ok(of_rendered(&rendered, live))
}

/// What applying these objects changes.
pub fn of_rendered(rendered: &Rendered, live: &Live) -> Plan {
    change::plan(rendered, live, FIELD_MANAGER)
}

/// What is pinned, and a word in place of what will be.
fn expected(spec: &WorkloadClusterSpec, resolved: &Resolved) -> Resolved {
    let mut expected = resolved.clone();
    if !spec.api_access.private {
        let address = || "(allocated then)".to_owned();
        expected.floating_ip.get_or_insert_with(address);
    }
    if spec.bastion.is_some() {
        let bastion = expected.bastion.get_or_insert_default();
        let (address, group) = (&mut bastion.floating_ip, &mut bastion.security_group_id);
        address.get_or_insert_with(|| "(allocated then)".to_owned());
        group.get_or_insert_with(|| "(a new group)".to_owned());
    }
    for pool in spec.pools() {
        if prepare::lacks_group(resolved, pool.pool, pool.server_group) {
            let policy = match pool.server_group {
                ServerGroupPolicy::AntiAffinity => "anti-affinity",
                ServerGroupPolicy::SoftAntiAffinity | ServerGroupPolicy::None => {
                    "soft anti-affinity"
                }
            };
            let group = format!("(a new group of {policy})");
            expected.server_groups.insert(pool.pool.to_owned(), group);
        }
    }
    expected
}

/// The flavor of each pool's machines, as their templates have it.
pub fn flavors(live: &Live) -> BTreeMap<String, String> {
    let references = [
        (
            kind::KUBEADM_CONTROL_PLANE,
            "/spec/machineTemplate/spec/infrastructureRef/name",
        ),
        (
            kind::MACHINE_DEPLOYMENT,
            "/spec/template/spec/infrastructureRef/name",
        ),
    ];
    let of_object = |object: &LiveObject| {
        let (_, path) = references.iter().find(|(kind, _)| *kind == object.kind)?;
        let template = object.value.pointer(path)?.as_str()?;
        let template = live.object(kind::OPENSTACK_MACHINE_TEMPLATE, template)?;
        let flavor = template.value.pointer("/spec/template/spec/flavor")?;
        let name = flavor
            .as_str()
            .or_else(|| flavor["filter"]["name"].as_str())?;
        Some((object.pool()?.to_owned(), name.to_owned()))
    };
    live.objects.iter().filter_map(of_object).collect()
}

/// Machines more than wanted meanwhile, by pool.
pub fn surge(plan: &Plan) -> BTreeMap<String, u32> {
    let rolled = plan.parts.iter().filter_map(|part| {
        let roll = part.roll.as_ref()?;
        Some((part.subject.pool()?.to_owned(), roll.surge))
    });
    rolled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use capstan_spec::KubernetesVersion;

    #[test]
    fn what_is_made_after_the_acceptance_is_stood_in_for() {
        let mut spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
        let mut resolved = Resolved::default();
        resolved.server_groups.insert("workers".into(), "id".into());
        resolved.floating_ip = Some("198.51.100.7".into());
        let soft = expected(&spec, &resolved);
        assert_eq!(soft.server_groups["workers"], "id");
        assert!(soft.server_groups["control-plane"].contains("new group"));
        assert_eq!(soft.floating_ip, resolved.floating_ip);
        spec.bastion = Some(capstan_spec::cluster::Bastion {
            flavor: "a".into(),
            image: None,
            ssh_key: None,
            allowed_cidrs: Vec::new(),
            availability_zone: None,
        });
        let stood_in = expected(&spec, &resolved).bastion.unwrap();
        assert!(stood_in.floating_ip.unwrap().contains("allocated then"));
        // A group of another policy is another group.
        spec.workers[0].server_group = ServerGroupPolicy::AntiAffinity;
        let strict = expected(&spec, &resolved);
        assert!(strict.server_groups["workers"].contains("anti-affinity"));
    }
}
