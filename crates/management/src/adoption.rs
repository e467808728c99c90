//! `capstan up --kubeconfig`: a cluster that is there already becomes the management server.
//!
//! Nothing is made for it in the cloud but the server's credential; everything else is what [`crate::providers`] installs on
//! every server. As in [`crate::up`], local state is complete before the first request that creates something, and the
//! cluster itself says whose it is (its [`Claim`]) from the first object on.

mod egress;
mod entrance;
mod error;
mod owner;
mod plan;
mod run;

use std::collections::BTreeMap;

use capstan_catalog::Catalogue;
use capstan_kubernetes::{Applier, ClusterFacts, ErrorKind, cluster_uid, may_do_everything};
use capstan_openstack::{Inventory, Resource, ResourceKind};
use kube::Client;

pub use entrance::Entrance;
pub use error::AdoptionError;
pub use plan::{AdoptionPlan, ClusterLine, ComponentLine, Defaults, Installation};
pub use run::adopt;

use owner::{holder_is, identity, made_at};

use crate::api::{Api, Readiness};
use crate::desk::Desk;
use crate::error::Error;
use crate::identity::Identity;
use crate::plan::{ResourceLine, least_roles, need_lines};
use crate::providers::{self, Claim, Plane};
use crate::proxy::ServerProxy;
use crate::settings::Settings;
use crate::state::{Adopted, Record};
use crate::survey::Survey;
use crate::up::Up;

/// An adoption that has been planned.
#[derive(Debug)]
pub struct Prepared {
    /// What to show before asking.
    pub plan: AdoptionPlan,
    entrance: Entrance,
    record: Record,
    roles: Vec<String>,
}

/// Says at once whether an adopted cluster is up already, with this kubeconfig and these settings if any were given.
///
/// # Errors
/// If local state cannot be read, or the cluster is another server's by now.
pub async fn already_up(
    desk: &Desk,
    name: &str,
    given: Option<&Entrance>,
    settings: &Settings,
) -> Result<Option<Up>, Error> {
    let files = desk.files(name);
    let Some(record) = files
        .record()?
        .filter(|record| record.usable_since.is_some())
    else {
        return Ok(None);
    };
    let (Some(endpoint), Some(adopted)) = (&record.endpoint, &record.adopted) else {
        return Ok(None);
    };
    if settings.clone().or(record.settings.clone()) != record.settings {
        return Ok(None);
    }
    // What is wrong with it is told by the long way.
    let Ok(stored) = Entrance::stored(&files.kubeconfig_path()) else {
        return Ok(None);
    };
    if given.is_some_and(|given| !given.is(&stored)) {
        return Ok(None);
    }
    let Ok(client) = stored.client().await else {
        return Ok(None);
    };
    if !matches!(
        Api::adopted(client.clone()).readiness().await,
        Readiness::Ready(_)
    ) {
        return Ok(None);
    }
    let reach = |source| reach(&stored, source);
    if cluster_uid(&client).await.map_err(reach)? != adopted.cluster {
        return Ok(None);
    }
    holder_is(&Claim::read(&Applier::new(client)).await?, &record.identity)?;
    Ok(Some(Up {
        endpoint: endpoint.clone(),
        kubeconfig: files.kubeconfig_path(),
        was_up: true,
        identity: record.identity,
    }))
}

/// Looks at the cluster, the project and what was adopted before, and makes the plan; changes nothing.
///
/// # Errors
/// [`AdoptionError`] and [`ProviderError`] with the reason why not this cluster, [`Error::Questions`] with what has to be
/// chosen.
pub async fn prepare(
    desk: &Desk,
    name: &str,
    given: Option<Entrance>,
    settings: Settings,
    inventory: &Inventory,
    survey: &Survey,
) -> Result<Prepared, Error> {
    crate::identity::check_name(name)?;
    if !desk.session.may_mint_credentials() {
        return Err(Error::RestrictedCredential);
    }
    let files = desk.files(name);
    let before = files.record()?;
    if let Some(record) = before.as_ref().filter(|record| record.adopted.is_none()) {
        return Err(AdoptionError::NameOfMade(record.identity.clone()).into());
    }
    let settings = settings.or(before
        .as_ref()
        .map(|record| record.settings.clone())
        .unwrap_or_default());
    sensible(&settings)?;
    if let Some(network) = &settings.external_network {
        inventory.external_network(network)?;
    }
    let entrance = match given {
        Some(given) => given,
        None => Entrance::stored(&files.kubeconfig_path())?,
    };
    if let Some(made) = made_at(desk, &entrance.endpoint)? {
        return Err(AdoptionError::Made(made).into());
    }
    let catalogue = Catalogue::bundled()?;
    let client = entrance.client().await?;
    let facts = look(&client, &entrance, &catalogue).await?;
    let claim = Claim::read(&Applier::new(client.clone())).await?;
    let identity = identity(name, before.as_ref(), &claim, survey)?;
    let settings = with_egress(desk, settings, &facts).await?;

    let mut record = match before {
        Some(before) => Record { settings, ..before },
        None => Record::new(
            desk,
            identity.clone().map_or_else(|| Identity::draw(name), Ok)?,
            settings,
        ),
    };
    let adopted = Adopted {
        context: entrance.context.clone(),
        cluster: facts.uid.clone(),
    };
    if let Some(recorded) = record.adopted.replace(adopted)
        && recorded.cluster != facts.uid
    {
        return Err(AdoptionError::OtherCluster {
            recorded: record.endpoint.unwrap_or(recorded.context),
            identity: record.identity,
            given: entrance.endpoint,
        }
        .into());
    }
    record.endpoint = Some(entrance.endpoint.clone());

    let install = Plane::without_credentials(desk, &record)?.install_plan(&catalogue)?;
    let ground = providers::survey(client, &install).await?;
    let roles = least_roles(&desk.session.whoami().roles);
    let found = survey.of(&record.identity);
    // Without its secret it is of no use, and made anew.
    let there = !found.credentials.is_empty() && files.credential()?.is_some();
    let credential = credential_line(name, identity.as_ref(), &roles, there);
    // The lock that holds off other machines.
    let need = BTreeMap::from([(Resource::Keypairs, 1)]);
    let (quota, shortages) = need_lines(need, &inventory.quota);
    let config = desk.session.config();
    let plan = AdoptionPlan {
        name: name.to_owned(),
        uid: identity.map(|identity| identity.uid.to_string()),
        cloud: config.name.clone(),
        project: desk.project().to_owned(),
        cluster: ClusterLine::of(&entrance, &facts),
        install: Installation::of(&install, ground)?,
        resources: vec![credential],
        defaults: Defaults {
            egress_cidr: record.settings.egress_cidr.clone(),
            dns: record.settings.dns.clone(),
            external_network: record.settings.external_network.clone(),
            mirror: record.settings.mirror.clone(),
            proxy: ServerProxy::chosen(&record.settings, &[], None)?,
        },
        quota,
        shortages,
    };
    Ok(Prepared {
        plan,
        entrance,
        record,
        roles,
    })
}

/// What is chosen for a server that is made cannot be had of one that is there.
fn sensible(settings: &Settings) -> Result<(), Error> {
    ServerProxy::chosen(settings, &[], None)?;
    let senseless: Vec<_> = settings.of_made_servers().into_iter().map(flag).collect();
    if senseless.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid {
        problem: format!(
            "{} cannot be chosen, here or in a settings file: the cluster of a kubeconfig is taken as it is, no server or \
             network is made",
            senseless.join(", ")
        ),
        hint: "leave that out; --external-network, --dns, --egress-cidr, --mirror-files, --mirror-registry, --proxy and --no-proxy can be said"
            .into(),
    })
}

/// A key of a settings file as the flag of `capstan up`.
fn flag(key: &str) -> String {
    let words = key.chars().map(|letter| {
        if letter.is_uppercase() {
            format!("-{}", letter.to_lowercase())
        } else {
            letter.to_string()
        }
    });
    format!("--{}", words.collect::<String>())
}

/// Whether the cluster is one that can be used.
async fn look(
    client: &Client,
    entrance: &Entrance,
    catalogue: &Catalogue,
) -> Result<ClusterFacts, Error> {
    let reach = |source: capstan_kubernetes::Error| match source.kind() {
        ErrorKind::Forbidden => AdoptionError::Rights(entrance.context.clone()),
        _ => reach(entrance, source),
    };
    if !may_do_everything(client).await.map_err(reach)? {
        return Err(AdoptionError::Rights(entrance.context.clone()).into());
    }
    let facts = ClusterFacts::read(client).await.map_err(reach)?;
    let hosts = catalogue.management.hosts;
    if !facts.line.parse().is_ok_and(|line| hosts.contain(line)) {
        return Err(AdoptionError::Version {
            version: facts.version,
            hosts,
        }
        .into());
    }
    if facts.ready() == 0 {
        return Err(AdoptionError::NoReadyNode {
            all: facts.nodes.len(),
        }
        .into());
    }
    Ok(facts)
}

fn reach(entrance: &Entrance, source: capstan_kubernetes::Error) -> AdoptionError {
    AdoptionError::Reach {
        endpoint: entrance.endpoint.clone(),
        source: Box::new(source),
    }
}

/// Asks from where the cluster's pods come unless it was said, with a proposal where one can be found.
async fn with_egress(
    desk: &Desk,
    settings: Settings,
    facts: &ClusterFacts,
) -> Result<Settings, Error> {
    if !settings.egress_cidr.is_empty() {
        return Ok(settings);
    }
    let network = desk.session.network();
    let project = [("project_id", desk.session.project_id())];
    let (ports, floating_ips, routers) = tokio::try_join!(
        network.ports(&project),
        network.floating_ips(&project),
        network.routers(&project),
    )?;
    let ways = egress::Ways {
        ports,
        floating_ips,
        routers,
    };
    let proposal = egress::proposal(&facts.nodes, &ways);
    Err(Error::Questions(vec![egress::question(proposal)]))
}

fn credential_line(
    name: &str,
    identity: Option<&Identity>,
    roles: &[String],
    exists: bool,
) -> ResourceLine {
    ResourceLine {
        kind: ResourceKind::ApplicationCredential.to_string(),
        name: identity.map_or_else(|| format!("capstan-{name}-<uid>"), Identity::resource_name),
        detail: format!("unrestricted, roles {}", roles.join(", ")),
        exists,
    }
}

#[cfg(test)]
mod tests;
