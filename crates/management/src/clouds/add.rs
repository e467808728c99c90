//! Adding a cloud.

use capstan_kubernetes::{Applier, Deadline};
use capstan_openstack::config::clouds_yaml;
use capstan_openstack::identity::ApplicationCredentialCreate;
use capstan_openstack::{Session, create_or_find};
use capstan_spec::cloud::{CloudDefaults, CloudSpec, CredentialMode};
use capstan_workload::resource::Cloud;
use capstan_workload::surroundings::{SYSTEM_NAMESPACE, read_secret};
use kube::core::DynamicObject;
use kube::{Api, Client};
use secrecy::SecretString;
use std::time::Duration;

use super::{CloudsError, credential_name, owner, secret_name};
use crate::identity::{Identity, check_name};
use crate::plan::least_roles;
use crate::providers::own;

/// Name of the entry in the `clouds.yaml` that lies on the server.
const ENTRY: &str = "openstack";
/// Limit for each write.
const WRITE: Duration = Duration::from_mins(1);

/// A cloud that shall be known to the server.
#[derive(Debug, Clone)]
pub struct NewCloud {
    /// Name clusters call it by.
    pub name: String,
    /// What its clusters get that do not say it themselves.
    pub defaults: CloudDefaults,
}

/// Mints an application credential for the server and makes the `Cloud` with its Secret. The same again goes on where a
/// run was interrupted: a credential without Secret is of no use to anybody, and is replaced.
///
/// # Errors
/// [`CloudsError::Restricted`] with a credential that may not mint, [`CloudsError::Taken`] when the `Cloud` is there.
pub async fn add(client: &Client, session: &Session, new: &NewCloud) -> Result<Cloud, CloudsError> {
    check_name(&new.name).map_err(|_| CloudsError::Name(new.name.clone()))?;
    let owner = owner(client).await?;
    if !session.may_mint_credentials() {
        return Err(CloudsError::Restricted(new.name.clone()));
    }
    let api: Api<Cloud> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let there = api.get_opt(&new.name).await.map_err(|error| {
        capstan_kubernetes::Error::request("read", format!("Cloud {}", new.name), error)
    })?;
    if there.is_some() {
        return Err(CloudsError::Taken(new.name.clone()));
    }
    let secret = secret_name(&new.name);
    let minted = if read_secret(client, SYSTEM_NAMESPACE, &secret)
        .await?
        .is_some()
    {
        None
    } else {
        Some(mint(session, &owner, &new.name).await?)
    };
    let ca = session.config().ca.as_ref().map(|ca| ca.pem.as_str());
    register(client, new, minted.as_ref(), ca).await
}

/// Writes the Secret, if there is a new one, and the `Cloud`.
pub async fn register(
    client: &Client,
    new: &NewCloud,
    clouds_yaml: Option<&SecretString>,
    ca: Option<&str>,
) -> Result<Cloud, CloudsError> {
    let applier = Applier::new(client.clone());
    let secret = secret_name(&new.name);
    if let Some(text) = clouds_yaml {
        let object = own::credentials(&secret, text, ca)?;
        applier.apply_one(&object, Deadline::after(WRITE)).await?;
    }
    let spec = CloudSpec {
        secret,
        cloud: ENTRY.to_owned(),
        region: None,
        credentials: CredentialMode::Mint,
        defaults: new.defaults.clone(),
    };
    let cloud = Cloud::new(SYSTEM_NAMESPACE, &new.name, spec);
    let object: DynamicObject = serde_json::from_value(serde_json::to_value(&cloud)?)?;
    applier.apply_one(&object, Deadline::after(WRITE)).await?;
    Ok(cloud)
}

/// An unrestricted credential with the least roles, as a `clouds.yaml`.
async fn mint(
    session: &Session,
    owner: &Identity,
    cloud: &str,
) -> Result<SecretString, CloudsError> {
    let identity = session.identity();
    let name = credential_name(owner, cloud);
    if let Some(left_over) = identity.application_credential_named(&name).await? {
        identity
            .delete_application_credential(&left_over.id)
            .await?;
    }
    let secret = drawn();
    let new = ApplicationCredentialCreate {
        name: name.clone(),
        description: Some(format!("Cloud {cloud} of {}", owner.resource_name())),
        secret: Some(secret.clone()),
        roles: least_roles(&session.whoami().roles),
        unrestricted: true,
        ..ApplicationCredentialCreate::default()
    };
    let find = || identity.application_credential_named(&name);
    let made = create_or_find(find, || identity.create_application_credential(&new))
        .await?
        .into_inner();
    let region = session.region();
    Ok(clouds_yaml(
        session.config(),
        ENTRY,
        &made.id,
        &secret,
        region,
        None,
    ))
}

/// 256 random bits.
fn drawn() -> SecretString {
    use rand::RngCore as _;
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes).into()
}
