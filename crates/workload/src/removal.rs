//! Taking a cluster away, with proof.
//!
//! Cluster API deletes what it made. What it leaves (and what we made) is then removed by id, in an order that works;
//! the credential goes last, because CAPO needs it until the end. At last everything is looked for once more.

use capstan_capi::kind;
use capstan_kubernetes::{Error as KubernetesError, ObjectName};
use capstan_openstack::Session;
use capstan_spec::ClusterName;
use capstan_spec::record::{LedgerEntry, Owner};
use kube::api::{DeleteParams, ListParams, Preconditions};

use crate::ledger::{
    CREDENTIAL, FLOATING_IP, Found, LOAD_BALANCER, NETWORK, ORDER, PORT, ROUTER, SECURITY_GROUP,
    SERVER, SERVER_GROUP, SUBNET, VOLUME,
};
use crate::surroundings::Context;
use crate::{Error, registries};

/// Asks Cluster API to delete the cluster. `true` once the `Cluster` and everything it owns is gone.
pub async fn delete_cluster(context: &Context, name: &ClusterName) -> Result<bool, Error> {
    for kind in [
        kind::CLUSTER,
        context.spoken(kind::OPENSTACK_CLUSTER),
        kind::KUBEADM_CONTROL_PLANE,
    ] {
        let object_name = if kind == kind::KUBEADM_CONTROL_PLANE {
            name.control_plane()
        } else {
            name.cluster()
        };
        let object = ObjectName {
            api_version: kind.api_version(),
            kind: kind.kind.to_owned(),
            namespace: Some(name.namespace().to_owned()),
            name: object_name,
        };
        let api = context.applier.kinds().api_of(&object).await?;
        let found = api.get_opt(&object.name).await;
        let Some(found) =
            found.map_err(|e| KubernetesError::request("read", object.to_string(), e))?
        else {
            continue;
        };
        // Objects that the `Cluster` owns go with it; only where an interrupted creation never made one are they ours to
        // delete.
        let owned = !found
            .metadata
            .owner_references
            .unwrap_or_default()
            .is_empty();
        if found.metadata.deletion_timestamp.is_none() && !owned {
            let preconditions = Preconditions {
                uid: found.metadata.uid,
                resource_version: None,
            };
            match api
                .delete(
                    &object.name,
                    &DeleteParams::background().preconditions(preconditions),
                )
                .await
            {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.is_not_found() => continue,
                Err(error) => {
                    return Err(
                        KubernetesError::request("delete", object.to_string(), error).into(),
                    );
                }
            }
        }
        return Ok(false);
    }
    Ok(true)
}

/// Removes everything that was found, by id, except the credential. Some resources cannot go before others are really gone;
/// those are refused now and tried again the next time.
pub async fn sweep(session: &Session, found: &Found) -> Result<(), Error> {
    let mut first_refusal = None;
    for kind in ORDER.into_iter().filter(|kind| *kind != CREDENTIAL) {
        for entry in found
            .entries()
            .iter()
            .filter(|entry| entry.kind == kind && entry.owner != Owner::Given)
        {
            match remove(session, entry).await {
                Ok(()) => {}
                Err(Error::Cloud(error)) if error.kind() == capstan_openstack::Kind::Conflict => {
                    first_refusal.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
    }
    if let Some(refusal) = first_refusal {
        tracing::info!(error = %refusal, "something is still in use; it is tried again");
    }
    Ok(())
}

/// Deletes the cluster's credential in the cloud.
pub async fn remove_credential(session: &Session, found: &Found) -> Result<(), Error> {
    for entry in found
        .entries()
        .iter()
        .filter(|entry| entry.kind == CREDENTIAL)
    {
        remove(session, entry).await?;
    }
    Ok(())
}

async fn remove(session: &Session, entry: &LedgerEntry) -> Result<(), Error> {
    let id = entry.id.as_str();
    let (network, compute) = (session.network(), session.compute());
    tracing::info!(
        kind = entry.kind,
        id,
        name = entry.name,
        "removing what Cluster API left"
    );
    match entry.kind.as_str() {
        SERVER => compute.delete_server(id).await,
        LOAD_BALANCER => session.load_balancer().delete_load_balancer(id).await,
        FLOATING_IP => network.delete_floating_ip(id).await,
        PORT => network.delete_port(id).await,
        ROUTER => {
            for port in network.router_interfaces(id).await? {
                for address in &port.fixed_ips {
                    network
                        .remove_router_interface(id, &address.subnet_id)
                        .await?;
                }
            }
            network.delete_router(id).await
        }
        SUBNET => network.delete_subnet(id).await,
        NETWORK => network.delete_network(id).await,
        VOLUME => session.volume().delete_volume(id).await,
        SECURITY_GROUP => network.delete_security_group(id).await,
        SERVER_GROUP => compute.delete_server_group(id).await,
        CREDENTIAL => session.identity().delete_application_credential(id).await,
        other => {
            tracing::warn!(kind = other, id, "nobody knows how to remove this kind");
            return Ok(());
        }
    }?;
    Ok(())
}

/// Deletes what is left of ours on the management server: Secrets and templates that nothing owns.
/// `registry_secret` is the last that was made for its nodes.
pub async fn delete_objects(
    context: &Context,
    name: &ClusterName,
    registry_secret: Option<&str>,
) -> Result<(), Error> {
    let secret = |secret: String| ObjectName {
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        namespace: Some(name.namespace().to_owned()),
        name: secret,
    };
    let mut objects = vec![
        secret(name.identity_secret()),
        secret(name.encryption_secret()),
    ];
    objects.extend(registries::revisions(name, registry_secret).map(secret));
    let label = format!("{}={}", capstan_plan::render::UID_LABEL, name.uid());
    for kind in [
        context.spoken(kind::OPENSTACK_MACHINE_TEMPLATE),
        kind::KUBEADM_CONFIG_TEMPLATE,
        kind::MACHINE_HEALTH_CHECK,
    ] {
        let mut object = ObjectName {
            api_version: kind.api_version(),
            kind: kind.kind.to_owned(),
            namespace: Some(name.namespace().to_owned()),
            name: String::new(),
        };
        let found = context
            .applier
            .kinds()
            .api_of(&object)
            .await?
            .list(&ListParams::default().labels(&label))
            .await;
        for one in found.map_err(|e| KubernetesError::request("list", kind.plural, e))? {
            object.name = one.metadata.name.unwrap_or_default();
            objects.push(object.clone());
        }
    }
    for object in objects {
        let api = context.applier.kinds().api_of(&object).await?;
        match api.delete(&object.name, &DeleteParams::background()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(error) => {
                return Err(KubernetesError::request("delete", object.to_string(), error).into());
            }
        }
    }
    Ok(())
}
