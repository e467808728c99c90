//! What a cluster stands on: its `Cloud` with credentials, and what the management server says of itself.

use std::time::Duration;

use base64::Engine as _;
use capstan_capi::{Kind, OpenStackApi};
use capstan_kubernetes::{Applier, Deadline, Error as KubernetesError, Kinds, ObjectName};
use capstan_openstack::{CloudConfig, Session};
use capstan_plan::facts::Surroundings;
use capstan_spec::ClusterName;
use kube::core::DynamicObject;
use kube::{Api, Client};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

use crate::clouds::{Clouds, Fingerprint};
use crate::resource::{Cloud, ManagementServer};
use crate::{Error, provider};

/// Namespace of the management server's own objects, which no tenant can read.
pub const SYSTEM_NAMESPACE: &str = "capstan-system";
/// Name of the `ManagementServer` that describes the server it lies on.
pub const SELF: &str = "self";
/// Limit for one write.
pub(crate) const WRITE: Duration = Duration::from_mins(1);

/// Everything the steps need to reach.
#[derive(Clone)]
pub struct Context {
    /// The management server's API.
    pub client: Client,
    /// Writes to it.
    pub applier: Applier,
    /// The cloud, with the management server's own credentials.
    pub session: Session,
    /// The `Cloud`.
    pub cloud: Cloud,
    /// What the server knows of itself, and the defaults of the `Cloud`.
    pub surroundings: Surroundings,
}

impl Context {
    /// Finds the `Cloud` in the cluster's namespace, else among those the operator offers in [`SYSTEM_NAMESPACE`], and
    /// takes the session there is, or logs in.
    pub async fn connect(clouds: &Clouds, namespace: &str, cloud: &str) -> Result<Self, Error> {
        let client = &clouds.client;
        let found = find_cloud(client, namespace, cloud).await?;
        let home = found
            .metadata
            .namespace
            .clone()
            .unwrap_or_else(|| namespace.to_owned());
        let (config, fingerprint) = credentials(client, &home, &found).await?;
        let key = (home, found.metadata.name.clone().unwrap_or_default());
        let session = clouds.session(key, config, fingerprint).await?;
        let server = management_server(client).await?;
        let openstack_api = provider::openstack_api(clouds.applier.kinds()).await?;
        let surroundings = surroundings(&found, server.as_ref(), openstack_api);
        Ok(Self {
            client: client.clone(),
            applier: clouds.applier.clone(),
            session,
            cloud: found,
            surroundings,
        })
    }

    /// The kind as it is written and read on this server.
    pub(crate) fn spoken(&self, kind: Kind) -> Kind {
        self.surroundings.openstack_api.of(kind)
    }

    /// Applies one object of ours within a minute.
    pub(crate) async fn write(&self, object: &DynamicObject) -> Result<(), Error> {
        self.applier
            .apply_one(object, Deadline::after(WRITE))
            .await?;
        Ok(())
    }
}

/// What the `Cloud` and the server say, without logging in.
pub(crate) async fn read(
    kinds: &Kinds,
    namespace: &str,
    cloud: &str,
) -> Result<Surroundings, Error> {
    let client = kinds.client();
    let found = find_cloud(client, namespace, cloud).await?;
    let server = management_server(client).await?;
    let openstack_api = provider::openstack_api(kinds).await?;
    Ok(surroundings(&found, server.as_ref(), openstack_api))
}

fn surroundings(
    cloud: &Cloud,
    server: Option<&ManagementServer>,
    openstack_api: OpenStackApi,
) -> Surroundings {
    let defaults = &cloud.spec.defaults;
    Surroundings {
        openstack_api,
        management_egress: server
            .map(|s| s.spec.egress_cidrs.clone())
            .unwrap_or_default(),
        dns_nameservers: defaults
            .dns_nameservers
            .iter()
            .map(ToString::to_string)
            .collect(),
        mirror: server.and_then(|s| s.spec.mirror.clone()),
    }
}

/// The `Cloud` of this name in the namespace, else among those the operator offers in [`SYSTEM_NAMESPACE`].
pub async fn find_cloud(client: &Client, namespace: &str, name: &str) -> Result<Cloud, Error> {
    for home in [namespace, SYSTEM_NAMESPACE] {
        let api: Api<Cloud> = Api::namespaced(client.clone(), home);
        let found = api.get_opt(name).await;
        if let Some(cloud) = found
            .map_err(|e| KubernetesError::request("read", format!("Cloud {home}/{name}"), e))?
        {
            return Ok(cloud);
        }
    }
    Err(Error::Missing(format!(
        "Cloud {name:?} in {namespace} or {SYSTEM_NAMESPACE}"
    )))
}

async fn management_server(client: &Client) -> Result<Option<ManagementServer>, Error> {
    let api: Api<ManagementServer> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let found = api.get_opt(SELF).await;
    Ok(found
        .map_err(|e| KubernetesError::request("read", format!("ManagementServer {SELF}"), e))?)
}

/// How to log in to a `Cloud`, by the credentials on the management server.
pub async fn config(client: &Client, cloud: &Cloud) -> Result<CloudConfig, Error> {
    let home = cloud.metadata.namespace.as_deref().unwrap_or_default();
    Ok(credentials(client, home, cloud).await?.0)
}

pub(crate) async fn credentials(
    client: &Client,
    namespace: &str,
    cloud: &Cloud,
) -> Result<(CloudConfig, Fingerprint), Error> {
    let name = cloud.metadata.name.clone().unwrap_or_default();
    let secret = read_secret(client, namespace, &cloud.spec.secret).await?;
    let data = secret
        .ok_or_else(|| Error::Missing(format!("Secret {namespace}/{}", cloud.spec.secret)))?;
    let text = data.get("clouds.yaml").ok_or_else(|| {
        Error::Missing(format!(
            "clouds.yaml in Secret {namespace}/{}",
            cloud.spec.secret
        ))
    })?;
    let ca = data
        .get("cacert")
        .map(|ca| secrecy::ExposeSecret::expose_secret(ca).to_owned());
    let text = secrecy::ExposeSecret::expose_secret(text);
    let mut hash = Sha256::new();
    for part in [text, ca.as_deref().unwrap_or_default(), &cloud.spec.cloud] {
        // With its length, so that no two lists of parts read alike.
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.update(cloud.spec.region.as_deref().unwrap_or_default());
    let mut config = capstan_openstack::config::from_text(text, ca, Some(&cloud.spec.cloud))
        .map_err(|source| Error::Credentials {
            cloud: name,
            source: Box::new(source),
        })?;
    if cloud.spec.region.is_some() {
        config.region.clone_from(&cloud.spec.region);
    }
    Ok((config, hash.finalize().into()))
}

/// The values of a Secret, decoded; `None` if there is no such Secret.
pub async fn read_secret(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<std::collections::BTreeMap<String, SecretString>>, Error> {
    let api: Api<k8s_openapi::api::core::v1::Secret> = Api::namespaced(client.clone(), namespace);
    let found = api.get_opt(name).await;
    let found = found
        .map_err(|e| KubernetesError::request("read", format!("Secret {namespace}/{name}"), e))?;
    let Some(secret) = found else { return Ok(None) };
    let data = secret.data.unwrap_or_default().into_iter();
    Ok(Some(
        data.filter_map(|(key, value)| {
            Some((key, SecretString::from(String::from_utf8(value.0).ok()?)))
        })
        .collect(),
    ))
}

/// How a cluster is reached as its administrator, by its Secret.
///
/// # Errors
/// [`Error::Missing`] as long as Cluster API has not written it.
pub(crate) async fn kubeconfig(
    management: &Client,
    name: &ClusterName,
) -> Result<SecretString, Error> {
    let secret = read_secret(management, name.namespace(), &name.kubeconfig_secret()).await?;
    secret
        .and_then(|mut data| data.remove("value"))
        .ok_or_else(|| Error::Missing(format!("the kubeconfig of {}", name.cluster())))
}

/// A Secret of ours as an object.
pub(crate) fn secret_object(
    name: &ObjectName,
    labels: &serde_json::Value,
    data: &[(&str, &str)],
) -> Result<DynamicObject, Error> {
    let encode = |value: &str| base64::engine::general_purpose::STANDARD.encode(value);
    let data: serde_json::Map<_, _> = data
        .iter()
        .map(|(key, value)| ((*key).to_owned(), encode(value).into()))
        .collect();
    serde_json::from_value(serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": name.name, "namespace": name.namespace, "labels": labels},
        "data": data,
    }))
    .map_err(|source| Error::Shape {
        what: name.to_string(),
        source,
    })
}
