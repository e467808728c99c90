//! Installing all providers, and keeping their certificates valid.

use std::collections::BTreeMap;
use std::time::Duration;

use capstan_catalog::Catalogue;
use capstan_kubernetes::{
    Applier, Deadline, Error, Inventory, ObjectName, Pruned, deployment_runs,
};
use kube::Client;
use kube::core::DynamicObject;
use time::OffsetDateTime;

use super::claim::Claim;
use super::manifests::Manifests;
use super::substitution::Variables;
use super::{ManifestSource, ProviderError, Release, WantedCertificate, own, secret};
use crate::identity::Identity;
use crate::proxy::ServerProxy;

/// Purpose under which everything is listed, so that what a newer version no longer brings is removed.
pub(super) const INVENTORY: &str = "installed";
/// Pause between two looks at the Deployments.
const POLL: Duration = Duration::from_millis(500);

/// What to install.
#[derive(Debug, Clone)]
pub struct InstallPlan {
    /// Providers and their versions.
    pub releases: Vec<Release>,
    /// Says where their manifests are published, and those definitions that the OpenStack provider needs and none brings.
    pub catalogue: Catalogue,
    /// Where the manifests come from.
    pub source: ManifestSource,
    /// Values for the variables in them; the releases' own defaults serve otherwise.
    pub variables: Variables,
    /// Proxy that every Deployment gets.
    pub proxy: Option<ServerProxy>,
    /// Our own controller.
    pub controller: own::Controller,
    /// The management server it is for.
    pub owner: Identity,
    /// Further objects of ours: the Secret with the cloud's credentials, the `Cloud` and `ManagementServer` objects.
    pub objects: Vec<DynamicObject>,
    /// Limit for everything.
    pub limit: Duration,
}

/// What is happening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstallEvent {
    /// The manifests are being fetched.
    Fetching {
        /// How many files.
        files: usize,
    },
    /// An object was applied.
    Applied {
        /// How many are done.
        done: usize,
        /// Of how many.
        of: usize,
        /// The last.
        object: String,
    },
    /// Objects that were installed before and are no longer wanted.
    Removed {
        /// How many.
        count: usize,
    },
    /// A Deployment is not available yet.
    Waiting {
        /// Its name.
        deployment: String,
        /// What is missing.
        reason: String,
    },
    /// A Deployment has become available.
    Available {
        /// Its name.
        deployment: String,
    },
}

/// Installs everything and waits until all Deployments are available.
///
/// Idempotent. If anything of it is there and is somebody else's, or the cluster is another server's, nothing is touched and
/// that is the error; what an earlier run of ours applied and this one does not is removed by uid (namespaces and definitions
/// are kept: they hold what users made).
pub async fn install(
    client: Client,
    plan: &InstallPlan,
    mut seen: impl FnMut(InstallEvent),
) -> Result<(), ProviderError> {
    let deadline = Deadline::after(plan.limit);
    let applier = Applier::new(client);
    let deployments = apply(&applier, plan, deadline, &mut seen).await?;
    wait_until_available(&applier, &deployments, deadline, &mut seen).await
}

/// Applies everything and gives the names of the Deployments.
async fn apply(
    applier: &Applier,
    plan: &InstallPlan,
    deadline: Deadline,
    seen: &mut impl FnMut(InstallEvent),
) -> Result<Vec<ObjectName>, ProviderError> {
    seen(InstallEvent::Fetching {
        files: plan.releases.len() + 1,
    });
    let manifests = Manifests::fetch(plan).await?;
    manifests.ground(applier, plan).await?;

    // Our namespace comes first: it says whose the cluster is, and holds the list of what is installed and the authority of
    // the webhooks.
    let namespace = own::namespace(&plan.owner)?;
    Claim::take(applier, &plan.owner, &namespace, deadline).await?;
    let now = OffsetDateTime::now_utc();
    let authority = secret::authority(applier, now).await?;
    let (objects, certificates) = manifests.objects(plan, &authority.certificate)?;

    let inventory = Inventory::new(own::NAMESPACE, INVENTORY);
    inventory.announce(applier, &objects, deadline).await?;
    // The managers mount the leaves, so these are there before the Deployments; their namespaces before them.
    for object in objects
        .iter()
        .filter(|o| ObjectName::of(o).kind == "Namespace")
    {
        applier.apply_one(object, deadline).await?;
    }
    for wanted in &certificates {
        secret::ensure_leaf(applier, &authority, wanted, now, deadline).await?;
    }
    let of = objects.len();
    let mut done = 0;
    let done_now = applier
        .apply(&objects, deadline, |applied| {
            done += 1;
            seen(InstallEvent::Applied {
                done,
                of,
                object: applied.name.to_string(),
            });
        })
        .await?;
    let removed = inventory.prune(applier, &done_now, deadline).await?;
    let count = removed
        .iter()
        .filter(|pruned| matches!(pruned, Pruned::Deleted(_)))
        .count();
    if count > 0 {
        seen(InstallEvent::Removed { count });
    }
    Ok(done_now
        .into_iter()
        .map(|a| a.name)
        .filter(|name| name.kind == "Deployment")
        .collect())
}

async fn wait_until_available(
    applier: &Applier,
    deployments: &[ObjectName],
    deadline: Deadline,
    seen: &mut impl FnMut(InstallEvent),
) -> Result<(), ProviderError> {
    let mut waiting: BTreeMap<&ObjectName, String> = deployments
        .iter()
        .map(|name| (name, String::new()))
        .collect();
    loop {
        for name in waiting.keys().copied().collect::<Vec<_>>() {
            let deployment = name.name.clone();
            match read_deployment(applier, name).await? {
                Ok(()) => {
                    waiting.remove(name);
                    seen(InstallEvent::Available { deployment });
                }
                Err(reason) => {
                    let told = waiting.insert(name, reason.clone());
                    if told.as_ref() != Some(&reason) {
                        seen(InstallEvent::Waiting { deployment, reason });
                    }
                }
            }
        }
        if waiting.is_empty() {
            return Ok(());
        }
        if deadline.remaining() < POLL {
            let last: Vec<String> = waiting
                .iter()
                .map(|(name, reason)| format!("{}: {reason}", name.name))
                .collect();
            let what = "all Deployments available".to_owned();
            return Err(Error::Timeout {
                what,
                limit: deadline.limit(),
                last: last.join("; "),
            }
            .into());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Whether a Deployment is available; a request that fails for a passing reason means "not yet".
async fn read_deployment(
    applier: &Applier,
    name: &ObjectName,
) -> Result<Result<(), String>, Error> {
    let read = async {
        let api = applier.kinds().api_of(name).await?;
        api.get(&name.name)
            .await
            .map_err(|e| Error::request("read", name.to_string(), e))
    };
    match read.await {
        Ok(object) => Ok(deployment_runs(applier.kinds(), &object).await),
        Err(error) if error.kind().is_transient() => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Makes every webhook certificate anew that is due (see
/// [`renewal_due`](super::webhook_certificate::renewal_due)), and says which. For the controller, once a day.
pub async fn renew_certificates(
    client: Client,
    wanted: &[WantedCertificate],
) -> Result<Vec<WantedCertificate>, ProviderError> {
    let applier = Applier::new(client);
    let now = OffsetDateTime::now_utc();
    let authority = secret::authority(&applier, now).await?;
    let mut renewed = Vec::new();
    for certificate in wanted {
        let deadline = Deadline::after(Duration::from_mins(1));
        if secret::ensure_leaf(&applier, &authority, certificate, now, deadline).await? {
            renewed.push(certificate.clone());
        }
    }
    Ok(renewed)
}
