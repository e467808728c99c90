//! What the watches tell of the objects of every cluster, kept as hashes: whether a cluster is as it was is asked without a
//! request, and a thousand clusters take some megabytes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use capstan_capi::{Kind, label};
use capstan_spec::ClusterName;
use capstan_workload::fingerprint::{self, Objects};
use capstan_workload::resource::WorkloadCluster;
use kube::core::DynamicObject;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::Event;
use tokio::sync::watch as channel;

use crate::watch;

/// How long a look waits for the first lists. A kind that is not served would make it wait for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// Namespace and Cluster API name of a cluster.
type Key = (String, String);

/// The objects of all clusters, as far as they are watched.
#[derive(Clone)]
pub(crate) struct Seen(Arc<Inner>);

struct Inner {
    clusters: Mutex<HashMap<Key, Objects>>,
    /// Kinds that have not been listed yet.
    missing: channel::Sender<usize>,
}

impl Seen {
    /// Nothing is seen yet; `kinds` have to be listed.
    pub(crate) fn of(kinds: usize) -> Self {
        Self(Arc::new(Inner {
            clusters: Mutex::default(),
            missing: channel::Sender::new(kinds),
        }))
    }

    /// The objects of a cluster; `None` while not every kind has been listed. Waits for that, within limits.
    pub(crate) async fn objects(&self, name: &ClusterName) -> Option<Objects> {
        let mut missing = self.0.missing.subscribe();
        let listed = missing.wait_for(|missing| *missing == 0);
        tokio::time::timeout(PATIENCE, listed).await.ok()?.ok()?;
        let clusters = self
            .0
            .clusters
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let key = (name.namespace().to_owned(), name.cluster());
        Some(clusters.get(&key).cloned().unwrap_or_default())
    }

    fn change(&self, key: &Key, change: impl FnOnce(&mut Objects) -> bool) -> bool {
        let mut clusters = self
            .0
            .clusters
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let objects = clusters.entry(key.clone()).or_default();
        let changed = change(objects);
        if objects.is_empty() {
            clusters.remove(key);
        }
        changed
    }
}

/// Takes in what the watch of one kind tells.
pub(crate) struct Listener {
    seen: Seen,
    kind: Kind,
    /// What is known of this kind: by name, so that what a new list lacks is known to be gone.
    known: HashSet<(Key, String)>,
    /// The same of a list under way.
    listed: HashSet<(Key, String)>,
    listed_once: bool,
}

impl Listener {
    pub(crate) fn new(seen: Seen, kind: Kind) -> Self {
        Self {
            seen,
            kind,
            known: HashSet::new(),
            listed: HashSet::new(),
            listed_once: false,
        }
    }

    /// The clusters for which something has changed.
    pub(crate) fn take_in(
        &mut self,
        event: Event<DynamicObject>,
    ) -> Vec<ObjectRef<WorkloadCluster>> {
        match event {
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                self.listed.extend(identity(&object));
                self.enter(&object)
            }
            Event::Apply(object) => self.enter(&object),
            Event::Delete(object) => self.forget(&object),
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let gone: Vec<_> = self.known.difference(&listed).cloned().collect();
                let mut woken = Vec::new();
                for (key, name) in gone {
                    self.seen
                        .change(&key, |objects| objects.take(self.kind, &name));
                    woken.extend(watch::cluster_named(&key.0, &key.1));
                }
                self.known = listed;
                if !std::mem::replace(&mut self.listed_once, true) {
                    self.seen.0.missing.send_modify(|missing| *missing -= 1);
                }
                woken
            }
        }
    }

    fn enter(&mut self, object: &DynamicObject) -> Vec<ObjectRef<WorkloadCluster>> {
        let woken = || watch::cluster_of(&object.metadata).into_iter().collect();
        let (Some((key, name)), Some(hash)) =
            (identity(object), fingerprint::of_object(self.kind, object))
        else {
            // Nobody's, or of a shape we do not know: let somebody look.
            return woken();
        };
        let kind = self.kind;
        let changed = self
            .seen
            .change(&key, |objects| objects.enter(kind, &name, hash));
        self.known.insert((key, name));
        if changed { woken() } else { Vec::new() }
    }

    fn forget(&mut self, object: &DynamicObject) -> Vec<ObjectRef<WorkloadCluster>> {
        if let Some((key, name)) = identity(object) {
            self.seen
                .change(&key, |objects| objects.take(self.kind, &name));
            self.known.remove(&(key, name));
        }
        watch::cluster_of(&object.metadata).into_iter().collect()
    }
}

/// The cluster an object belongs to, and its own name.
fn identity(object: &DynamicObject) -> Option<(Key, String)> {
    let metadata = &object.metadata;
    let cluster = metadata.labels.as_ref()?.get(label::CLUSTER_NAME)?;
    let key = (metadata.namespace.clone()?, cluster.clone());
    Some((key, metadata.name.clone()?))
}

#[cfg(test)]
mod tests {
    use capstan_capi::kind;
    use futures::FutureExt as _;
    use serde_json::json;

    use super::*;

    fn machine(name: &str, phase: &str) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": kind::MACHINE.api_version(), "kind": "Machine",
            "metadata": {"name": name, "namespace": "team", "labels": {label::CLUSTER_NAME: "demo-x7k2p"}},
            "status": {"phase": phase},
        }))
        .unwrap()
    }

    fn name() -> ClusterName {
        ClusterName::new("team", "demo", "x7k2p".parse().unwrap())
    }

    #[tokio::test]
    async fn only_what_has_changed_wakes_and_what_a_new_list_lacks_is_gone() {
        let seen = Seen::of(1);
        let mut listener = Listener::new(seen.clone(), kind::MACHINE);
        let mut told = |event| listener.take_in(event).len();
        assert_eq!(told(Event::Init), 0);
        assert_eq!(told(Event::InitApply(machine("a", "Running"))), 1);
        assert_eq!(told(Event::InitApply(machine("b", "Running"))), 1);
        told(Event::InitDone);
        let both = seen.objects(&name()).await.unwrap();

        assert_eq!(
            told(Event::Apply(machine("a", "Running"))),
            0,
            "nothing new"
        );
        assert_eq!(told(Event::Apply(machine("a", "Failed"))), 1);
        assert_ne!(seen.objects(&name()).await.unwrap(), both);
        assert_eq!(told(Event::Apply(machine("a", "Running"))), 1);
        assert_eq!(seen.objects(&name()).await.unwrap(), both);

        told(Event::Init);
        assert_eq!(told(Event::InitApply(machine("a", "Running"))), 0);
        assert_eq!(told(Event::InitDone), 1, "the other is gone");
        let one = seen.objects(&name()).await.unwrap();
        assert!(one != both && !one.is_empty());
        assert_eq!(told(Event::Delete(machine("a", "Running"))), 1);
        assert!(seen.objects(&name()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn nothing_is_said_before_every_kind_was_listed() {
        let seen = Seen::of(2);
        let mut listener = Listener::new(seen.clone(), kind::MACHINE);
        listener.take_in(Event::InitDone);
        assert_eq!(seen.objects(&name()).now_or_never(), None, "too early");
        Listener::new(seen.clone(), kind::CLUSTER).take_in(Event::InitDone);
        assert_eq!(seen.objects(&name()).await, Some(Objects::default()));
    }
}
