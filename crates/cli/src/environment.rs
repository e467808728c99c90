//! What of the process's surroundings the commands use.

use std::path::PathBuf;

use capstan_management::desk::Desk;
use capstan_management::state::StateRoot;
use capstan_management::up::Caller;
use capstan_openstack::Session;
use capstan_openstack::config::{Environment, load};
use tracing_subscriber::EnvFilter;

use crate::arguments::{Global, ServerName};
use crate::exit::Exit;
use crate::failure::Failure;

/// Name of a server that nobody named.
const DEFAULT_NAME: &str = "default";

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Log lines to standard error: warnings, with `-v` what Capstan does, with `-vv` every request.
pub(crate) fn start_log(verbose: u8) {
    let default = match verbose {
        // The client's own lines repeat, as errors, what the command says with its meaning.
        0 => "error,kube_client=off",
        1 => "capstan=info,capstan_management=debug,capstan_openstack=info",
        _ => {
            "capstan=debug,capstan_management=debug,capstan_openstack=debug,capstan_kubernetes=debug"
        }
    };
    let filter = EnvFilter::try_from_env("CAPSTAN_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}

/// Local state.
pub(crate) fn state_root() -> Result<StateRoot, Failure> {
    Ok(StateRoot::from_env(
        variable("XDG_STATE_HOME").as_deref(),
        variable("HOME").as_deref(),
    )?)
}

/// `$XDG_CONFIG_HOME/capstan`.
pub(crate) fn config_directory() -> Result<PathBuf, Failure> {
    variable("XDG_CONFIG_HOME")
        .filter(|path| path.starts_with('/'))
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".config")))
        .map(|base| base.join("capstan"))
        .ok_or_else(|| {
            Failure::new(Exit::Failed, "failed to find the configuration directory")
                .hint("set HOME")
        })
}

/// `$XDG_CACHE_HOME/capstan`: what may be lost.
pub(crate) fn cache_directory() -> Result<PathBuf, Failure> {
    variable("XDG_CACHE_HOME")
        .filter(|path| path.starts_with('/'))
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .map(|base| base.join("capstan"))
        .ok_or_else(|| {
            Failure::new(Exit::Failed, "failed to find the cache directory").hint("set HOME")
        })
}

/// The file that `env use` writes.
pub(crate) fn chosen_file() -> Result<PathBuf, Failure> {
    Ok(config_directory()?.join("server"))
}

/// The server meant: named, chosen, or the default.
pub(crate) fn server_name(given: &ServerName) -> Result<String, Failure> {
    match &given.name {
        Some(name) => Ok(name.clone()),
        None => Ok(chosen()?.unwrap_or_else(|| DEFAULT_NAME.to_owned())),
    }
}

/// The server that `env use` chose.
pub(crate) fn chosen() -> Result<Option<String>, Failure> {
    let path = chosen_file()?;
    match std::fs::read_to_string(&path) {
        Ok(name) => Ok(Some(name.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::of(
            Exit::Failed,
            &error,
            Some(format!("while reading {}", path.display())),
        )),
    }
}

/// A session with the cloud, and local state.
pub(crate) async fn desk(global: &Global) -> Result<Desk, Failure> {
    let config = load(
        &Environment::from_process(),
        global.clouds_file.as_deref(),
        global.cloud.as_deref(),
    )?;
    Ok(Desk {
        session: Session::connect(config).await?,
        root: state_root()?,
    })
}

/// Who we are, for those who meet our locks.
pub(crate) fn caller(command: &str) -> Caller {
    Caller {
        who: format!(
            "{}, pid {}, capstan {command}",
            person(),
            std::process::id()
        ),
    }
}

/// `user@host`: for whom the command runs.
pub(crate) fn person() -> String {
    let user = variable("USER")
        .or_else(|| variable("LOGNAME"))
        .unwrap_or_else(|| "somebody".to_owned());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() {
        "a-machine"
    } else {
        host.trim()
    };
    format!("{user}@{host}")
}
