//! The clouds of a management server: adding, looking, checking, removing.
//!
//! A `Cloud` added here lies with its Secret in the server's own namespace, which no tenant can read, and may be used by
//! clusters of every namespace. The user's password never gets there: what does is an application credential minted for
//! the server, as `up` mints the one of its first cloud.

mod add;
pub mod cache;
mod check;
mod error;
mod look;
mod remove;

use capstan_kubernetes::Error as KubernetesError;
use capstan_workload::resource::{Cloud, WorkloadCluster};
use capstan_workload::surroundings::{self, SYSTEM_NAMESPACE};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, Client};

pub use add::{NewCloud, add, register};
pub use check::{CheckRow, Verdict, check, judge};
pub use error::CloudsError;
pub use look::{Look, LookedAtCredential, image_versions, look, misfits, note};
pub use remove::{Removed, remove};

use crate::identity::{Identity, SERVER_KEY, UID_KEY};

/// Every `Cloud` of the server, by namespace and name.
pub async fn list(client: &Client) -> Result<Vec<Cloud>, CloudsError> {
    let found = Api::<Cloud>::all(client.clone())
        .list(&ListParams::default())
        .await;
    let mut clouds = found
        .map_err(|error| KubernetesError::request("list", "Clouds".to_owned(), error))?
        .items;
    clouds.sort_by_key(|cloud| {
        (
            cloud.metadata.namespace.clone(),
            cloud.metadata.name.clone(),
        )
    });
    Ok(clouds)
}

/// The `Cloud` that clusters of a namespace mean by this name.
pub async fn find(client: &Client, namespace: &str, name: &str) -> Result<Cloud, CloudsError> {
    match surroundings::find_cloud(client, namespace, name).await {
        Err(capstan_workload::Error::Missing(_)) => {
            let known = list(client).await?;
            let known = known
                .into_iter()
                .filter(|cloud| {
                    let home = cloud.metadata.namespace.as_deref();
                    home == Some(namespace) || home == Some(SYSTEM_NAMESPACE)
                })
                .filter_map(|cloud| cloud.metadata.name)
                .collect();
            Err(CloudsError::NoCloud {
                name: name.to_owned(),
                namespace: namespace.to_owned(),
                known,
            })
        }
        found => Ok(found?),
    }
}

/// The clusters on a `Cloud`, as `namespace/name`: a name means the `Cloud` of the cluster's namespace, or that of the
/// server.
pub async fn clusters_on(client: &Client, cloud: &Cloud) -> Result<Vec<String>, CloudsError> {
    let found = Api::<WorkloadCluster>::all(client.clone())
        .list(&ListParams::default())
        .await;
    let clusters = found
        .map_err(|error| KubernetesError::request("list", "clusters".to_owned(), error))?
        .items;
    let clouds = list(client).await?;
    let name = cloud.metadata.name.as_deref().unwrap_or_default();
    let meant = |cluster: &&WorkloadCluster| {
        if cluster.spec.cloud != name {
            return false;
        }
        let namespace = cluster.metadata.namespace.as_deref();
        let own = clouds.iter().any(|other| {
            other.metadata.namespace.as_deref() == namespace
                && other.metadata.name.as_deref() == Some(name)
        });
        let home = if own {
            namespace
        } else {
            Some(SYSTEM_NAMESPACE)
        };
        cloud.metadata.namespace.as_deref() == home
    };
    let told = |cluster: &WorkloadCluster| {
        let namespace = cluster.metadata.namespace.as_deref().unwrap_or_default();
        let name = cluster.metadata.name.as_deref().unwrap_or_default();
        format!("{namespace}/{name}")
    };
    Ok(clusters.iter().filter(meant).map(told).collect())
}

/// Which server it is, as its namespace says.
async fn owner(client: &Client) -> Result<Identity, CloudsError> {
    let api: Api<Namespace> = Api::all(client.clone());
    let found = api.get_opt(SYSTEM_NAMESPACE).await;
    let found = found.map_err(|error| {
        KubernetesError::request("read", format!("namespace {SYSTEM_NAMESPACE}"), error)
    })?;
    let labels = found
        .and_then(|namespace| namespace.metadata.labels)
        .unwrap_or_default();
    let uid = labels.get(UID_KEY).and_then(|uid| uid.parse().ok());
    match (labels.get(SERVER_KEY), uid) {
        (Some(name), Some(uid)) => Ok(Identity {
            name: name.clone(),
            uid,
        }),
        _ => Err(CloudsError::NoServer),
    }
}

/// The Secret of a `Cloud` that was added.
fn secret_name(cloud: &str) -> String {
    format!("cloud-{cloud}")
}

/// The application credential of a `Cloud` that was added: unique by the server's uid, which is in it.
fn credential_name(owner: &Identity, cloud: &str) -> String {
    owner.resource_name_for(&format!("cloud-{cloud}"))
}
