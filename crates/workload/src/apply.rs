//! Cluster API objects, by server-side apply in the order the renderer gives.

use capstan_capi::kind;
use capstan_kubernetes::{Error as KubernetesError, ObjectName};
use capstan_plan::facts::Facts;
use capstan_plan::render::DesiredObject;
use capstan_plan::{Observation, Rendered, render};
use capstan_spec::status::Resolved;
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use futures::stream;
use futures::{FutureExt as _, TryStreamExt as _};
use kube::api::{DeleteParams, ListParams, Preconditions};
use kube::core::DynamicObject;

use crate::surroundings::Context;
use crate::{Error, provider};

/// Renders the cluster with what is pinned.
pub fn rendered(
    context: &Context,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    resolved: &Resolved,
) -> Result<Rendered, Error> {
    let facts = Facts::collect(spec, resolved, &context.surroundings)?;
    Ok(render(spec, name, &facts)?)
}

/// Requests at once to the management server for one cluster.
const CONCURRENCY: usize = 4;

/// Applies all of it: what the `Cluster` refers to, the `Cluster`, what refers to it. Applying what is there already changes
/// nothing.
pub async fn apply(context: &Context, rendered: &Rendered) -> Result<(), Error> {
    let is_cluster = |object: &DesiredObject| object.kind == kind::CLUSTER;
    let objects = &rendered.objects;
    let cluster = objects.iter().position(is_cluster).unwrap_or(objects.len());
    let (before, rest) = objects.split_at(cluster);
    let (cluster, after) = rest.split_at(rest.len().min(1));
    for together in [before, cluster, after] {
        // Boxed in a plain loop: through a closure the compiler cannot prove the stream `Send` in a spawned task.
        let mut requests = Vec::with_capacity(together.len());
        for object in together {
            requests.push(Ok(one(context, object).boxed()));
        }
        stream::iter(requests)
            .try_for_each_concurrent(CONCURRENCY, |request| request)
            .await?;
    }
    Ok(())
}

async fn one(context: &Context, object: &DesiredObject) -> Result<(), Error> {
    let written: DynamicObject =
        serde_json::from_value(object.value.clone()).map_err(|source| Error::Shape {
            what: format!("{} {}", object.kind.kind, object.name),
            source,
        })?;
    provider::carry_over(context.applier.kinds(), object.kind, &written).await?;
    context.write(&written).await
}

/// Applies the `Cluster` alone: with its `paused` set, everything of Cluster API and of ours stops writing.
pub async fn pause(
    context: &Context,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
) -> Result<(), Error> {
    let cluster = capstan_plan::render::cluster(spec, name)?;
    let object: DynamicObject =
        serde_json::from_value(cluster.value).map_err(|source| Error::Shape {
            what: cluster.name,
            source,
        })?;
    context.write(&object).await
}

/// Deletes pools and templates that the rendering no longer contains. A template goes only when no machine and no machine
/// set refers to it; a pool's machines are drained by Cluster API.
pub async fn collect(
    context: &Context,
    name: &ClusterName,
    rendered: &Rendered,
    seen: &Observation,
) -> Result<(), Error> {
    let in_use = templates_in_use(seen);
    let label = format!("{}={}", capstan_plan::render::UID_LABEL, name.uid());
    let of_sets = templates_of_machine_sets(context, name).await?;
    for kind in [
        kind::MACHINE_HEALTH_CHECK,
        kind::MACHINE_DEPLOYMENT,
        kind::KUBEADM_CONFIG_TEMPLATE,
        context.spoken(kind::OPENSTACK_MACHINE_TEMPLATE),
    ] {
        let of_kind = ObjectName {
            api_version: kind.api_version(),
            kind: kind.kind.to_owned(),
            namespace: Some(name.namespace().to_owned()),
            name: String::new(),
        };
        let api = context.applier.kinds().api_of(&of_kind).await?;
        let found = api.list(&ListParams::default().labels(&label)).await;
        for object in found.map_err(|e| KubernetesError::request("list", kind.plural, e))? {
            let object_name = object.metadata.name.unwrap_or_default();
            let wanted = rendered.of(kind).any(|desired| desired.name == object_name);
            if wanted
                || in_use.contains(&object_name)
                || of_sets.contains(&object_name)
                || object.metadata.deletion_timestamp.is_some()
            {
                continue;
            }
            let preconditions = Preconditions {
                uid: object.metadata.uid,
                resource_version: None,
            };
            let params = DeleteParams::background().preconditions(preconditions);
            match api.delete(&object_name, &params).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
                Err(error) => {
                    return Err(KubernetesError::request(
                        "delete",
                        format!("{} {object_name}", kind.kind),
                        error,
                    )
                    .into());
                }
            }
        }
    }
    Ok(())
}

/// Names of templates that machines still refer to.
fn templates_in_use(seen: &Observation) -> Vec<String> {
    let mut names = Vec::new();
    for machine in &seen.machines {
        names.push(machine.spec.infrastructure_ref.name.clone());
        names.push(machine.spec.bootstrap.config_ref.name.clone());
    }
    for machine in &seen.openstack_machines {
        let cloned = machine
            .metadata
            .annotations
            .get("cluster.x-k8s.io/cloned-from-name");
        names.extend(cloned.cloned());
    }
    names
}

/// Names of the templates that machine sets refer to: old sets are kept for a while, and complain when theirs is gone.
async fn templates_of_machine_sets(
    context: &Context,
    name: &ClusterName,
) -> Result<Vec<String>, Error> {
    let kind = kind::MACHINE_SET;
    let of_kind = ObjectName {
        api_version: kind.api_version(),
        kind: kind.kind.to_owned(),
        namespace: Some(name.namespace().to_owned()),
        name: String::new(),
    };
    let label = format!("{}={}", capstan_capi::label::CLUSTER_NAME, name.cluster());
    let found = context
        .applier
        .kinds()
        .api_of(&of_kind)
        .await?
        .list(&ListParams::default().labels(&label))
        .await;
    let found = found.map_err(|e| KubernetesError::request("list", kind.plural, e))?;
    let references = [
        "/spec/template/spec/infrastructureRef/name",
        "/spec/template/spec/bootstrap/configRef/name",
    ];
    Ok(found
        .iter()
        .flat_map(|set| {
            references
                .iter()
                .filter_map(|path| Some(set.data.pointer(path)?.as_str()?.to_owned()))
        })
        .collect())
}
