//! `capstan cloud check`.

use capstan_management::clouds::{self, CheckRow, Verdict};
use clap::Args;
use serde_json::json;

use super::remember;
use crate::arguments::Global;
use crate::commands::cluster::Target;
use crate::commands::plane;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, table};

/// Check whether a cloud does what clusters need: credential, services, rights, network, flavors, images, quota. Asks with
/// the credential of the management server, from this machine. Warnings do not fail it
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Name of the cloud
    #[arg(value_name = "NAME", default_value = capstan_spec::defaults::CLOUD)]
    name: String,
    #[command(flatten)]
    target: Target,
}

impl Check {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let client = self.target.client(global).await?;
        let cloud = clouds::find(&client, &self.target.namespace, &self.name).await?;
        let catalogue = plane::catalogue()?;
        let rules = catalogue.node_image_rules();
        let (rows, seen) = clouds::check(&client, &cloud, rules).await;
        let why = seen.as_ref().map_err(ToString::to_string);
        let noted = why.as_ref().map(|look| *look).map_err(String::as_str);
        remember(&client, &cloud, noted, &self.target, rules, printer).await;
        printer.result(&json!({ "cloud": self.name, "checks": rows }), || {
            told(&rows)
        })?;
        let bad: Vec<_> = rows
            .iter()
            .filter(|row| row.verdict == Verdict::Bad)
            .collect();
        if bad.is_empty() {
            return Ok(());
        }
        let exit = seen
            .as_ref()
            .err()
            .map_or(Exit::NotUsable, |error| error.category().into());
        let causes = bad
            .iter()
            .map(|row| format!("{}: {}", row.what, row.told))
            .collect();
        Err(Failure {
            exit,
            message: format!("cloud {} cannot run clusters", self.name),
            causes,
            hint: bad.first().and_then(|row| row.remedy.clone()),
        })
    }
}

/// The checks as people read them.
pub(super) fn told(rows: &[CheckRow]) -> String {
    let rows = rows.iter().map(|row| {
        let verdict = row.verdict.as_str().to_owned();
        let remedy = row.remedy.clone().unwrap_or_default();
        vec![row.what.clone(), verdict, row.told.clone(), remedy]
    });
    table(&["check", "verdict", "seen", "what to do"], rows)
}
