//! Taking an installation off a cluster that stays.

use std::time::Duration;

use capstan_kubernetes::{Applier, Deadline, Inventory, ObjectName, Ownership};
use kube::Client;

use super::claim::Claim;
use super::install::INVENTORY;
use super::{ProviderError, own};
use crate::identity::Identity;

/// Limit for all of it: namespaces wait for their pods to end, thirty seconds by default each.
const LIMIT: Duration = Duration::from_mins(10);

/// What a management server has on a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Who has the cluster.
    pub claim: Claim,
    /// What of the list is there and is the server's.
    pub objects: Vec<ObjectName>,
}

impl Installed {
    /// Whether a definition is among it, by its name.
    pub fn defines(&self, name: &str) -> bool {
        self.objects
            .iter()
            .any(|object| object.kind == "CustomResourceDefinition" && object.name == name)
    }
}

/// Looks; changes nothing. Of a cluster that another has nothing is this server's.
pub async fn installed(client: Client, owner: &Identity) -> Result<Installed, ProviderError> {
    let applier = Applier::new(client);
    let claim = Claim::read(&applier).await?;
    let objects = if claim == Claim::Held(owner.clone()) {
        present(&applier).await?
    } else {
        Vec::new()
    };
    Ok(Installed { claim, objects })
}

async fn present(applier: &Applier) -> Result<Vec<ObjectName>, ProviderError> {
    let inventory = Inventory::new(own::NAMESPACE, INVENTORY);
    let names: Vec<ObjectName> = inventory
        .read(applier)
        .await?
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    let whose = inventory.ownership(applier, &names).await?;
    Ok(names
        .into_iter()
        .zip(whose)
        .filter_map(|(name, one)| (one == Ownership::Ours).then_some(name))
        .collect())
}

/// Removes exactly what was installed for `owner`, by uid, and looks again. What is somebody else's stays, and all of it does
/// where the cluster is not `owner`'s (any more). Run again after an interruption it goes on. `seen` is told of each object
/// that is gone; the number of them is given back.
///
/// # Errors
/// [`ProviderError::Remains`] if something that was removed is there.
pub async fn uninstall(
    client: Client,
    owner: &Identity,
    seen: impl FnMut(&ObjectName),
) -> Result<usize, ProviderError> {
    let deadline = Deadline::after(LIMIT);
    let applier = Applier::new(client);
    if Claim::read(&applier).await? != Claim::Held(owner.clone()) {
        return Ok(0);
    }
    let before = present(&applier).await?;
    let inventory = Inventory::new(own::NAMESPACE, INVENTORY);
    let mut gone = inventory.remove_all(&applier, deadline, seen).await?;
    // Where a run was killed before it wrote its list, the namespace is not on it.
    if Claim::release(&applier, owner, deadline).await? {
        gone += 1;
    }
    let whose = inventory.ownership(&applier, &before).await?;
    // The list is gone, so a namesake made meanwhile by another Capstan looks like ours; it would have to have taken the
    // namespace first.
    let taken = Claim::read(&applier).await? != Claim::Free;
    let left: Vec<ObjectName> = before
        .into_iter()
        .zip(whose)
        .filter_map(|(name, one)| (one == Ownership::Ours && !taken).then_some(name))
        .collect();
    if left.is_empty() {
        Ok(gone)
    } else {
        Err(ProviderError::Remains(left))
    }
}
