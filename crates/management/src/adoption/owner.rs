//! Whose a cluster is, by what it says itself, what this machine remembers, and what the project holds.

use super::AdoptionError;
use crate::desk::Desk;
use crate::error::Error;
use crate::identity::Identity;
use crate::providers::{Claim, ProviderError};
use crate::state::Record;
use crate::survey::Survey;

/// Another server of the name in the project.
pub(super) fn other_of_name(survey: &Survey, identity: &Identity) -> Option<Identity> {
    let mut named = survey.named(&identity.name).into_iter();
    named.find(|other| *other != identity).cloned()
}

/// The identity the cluster has or gets; `None`: one is to be drawn.
pub(super) fn identity(
    name: &str,
    before: Option<&Record>,
    claim: &Claim,
    survey: &Survey,
) -> Result<Option<Identity>, Error> {
    if let Some(record) = before {
        holder_is(claim, &record.identity)?;
        return Ok(Some(record.identity.clone()));
    }
    match claim {
        Claim::Held(holder) => {
            let found = survey.servers.get(holder);
            match found {
                Some(found) if !found.servers.is_empty() => {
                    Err(AdoptionError::Made(holder.clone()).into())
                }
                // Ours, by its credential in our project: local state was lost, or is on another machine.
                Some(_) if holder.name == name => Ok(Some(holder.clone())),
                _ => Err(ProviderError::Claimed(holder.clone()).into()),
            }
        }
        Claim::Unnamed => Err(AdoptionError::Unnamed.into()),
        Claim::Foreign(by) => Err(ProviderError::foreign_namespace(by.clone()).into()),
        Claim::Free => match survey.named(name).first() {
            Some(taken) => Err(AdoptionError::NameTaken((*taken).clone()).into()),
            None => Ok(None),
        },
    }
}

/// Whether a cluster is free or this server's.
pub(super) fn holder_is(claim: &Claim, identity: &Identity) -> Result<(), Error> {
    match claim {
        Claim::Free => Ok(()),
        Claim::Held(holder) if holder == identity => Ok(()),
        Claim::Held(holder) => Err(ProviderError::Claimed(holder.clone()).into()),
        Claim::Unnamed => Err(AdoptionError::Unnamed.into()),
        Claim::Foreign(by) => Err(ProviderError::foreign_namespace(by.clone()).into()),
    }
}

/// A server that `up` made from this machine and whose API is at this address.
pub(super) fn made_at(desk: &Desk, endpoint: &str) -> Result<Option<Identity>, Error> {
    let endpoint = endpoint.trim_end_matches('/');
    let made = desk.root.servers()?.into_iter().map(|known| known.record);
    Ok(made
        .filter(|record| record.adopted.is_none())
        .find(|record| record.endpoint.as_deref() == Some(endpoint))
        .map(|record| record.identity))
}

#[cfg(test)]
mod tests;
