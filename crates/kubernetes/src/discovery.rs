//! Which kinds an API server serves, and whether they are namespaced.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube::core::{DynamicObject, GroupVersionKind, PartialObjectMeta};
use kube::discovery::{ApiResource, Scope, pinned_kind};
use kube::{Api, Client};

use crate::error::is_missing;
use crate::{Error, ObjectName, Result};

type Known = HashMap<GroupVersionKind, (ApiResource, bool)>;
/// Which of some versions of a kind was the first to be served, by its place.
type Chosen = HashMap<(String, String), usize>;

/// Kinds of Kubernetes itself that are asked for all the time: there is no need to ask whether they are served.
fn built_in() -> Known {
    use k8s_openapi::api::{apps::v1 as apps, core::v1 as core};
    let (namespaced, not) = (true, false);
    [
        (ApiResource::erase::<core::Namespace>(&()), not),
        (ApiResource::erase::<core::Secret>(&()), namespaced),
        (ApiResource::erase::<core::ConfigMap>(&()), namespaced),
        (ApiResource::erase::<apps::DaemonSet>(&()), namespaced),
        (ApiResource::erase::<apps::Deployment>(&()), namespaced),
    ]
    .into_iter()
    .map(|(resource, namespaced)| {
        let kind = GroupVersionKind::gvk(&resource.group, &resource.version, &resource.kind);
        (kind, (resource, namespaced))
    })
    .collect()
}

/// Resolves `apiVersion` + `kind` into an API path, asking each kind once. Cheap to clone; clones share what is known.
#[derive(Clone)]
pub struct Kinds {
    client: Client,
    known: Arc<Mutex<Known>>,
    chosen: Arc<Mutex<Chosen>>,
}

impl Kinds {
    /// Starts with some kinds known that every Kubernetes has.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            known: Arc::new(Mutex::new(built_in())),
            chosen: Arc::default(),
        }
    }

    /// The client that is asked.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The resource of a kind and whether it is namespaced. A kind that is not there is never remembered as missing.
    pub async fn resolve(&self, api_version: &str, kind: &str) -> Result<(ApiResource, bool)> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let gvk = GroupVersionKind::gvk(group, version, kind);
        if let Some(found) = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&gvk)
        {
            return Ok(found.clone());
        }
        let (resource, capabilities) =
            pinned_kind(&self.client, &gvk)
                .await
                .map_err(|error| match error {
                    kube::Error::Discovery(_) => Error::UnknownKind {
                        api_version: api_version.to_owned(),
                        kind: kind.to_owned(),
                    },
                    kube::Error::Api(status) if status.code == 404 => Error::UnknownKind {
                        api_version: api_version.to_owned(),
                        kind: kind.to_owned(),
                    },
                    other => {
                        Error::request("look up the kind", format!("{kind} ({api_version})"), other)
                    }
                })?;
        let found = (resource, capabilities.scope == Scope::Namespaced);
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(gvk, found.clone());
        Ok(found)
    }

    /// The first of these versions of a kind that is served; `None` when none is. What is found is remembered: who must learn
    /// that a server serves other versions than it did asks anew, with other [`Kinds`].
    pub async fn first_served<'a>(
        &self,
        api_versions: &'a [String],
        kind: &str,
    ) -> Result<Option<&'a str>> {
        let asked = api_versions.join(" ");
        let key = (asked, kind.to_owned());
        let known = |chosen: &Chosen| {
            let place = *chosen.get(&key)?;
            api_versions.get(place).map(String::as_str)
        };
        let chosen = || self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known(&chosen()) {
            return Ok(Some(found));
        }
        for (place, api_version) in api_versions.iter().enumerate() {
            match self.resolve(api_version, kind).await {
                Ok(_) => {
                    chosen().insert(key, place);
                    return Ok(Some(api_version));
                }
                Err(Error::UnknownKind { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The API for an object's kind in its namespace; `default` for a namespaced object that names none.
    pub async fn api_of(&self, name: &ObjectName) -> Result<Api<DynamicObject>> {
        let (resource, namespaced) = self.resolve(&name.api_version, &name.kind).await?;
        Ok(if namespaced {
            let namespace = name.namespace.as_deref().unwrap_or("default");
            Api::namespaced_with(self.client.clone(), namespace, &resource)
        } else {
            Api::all_with(self.client.clone(), &resource)
        })
    }

    /// The metadata of an object; `None` if there is none, or if its kind is not served. Definitions are large, so no more
    /// than that is asked for.
    pub async fn find(
        &self,
        name: &ObjectName,
    ) -> Result<Option<PartialObjectMeta<DynamicObject>>> {
        let api = match self.api_of(name).await {
            Ok(api) => api,
            Err(Error::UnknownKind { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        match api.get_metadata(&name.name).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(Error::request("read", name.to_string(), error)),
        }
    }

    /// The API for all objects of a kind in every namespace.
    pub async fn api_of_all(&self, api_version: &str, kind: &str) -> Result<Api<DynamicObject>> {
        let (resource, _) = self.resolve(api_version, kind).await?;
        Ok(Api::all_with(self.client.clone(), &resource))
    }
}
