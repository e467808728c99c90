//! What can be done to a running server.

use serde_json::{Value, json};

use super::ComputeApi;
use crate::{
    error::{Error, Kind},
    session::{Call, Service},
};

/// An action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerAction {
    /// Switch on.
    Start,
    /// Switch off.
    Stop,
    /// Reboot.
    Reboot(RebootKind),
}

/// How to reboot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebootKind {
    /// Ask the guest.
    Soft,
    /// Pull the plug.
    Hard,
}

impl ServerAction {
    fn verb(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Reboot(_) => "reboot",
        }
    }

    fn body(self) -> Value {
        match self {
            Self::Start => json!({"os-start": null}),
            Self::Stop => json!({"os-stop": null}),
            Self::Reboot(RebootKind::Soft) => json!({"reboot": {"type": "SOFT"}}),
            Self::Reboot(RebootKind::Hard) => json!({"reboot": {"type": "HARD"}}),
        }
    }
}

impl ComputeApi<'_> {
    /// Does something to a server; returns when Nova took the request.
    pub async fn server_action(self, id: &str, action: ServerAction) -> Result<(), Error> {
        let call = Call::create(
            Service::Compute,
            &["servers", id, "action"],
            format!("server {id}"),
            action.body(),
        );
        self.0.run(&call.verb(action.verb())).await
    }

    /// The last `lines` of the console log, or all that Nova keeps. A server that has no console yet has an empty log.
    pub async fn console_log(self, id: &str, lines: Option<u32>) -> Result<String, Error> {
        let body = match lines {
            Some(lines) => json!({"os-getConsoleOutput": {"length": lines}}),
            None => json!({"os-getConsoleOutput": {}}),
        };
        let call = Call::create(
            Service::Compute,
            &["servers", id, "action"],
            format!("console of server {id}"),
            body,
        )
        .verb("read")
        .repeatable();
        match self.0.fetch::<Option<String>>(&call, Some("output")).await {
            Ok(log) => Ok(log.unwrap_or_default()),
            // Still being built, or between two hosts.
            Err(error) if error.kind() == Kind::Conflict => Ok(String::new()),
            Err(error) => Err(error),
        }
    }
}
