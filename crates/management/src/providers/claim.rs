//! Whose installation a cluster carries: the identity of the management server, as labels of [`own::NAMESPACE`].
//!
//! The namespace is the first thing that is created and the last that is removed, and of two that create it at a time one
//! fails. So whoever holds it has the cluster, and what is found on the cluster by an interrupted run can be told from what
//! another Capstan installed there: both write under the same field manager.

use capstan_kubernetes::{Applier, Deadline, Error, FIELD_MANAGER, ObjectName, wait_deleted};
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::core::DynamicObject;

use super::{ProviderError, own};
use crate::identity::{Identity, SERVER_KEY, UID_KEY};

/// Who has a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody.
    Free,
    /// A management server of Capstan's.
    Held(Identity),
    /// Capstan, by a version that did not say for which server.
    Unnamed,
    /// The namespace is somebody else's; by what it was written.
    Foreign(Vec<String>),
}

/// The namespace that carries the claim, as it is on the cluster.
#[derive(Debug)]
struct Home {
    claim: Claim,
    uid: String,
    going: bool,
}

fn name() -> ObjectName {
    ObjectName {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        namespace: None,
        name: own::NAMESPACE.to_owned(),
    }
}

impl Claim {
    /// Reads it.
    pub async fn read(applier: &Applier) -> Result<Self, ProviderError> {
        Ok(home(applier).await?.map_or(Self::Free, |home| home.claim))
    }

    /// Creates the namespace for `owner`, or makes sure that it is `owner`'s. One that is going is waited for.
    pub(super) async fn take(
        applier: &Applier,
        owner: &Identity,
        namespace: &DynamicObject,
        deadline: Deadline,
    ) -> Result<(), ProviderError> {
        loop {
            match home(applier).await? {
                Some(home) if home.going => {
                    wait_deleted(applier.kinds(), &name(), &home.uid, deadline).await?;
                }
                Some(home) => {
                    home.claim.admits(owner)?;
                    applier.apply_one(namespace, deadline).await?;
                    return Ok(());
                }
                None => {
                    let api = applier.kinds().api_of(&name()).await?;
                    let params = PostParams {
                        field_manager: Some(FIELD_MANAGER.to_owned()),
                        ..PostParams::default()
                    };
                    match api.create(&params, namespace).await {
                        Ok(_) => return Ok(()),
                        // Somebody was faster; the next round says who.
                        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
                        Err(error) => {
                            return Err(Error::request("create", name().to_string(), error).into());
                        }
                    }
                }
            }
        }
    }

    /// Lets go: removes the namespace if it is `owner`'s, and waits until it is gone.
    pub(super) async fn release(
        applier: &Applier,
        owner: &Identity,
        deadline: Deadline,
    ) -> Result<bool, ProviderError> {
        let Some(home) = home(applier).await? else {
            return Ok(false);
        };
        if !matches!(&home.claim, Self::Held(holder) if holder == owner) {
            return Ok(false);
        }
        let api = applier.kinds().api_of(&name()).await?;
        let params = DeleteParams::background().preconditions(Preconditions {
            uid: Some(home.uid.clone()),
            resource_version: None,
        });
        match api.delete(own::NAMESPACE, &params).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(true),
            Err(error) => return Err(Error::request("delete", name().to_string(), error).into()),
        }
        wait_deleted(applier.kinds(), &name(), &home.uid, deadline).await?;
        Ok(true)
    }

    /// Whether `owner` may install here.
    fn admits(&self, owner: &Identity) -> Result<(), ProviderError> {
        match self {
            Self::Held(holder) if holder != owner => Err(ProviderError::Claimed(holder.clone())),
            Self::Foreign(by) => Err(ProviderError::foreign_namespace(by.clone())),
            _ => Ok(()),
        }
    }
}

async fn home(applier: &Applier) -> Result<Option<Home>, ProviderError> {
    let found = applier.kinds().find(&name()).await?;
    Ok(found.map(|object| Home {
        claim: of(&object.metadata),
        going: object.metadata.deletion_timestamp.is_some(),
        uid: object.metadata.uid.unwrap_or_default(),
    }))
}

fn of(metadata: &kube::core::ObjectMeta) -> Claim {
    let label = |key: &str| metadata.labels.as_ref()?.get(key);
    let holder = label(SERVER_KEY)
        .zip(label(UID_KEY))
        .and_then(|(name, uid)| {
            Some(Identity {
                name: name.clone(),
                uid: uid.parse().ok()?,
            })
        });
    if let Some(holder) = holder {
        return Claim::Held(holder);
    }
    let mut managers: Vec<String> = metadata
        .managed_fields
        .iter()
        .flatten()
        .filter_map(|entry| entry.manager.clone())
        .collect();
    managers.sort();
    managers.dedup();
    if managers.iter().any(|manager| manager == FIELD_MANAGER) {
        Claim::Unnamed
    } else {
        Claim::Foreign(managers)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn metadata(labels: &Value, manager: &str) -> kube::core::ObjectMeta {
        serde_json::from_value(json!({
            "labels": labels, "managedFields": [{"manager": manager, "operation": "Apply"}],
        }))
        .unwrap()
    }

    #[test]
    fn a_namespace_says_whose_it_is() {
        let ours = Identity {
            name: "team".into(),
            uid: "x7k2p".parse().unwrap(),
        };
        let labels = json!({SERVER_KEY: "team", UID_KEY: "x7k2p"});
        assert_eq!(of(&metadata(&labels, "capstan")), Claim::Held(ours.clone()));
        assert_eq!(of(&metadata(&json!({}), "capstan")), Claim::Unnamed);
        let foreign = of(&metadata(&json!({}), "kubectl"));
        assert_eq!(foreign, Claim::Foreign(vec!["kubectl".into()]));

        let other = Identity {
            name: "team".into(),
            uid: "zzzzz".parse().unwrap(),
        };
        assert!(Claim::Held(ours.clone()).admits(&ours).is_ok());
        assert!(matches!(
            Claim::Held(other).admits(&ours),
            Err(ProviderError::Claimed(holder)) if holder.uid.as_str() == "zzzzz"
        ));
        assert!(foreign.admits(&ours).is_err());
    }
}
