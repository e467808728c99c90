//! One module per command: its arguments and how it is run.

pub(crate) mod access;
pub(crate) mod cloud;
pub(crate) mod cluster;
pub(crate) mod completion;
pub(crate) mod controller;
pub(crate) mod down;
pub(crate) mod env;
pub(crate) mod image;
pub(crate) mod plane;
pub(crate) mod reference;
pub(crate) mod status;
pub(crate) mod template;
pub(crate) mod up;

use tokio_util::sync::CancellationToken;

use crate::arguments::{Arguments, Command};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Runs what was asked for.
pub(crate) async fn run(arguments: Arguments, printer: &Printer) -> Result<(), Failure> {
    let global = arguments.global;
    match arguments.command {
        Command::Up(up) => Box::pin(up.run(&global, printer)).await,
        Command::Down(down) => down.run(&global, printer).await,
        Command::Status(status) => status.run(&global, printer).await,
        Command::Access(access) => access.run(&global, printer).await,
        Command::Env(env) => env.run(&global, printer).await,
        Command::Cloud(cloud) => Box::pin(cloud.run(&global, printer)).await,
        Command::Cluster(cluster) => Box::pin(cluster.run(&global, printer)).await,
        Command::Template(template) => Box::pin(template.run(&global, printer)).await,
        Command::Image(image) => Box::pin(image.run(&global, printer)).await,
        Command::Controller(controller) => controller.run().await,
        Command::Completion(completion) => {
            completion.run();
            Ok(())
        }
        Command::Reference(reference) => reference.run(),
    }
}

/// A token that the first Ctrl-C cancels: what is being made is finished, nothing new begun. The second ends the process.
pub(crate) fn stop_on_interrupt(printer: Printer) -> CancellationToken {
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        printer
            .note("stopping after the requests that are on their way; Ctrl-C again stops at once");
        token.cancel();
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
    });
    stop
}
