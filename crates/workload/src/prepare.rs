//! What we make ourselves before Cluster API makes the rest: floating IPs, server groups, credential.
//!
//! Each is found by the identity in its creating request (description or exact name with the uid), so every step can be cut
//! off anywhere and run again.

use capstan_openstack::compute::GroupPolicy;
use capstan_openstack::identity::ApplicationCredentialCreate;
use capstan_openstack::network::FloatingIpCreate;
use capstan_openstack::{Session, config, create_or_find};
use capstan_spec::status::Resolved;
use capstan_spec::{ClusterName, ServerGroupPolicy, WorkloadClusterSpec};
use rand::Rng as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::secret::{labels, object_name};
use crate::surroundings::{Context, read_secret, secret_object};
use crate::{Error, bastion};

/// Makes floating IP, server groups and what the bastion needs where they are missing, and pins them.
pub async fn prepare(
    session: &Session,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    resolved: &mut Resolved,
) -> Result<(), Error> {
    let address = floating_ip(session, spec, name, resolved);
    let missing: Vec<(&str, ServerGroupPolicy)> = spec
        .pools()
        .map(|pool| (pool.pool, pool.server_group))
        .filter(|(pool, policy)| lacks_group(resolved, pool, *policy))
        .collect();
    let groups = missing.iter().map(async |(pool, policy)| {
        let id = server_group(session, name, pool, *policy).await?;
        Ok::<_, Error>(((*pool).to_owned(), *policy, id))
    });
    let groups = futures::future::try_join_all(groups);
    let mut made = resolved.bastion.clone().unwrap_or_default();
    let external = resolved.external_network_id.as_ref();
    let of_bastion = async {
        match &spec.bastion {
            Some(wanted) => bastion::make(session, wanted, name, external, &mut made).await,
            None => Ok(()),
        }
    };
    let (address, groups, of_bastion) = futures::join!(address, groups, of_bastion);
    if spec.bastion.is_some() {
        // As far as it got.
        resolved.bastion = Some(made);
    }
    let (address, groups) = (address?, groups?);
    if let Some((id, address)) = address {
        resolved.floating_ip_id = Some(id);
        resolved.floating_ip = Some(address);
    }
    for (pool, policy, id) in groups {
        resolved.server_groups.insert(pool.clone(), id);
        if policy == ServerGroupPolicy::default() {
            resolved.server_group_policies.remove(&pool);
        } else {
            resolved.server_group_policies.insert(pool, policy);
        }
    }
    of_bastion
}

/// Whether the pool has no group of that policy yet. One of another policy stays for the servers that are in it, until the
/// cluster goes.
pub(crate) fn lacks_group(resolved: &Resolved, pool: &str, wanted: ServerGroupPolicy) -> bool {
    let made = resolved.server_group_policies.get(pool).copied();
    let there = resolved.server_groups.contains_key(pool);
    wanted != ServerGroupPolicy::None && !(there && made.unwrap_or_default() == wanted)
}

/// The API's address: none, the one given, else one allocated by us. CAPO's own allocation looks for nothing first, and
/// leaks when its answer is lost.
async fn floating_ip(
    session: &Session,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    resolved: &Resolved,
) -> Result<Option<(String, String)>, Error> {
    if spec.api_access.private {
        return Ok(None);
    }
    if let (Some(id), Some(address)) = (&resolved.floating_ip_id, &resolved.floating_ip) {
        return Ok(Some((id.clone(), address.clone())));
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
        return Ok(Some((ip.id, given)));
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
    Ok(Some((ip.id, ip.floating_ip_address)))
}

/// The server group of a pool. (By default it spreads over hosts as long as there are enough: strict spreading would make
/// a control plane of three impossible to roll on a cloud of three hosts.)
async fn server_group(
    session: &Session,
    name: &ClusterName,
    pool: &str,
    policy: ServerGroupPolicy,
) -> Result<String, Error> {
    let group = name.server_group(pool, policy);
    let of_nova = match policy {
        ServerGroupPolicy::AntiAffinity => GroupPolicy::AntiAffinity,
        ServerGroupPolicy::SoftAntiAffinity | ServerGroupPolicy::None => {
            GroupPolicy::SoftAntiAffinity
        }
    };
    let compute = session.compute();
    let find = || async {
        Ok(compute
            .server_groups()
            .await?
            .into_iter()
            .find(|found| found.name == group))
    };
    let create = || compute.create_server_group(&group, of_nova);
    Ok(create_or_find(find, create).await?.into_inner().id)
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
    let object = object_name(name, secret);
    let mut data = vec![("clouds.yaml", text.expose_secret())];
    data.extend(
        session
            .config()
            .ca
            .as_ref()
            .map(|ca| ("cacert", ca.pem.as_str())),
    );
    context
        .write(&secret_object(&object, &labels(name), &data)?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_made_where_none_has_the_wanted_policy() {
        use ServerGroupPolicy::{AntiAffinity, None, SoftAntiAffinity};
        let mut resolved = Resolved::default();
        assert!(lacks_group(&resolved, "workers", SoftAntiAffinity));
        assert!(!lacks_group(&resolved, "workers", None));
        // As groups were pinned before they had policies.
        resolved.server_groups.insert("workers".into(), "id".into());
        assert!(!lacks_group(&resolved, "workers", SoftAntiAffinity));
        assert!(lacks_group(&resolved, "workers", AntiAffinity));
        resolved
            .server_group_policies
            .insert("workers".into(), AntiAffinity);
        assert!(!lacks_group(&resolved, "workers", AntiAffinity));
        assert!(lacks_group(&resolved, "workers", SoftAntiAffinity));
        assert!(!lacks_group(&resolved, "workers", None));
    }
}
