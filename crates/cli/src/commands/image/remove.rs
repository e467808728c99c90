//! `capstan image remove`.

use capstan_management::images::stock;
use capstan_plan::images::untouchable;
use clap::Args;
use serde_json::json;

use super::Removing;
use crate::arguments::Global;
use crate::commands::plane;
use crate::environment::desk;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Delete an image that Capstan registered; refused while it is in use
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Id of the image, or its name where only one has it
    #[arg(value_name = "IMAGE")]
    image: String,
    #[command(flatten)]
    removing: Removing,
}

impl Remove {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let session = desk(global).await?.session;
        let users = self.removing.users(global).await?;
        let catalogue = plane::catalogue()?;
        let images = stock(&session, catalogue.node_image_rules(), &users).await?;
        let by_id = images.iter().find(|stocked| stocked.image.id == self.image);
        let named: Vec<_> = match by_id {
            Some(one) => vec![one],
            None => images
                .iter()
                .filter(|stocked| stocked.image.label() == self.image)
                .collect(),
        };
        let found = match named[..] {
            [one] => one,
            [] => {
                let message = format!("failed to find image {:?}", self.image);
                return Err(
                    Failure::new(Exit::NotFound, message).hint("capstan image list lists them")
                );
            }
            _ => {
                let message = format!(
                    "failed to choose an image: {} are named {:?}",
                    named.len(),
                    self.image
                );
                return Err(Failure::new(Exit::NeedsAnswer, message).hint("give the id instead"));
            }
        };
        if let Some(why) = untouchable(&found.known) {
            let message = format!("failed to delete image {}: {why}", found.image.label());
            return Err(Failure::new(Exit::Conflict, message));
        }
        self.removing.go(&session, &[found]).await?;
        let value = json!({ "id": found.image.id, "name": found.image.label() });
        printer.result(&value, || {
            format!(
                "image {} ({}) is deleted",
                found.image.label(),
                found.image.id
            )
        })
    }
}
