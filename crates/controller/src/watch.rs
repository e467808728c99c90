//! What wakes the reconciler: changes of the Cluster API objects of a cluster.

use capstan_capi::{Kind, OpenStackApi, kind, label};
use capstan_plan::render::CLUSTER_LABEL;
use capstan_spec::ClusterName;
use capstan_workload::resource::WorkloadCluster;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream, SelectAll};
use kube::core::{DynamicObject, ObjectMeta};
use kube::discovery::ApiResource;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};

use crate::seen::{Listener, Seen};

/// The kinds watched. `OpenStackServer` is among them because a server that failed to build shows there alone.
pub(crate) const KINDS: [Kind; 7] = [
    kind::CLUSTER,
    kind::OPENSTACK_CLUSTER,
    kind::KUBEADM_CONTROL_PLANE,
    kind::MACHINE_DEPLOYMENT,
    kind::MACHINE,
    kind::OPENSTACK_MACHINE,
    kind::OPENSTACK_SERVER,
];

/// The clusters whose objects have changed, for ever.
///
/// Each kind is watched with a back-off of its own, and its errors end here: a kind whose definition is not there yet is
/// asked for again (after at most half a minute), while the others go on. Given to the controller as they are, the errors
/// of one would slow down all. What the reconciler would not read differently wakes nobody.
pub(crate) fn changes(
    client: &Client,
    seen: &Seen,
    openstack: OpenStackApi,
) -> SelectAll<BoxStream<'static, ObjectRef<WorkloadCluster>>> {
    stream::select_all(KINDS.map(|kind| of_kind(client, seen, openstack.of(kind))))
}

fn of_kind(
    client: &Client,
    seen: &Seen,
    kind: Kind,
) -> BoxStream<'static, ObjectRef<WorkloadCluster>> {
    let resource = ApiResource {
        group: kind.group.to_owned(),
        version: kind.version.to_owned(),
        api_version: kind.api_version(),
        kind: kind.kind.to_owned(),
        plural: kind.plural.to_owned(),
    };
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let mut listener = Listener::new(seen.clone(), kind);
    watcher(api, watcher::Config::default())
        .default_backoff()
        .flat_map(move |event| {
            let woken = match event {
                Ok(event) => listener.take_in(event),
                Err(error) => {
                    tracing::debug!(kind = kind.kind, %error, "watch");
                    Vec::new()
                }
            };
            stream::iter(woken)
        })
        .boxed()
}

/// The cluster an object belongs to: told by our own label, or by the Cluster API name that everything of a cluster carries.
/// That a cluster of that name is ours is not known; one that is not there is passed over.
pub(crate) fn cluster_of(metadata: &ObjectMeta) -> Option<ObjectRef<WorkloadCluster>> {
    let namespace = metadata.namespace.as_deref()?;
    let labels = metadata.labels.as_ref()?;
    match labels.get(CLUSTER_LABEL) {
        Some(name) => Some(ObjectRef::new(name).within(namespace)),
        None => cluster_named(namespace, labels.get(label::CLUSTER_NAME)?),
    }
}

/// The cluster that a Cluster API name of ours means.
pub(crate) fn cluster_named(namespace: &str, cluster: &str) -> Option<ObjectRef<WorkloadCluster>> {
    let name = ClusterName::parse(namespace, cluster)?;
    Some(ObjectRef::new(name.name()).within(namespace))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use capstan_kubernetes::{Applier, Deadline, parse_manifest};
    use capstan_testkit::ApiServer;

    use super::*;

    fn labelled(labels: &[(&str, &str)]) -> ObjectMeta {
        let labels = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        ObjectMeta {
            namespace: Some("team-a".to_owned()),
            labels: Some(labels.collect()),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn an_object_wakes_the_cluster_it_belongs_to() {
        let demo = ObjectRef::new("demo").within("team-a");
        let ours = [(label::CLUSTER_NAME, "demo-x7k2p"), (CLUSTER_LABEL, "demo")];
        assert_eq!(cluster_of(&labelled(&ours)), Some(demo.clone()));
        // Machines carry Cluster API's label alone.
        assert_eq!(cluster_of(&labelled(&ours[..1])), Some(demo));
        let foreign = [(label::CLUSTER_NAME, "somebody-elses")];
        assert_eq!(cluster_of(&labelled(&foreign)), None);
        assert_eq!(cluster_of(&labelled(&[])), None);
    }

    const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: machines.cluster.x-k8s.io}
spec:
  group: cluster.x-k8s.io
  scope: Namespaced
  names: {plural: machines, singular: machine, kind: Machine, listKind: MachineList}
  versions:
  - name: v1beta2
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";
    const MACHINE: &str = "
apiVersion: cluster.x-k8s.io/v1beta2
kind: Machine
metadata: {name: m, namespace: default, labels: {cluster.x-k8s.io/cluster-name: demo-x7k2p}}
spec: {clusterName: demo-x7k2p}
";

    #[tokio::test]
    async fn kinds_that_are_not_there_yet_neither_end_nor_hinder_the_watch() {
        let Some(server) = ApiServer::start().await else {
            return;
        };
        let client = server.client().await.unwrap();
        let mut changes = changes(&client, &Seen::of(KINDS.len()), OpenStackApi::default());
        // Nothing is defined: every kind fails, over and over.
        let early = tokio::time::timeout(Duration::from_secs(3), changes.next()).await;
        assert!(early.is_err(), "a change of what is not there: {early:?}");

        let applier = Applier::new(client);
        let deadline = Deadline::after(Duration::from_secs(20));
        for text in [DEFINITION, MACHINE] {
            let objects = parse_manifest("test", text).unwrap();
            applier.apply(&objects, deadline, |_| ()).await.unwrap();
        }
        let woken = tokio::time::timeout(Duration::from_mins(1), changes.next())
            .await
            .unwrap();
        assert_eq!(woken, Some(ObjectRef::new("demo").within("default")));
    }
}
