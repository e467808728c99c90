//! Removing a cloud that was added.

use capstan_kubernetes::Error as KubernetesError;
use capstan_openstack::{Kind, Session};
use capstan_workload::resource::Cloud;
use capstan_workload::surroundings::{self, SYSTEM_NAMESPACE, read_secret};
use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use kube::{Api, Client};

use super::{CloudsError, clusters_on, credential_name, owner, secret_name};

/// What became of the application credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is deleted.
    Credential,
    /// The cloud did not know it any more, or the server had none.
    NoCredential,
    /// The server has one that `add` did not make: it stays in the cloud.
    NotOurs,
}

/// Removes what [`add`](super::add()) made: the credential in the cloud, its Secret, the `Cloud`. In this order, so that an
/// interrupted run goes on.
///
/// # Errors
/// [`CloudsError::InUse`] while clusters are on it, [`CloudsError::NotAdded`] for any other `Cloud`.
pub async fn remove(client: &Client, cloud: &Cloud) -> Result<Removed, CloudsError> {
    let name = cloud.metadata.name.clone().unwrap_or_default();
    let home = cloud.metadata.namespace.as_deref();
    if home != Some(SYSTEM_NAMESPACE) || cloud.spec.secret != secret_name(&name) {
        return Err(CloudsError::NotAdded(name));
    }
    let clusters = clusters_on(client, cloud).await?;
    if !clusters.is_empty() {
        return Err(CloudsError::InUse { name, clusters });
    }
    let secret = read_secret(client, SYSTEM_NAMESPACE, &cloud.spec.secret).await?;
    let removed = if secret.is_some() {
        credential(client, cloud, &name).await?
    } else {
        Removed::NoCredential
    };
    let secrets: Api<Secret> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    gone(
        secrets
            .delete(&cloud.spec.secret, &DeleteParams::default())
            .await,
        "Secret",
        &name,
    )?;
    let clouds: Api<Cloud> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    gone(
        clouds.delete(&name, &DeleteParams::default()).await,
        "Cloud",
        &name,
    )?;
    Ok(removed)
}

/// The credential deletes itself: it is unrestricted, and the caller need not be its user.
async fn credential(client: &Client, cloud: &Cloud, name: &str) -> Result<Removed, CloudsError> {
    let config = surroundings::config(client, cloud).await?;
    let session = match Session::connect(config).await {
        Ok(session) => session,
        // What Keystone says of a credential that is deleted.
        Err(error) if matches!(error.kind(), Kind::Unauthorized | Kind::NotFound) => {
            return Ok(Removed::NoCredential);
        }
        Err(error) => return Err(error.into()),
    };
    let wanted = credential_name(&owner(client).await?, name);
    let held = session.whoami().application_credential.as_ref();
    match held.filter(|held| held.name == wanted) {
        Some(held) => {
            session
                .identity()
                .delete_application_credential(&held.id)
                .await?;
            Ok(Removed::Credential)
        }
        None => Ok(Removed::NotOurs),
    }
}

fn gone<T>(deleted: Result<T, kube::Error>, kind: &str, name: &str) -> Result<(), CloudsError> {
    match deleted {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(error) => {
            Err(KubernetesError::request("delete", format!("{kind} of {name}"), error).into())
        }
    }
}
