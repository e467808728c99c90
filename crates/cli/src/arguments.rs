//! What can be said on the command line. Each command's own arguments are beside the command.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands;

/// Kubernetes clusters on OpenStack for everybody.
#[derive(Debug, Parser)]
#[command(
    name = "capstan",
    version,
    propagate_version = true,
    max_term_width = 110
)]
pub(crate) struct Arguments {
    /// For every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Arguments of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Cloud in clouds.yaml; without it the only one there is
    #[arg(long, global = true, env = "OS_CLOUD", value_name = "NAME")]
    pub(crate) cloud: Option<String>,
    /// File to read instead of the clouds.yaml that OpenStack's tools find
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) clouds_file: Option<PathBuf>,
    /// Form of the result
    #[arg(
        short,
        long,
        global = true,
        default_value = "table",
        value_name = "FORM"
    )]
    pub(crate) output: Output,
    /// Tell more on standard error; twice: every request
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Table,
    /// For programs; progress comes as one JSON object per line
    Json,
    /// For programs and people
    Yaml,
}

/// Which management server.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerName {
    /// Management server; without it the one chosen by `capstan env use`, or "default"
    #[arg(long, env = "CAPSTAN_NAME", value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a management server, or go on making it
    Up(Box<commands::up::Up>),
    /// Remove a management server and everything it has in the cloud
    Down(commands::down::Down),
    /// Tell whether a management server is usable
    Status(commands::status::Status),
    /// Reach a management server with kubectl
    Access(commands::access::Access),
    /// Choose between management servers, and let other tools use them
    #[command(subcommand)]
    Env(commands::env::Env),
    /// Add, look at, check and remove the clouds that clusters run on
    #[command(subcommand)]
    Cloud(commands::cloud::Cloud),
    /// Make, watch, change and remove workload clusters
    #[command(subcommand)]
    Cluster(commands::cluster::Cluster),
    /// List, show, write and delete what clusters can be made from
    #[command(subcommand)]
    Template(commands::template::Template),
    /// List, register and remove the images that nodes are made of
    #[command(subcommand)]
    Image(commands::image::Image),
    /// Bring clusters about; runs on the management server
    #[command(hide = true)]
    Controller(commands::controller::Controller),
    /// Write completions for a shell
    Completion(commands::completion::Completion),
    /// Write the reference pages of the documentation
    #[command(hide = true)]
    Reference(commands::reference::Reference),
}
