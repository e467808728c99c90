//! `capstan image expire`.

use capstan_management::images::stock;
use capstan_plan::images::{KnownImage, expiry};
use clap::Args;
use serde_json::json;

use super::{Removing, size};
use crate::arguments::Global;
use crate::commands::plane;
use crate::environment::desk;
use crate::failure::Failure;
use crate::printer::{Printer, table};

/// Delete old images that Capstan registered and nobody uses
///
/// Of each release line of Kubernetes and each architecture, the newest stay. Whatever its age, an image stays that a cluster
/// or a server of the project uses, that Capstan did not register in this project, that others may use, or that is
/// protected. Shows what would go, and asks.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Expire {
    /// How many of each release line stay
    #[arg(long, value_name = "NUMBER")]
    keep: usize,
    /// Only show what would go
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    removing: Removing,
}

impl Expire {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let session = desk(global).await?.session;
        let users = self.removing.users(global).await?;
        let catalogue = plane::catalogue()?;
        let images = stock(&session, catalogue.node_image_rules(), &users).await?;
        let ours: Vec<_> = images.iter().filter(|stocked| stocked.known.ours).collect();
        let known: Vec<KnownImage> = ours.iter().map(|stocked| stocked.known.clone()).collect();
        let fates = expiry(&known, self.keep);
        let judged: Vec<_> = ours.iter().zip(&fates).collect();
        let going: Vec<_> = judged
            .iter()
            .filter(|(_, fate)| fate.goes())
            .map(|(stocked, _)| **stocked)
            .collect();
        let rows = judged.iter().map(|(stocked, fate)| {
            vec![
                stocked.image.label().to_owned(),
                size(stocked.image.size),
                stocked.image.id.clone(),
                fate.stays.clone().unwrap_or_else(|| "goes".to_owned()),
            ]
        });
        let shown = table(&["name", "size", "id", "fate"], rows);
        let asks = !self.dry_run && !going.is_empty();
        if asks {
            printer.note(&shown);
            self.removing.go(&session, &going).await?;
        }
        let values: Vec<_> = judged
            .iter()
            .map(|(stocked, fate)| {
                json!({
                    "id": stocked.image.id, "name": stocked.image.label(), "goes": fate.goes(), "stays": fate.stays,
                })
            })
            .collect();
        printer.result(&json!({ "images": values, "deleted": asks }), || {
            match (asks, going.len()) {
                (_, 0) => format!("{shown}\nnothing goes"),
                (false, count) => format!("{shown}\n{count} would go"),
                (true, count) => format!("{count} deleted"),
            }
        })
    }
}
