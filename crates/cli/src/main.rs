//! The `capstan` binary: arguments in, commands run, results and errors out. No logic of its own.

// The printer is passed like any service; that it is one byte today is its own affair.
#![allow(clippy::trivially_copy_pass_by_ref)]

mod age;
mod arguments;
mod ask;
mod commands;
mod environment;
mod exit;
mod failure;
mod printer;
mod progress;
mod shell;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let printer = Printer::new(arguments.global.output);
    let exit = match run(arguments, &printer) {
        Ok(()) => Exit::Ok,
        Err(failure) => {
            printer.failure(&failure);
            failure.exit
        }
    };
    exit.into()
}

fn run(arguments: Arguments, printer: &Printer) -> Result<(), Failure> {
    // One provider for every TLS connection of the process; the libraries are built without a default.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| Failure::new(Exit::Failed, "failed to prepare TLS"))?;
    environment::start_log(arguments.global.verbose);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("failed to start: {error}")))?;
    let result = runtime.block_on(commands::run(arguments, printer));
    // A prompt or a DNS query may still sit in a blocking thread; nothing waits for it.
    runtime.shutdown_background();
    result
}
