//! What a cloud is and offers, at one moment.

use capstan_catalog::NodeImageRules;
use capstan_kubernetes::Error as KubernetesError;
use capstan_openstack::{Holdings, Inventory, Session};
use capstan_spec::cloud::{self, CloudDefaults, CloudStatus};
use capstan_spec::progress::Reason;
use capstan_spec::status::{Condition, ConditionStatus};
use capstan_spec::{KubernetesVersion, WorkloadClusterSpec};
use capstan_workload::resolve;
use capstan_workload::resource::Cloud;
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::CloudsError;

/// Names in the status of a `Cloud`, at most: an object of Kubernetes is no place for a thousand images.
const LISTED: usize = 200;

/// What a cloud is and offers. Holds no secret, so that it may be kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    /// When.
    pub taken_at: Timestamp,
    /// Namespace of the `Cloud`.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where Keystone is.
    pub auth_url: String,
    /// The region in use.
    pub region: Option<String>,
    /// The project.
    pub project: String,
    /// The user.
    pub user: String,
    /// The roles of the server's credential, sorted.
    pub roles: Vec<String>,
    /// That credential; `None` if it is none of this kind.
    pub credential: Option<LookedAtCredential>,
    /// What clusters get that do not say it themselves.
    pub defaults: CloudDefaults,
    /// What there is.
    pub inventory: Inventory,
}

/// An application credential as others may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LookedAtCredential {
    /// Name.
    pub name: String,
    /// Whether it may mint others.
    pub unrestricted: bool,
    /// End; `None` for ever.
    pub expires_at: Option<Timestamp>,
}

/// Looks at the cloud of a session.
pub async fn look(session: &Session, cloud: &Cloud) -> Result<Look, CloudsError> {
    let held = session.whoami().application_credential.as_ref();
    let credential = match held {
        Some(held) => {
            let found = session.identity().application_credential(&held.id).await?;
            Some(LookedAtCredential {
                name: found.name,
                unrestricted: found.unrestricted,
                expires_at: found.expires_at.as_deref().and_then(moment),
            })
        }
        None => None,
    };
    let who = session.whoami();
    Ok(Look {
        inventory: session.inventory().await?,
        taken_at: Timestamp::now(),
        namespace: cloud.metadata.namespace.clone().unwrap_or_default(),
        name: cloud.metadata.name.clone().unwrap_or_default(),
        auth_url: session.config().auth_url.to_string(),
        region: session.region().map(str::to_owned),
        project: who.project_name.clone(),
        user: who.user_name.clone(),
        roles: who.roles.clone(),
        credential,
        defaults: cloud.spec.defaults.clone(),
    })
}

/// Keystone writes UTC without saying so.
fn moment(text: &str) -> Option<Timestamp> {
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}

/// Each image with the Kubernetes version it carries, those with one first, newest version first.
pub fn image_versions<'a>(
    inventory: &'a Inventory,
    rules: &NodeImageRules,
) -> Vec<(
    &'a capstan_openstack::image::Image,
    Option<KubernetesVersion>,
)> {
    let mut images: Vec<_> = inventory
        .images
        .iter()
        .map(|image| (image, rules.version_of(&resolve::candidate(image))))
        .collect();
    images.sort_by(|(one, a), (other, b)| (b, one.label()).cmp(&(a, other.label())));
    images
}

/// What of a spec the cloud does not have, by the very rules the controller goes by. What must be in the project already
/// (existing network, ssh key, security groups) is looked at only with `holdings`.
pub fn misfits(
    spec: &WorkloadClusterSpec,
    look: &Look,
    holdings: Option<&Holdings>,
    rules: &NodeImageRules,
) -> Vec<Reason> {
    let mut spec = spec.clone();
    if holdings.is_none() {
        spec.network.existing = None;
        spec.ssh_key = None;
        if let Some(bastion) = &mut spec.bastion {
            bastion.ssh_key = None;
        }
        spec.control_plane.security_groups.clear();
        for pool in &mut spec.workers {
            pool.security_groups.clear();
        }
    }
    let nothing = Holdings::default();
    let holdings = holdings.unwrap_or(&nothing);
    let found = resolve::resolve(
        &spec,
        &look.defaults,
        &look.inventory,
        holdings,
        rules,
        None,
    );
    found.err().unwrap_or_default()
}

/// Notes in the `Cloud`'s status what was seen, or why nothing could be.
pub async fn note(
    client: &Client,
    cloud: &Cloud,
    seen: Result<&Look, &str>,
    rules: &NodeImageRules,
) -> Result<(), CloudsError> {
    let name = cloud.metadata.name.clone().unwrap_or_default();
    let namespace = cloud.metadata.namespace.clone().unwrap_or_default();
    let before = cloud.status.clone().unwrap_or_default();
    let status = status(
        &before,
        cloud.metadata.generation,
        seen,
        rules,
        Timestamp::now(),
    );
    let api: Api<Cloud> = Api::namespaced(client.clone(), &namespace);
    let patch = Patch::Merge(json!({ "status": status }));
    api.patch_status(&name, &PatchParams::default(), &patch)
        .await
        .map_err(|error| {
            let object = format!("the status of Cloud {namespace}/{name}");
            KubernetesError::request("write", object, error)
        })?;
    Ok(())
}

fn status(
    before: &CloudStatus,
    generation: Option<i64>,
    seen: Result<&Look, &str>,
    rules: &NodeImageRules,
    now: Timestamp,
) -> CloudStatus {
    let (status, reason, message) = match seen {
        Ok(_) => (ConditionStatus::True, "Answers", String::new()),
        Err(why) => (ConditionStatus::False, "DoesNotAnswer", why.to_owned()),
    };
    let taken = before
        .inventory
        .as_ref()
        .and_then(|inventory| inventory.taken_at);
    let (kept, old) = match (seen, taken) {
        (Ok(_), _) => ("Current", String::new()),
        (Err(_), Some(taken)) => ("Old", format!("what is listed is of {taken:.0}")),
        (Err(_), None) => ("Never", "it was never listed".to_owned()),
    };
    let condition = |kind: &str, reason: &str, message| {
        let same = before
            .conditions
            .iter()
            .find(|condition| condition.kind == kind && condition.status == status);
        Condition {
            kind: kind.to_owned(),
            status,
            reason: reason.to_owned(),
            message,
            last_transition_time: same.map_or(now, |condition| condition.last_transition_time),
            observed_generation: generation,
        }
    };
    CloudStatus {
        observed_generation: generation,
        asked_at: Some(now),
        inventory: match seen {
            Ok(look) => Some(summary(look, rules)),
            Err(_) => before.inventory.clone(),
        },
        conditions: vec![
            condition(Condition::READY, reason, message),
            condition(Condition::INVENTORY, kept, old),
        ],
    }
}

fn summary(look: &Look, rules: &NodeImageRules) -> cloud::Inventory {
    let inventory = &look.inventory;
    let mut flavors: Vec<_> = resolve::flavors(&inventory.flavors).into_values().collect();
    flavors.truncate(LISTED);
    let names = |names: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        names.take(LISTED).map(str::to_owned).collect()
    };
    let images = image_versions(inventory, rules);
    let with_version = images.iter().filter(|(_, version)| version.is_some());
    let networks = inventory.networks.iter().filter(|network| network.external);
    cloud::Inventory {
        taken_at: Some(look.taken_at),
        flavors,
        node_images: names(&mut with_version.map(|(image, _)| image.label())),
        external_networks: names(&mut networks.map(|network| network.name.as_str())),
        availability_zones: names(&mut inventory.zones.compute.iter().map(String::as_str)),
        load_balancer_providers: names(
            &mut inventory
                .load_balancer_providers
                .iter()
                .map(|provider| provider.name.as_str()),
        ),
    }
}
