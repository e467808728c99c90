//! What was applied for one purpose, so that what is no longer wanted can be removed, and nothing else.

mod ownership;
mod removal;

use std::collections::{BTreeMap, BTreeSet};

use kube::core::DynamicObject;
use serde::{Deserialize, Serialize};

pub use ownership::Ownership;

use crate::wait::Deadline;
use crate::{Applied, Applier, Error, FIELD_MANAGER, ObjectName, Result};
use removal::delete;

/// Key of the `ConfigMap` that holds the list.
const KEY: &str = "objects.json";

/// One object that was, or was about to be, applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryEntry {
    /// Which object.
    #[serde(flatten)]
    pub name: ObjectName,
    /// Its uid; `None` if the process ended between asking for it and learning the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// What pruning did with an object that is no longer wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pruned {
    /// Deleted by its uid.
    Deleted(ObjectName),
    /// Kept, because deleting it would delete what others keep in it (namespaces, definitions).
    Kept(ObjectName),
    /// Somebody else's object now, or gone already.
    NotOurs(ObjectName),
}

/// The list of objects of one purpose, kept in a `ConfigMap`.
#[derive(Debug, Clone)]
pub struct Inventory {
    namespace: String,
    name: String,
}

impl Inventory {
    /// The inventory kept in `ConfigMap` `namespace`/`name`. The namespace has to exist.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    fn config_map(&self) -> ObjectName {
        ObjectName {
            api_version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            namespace: Some(self.namespace.clone()),
            name: self.name.clone(),
        }
    }

    /// Reads the list; empty when nothing was ever applied.
    pub async fn read(&self, applier: &Applier) -> Result<Vec<InventoryEntry>> {
        let name = self.config_map();
        let api = applier.kinds().api_of(&name).await?;
        let found = api
            .get_opt(&name.name)
            .await
            .map_err(|e| Error::request("read", name.to_string(), e))?;
        let Some(object) = found else {
            return Ok(Vec::new());
        };
        let text = object
            .data
            .pointer(&format!("/data/{KEY}"))
            .and_then(|v| v.as_str())
            .unwrap_or("[]");
        serde_json::from_str(text).map_err(|e| Error::Manifest {
            origin: name.to_string(),
            reason: e.to_string(),
        })
    }

    async fn write(
        &self,
        applier: &Applier,
        entries: &[InventoryEntry],
        deadline: Deadline,
    ) -> Result<()> {
        let text = serde_json::to_string(entries).map_err(|e| Error::Manifest {
            origin: self.name.clone(),
            reason: e.to_string(),
        })?;
        let object: DynamicObject = serde_json::from_value(serde_json::json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": self.name, "namespace": self.namespace,
                "labels": {"app.kubernetes.io/managed-by": FIELD_MANAGER},
            },
            "data": {KEY: text},
        }))
        .map_err(|e| Error::Manifest {
            origin: self.name.clone(),
            reason: e.to_string(),
        })?;
        applier.apply_one(&object, deadline).await.map(drop)
    }

    /// Notes what is about to be applied, beside what was applied before, so that a process that dies half way
    /// leaves nothing unlisted.
    pub async fn announce(
        &self,
        applier: &Applier,
        objects: &[DynamicObject],
        deadline: Deadline,
    ) -> Result<()> {
        let before = self.read(applier).await?;
        let known: BTreeSet<&ObjectName> = before.iter().map(|entry| &entry.name).collect();
        let mut entries = before.clone();
        for object in objects {
            let name = ObjectName::of(object);
            if !known.contains(&name) {
                entries.push(InventoryEntry { name, uid: None });
            }
        }
        if entries == before {
            Ok(())
        } else {
            self.write(applier, &entries, deadline).await
        }
    }

    /// Deletes what is listed and was not applied now, then writes the new list.
    ///
    /// Each deletion names the uid, so a namesake made by somebody else is safe. An entry without uid is deleted only
    /// if its fields are managed by [`FIELD_MANAGER`].
    pub async fn prune(
        &self,
        applier: &Applier,
        now: &[Applied],
        deadline: Deadline,
    ) -> Result<Vec<Pruned>> {
        let before = self.read(applier).await?;
        let wanted: BTreeMap<&ObjectName, &Applied> = now.iter().map(|a| (&a.name, a)).collect();
        let mut done = Vec::new();
        for entry in before
            .iter()
            .filter(|entry| !wanted.contains_key(&entry.name))
        {
            done.push(if keeps_others(&entry.name) {
                Pruned::Kept(entry.name.clone())
            } else {
                match delete(applier, entry).await? {
                    Some(_) => Pruned::Deleted(entry.name.clone()),
                    None => Pruned::NotOurs(entry.name.clone()),
                }
            });
        }
        let entries: Vec<InventoryEntry> = now
            .iter()
            .map(|a| InventoryEntry {
                name: a.name.clone(),
                uid: Some(a.uid.clone()),
            })
            .collect();
        self.write(applier, &entries, deadline).await?;
        Ok(done)
    }
}

/// Whether deleting it would delete what others keep in it.
fn keeps_others(name: &ObjectName) -> bool {
    matches!(name.kind.as_str(), "Namespace" | "CustomResourceDefinition")
}
