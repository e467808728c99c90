//! Who wrote what by which API, as it lies stored.

use capstan_kubernetes::Error as KubernetesError;
use capstan_plan::upgrade::{Definition, RequestedApi, Written};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ListParams, ObjectMeta};
use kube::core::DynamicObject;
use kube::discovery::ApiResource;
use kube::{Api, Client, ResourceExt as _};

use crate::Error;

/// Objects per answer: only their metadata, but of all of them.
const PAGE: u32 = 500;

/// Kinds that were defined in the cluster.
pub(super) async fn definitions(client: &Client) -> Result<Vec<Definition>, Error> {
    let found: Vec<CustomResourceDefinition> =
        super::list(client, "CustomResourceDefinitions").await?;
    let definition = |one: CustomResourceDefinition| Definition {
        name: one.name_any(),
        stored: one
            .status
            .and_then(|status| status.stored_versions)
            .unwrap_or_default(),
        served: one
            .spec
            .versions
            .into_iter()
            .filter(|version| version.served)
            .map(|version| version.name)
            .collect(),
    };
    Ok(found.into_iter().map(definition).collect())
}

/// Who wrote objects of the kinds that are in use by deprecated APIs. Of APIs that are gone already nothing can be found: the
/// API server forgets by which of them an object was written with its next change.
pub(super) async fn written(client: &Client, used: &[RequestedApi]) -> Result<Vec<Written>, Error> {
    let mut kinds: Vec<ApiResource> = Vec::new();
    for api in used {
        let group = api
            .group_version
            .rsplit_once('/')
            .map_or("", |(group, _)| group);
        let known = |kind: &ApiResource| kind.group == group && kind.plural == api.resource;
        if kinds.iter().any(known) {
            continue;
        }
        // By the version that the API server prefers: that one stays.
        let found = kube::discovery::group(client, group).await;
        let found = found
            .map_err(|e| KubernetesError::request("discover", format!("the group {group:?}"), e))?;
        let offered = found.recommended_resources().into_iter();
        let mut offered = offered.map(|(kind, _)| kind).filter(known);
        kinds.extend(offered.next());
    }
    let lists = kinds.iter().map(|kind| of_kind(client, kind));
    let lists = futures::future::try_join_all(lists).await?;
    Ok(lists.into_iter().flatten().collect())
}

async fn of_kind(client: &Client, kind: &ApiResource) -> Result<Vec<Written>, Error> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), kind);
    let mut written = Vec::new();
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let found = api.list_metadata(&page).await;
        let found = found.map_err(|e| KubernetesError::request("list", kind.plural.clone(), e))?;
        for object in found.items {
            written.extend(of_object(kind, object.metadata));
        }
        match found.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(written),
        }
    }
}

fn of_object(kind: &ApiResource, mut metadata: ObjectMeta) -> Vec<Written> {
    let fields = metadata.managed_fields.take().unwrap_or_default();
    let name = metadata.name.unwrap_or_default();
    let object = match metadata.namespace {
        Some(namespace) => format!("{} {namespace}/{name}", kind.kind),
        None => format!("{} {name}", kind.kind),
    };
    let entries = fields.into_iter().filter_map(|entry| {
        Some(Written {
            resource: kind.plural.clone(),
            object: object.clone(),
            manager: entry.manager?,
            group_version: entry.api_version?,
        })
    });
    entries.collect()
}
