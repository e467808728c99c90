//! `capstan cloud add`.

use std::net::IpAddr;

use capstan_management::clouds::{self, NewCloud};
use capstan_openstack::Session;
use capstan_openstack::config::{Environment, load};
use capstan_spec::cloud::CloudDefaults;
use clap::Args;
use serde_json::json;

use super::remember;
use crate::arguments::Global;
use crate::commands::cluster::Target;
use crate::commands::plane;
use crate::failure::Failure;
use crate::printer::Printer;

/// Let clusters run on another cloud, project or region
///
/// Reads an entry of clouds.yaml, mints an unrestricted application credential with the least roles there, and puts that on
/// the management server, where no tenant can read it; a password stays on this machine. Clusters of every namespace may
/// then name the cloud.
///
/// Example:
///
///     capstan cloud add frankfurt --from my-clouds-entry
///     capstan cluster create demo -f demo.yaml      # with OPENSTACK_CLOUD: frankfurt
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Add {
    /// What clusters shall call it
    #[arg(value_name = "NAME")]
    name: String,
    /// Entry in clouds.yaml [default: the same name]; --cloud is that of the management server
    #[arg(long, value_name = "ENTRY")]
    from: Option<String>,
    /// External network of clusters that name none
    #[arg(long, value_name = "NETWORK")]
    external_network: Option<String>,
    /// Name server of clusters that name none; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    dns: Vec<IpAddr>,
    /// Load balancer provider of clusters that name none
    #[arg(long, value_name = "PROVIDER")]
    load_balancer_provider: Option<String>,
    #[command(flatten)]
    target: Target,
}

impl Add {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let entry = self.from.as_deref().unwrap_or(&self.name);
        let environment = Environment::from_process();
        let config = load(&environment, global.clouds_file.as_deref(), Some(entry))?;
        let session = Session::connect(config).await?;
        let inventory = session.inventory().await?;
        if let Some(network) = &self.external_network {
            inventory
                .external_network(network)
                .map_err(capstan_management::Error::from)?;
        }
        if let Some(provider) = &self.load_balancer_provider {
            inventory
                .load_balancer_provider(provider)
                .map_err(capstan_management::Error::from)?;
        }
        let client = self.target.client(global).await?;
        let new = NewCloud {
            name: self.name.clone(),
            defaults: CloudDefaults {
                dns_nameservers: self.dns.clone(),
                external_network: self.external_network.clone(),
                load_balancer_provider: self.load_balancer_provider.clone(),
            },
        };
        let cloud = clouds::add(&client, &session, &new).await?;
        printer.note(&format!(
            "cloud {} is added; looking at it as the server",
            self.name
        ));
        let catalogue = plane::catalogue()?;
        let rules = catalogue.node_image_rules();
        let (rows, seen) = clouds::check(&client, &cloud, rules).await;
        let why = seen.as_ref().map_err(ToString::to_string);
        let noted = why.as_ref().map(|look| *look).map_err(String::as_str);
        remember(&client, &cloud, noted, &self.target, rules, printer).await;
        printer.result(
            &json!({ "name": self.name, "namespace": cloud.metadata.namespace, "checks": rows }),
            || super::check::told(&rows),
        )
    }
}
