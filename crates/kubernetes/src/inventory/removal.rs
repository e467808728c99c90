//! Removing what was applied, and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};

use super::ownership::is_ours;
use super::{Inventory, InventoryEntry};
use crate::apply::CONCURRENCY;
use crate::error::is_missing;
use crate::order::Stage;
use crate::wait::{Deadline, wait_deleted};
use crate::{Applier, Error, ObjectName, Result};

/// A definition is gone after a second or two; on a busy machine after some more.
const WAKE: Duration = Duration::from_secs(10);

impl Inventory {
    /// Deletes everything that is listed, in the opposite order of applying, and waits after each stage until it is gone:
    /// custom resources while their controllers still run, definitions after these, the namespace that holds the list last.
    /// What is in namespaces and of kinds that are listed goes with them, whoever made it.
    ///
    /// Each deletion names the uid. Run again after an interruption it goes on. `seen` is told of each object that is gone;
    /// the number of them is given back.
    pub async fn remove_all(
        &self,
        applier: &Applier,
        deadline: Deadline,
        mut seen: impl FnMut(&ObjectName),
    ) -> Result<usize> {
        let (home, rest): (Vec<_>, Vec<_>) =
            self.read(applier).await?.into_iter().partition(|entry| {
                entry.name.kind == "Namespace" && entry.name.name == self.namespace
            });
        let mut stages: BTreeMap<Stage, Vec<InventoryEntry>> = BTreeMap::new();
        for entry in rest {
            let stage = Stage::of(entry.name.group(), &entry.name.kind);
            stages.entry(stage).or_default().push(entry);
        }
        let itself = InventoryEntry {
            name: self.config_map(),
            uid: None,
        };
        let last = if home.is_empty() { vec![itself] } else { home };
        let mut count = 0;
        for entries in stages.into_values().rev().chain([last]) {
            let mut deletions = Vec::with_capacity(entries.len());
            for entry in entries {
                // Boxed in a plain loop, as in `Applier::apply`.
                deletions.push(delete_and_wait(applier, entry, deadline).boxed());
            }
            let mut running = futures::stream::iter(deletions).buffer_unordered(CONCURRENCY);
            while let Some(gone) = running.next().await {
                if let Some(name) = gone? {
                    count += 1;
                    seen(&name);
                }
            }
        }
        Ok(count)
    }
}

async fn delete_and_wait(
    applier: &Applier,
    entry: InventoryEntry,
    deadline: Deadline,
) -> Result<Option<ObjectName>> {
    let Some(uid) = delete(applier, &entry).await? else {
        return Ok(None);
    };
    if entry.name.kind == "CustomResourceDefinition" {
        wait_for_definition(applier, &entry.name, &uid, deadline).await?;
    } else {
        wait_deleted(applier.kinds(), &entry.name, &uid, deadline).await?;
    }
    Ok(Some(entry.name))
}

/// Waits until a definition is gone, and wakes the one who has to let it go.
///
/// When the last write of the API server's own finalizer meets a conflict, it relies on being called again, and then
/// leaves out changes of nothing but its own condition (`crd_finalizer.go` of apiextensions-apiserver 0.36): it comes back
/// with its resync after five minutes. Any other change calls it at once.
async fn wait_for_definition(
    applier: &Applier,
    name: &ObjectName,
    uid: &str,
    deadline: Deadline,
) -> Result<()> {
    let api = applier.kinds().api_of(name).await?;
    loop {
        let look = Deadline::after(WAKE.min(deadline.remaining()));
        match wait_deleted(applier.kinds(), name, uid, look).await {
            Err(Error::Timeout { .. }) if deadline.remaining() > WAKE => {}
            result => return result,
        }
        let change = serde_json::json!({"metadata": {
            // As a precondition: a namesake is not touched.
            "uid": uid,
            "annotations": {"capstan.dev/waited-for": jiff::Timestamp::now().to_string()},
        }});
        // Only to wake: what comes of it is seen by the next look.
        if let Err(error) = api
            .patch(&name.name, &PatchParams::default(), &Patch::Merge(&change))
            .await
        {
            tracing::debug!(%error, definition = name.name, "failed to wake the finalizer");
        }
    }
}

/// Asks for the deletion of a listed object by its uid, which is given back; `None` if it is gone or somebody else's now.
pub(super) async fn delete(applier: &Applier, entry: &InventoryEntry) -> Result<Option<String>> {
    let name = &entry.name;
    let Some(object) = applier.kinds().find(name).await? else {
        return Ok(None);
    };
    let (true, Some(uid)) = (is_ours(&object.metadata, Some(entry)), object.metadata.uid) else {
        return Ok(None);
    };
    let params = DeleteParams::background().preconditions(Preconditions {
        uid: Some(uid.clone()),
        resource_version: None,
    });
    let api = applier.kinds().api_of(name).await?;
    match api.delete(&name.name, &params).await {
        Ok(_) => Ok(Some(uid)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(Error::request("delete", name.to_string(), error)),
    }
}
