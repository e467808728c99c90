//! Whether anything of a cluster has changed, told without keeping it. Pure.
//!
//! Of each object only what the views of `capstan-capi` read counts: everything the reconciler decides by, and the
//! generation of its spec.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use capstan_capi::{Kind, kind, view};
use capstan_plan::Observation;
use kube::core::DynamicObject;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// Hash over what we read of one object.
pub type ObjectHash = [u8; 16];

/// The objects a cluster consists of, each as its hash: a hundred bytes in place of some thousands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Objects(BTreeMap<(&'static str, String), ObjectHash>);

impl Objects {
    /// The objects of an observation.
    pub fn of(seen: &Observation) -> Self {
        let mut objects = Self::default();
        objects.add(kind::CLUSTER, seen.cluster.iter(), |o| &o.metadata);
        objects.add(kind::OPENSTACK_CLUSTER, seen.infrastructure.iter(), |o| {
            &o.metadata
        });
        objects.add(
            kind::KUBEADM_CONTROL_PLANE,
            seen.control_plane.iter(),
            |o| &o.metadata,
        );
        objects.add(kind::MACHINE_DEPLOYMENT, seen.pools.iter(), |o| &o.metadata);
        objects.add(kind::MACHINE, seen.machines.iter(), |o| &o.metadata);
        let machines = seen.openstack_machines.iter();
        objects.add(kind::OPENSTACK_MACHINE, machines, |o| &o.metadata);
        let servers = seen.openstack_servers.iter();
        objects.add(kind::OPENSTACK_SERVER, servers, |o| &o.metadata);
        objects
    }

    fn add<'a, V: Serialize + 'a>(
        &mut self,
        kind: Kind,
        views: impl Iterator<Item = &'a V>,
        metadata: impl Fn(&V) -> &view::Metadata,
    ) {
        for one in views {
            let name = metadata(one).name.clone();
            self.0.insert((kind.kind, name), hash(one));
        }
    }

    /// Enters an object. Says whether that changes anything.
    pub fn enter(&mut self, kind: Kind, name: &str, hash: ObjectHash) -> bool {
        self.0.insert((kind.kind, name.to_owned()), hash) != Some(hash)
    }

    /// Takes an object out. Says whether it was there.
    pub fn take(&mut self, kind: Kind, name: &str) -> bool {
        self.0.remove(&(kind.kind, name.to_owned())).is_some()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One hash over all of it and over `rest`, whatever else the caller decides by.
    pub fn digest<'a>(&self, rest: impl IntoIterator<Item = &'a str>) -> String {
        let mut digest = Sha256::new();
        let mut part = |bytes: &[u8]| {
            // With its length, so that no two lists of parts read alike.
            digest.update(bytes.len().to_le_bytes());
            digest.update(bytes);
        };
        for ((kind, name), hash) in &self.0 {
            part(kind.as_bytes());
            part(name.as_bytes());
            part(hash);
        }
        for one in rest {
            part(one.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(&digest.finalize()[..16])
    }
}

/// Hash over what we read of an object; `None` for a kind we read nothing of, or a shape that is not the kind's.
pub fn of_object(kind: Kind, object: &DynamicObject) -> Option<ObjectHash> {
    match kind {
        kind if kind == kind::CLUSTER => viewed::<view::Cluster>(object),
        kind if kind == kind::OPENSTACK_CLUSTER => viewed::<view::OpenStackCluster>(object),
        kind if kind == kind::KUBEADM_CONTROL_PLANE => viewed::<view::ControlPlane>(object),
        kind if kind == kind::MACHINE_DEPLOYMENT => viewed::<view::MachineDeployment>(object),
        kind if kind == kind::MACHINE => viewed::<view::Machine>(object),
        kind if kind == kind::OPENSTACK_MACHINE => viewed::<view::OpenStackMachine>(object),
        kind if kind == kind::OPENSTACK_SERVER => viewed::<view::OpenStackServer>(object),
        _ => None,
    }
}

fn viewed<V: Serialize + DeserializeOwned>(object: &DynamicObject) -> Option<ObjectHash> {
    let value = serde_json::to_value(object).ok()?;
    let view: V = serde_json::from_value(value).ok()?;
    Some(hash(&view))
}

fn hash(view: &impl Serialize) -> ObjectHash {
    // Views have no maps but sorted ones with words for keys, so this does not fail, and equal views read alike.
    let text = serde_json::to_vec(view).unwrap_or_default();
    let mut hash = ObjectHash::default();
    hash.copy_from_slice(&Sha256::digest(text)[..16]);
    hash
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn machine(status: &Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": kind::MACHINE.api_version(), "kind": "Machine",
            "metadata": {
                "name": "m", "namespace": "team", "uid": "u", "generation": 2, "resourceVersion": "7",
                "creationTimestamp": "2026-11-28T00:00:00Z", "labels": {"a": "b"},
                "managedFields": [{"manager": "x"}],
            },
            "spec": {"clusterName": "demo-x7k2p", "version": "v1.36.3"}, "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn an_object_of_the_watch_and_the_same_one_observed_are_alike() {
        let object = machine(&json!({"phase": "Running", "nodeRef": {"name": "n"}}));
        let view: view::Machine =
            serde_json::from_value(serde_json::to_value(&object).unwrap()).unwrap();
        let observed = Objects::of(&Observation {
            machines: vec![view],
            ..Observation::default()
        });
        let mut watched = Objects::default();
        let hash = of_object(kind::MACHINE, &object).unwrap();
        assert!(watched.enter(kind::MACHINE, "m", hash));
        assert!(!watched.enter(kind::MACHINE, "m", hash), "nothing is new");
        assert_eq!(watched, observed);
        assert_eq!(watched.digest(["x"]), observed.digest(["x"]));
        assert_ne!(watched.digest(["x"]), observed.digest(["x", ""]));
        assert!(watched.take(kind::MACHINE, "m") && watched.is_empty());
        assert_ne!(watched.digest(["x"]), observed.digest(["x"]));
    }

    #[test]
    fn what_we_read_counts_and_nothing_else() {
        let hash = |object: &DynamicObject| of_object(kind::MACHINE, object).unwrap();
        let before = machine(&json!({"phase": "Running"}));
        let mut touched = before.clone();
        touched.metadata.resource_version = Some("8".to_owned());
        touched.metadata.managed_fields = None;
        touched.data["status"]["lastUpdated"] = json!("2026-11-28T01:00:00Z");
        assert_eq!(hash(&before), hash(&touched));
        let mut respecified = before.clone();
        respecified.metadata.generation = Some(3);
        let mut labelled = before.clone();
        labelled.metadata.labels = None;
        for changed in [respecified, labelled, machine(&json!({"phase": "Failed"}))] {
            assert_ne!(hash(&before), hash(&changed), "{changed:?}");
        }
        assert_eq!(of_object(kind::MACHINE_SET, &before), None);
    }
}
