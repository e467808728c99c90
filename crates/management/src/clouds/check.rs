//! Whether a cloud still does what clusters need of it.

use capstan_catalog::NodeImageRules;
use capstan_openstack::{Resource, Service, Session};
use capstan_workload::resource::Cloud;
use capstan_workload::surroundings;
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use serde::Serialize;

use super::{CloudsError, Look, image_versions, look};

/// A credential that ends this soon is worth a word: rotating it is a day's work in some houses.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Quota of the smallest cluster: a control plane machine and a worker, on a network of its own.
const SMALLEST: [(Resource, u64); 8] = [
    (Resource::Instances, 2),
    (Resource::Ports, 4),
    (Resource::Networks, 1),
    (Resource::Subnets, 1),
    (Resource::Routers, 1),
    (Resource::FloatingIps, 1),
    (Resource::SecurityGroups, 2),
    (Resource::LoadBalancers, 1),
];
/// Memory below which kubeadm's own check refuses a control plane is 1,700 MB; a flavor has twice that to be of use.
const LEAST_FLAVOR: (u32, u64) = (2, 3400);

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckRow {
    /// What.
    pub what: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen.
    pub told: String,
    /// What to do, unless it is good.
    pub remedy: Option<String>,
}

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// As clusters need it.
    Good,
    /// Clusters that are there go on; something new may fail.
    Warning,
    /// Clusters cannot be run there.
    Bad,
}

impl Verdict {
    /// In plain words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

impl CheckRow {
    fn good(what: impl Into<String>, told: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            verdict: Verdict::Good,
            told: told.into(),
            remedy: None,
        }
    }

    fn warning(
        what: impl Into<String>,
        told: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Warning,
            remedy: Some(remedy.into()),
            ..Self::good(what, told)
        }
    }

    fn bad(what: impl Into<String>, told: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Bad,
            ..Self::warning(what, told, remedy)
        }
    }
}

/// Checks a `Cloud` with the credentials the server has, from here. Also gives what was seen, if everything answered, and
/// else the first error, for its kind.
pub async fn check(
    client: &Client,
    cloud: &Cloud,
    rules: &NodeImageRules,
) -> (Vec<CheckRow>, Result<Look, CloudsError>) {
    let mut rows = Vec::new();
    let session = match connect(client, cloud).await {
        Ok(session) => session,
        Err(error) => {
            rows.push(failed("authentication", &error));
            return (rows, Err(error));
        }
    };
    let who = session.whoami();
    let told = format!("project {}, user {}", who.project_name, who.user_name);
    rows.push(CheckRow::good("authentication", told));
    let mut first = None;
    for service in Service::ALL {
        match answers(&session, service).await {
            Ok(row) => rows.push(row),
            Err(error) => {
                rows.push(failed(&format!("service {service}"), &error));
                first.get_or_insert(error);
            }
        }
    }
    if let Some(error) = first {
        return (rows, Err(error));
    }
    match look(&session, cloud).await {
        Ok(look) => {
            rows.extend(judge(&look, Timestamp::now(), rules));
            (rows, Ok(look))
        }
        Err(error) => {
            rows.push(failed("inventory", &error));
            (rows, Err(error))
        }
    }
}

async fn connect(client: &Client, cloud: &Cloud) -> Result<Session, CloudsError> {
    let config = surroundings::config(client, cloud).await?;
    Ok(Session::connect(config).await?)
}

/// Asks a service for something small. That there is none is no error but a row.
async fn answers(session: &Session, service: Service) -> Result<CheckRow, CloudsError> {
    let what = format!("service {service}");
    let Ok(endpoint) = session.endpoint(service).await else {
        return Ok(match service {
            Service::Volume => CheckRow::warning(
                what,
                "the cloud does not offer it",
                "clusters must do without volumes: take flavors with a disk",
            ),
            Service::LoadBalancer => CheckRow::bad(
                what,
                "the cloud does not offer it",
                "the API of a cluster is behind a load balancer: ask the cloud's operator for Octavia",
            ),
            _ => CheckRow::bad(
                what,
                "the cloud does not offer it here",
                "check region and interface of the entry in clouds.yaml",
            ),
        });
    };
    match service {
        // The token came from there.
        Service::Identity => {}
        Service::Compute => drop(session.compute().availability_zones().await?),
        Service::Network => drop(session.network().extensions().await?),
        // No image has this name: an answer is wanted, not hundreds of images.
        Service::Image => drop(session.image().images(&[("name", "capstan/none")]).await?),
        Service::Volume => drop(session.volume().volume_types().await?),
        Service::LoadBalancer => drop(session.load_balancer().providers().await?),
    }
    Ok(CheckRow::good(what, endpoint.to_string()))
}

fn failed(what: &str, error: &CloudsError) -> CheckRow {
    let mut told = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        told = format!("{told}: {cause}");
        source = cause.source();
    }
    let remedy = error
        .hint()
        .unwrap_or_else(|| "try again; capstan -vv shows every request".to_owned());
    CheckRow::bad(what, told, remedy)
}

/// What of a look is not as clusters need it. Pure.
pub fn judge(look: &Look, now: Timestamp, rules: &NodeImageRules) -> Vec<CheckRow> {
    let mut rows = credential(look, now);
    rows.extend([
        external(look),
        flavors(look),
        images(look, rules),
        quota(look),
    ]);
    rows
}

fn credential(look: &Look, now: Timestamp) -> Vec<CheckRow> {
    const WHAT: &str = "credential";
    const REMEDY: &str = "remove the Cloud and add it again";
    let Some(held) = &look.credential else {
        return vec![CheckRow::warning(
            WHAT,
            "it is no application credential",
            "add the Cloud by capstan cloud add, so that no password lies on the server",
        )];
    };
    let mut rows = Vec::new();
    rows.push(if held.unrestricted {
        let roles = look.roles.join(", ");
        CheckRow::good(
            "rights",
            format!("may mint credentials for clusters; roles {roles}"),
        )
    } else {
        CheckRow::bad("rights", "it may not mint credentials for clusters", REMEDY)
    });
    rows.push(match held.expires_at {
        None => CheckRow::good(WHAT, format!("{}, without end", held.name)),
        Some(end) => {
            let told = format!("{}, ends {end}", held.name);
            if end.duration_since(now) < SOON {
                CheckRow::warning(WHAT, told, REMEDY)
            } else {
                CheckRow::good(WHAT, told)
            }
        }
    });
    rows
}

fn external(look: &Look) -> CheckRow {
    const WHAT: &str = "external network";
    let wanted = look.defaults.external_network.as_deref();
    if let Some(wanted) = wanted {
        return match look.inventory.external_network(wanted) {
            Ok(network) => CheckRow::good(WHAT, network.name.clone()),
            Err(unknown) => CheckRow::bad(WHAT, unknown.to_string(), unknown.hint()),
        };
    }
    let networks = look.inventory.networks.iter();
    let names: Vec<&str> = networks
        .filter(|network| network.external)
        .map(|network| network.name.as_str())
        .collect();
    match names[..] {
        [] => CheckRow::bad(
            WHAT,
            "there is none, so no cluster gets an address",
            "ask the cloud's operator",
        ),
        [only] => CheckRow::good(WHAT, only),
        _ => CheckRow::warning(
            WHAT,
            format!("there are several: {}", names.join(", ")),
            "set spec.defaults.externalNetwork of the Cloud, or name one in each cluster",
        ),
    }
}

fn flavors(look: &Look) -> CheckRow {
    let all = look.inventory.flavors.len();
    let (cores, memory) = LEAST_FLAVOR;
    let big = |flavor: &&capstan_openstack::compute::Flavor| {
        flavor.vcpus >= cores && flavor.ram >= memory
    };
    let usable = look.inventory.flavors.iter().filter(big).count();
    if usable == 0 {
        let told = format!("none of {all} has {cores} vCPU and {memory} MiB");
        return CheckRow::bad("flavors", told, "ask the cloud's operator for bigger ones");
    }
    CheckRow::good("flavors", format!("{usable} of {all} are big enough"))
}

fn images(look: &Look, rules: &NodeImageRules) -> CheckRow {
    let images = image_versions(&look.inventory, rules);
    let mut versions: Vec<_> = images.iter().filter_map(|(_, version)| *version).collect();
    versions.dedup();
    if versions.is_empty() {
        return CheckRow::warning(
            "node images",
            "no image says that it carries Kubernetes",
            "register one with capstan image register, or name an image in each cluster",
        );
    }
    let versions: Vec<_> = versions.iter().map(ToString::to_string).collect();
    CheckRow::good("node images", format!("for {}", versions.join(", ")))
}

fn quota(look: &Look) -> CheckRow {
    let short = look.inventory.quota.shortages(SMALLEST);
    if short.is_empty() {
        return CheckRow::good("quota", "the smallest cluster fits");
    }
    let short: Vec<_> = short.iter().map(ToString::to_string).collect();
    CheckRow::warning(
        "quota",
        format!("the smallest cluster does not fit: {}", short.join("; ")),
        "free something in the project, or ask the cloud's operator for more",
    )
}

#[cfg(test)]
mod tests;
