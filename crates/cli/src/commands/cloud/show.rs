//! `capstan cloud show`.

use capstan_catalog::NodeImageRules;
use capstan_management::clouds::{self, CloudsError, Look};
use capstan_openstack::Session;
use capstan_spec::cloud::CloudStatus;
use capstan_spec::status::{Condition, ConditionStatus};
use capstan_workload::resource::Cloud;
use capstan_workload::surroundings;
use clap::Args;
use jiff::Timestamp;
use kube::Client;

use super::remember;
use crate::age::age;
use crate::arguments::Global;
use crate::commands::cluster::Target;
use crate::commands::plane;
use crate::failure::Failure;
use crate::printer::{Printer, table};

/// Show what a cloud offers: flavors, images with their Kubernetes version, networks, zones, load balancers, quota. Asks
/// the cloud with the credential of the management server, from this machine, and keeps the answer for
/// `cluster validate --offline`
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Name of the cloud
    #[arg(value_name = "NAME", default_value = capstan_spec::defaults::CLOUD)]
    name: String,
    #[command(flatten)]
    target: Target,
}

impl Show {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let client = self.target.client(global).await?;
        let cloud = clouds::find(&client, &self.target.namespace, &self.name).await?;
        let catalogue = plane::catalogue()?;
        let rules = catalogue.node_image_rules();
        let seen = ask(&client, &cloud).await;
        let why = seen.as_ref().map_err(ToString::to_string);
        let noted = why.as_ref().map(|look| *look).map_err(String::as_str);
        remember(&client, &cloud, noted, &self.target, rules, printer).await;
        let status = cloud.status.clone().unwrap_or_default();
        let server = server_sees(&status, Timestamp::now());
        if seen.is_err() {
            printer.note(&format!("the management server, before this: {server}"));
        }
        let look = seen?;
        printer.result(&look, || told(&look, &server, rules))
    }
}

async fn ask(client: &Client, cloud: &Cloud) -> Result<Look, CloudsError> {
    let config = surroundings::config(client, cloud).await?;
    let session = Session::connect(config).await?;
    clouds::look(&session, cloud).await
}

/// What the status said before this look, which is the controller's unless somebody has looked since.
fn server_sees(status: &CloudStatus, now: Timestamp) -> String {
    let Some(asked) = status.asked_at else {
        return "has not asked yet".to_owned();
    };
    let asked = format!("asked {} ago", age(asked, now));
    let ready = status
        .conditions
        .iter()
        .find(|condition| condition.kind == Condition::READY);
    let taken = status
        .inventory
        .as_ref()
        .and_then(|inventory| inventory.taken_at);
    match (ready, taken) {
        (Some(ready), taken) if ready.status == ConditionStatus::False => {
            let of = taken.map_or_else(
                || "it was never listed".to_owned(),
                |at| format!("its list is {} old", age(at, now)),
            );
            format!("{asked}: {}; {of}", ready.message)
        }
        _ => asked,
    }
}

/// All of it, in sections.
fn told(look: &Look, server: &str, rules: &NodeImageRules) -> String {
    let inventory = &look.inventory;
    let region = look.region.as_deref().unwrap_or("-");
    let credential = match &look.credential {
        None => "none".to_owned(),
        Some(held) => {
            let end = held
                .expires_at
                .map_or_else(|| "without end".to_owned(), |end| format!("ends {end}"));
            format!("{}, {end}", held.name)
        }
    };
    let zones = &inventory.zones;
    let or_none = |names: &[String]| {
        if names.is_empty() {
            "-".to_owned()
        } else {
            names.join(", ")
        }
    };
    let providers: Vec<String> = inventory
        .load_balancer_providers
        .iter()
        .map(|provider| provider.name.clone())
        .collect();
    let types: Vec<String> = inventory
        .volume_types
        .iter()
        .map(|kind| kind.name.clone())
        .collect();
    let facts = [
        ("cloud", format!("{}/{}", look.namespace, look.name)),
        ("keystone", look.auth_url.clone()),
        ("region", region.to_owned()),
        ("project", format!("{}, user {}", look.project, look.user)),
        ("credential", credential),
        ("looked at", format!("{:.0}", look.taken_at)),
        ("management server", server.to_owned()),
        ("zones of servers", or_none(&zones.compute)),
        ("zones of volumes", or_none(&zones.volume)),
        ("zones of load balancers", or_none(&zones.load_balancer)),
        ("volume types", or_none(&types)),
        ("load balancer providers", or_none(&providers)),
    ];
    let facts = facts
        .into_iter()
        .map(|(what, value)| vec![what.to_owned(), value]);
    let flavors = inventory.flavors.iter().map(|flavor| {
        let disk = match flavor.disk {
            0 => "volume".to_owned(),
            disk => disk.to_string(),
        };
        let (cores, memory) = (flavor.vcpus.to_string(), flavor.ram.to_string());
        vec![flavor.name.clone(), cores, memory, disk]
    });
    let images = clouds::image_versions(inventory, rules)
        .into_iter()
        .map(|(image, version)| {
            let version = version.map_or_else(|| "-".to_owned(), |version| version.to_string());
            let made = image.created_at;
            let made = made.map_or_else(String::new, |at| at.strftime("%Y-%m-%d").to_string());
            vec![
                image.label().to_owned(),
                version,
                image.min_disk.to_string(),
                made,
            ]
        });
    let networks = inventory.networks.iter().map(|network| {
        let mtu = network
            .mtu
            .map_or_else(|| "-".to_owned(), |mtu| mtu.to_string());
        let external = if network.external { "yes" } else { "" };
        vec![
            network.name.clone(),
            mtu,
            external.to_owned(),
            network.id.clone(),
        ]
    });
    let quota = inventory.quota.lines().map(|(resource, line)| {
        let number = |number: Option<u64>| {
            number.map_or_else(|| "no limit".to_owned(), |number| number.to_string())
        };
        let (used, limit) = (line.used.to_string(), number(line.limit));
        vec![resource.to_string(), used, limit, number(line.free())]
    });
    [
        table(&["", ""], facts).trim_start().to_owned(),
        table(&["flavor", "vcpus", "ram mib", "disk gib"], flavors),
        table(&["image", "kubernetes", "min disk", "made"], images),
        table(&["network", "mtu", "external", "id"], networks),
        table(&["quota", "used", "limit", "free"], quota),
    ]
    .join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_sees_has_its_age() {
        let now: Timestamp = "2026-11-28T05:00:00Z".parse().unwrap();
        let told = |text: &str| server_sees(&serde_json::from_str(text).unwrap(), now);
        assert_eq!(told("{}"), "has not asked yet");
        let good = r#"{"askedAt": "2026-11-28T04:57:00Z", "inventory": {"takenAt": "2026-11-28T04:57:00Z"}}"#;
        assert_eq!(told(good), "asked 3 min ago");
        let bad = r#"{"askedAt": "2026-11-28T04:57:00Z", "inventory": {"takenAt": "2026-11-28T01:57:00Z"},
            "conditions": [{"type": "Ready", "status": "False", "reason": "DoesNotAnswer", "message": "refused",
            "lastTransitionTime": "2026-11-28T04:57:00Z"}]}"#;
        assert_eq!(told(bad), "asked 3 min ago: refused; its list is 3 h old");
    }
}
