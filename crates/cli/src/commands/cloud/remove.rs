//! `capstan cloud remove`.

use capstan_management::clouds::{self, Removed};
use clap::Args;
use serde_json::json;

use crate::arguments::Global;
use crate::ask;
use crate::commands::cluster::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Remove a cloud that was added, with its credential in the cloud; refused while clusters are on it
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Name of the cloud
    #[arg(value_name = "NAME")]
    name: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    target: Target,
}

impl Remove {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let client = self.target.client(global).await?;
        let cloud = clouds::find(&client, &self.target.namespace, &self.name).await?;
        if !self.yes {
            let question = format!("Remove cloud {} and its credential?", self.name);
            if !ask::possible() || !ask::confirm(&question)? {
                return Err(Failure::new(Exit::NeedsAnswer, "nothing was removed")
                    .hint("--yes removes without asking"));
            }
        }
        let removed = clouds::remove(&client, &cloud).await?;
        let credential = match removed {
            Removed::Credential => "its application credential is deleted",
            Removed::NoCredential => "it had no application credential any more",
            Removed::NotOurs => "its credential was not minted by Capstan, and stays in the cloud",
        };
        printer.result(
            &json!({ "removed": self.name, "credentialDeleted": removed == Removed::Credential }),
            || format!("cloud {} is removed; {credential}", self.name),
        )
    }
}
