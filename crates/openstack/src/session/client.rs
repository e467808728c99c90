//! The HTTP client, and what its failures mean.

use std::{error::Error as StdError, time::Duration};

use secrecy::ExposeSecret;

use super::{Options, retry::Failure};
use crate::{
    config::CloudConfig,
    error::{Error, Kind},
};

/// Servers commonly close an idle connection after five seconds; a POST sent into that very moment has an unknown
/// outcome. So we close first.
const IDLE: Duration = Duration::from_secs(4);

pub(super) fn build(config: &CloudConfig, options: &Options) -> Result<reqwest::Client, Error> {
    let problem = |message: &str, source: reqwest::Error| {
        Error::new(
            Kind::Tls,
            "prepare",
            format!("a connection to cloud {}", config.name),
            message,
        )
        .with_source(source)
    };
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("capstan/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.connect_limit)
        .pool_idle_timeout(IDLE)
        // A redirect would carry the token to wherever it points.
        .redirect(reqwest::redirect::Policy::none())
        .tls_danger_accept_invalid_certs(!config.verify);
    if let Some(ca) = &config.ca {
        let certificates = reqwest::Certificate::from_pem_bundle(ca.pem.as_bytes())
            .map_err(|error| problem("`cacert` holds no certificate in PEM", error))?;
        if certificates.is_empty() {
            return Err(Error::new(
                Kind::Tls,
                "prepare",
                format!("a connection to cloud {}", config.name),
                "`cacert` holds no certificate in PEM",
            ));
        }
        builder = builder.tls_certs_only(certificates);
    }
    if let Some(pem) = &config.client_identity {
        let identity =
            reqwest::Identity::from_pem(pem.expose_secret().as_bytes()).map_err(|error| {
                problem("`cert` and `key` hold no certificate and key in PEM", error)
            })?;
        builder = builder.identity(identity);
    }
    builder
        .build()
        .map_err(|error| problem("the TLS settings cannot be used", error))
}

/// What a failure of the client says about the request.
pub(super) fn failure(error: &reqwest::Error) -> Failure {
    if is_tls(error) {
        Failure::Tls
    } else if error.is_connect() {
        Failure::NotSent
    } else if error.is_timeout() {
        Failure::TimedOut
    } else {
        Failure::Interrupted
    }
}

pub(super) fn kind(failure: Failure) -> Kind {
    match failure {
        Failure::NotSent => Kind::Unreachable,
        Failure::Tls => Kind::Tls,
        Failure::TimedOut => Kind::Timeout,
        Failure::Interrupted | Failure::Status { .. } => Kind::Transient,
    }
}

/// TLS failures arrive as connection failures; the difference is somewhere down the chain, often inside an
/// [`std::io::Error`] inside another: their own `source` skips what they hold.
fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    let held = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>()
        || held.is_some_and(|held| is_tls(held))
        || error.source().is_some_and(is_tls)
}
