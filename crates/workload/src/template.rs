//! Whether a wish is within what the template offers that its cluster was made from.
//!
//! A template is looked for in the cluster's namespace, else among those the operator offers to everybody in
//! [`SYSTEM_NAMESPACE`], as clouds are.

use capstan_kubernetes::Error as KubernetesError;
use capstan_openstack::closest;
use capstan_plan::Observation;
use capstan_spec::progress::{Reason, ReasonCode};
use capstan_spec::status::WorkloadClusterStatus;
use capstan_spec::template::{self, Living, TAKEN, TEMPLATE};
use capstan_spec::{ClusterName, TemplateDefaults, WorkloadClusterSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ListParams;
use kube::{Api, Client};

use crate::gate::Verdict;
use crate::resource::{ClusterTemplate, WorkloadCluster};
use crate::surroundings::{Context, SYSTEM_NAMESPACE};
use crate::{Error, change as changes};

/// Name of the template that a cluster was made from.
pub fn of(metadata: &ObjectMeta) -> Option<&str> {
    let annotations = metadata.annotations.as_ref()?;
    annotations.get(TEMPLATE).map(String::as_str)
}

/// What a cluster took from its template when it was made; nothing where it has none, or somebody has spoilt the note.
pub fn taken(metadata: &ObjectMeta) -> TemplateDefaults {
    let note = metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(TAKEN));
    note.and_then(|note| serde_json::from_str(note).ok())
        .unwrap_or_default()
}

/// The annotations of a cluster that is made from a template.
pub fn notes(
    name: &str,
    template: &ClusterTemplate,
    spec: &WorkloadClusterSpec,
) -> [(String, String); 2] {
    let taken = template.spec.defaults.taken(spec.version);
    // A map of JSON values always has a text.
    let taken = serde_json::to_string(&taken).unwrap_or_default();
    [
        (TEMPLATE.to_owned(), name.to_owned()),
        (TAKEN.to_owned(), taken),
    ]
}

/// The template that clusters of a namespace mean by this name.
pub async fn find(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<ClusterTemplate>, Error> {
    for home in [namespace, SYSTEM_NAMESPACE] {
        let api: Api<ClusterTemplate> = Api::namespaced(client.clone(), home);
        let found = api.get_opt(name).await.map_err(|error| {
            KubernetesError::request("read", format!("ClusterTemplate {home}/{name}"), error)
        })?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The templates that clusters of a namespace can be made from, by name; its own hide the operator's.
pub async fn offered(client: &Client, namespace: &str) -> Result<Vec<ClusterTemplate>, Error> {
    let mut all: Vec<ClusterTemplate> = Vec::new();
    for home in [namespace, SYSTEM_NAMESPACE] {
        let api: Api<ClusterTemplate> = Api::namespaced(client.clone(), home);
        let found = api.list(&ListParams::default()).await;
        let found = found.map_err(|error| {
            KubernetesError::request("list", format!("ClusterTemplates of {home}"), error)
        })?;
        for template in found {
            if all
                .iter()
                .all(|known| known.metadata.name != template.metadata.name)
            {
                all.push(template);
            }
        }
    }
    all.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
    Ok(all)
}

/// The clusters made from a template, as `namespace/name`: a name means the template of the cluster's namespace, or that
/// of the server.
pub async fn clusters_of(
    client: &Client,
    template: &ClusterTemplate,
) -> Result<Vec<String>, Error> {
    let found = Api::<WorkloadCluster>::all(client.clone())
        .list(&ListParams::default())
        .await;
    let clusters = found.map_err(|error| KubernetesError::request("list", "clusters", error))?;
    let own = Api::<ClusterTemplate>::all(client.clone())
        .list(&ListParams::default())
        .await;
    let own = own.map_err(|error| KubernetesError::request("list", "ClusterTemplates", error))?;
    let name = template.metadata.name.as_deref();
    let meant = |cluster: &&WorkloadCluster| {
        let namespace = &cluster.metadata.namespace;
        let hidden = own.items.iter().any(|other| {
            other.metadata.name.as_deref() == name && other.metadata.namespace == *namespace
        });
        let home = if hidden {
            namespace.as_deref()
        } else {
            Some(SYSTEM_NAMESPACE)
        };
        of(&cluster.metadata) == name && template.metadata.namespace.as_deref() == home
    };
    let told = |cluster: &WorkloadCluster| {
        let namespace = cluster.metadata.namespace.as_deref().unwrap_or_default();
        let name = cluster.metadata.name.as_deref().unwrap_or_default();
        format!("{namespace}/{name}")
    };
    Ok(clusters.items.iter().filter(meant).map(told).collect())
}

/// What a template that is not there is told as, with the one that was probably meant.
pub fn missing(name: &str, known: &[ClusterTemplate]) -> Reason {
    let known: Vec<&str> = known
        .iter()
        .filter_map(|template| template.metadata.name.as_deref())
        .collect();
    let remedy = match (closest(name, known.iter()), known.is_empty()) {
        (Some(near), _) => format!("did you mean {near}?"),
        (None, true) => "there is none; capstan template apply makes one".to_owned(),
        (None, false) => format!("there are: {}", known.join(", ")),
    };
    Reason {
        code: ReasonCode::Other,
        message: format!("there is no template {name}"),
        remedy,
        object: Some("template".to_owned()),
        detail: None,
    }
}

/// Judges a wish by the template of its cluster; `None` when nothing stands against it. A cluster that is begun keeps what
/// it has, and needs its template no more.
pub async fn judge(
    context: &Context,
    name: &ClusterName,
    metadata: &ObjectMeta,
    spec: &WorkloadClusterSpec,
    before: &WorkloadClusterStatus,
    seen: &Observation,
) -> Result<Option<Verdict>, Error> {
    let Some(asked) = of(metadata) else {
        return Ok(None);
    };
    let (client, namespace) = (&context.client, name.namespace());
    let begun = seen.cluster.is_some();
    let Some(found) = find(client, namespace, asked).await? else {
        if begun {
            return Ok(None);
        }
        let known = offered(client, namespace).await?;
        return Ok(Some(Verdict::Unresolved(vec![missing(asked, &known)])));
    };
    let living = if begun {
        let live = changes::live(&context.applier, name, seen).await?;
        let resolved = before.resolved.as_ref();
        Some(Living {
            version: resolved.and_then(|resolved| resolved.version),
            flavors: changes::flavors(&live),
        })
    } else {
        None
    };
    let findings = template::judge(asked, &found.spec, spec, living.as_ref());
    Ok(Verdict::of_findings(findings))
}
