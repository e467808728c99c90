//! What we make ourselves before Cluster API makes the rest: floating IP, server groups, credential.
//!
//! Each is found by the identity in its creating request (description or exact name with the uid), so every step can be cut
//! off anywhere and run again.

use capstan_kubernetes::ObjectName;
use capstan_openstack::compute::GroupPolicy;
use capstan_openstack::identity::ApplicationCredentialCreate;
use capstan_openstack::network::FloatingIpCreate;
use capstan_openstack::{Session, config, create_or_find};
use capstan_plan::render::{CLUSTER_LABEL, MANAGED_BY, MANAGED_BY_LABEL, UID_LABEL};
use capstan_spec::status::Resolved;
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use rand::Rng as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::surroundings::{Context, read_secret, secret_object};
use crate::{Error, resolve};

/// Makes floating IP and server groups where they are missing, and pins them.
pub async fn prepare(
    session: &Session,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    resolved: &mut Resolved,
) -> Result<(), Error> {
    let address = floating_ip(session, spec, name, resolved);
    let pools = resolve::pools(spec);
    let missing: Vec<&str> = pools
        .into_iter()
        .filter(|pool| !resolved.server_groups.contains_key(*pool))
        .collect();
    let groups = futures::future::try_join_all(
        missing
            .into_iter()
            .map(|pool| server_group(session, name, pool)),
    );
    let ((id, address), groups) = futures::try_join!(address, groups)?;
    resolved.floating_ip_id = Some(id);
    resolved.floating_ip = Some(address);
    resolved.server_groups.extend(groups);
    Ok(())
}

/// The API's address: the one given, else one allocated by us. CAPO's own allocation looks for nothing first, and leaks
/// when its answer is lost.
async fn floating_ip(
    session: &Session,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    resolved: &Resolved,
) -> Result<(String, String), Error> {
    if let (Some(id), Some(address)) = (&resolved.floating_ip_id, &resolved.floating_ip) {
        return Ok((id.clone(), address.clone()));
    }
    let network = session.network();
    if let Some(given) = spec.api_access.floating_ip {
        let given = given.to_string();
        let found = network
            .floating_ips(&[("floating_ip_address", &given)])
            .await?;
        let found = found.into_iter().find(|ip| ip.floating_ip_address == given);
        let ip = found
            .ok_or_else(|| Error::Missing(format!("the floating IP {given} in the project")))?;
        return Ok((ip.id, given));
    }
    let description = name.floating_ip_description();
    let new = FloatingIpCreate {
        floating_network_id: resolved.external_network_id.clone().unwrap_or_default(),
        description: description.clone(),
        ..FloatingIpCreate::default()
    };
    let find = || async {
        let found = network
            .floating_ips(&[("description", &description)])
            .await?;
        Ok(found.into_iter().find(|ip| ip.description == description))
    };
    let ip = create_or_find(find, || network.create_floating_ip(&new))
        .await?
        .into_inner();
    Ok((ip.id, ip.floating_ip_address))
}

/// The server group of a pool: spread over hosts as long as there are enough. (Strict spreading would make a control plane
/// of three impossible to roll on a cloud of three hosts.)
async fn server_group(
    session: &Session,
    name: &ClusterName,
    pool: &str,
) -> Result<(String, String), Error> {
    let group = name.server_group(pool);
    let compute = session.compute();
    let find = || async {
        Ok(compute
            .server_groups()
            .await?
            .into_iter()
            .find(|found| found.name == group))
    };
    let create = || compute.create_server_group(&group, GroupPolicy::SoftAntiAffinity);
    let made = create_or_find(find, create).await?.into_inner();
    Ok((pool.to_owned(), made.id))
}

/// The name of the application credential of a cluster, unique by its uid.
pub fn credential_name(name: &ClusterName) -> String {
    format!("capstan-{}", name.cluster())
}

/// Mints the cluster's restricted credential and writes the Secret that CAPO reads, unless that Secret is there.
///
/// A credential of this name without Secret is left over from an attempt whose secret nobody has any more: it is deleted
/// by id before a new one is made.
pub async fn credential(context: &Context, name: &ClusterName) -> Result<(), Error> {
    let secret = name.identity_secret();
    if read_secret(&context.client, name.namespace(), &secret)
        .await?
        .is_some()
    {
        return Ok(());
    }
    let session = &context.session;
    let identity = session.identity();
    let wanted = credential_name(name);
    if let Some(left_over) = identity.application_credential_named(&wanted).await? {
        identity
            .delete_application_credential(&left_over.id)
            .await?;
    }
    let value = random_secret();
    let new = ApplicationCredentialCreate {
        name: wanted.clone(),
        description: Some(name.cloud_tag()),
        secret: Some(value.clone()),
        ..ApplicationCredentialCreate::default()
    };
    // The secret is ours, so a credential whose creating answer was lost can be used when it is found again.
    let find = || identity.application_credential_named(&wanted);
    let made = create_or_find(find, || identity.create_application_credential(&new))
        .await?
        .into_inner();
    let cloud = capstan_plan::render::IDENTITY_CLOUD;
    let region = context
        .cloud
        .spec
        .region
        .as_deref()
        .or_else(|| session.region());
    let text = config::clouds_yaml(session.config(), cloud, &made.id, &value, region, None);
    let object = ObjectName {
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        namespace: Some(name.namespace().to_owned()),
        name: secret,
    };
    let labels = serde_json::json!({
        capstan_capi::label::CLUSTER_NAME: name.cluster(),
        capstan_capi::label::MOVE: "true",
        MANAGED_BY_LABEL: MANAGED_BY,
        CLUSTER_LABEL: name.name(),
        UID_LABEL: name.uid().as_str(),
    });
    let mut data = vec![("clouds.yaml", text.expose_secret())];
    data.extend(
        session
            .config()
            .ca
            .as_ref()
            .map(|ca| ("cacert", ca.pem.as_str())),
    );
    context
        .write(&secret_object(&object, &labels, &data)?)
        .await
}

/// 256 random bits in letters that need no quoting anywhere.
fn random_secret() -> SecretString {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut random = rand::rng();
    let text: String = (0..43)
        .map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]))
        .collect();
    text.into()
}
