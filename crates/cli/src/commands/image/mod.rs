//! `capstan image`: the images that nodes are made of.

mod expire;
mod list;
mod register;
mod remove;

use capstan_management::images::{Stocked, remove as delete};
use capstan_openstack::Session;
use capstan_workload::image_use::{ImageUse, image_use};
use clap::{Args, Subcommand};

use crate::arguments::Global;
use crate::ask;
use crate::commands::cluster::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// The images that nodes are made of.
#[derive(Debug, Subcommand)]
pub(crate) enum Image {
    List(list::List),
    Register(Box<register::Register>),
    Remove(remove::Remove),
    Expire(expire::Expire),
}

impl Image {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(global, printer).await,
            Self::Register(register) => Box::pin(register.run(global, printer)).await,
            Self::Remove(remove) => remove.run(global, printer).await,
            Self::Expire(expire) => expire.run(global, printer).await,
        }
    }
}

/// How images are taken away.
#[derive(Debug, Args)]
struct Removing {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// There is no management server: only servers of the project tell what is in use
    #[arg(long)]
    no_server: bool,
    #[command(flatten)]
    target: Target,
}

impl Removing {
    /// Who uses which image.
    async fn users(&self, global: &Global) -> Result<ImageUse, Failure> {
        if self.no_server {
            return Ok(ImageUse::default());
        }
        let client = self.target.client(global).await;
        let client = client.map_err(|failure| Failure {
            hint: Some(
                "which clusters use an image is known to their management server: --kubeconfig names one made elsewhere, \
                 --no-server says that there is none"
                    .to_owned(),
            ),
            ..failure
        })?;
        used(&client).await
    }

    /// Asks, and deletes these by their ids.
    async fn go(&self, session: &Session, going: &[&Stocked]) -> Result<(), Failure> {
        if !self.yes {
            let question = format!(
                "Delete {}?",
                match going {
                    [one] => format!("image {}", one.image.label()),
                    several => format!("these {} images", several.len()),
                }
            );
            if !ask::possible() || !ask::confirm(&question)? {
                return Err(Failure::new(Exit::NeedsAnswer, "nothing was deleted")
                    .hint("--yes deletes without asking"));
            }
        }
        for stocked in going {
            delete(session, &stocked.image.id).await?;
        }
        Ok(())
    }
}

async fn used(client: &kube::Client) -> Result<ImageUse, Failure> {
    let seen = image_use(client).await;
    Ok(seen.map_err(capstan_management::clouds::CloudsError::from)?)
}

/// Octets for people.
fn size(octets: Option<u64>) -> String {
    match octets {
        None => "-".to_owned(),
        Some(octets) if octets >= 1 << 30 => {
            let tenths = octets * 10 / (1 << 30);
            format!("{}.{} GiB", tenths / 10, tenths % 10)
        }
        Some(octets) => format!("{} MiB", octets.div_ceil(1 << 20)),
    }
}
