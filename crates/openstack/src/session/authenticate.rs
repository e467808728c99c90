//! Asking Keystone for a token.

use std::time::Instant;

use http::Method;
use secrecy::SecretString;

use super::{
    Options, Service,
    exchange::{Answer, exchange},
    observer, retry,
    token::{self, Token},
};
use crate::{
    config::CloudConfig,
    error::{Error, Kind},
};

/// Gets a token. Getting one twice does no harm, so it is tried again like a GET.
pub(super) async fn authenticate(
    http: &reqwest::Client,
    config: &CloudConfig,
    options: &Options,
) -> Result<Token, Error> {
    let object = format!("with cloud {}", config.name);
    let mut url = config.auth_url.clone();
    url.set_path(&format!("{}/auth/tokens", url.path().trim_end_matches('/')));
    let body = token::request(&config.auth);
    let mut attempt = 1;
    loop {
        let request = http
            .post(url.clone())
            .timeout(options.call_limit)
            .json(&body);
        let place = options.budget.admit(Service::Identity).await;
        let started = Instant::now();
        let ended = exchange(request, &Method::POST, &url, "authenticate", &object).await;
        drop(place);
        observer::tell(options, Service::Identity, &Method::POST, started, &ended);
        let refused = match ended {
            Ok(answer) => {
                return token_of(&answer).map_err(|message| {
                    Error::new(Kind::Other, "authenticate", object, message).with_call(answer.info)
                });
            }
            Err(refused) => refused,
        };
        let policy = &options.retry;
        options
            .budget
            .heed(Service::Identity, refused.failure, policy);
        let Some(wait) = retry::next_wait(policy, attempt, refused.failure, true, rand::random())
        else {
            return Err(told(refused.error));
        };
        tracing::debug!(call = %refused.info, attempt, ?wait, error = ?refused.error, "trying again");
        tokio::time::sleep(wait).await;
        attempt += 1;
    }
}

fn token_of(answer: &Answer) -> Result<Token, String> {
    let secret = answer
        .headers
        .get("x-subject-token")
        .and_then(|value| value.to_str().ok())
        .map(SecretString::from)
        .ok_or("the answer has no X-Subject-Token: is this Keystone v3?")?;
    token::read(secret, &answer.body, Instant::now())
}

/// A refusal as the caller shall see it. Getting a token changes nothing. Keystone answers 404 for an application
/// credential that does not exist (any more); any other 404 comes from something that is not Keystone.
fn told(error: Error) -> Error {
    let kind = match error.kind() {
        Kind::NotFound if error.message().contains("Could not find") => Kind::Unauthorized,
        Kind::NotFound => Kind::Unreachable,
        kind => kind,
    };
    error.with_kind(kind).with_outcome_unknown(false)
}
