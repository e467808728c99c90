//! Whose an object is that is about to be applied.

use std::collections::BTreeMap;

use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use kube::core::ObjectMeta;

use super::{Inventory, InventoryEntry};
use crate::apply::CONCURRENCY;
use crate::{Applier, FIELD_MANAGER, ObjectName, Result};

/// Whose an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// There is none.
    Missing,
    /// It is listed here by its uid, or we have written its fields.
    Ours,
    /// Somebody else's; by what it was written (`metadata.managedFields`).
    Foreign(Vec<String>),
}

impl Inventory {
    /// Whose each of these objects is, in their order.
    pub async fn ownership(
        &self,
        applier: &Applier,
        names: &[ObjectName],
    ) -> Result<Vec<Ownership>> {
        let listed = self.read(applier).await?;
        let listed: BTreeMap<&ObjectName, &InventoryEntry> =
            listed.iter().map(|entry| (&entry.name, entry)).collect();
        let mut looks = Vec::with_capacity(names.len());
        for name in names {
            // Boxed in a plain loop, as in `Applier::apply`.
            looks.push(one(applier, name, listed.get(name).copied()).boxed());
        }
        futures::stream::iter(looks)
            .buffered(CONCURRENCY)
            .try_collect()
            .await
    }
}

async fn one(
    applier: &Applier,
    name: &ObjectName,
    listed: Option<&InventoryEntry>,
) -> Result<Ownership> {
    let found = applier.kinds().find(name).await?;
    Ok(found.map_or(Ownership::Missing, |object| {
        if is_ours(&object.metadata, listed) {
            Ownership::Ours
        } else {
            Ownership::Foreign(managers(&object.metadata))
        }
    }))
}

/// Whether an object is the listed one; without a uid, whether we wrote it.
pub(super) fn is_ours(object: &ObjectMeta, listed: Option<&InventoryEntry>) -> bool {
    match listed.and_then(|entry| entry.uid.as_ref()) {
        Some(uid) => object.uid.as_ref() == Some(uid),
        None => managers(object)
            .iter()
            .any(|manager| manager == FIELD_MANAGER),
    }
}

fn managers(object: &ObjectMeta) -> Vec<String> {
    let mut managers: Vec<String> = object
        .managed_fields
        .iter()
        .flatten()
        // A controller writes the status of what is anybody's.
        .filter(|entry| entry.subresource.is_none())
        .filter_map(|entry| entry.manager.clone())
        .collect();
    managers.sort();
    managers.dedup();
    managers
}
