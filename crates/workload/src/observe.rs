//! Everything that is seen of a cluster on the management server.

use capstan_capi::{Kind, kind, label, view};
use capstan_kubernetes::{Error as KubernetesError, ObjectName};
use capstan_plan::Observation;
use capstan_spec::ClusterName;
use jiff::Timestamp;
use kube::api::ListParams;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::surroundings::Context;

/// Reads all objects of a cluster. Blockers, addons and faults are added by the caller.
pub async fn observe(context: &Context, name: &ClusterName) -> Result<Observation, Error> {
    let cluster_name = name.cluster();
    let control_plane_name = name.control_plane();
    let (
        cluster,
        infrastructure,
        control_plane,
        pools,
        machines,
        openstack_machines,
        openstack_servers,
    ) = futures::try_join!(
        read::<view::Cluster>(context, name, kind::CLUSTER, &cluster_name),
        read::<view::OpenStackCluster>(context, name, kind::OPENSTACK_CLUSTER, &cluster_name),
        read::<view::ControlPlane>(
            context,
            name,
            kind::KUBEADM_CONTROL_PLANE,
            &control_plane_name
        ),
        list::<view::MachineDeployment>(context, name, kind::MACHINE_DEPLOYMENT),
        list::<view::Machine>(context, name, kind::MACHINE),
        list::<view::OpenStackMachine>(context, name, kind::OPENSTACK_MACHINE),
        list::<view::OpenStackServer>(context, name, kind::OPENSTACK_SERVER),
    )?;
    let mut seen = Observation {
        now: Timestamp::now(),
        cluster,
        infrastructure,
        control_plane,
        pools,
        machines,
        openstack_machines,
        openstack_servers,
        ..Observation::default()
    };
    faults(context, &mut seen).await?;
    Ok(seen)
}

/// Asks Nova why a server failed; CAPO keeps the state and drops the fault.
async fn faults(context: &Context, seen: &mut Observation) -> Result<(), Error> {
    for machine in &seen.openstack_machines {
        let failed = machine.status.instance_state.as_deref() == Some("ERROR");
        let Some(id) = machine.status.instance_id.as_ref().filter(|_| failed) else {
            continue;
        };
        match context.session.compute().server(id).await {
            Ok(server) => {
                if let Some(fault) = server.fault {
                    seen.faults
                        .insert(machine.metadata.name.clone(), fault.message);
                }
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
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

async fn list<T: DeserializeOwned>(
    context: &Context,
    name: &ClusterName,
    kind: Kind,
) -> Result<Vec<T>, Error> {
    let of_kind = object_name(name, kind, "");
    let api = context.applier.kinds().api_of(&of_kind).await?;
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
