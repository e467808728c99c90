//! One request and its answer, and what both mean.

use std::time::{Duration, Instant};

use http::{HeaderMap, Method};
use url::Url;

use super::{
    CallInfo, client,
    retry::{self, Failure},
};
use crate::error::{Error, kind_of, message_of};

/// A successful answer.
pub(crate) struct Answer {
    pub(super) body: Vec<u8>,
    pub(super) headers: HeaderMap,
    pub(super) info: CallInfo,
}

/// An attempt that did not succeed.
pub(super) struct Refused {
    pub(super) failure: Failure,
    pub(super) info: CallInfo,
    pub(super) error: Error,
}

/// Sends a request and reads its whole answer. Any status but 2xx is [`Refused`].
pub(super) async fn exchange(
    request: reqwest::RequestBuilder,
    method: &Method,
    url: &Url,
    verb: &'static str,
    object: &str,
) -> Result<Answer, Refused> {
    let mut info = CallInfo {
        method: method.clone(),
        url: shown(url),
        status: None,
        request_id: None,
    };
    let started = Instant::now();
    let broken = |error: reqwest::Error, info: CallInfo| {
        let failure = client::failure(&error);
        let message = match failure {
            Failure::TimedOut => "no answer within the time limit",
            Failure::Tls => "TLS failed",
            Failure::NotSent => "no connection",
            Failure::Interrupted | Failure::Status { .. } => "the connection broke",
        };
        let error = Error::new(client::kind(failure), verb, object, message)
            .with_call(info.clone())
            .with_outcome_unknown(failure.outcome_unknown() && changes(method))
            // The URL is in `info`, without what must not be shown.
            .with_source(error.without_url());
        Refused {
            failure,
            info,
            error,
        }
    };
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Err(broken(error, info)),
    };
    let (status, headers) = (response.status(), response.headers().clone());
    info.status = Some(status);
    info.request_id = ["x-openstack-request-id", "x-compute-request-id"]
        .iter()
        .find_map(|name| headers.get(*name))
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let body = match response.bytes().await {
        Ok(body) => body.to_vec(),
        Err(error) => return Err(broken(error, info)),
    };
    tracing::debug!(call = %info, took = ?started.elapsed(), "called");
    if status.is_success() {
        return Ok(Answer {
            body,
            headers,
            info,
        });
    }
    let retry_after = retry_after(&headers);
    let failure = Failure::Status {
        status: status.as_u16(),
        retry_after,
    };
    let message = message_of(&body);
    let error = Error::new(kind_of(status, &message), verb, object, message)
        .with_call(info.clone())
        .with_outcome_unknown(failure.outcome_unknown() && changes(method))
        .with_retry_after(retry_after);
    Err(Refused {
        failure,
        info,
        error,
    })
}

/// Whether a method does anything.
pub(super) fn changes(method: &Method) -> bool {
    method != Method::GET && method != Method::HEAD
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    retry::parse_retry_after(value, jiff::Timestamp::now())
}

/// The URL without user information.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs that cannot have user information.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}
