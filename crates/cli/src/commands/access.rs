//! `capstan access`.

use capstan_management::access::{access, renew};
use capstan_management::lock::RunLock;
use clap::Args;
use jiff::Timestamp;

use crate::arguments::{Global, ServerName};
use crate::environment::{caller, desk, server_name};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::shell::export;

/// Reach a management server with kubectl: says where its kubeconfig is, and until when its certificate is good.
///
/// Example:
///
///     eval "$(capstan access)"
///     kubectl get workloadclusters -A
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Access {
    #[command(flatten)]
    server: ServerName,
    /// Print the kubeconfig itself
    #[arg(long)]
    print: bool,
    /// Make the client certificate anew, from the authority on this machine, and write the kubeconfig with it
    #[arg(long)]
    renew: bool,
}

impl Access {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let name = server_name(&self.server)?;
        let desk = desk(global).await?;
        let way = if self.renew {
            let _lock = RunLock::acquire(&desk.files(&name), &caller("access").who)?;
            renew(&desk, &name, Timestamp::now())?
        } else {
            access(&desk, &name)?
        };
        if let Some(validity) = way.certificate_until {
            let now = Timestamp::now();
            let told = if way.adopted {
                validity.told_of_others(now)
            } else {
                validity.told(now)
            };
            printer.note(&format!("client certificate {told}"));
        }
        if self.print {
            let path = &way.kubeconfig;
            let text = std::fs::read_to_string(path).map_err(|error| {
                Failure::new(
                    Exit::Failed,
                    format!("failed to read {}: {error}", path.display()),
                )
            })?;
            Printer::write(&text);
            return Ok(());
        }
        printer.result(&way, || {
            export("KUBECONFIG", &way.kubeconfig.display().to_string())
        })
    }
}
