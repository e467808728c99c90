//! Everything that is seen of a cluster on the management server.

use std::collections::BTreeMap;

use capstan_capi::{Kind, kind, label, view};
use capstan_kubernetes::{Error as KubernetesError, Kinds, ObjectName};
use capstan_plan::Observation;
use capstan_spec::ClusterName;
use jiff::Timestamp;
use kube::api::ListParams;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::surroundings::Context;

/// Reads all objects of a cluster. Blockers, addons and faults are added by the caller.
pub async fn observe(context: &Context, name: &ClusterName) -> Result<Observation, Error> {
    // Boxed: eight requests side by side make a large future.
    Box::pin(look(context, name)).await
}

async fn look(context: &Context, name: &ClusterName) -> Result<Observation, Error> {
    let cluster_name = name.cluster();
    let control_plane_name = name.control_plane();
    let (
        cluster,
        infrastructure,
        control_plane,
        pools,
        machine_sets,
        machines,
        openstack_machines,
        openstack_servers,
    ) = futures::try_join!(
        read::<view::Cluster>(context, name, kind::CLUSTER, &cluster_name),
        read::<view::OpenStackCluster>(
            context,
            name,
            context.spoken(kind::OPENSTACK_CLUSTER),
            &cluster_name
        ),
        read::<view::ControlPlane>(
            context,
            name,
            kind::KUBEADM_CONTROL_PLANE,
            &control_plane_name
        ),
        list::<view::MachineDeployment>(context.applier.kinds(), name, kind::MACHINE_DEPLOYMENT),
        list::<view::MachineSet>(context.applier.kinds(), name, kind::MACHINE_SET),
        list::<view::Machine>(context.applier.kinds(), name, kind::MACHINE),
        list::<view::OpenStackMachine>(
            context.applier.kinds(),
            name,
            context.spoken(kind::OPENSTACK_MACHINE)
        ),
        list::<view::OpenStackServer>(context.applier.kinds(), name, kind::OPENSTACK_SERVER),
    )?;
    let mut seen = Observation {
        now: Timestamp::now(),
        cluster,
        infrastructure,
        control_plane,
        pools,
        machine_sets,
        machines,
        openstack_machines,
        openstack_servers,
        ..Observation::default()
    };
    faults(context, &mut seen).await?;
    Ok(seen)
}

/// Asks Nova why servers failed; CAPO keeps the state and drops the fault.
async fn faults(context: &Context, seen: &mut Observation) -> Result<(), Error> {
    for (machine, id) in failed_servers(seen) {
        match context.session.compute().server(&id).await {
            Ok(server) => {
                if let Some(fault) = server.fault {
                    seen.faults.insert(machine, fault.message);
                }
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Servers in `ERROR`, by the machine's name. The `OpenStackServer` is asked first: until it was ready once CAPO does not
/// copy its state to the `OpenStackMachine`, so a failed build shows there alone.
fn failed_servers(seen: &Observation) -> BTreeMap<String, String> {
    let servers = seen.openstack_servers.iter().map(|server| {
        let status = &server.status;
        (
            &server.metadata.name,
            &status.instance_state,
            &status.instance_id,
        )
    });
    let machines = seen.openstack_machines.iter().map(|machine| {
        let status = &machine.status;
        (
            &machine.metadata.name,
            &status.instance_state,
            &status.instance_id,
        )
    });
    machines
        .chain(servers)
        .filter(|(_, state, _)| state.as_deref() == Some("ERROR"))
        .filter_map(|(name, _, id)| {
            let id = id.as_ref().filter(|id| !id.is_empty())?;
            Some((name.clone(), id.clone()))
        })
        .collect()
}

fn object_name(name: &ClusterName, kind: Kind, object: &str) -> ObjectName {
    ObjectName {
        api_version: kind.api_version(),
        kind: kind.kind.to_owned(),
        namespace: Some(name.namespace().to_owned()),
        name: object.to_owned(),
    }
}

async fn read<T: DeserializeOwned>(
    context: &Context,
    name: &ClusterName,
    kind: Kind,
    object: &str,
) -> Result<Option<T>, Error> {
    let object = object_name(name, kind, object);
    let api = context.applier.kinds().api_of(&object).await?;
    let found = api.get_opt(&object.name).await;
    let found = found.map_err(|e| KubernetesError::request("read", object.to_string(), e))?;
    found.map(|found| shaped(&object, &found)).transpose()
}

/// The objects of a kind that belong to a cluster.
pub(crate) async fn list<T: DeserializeOwned>(
    kinds: &Kinds,
    name: &ClusterName,
    kind: Kind,
) -> Result<Vec<T>, Error> {
    let of_kind = object_name(name, kind, "");
    let api = kinds.api_of(&of_kind).await?;
    let selector = format!("{}={}", label::CLUSTER_NAME, name.cluster());
    let found = api.list(&ListParams::default().labels(&selector)).await;
    let found = found.map_err(|e| KubernetesError::request("list", kind.plural, e))?;
    found
        .items
        .iter()
        .map(|object| shaped(&of_kind, object))
        .collect()
}

fn shaped<T: DeserializeOwned>(
    name: &ObjectName,
    object: &kube::core::DynamicObject,
) -> Result<T, Error> {
    serde_json::to_value(object)
        .and_then(serde_json::from_value)
        .map_err(|source| Error::Shape {
            what: name.to_string(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_failed_is_seen_though_only_the_openstack_server_tells() {
        let mut seen = Observation::default();
        for (name, state, id) in [
            ("w1", "ERROR", Some("id-1")),
            ("w2", "ACTIVE", Some("id-2")),
            // Nova refused to make one: there is nobody to ask.
            ("w3", "ERROR", None),
        ] {
            let mut server = view::OpenStackServer::default();
            server.metadata.name = name.to_owned();
            server.status.instance_state = Some(state.to_owned());
            server.status.instance_id = id.map(str::to_owned);
            seen.openstack_servers.push(server);
            let mut machine = view::OpenStackMachine::default();
            machine.metadata.name = name.to_owned();
            seen.openstack_machines.push(machine);
        }
        let expected = BTreeMap::from([("w1".to_owned(), "id-1".to_owned())]);
        assert_eq!(failed_servers(&seen), expected);
    }
}
