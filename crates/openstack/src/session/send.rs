//! The one way every call takes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::{
    Call, CallInfo, Session,
    authenticate::authenticate,
    exchange::{Answer, Refused, changes, exchange},
    observer,
    retry::{self, Failure},
    token::Token,
};
use crate::error::{Error, Kind};

impl Session {
    /// Makes the call: waits for a place in the cloud's budget, renews the token when it is old or refused, tries again where that is safe.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, Error> {
        // On the heap, so that the futures of callers, who join many of these, stay small.
        Box::pin(self.send_until_done(call)).await
    }

    async fn send_until_done(&self, call: &Call) -> Result<Answer, Error> {
        let options = &self.inner.options;
        let url = url_of(&self.endpoint(call.service).await?, call)?;
        let mut renewed = false;
        let mut attempt = 1;
        loop {
            let token = self.token().await?;
            let ended = {
                let _place = options.budget.admit(call.service).await;
                let ended = self.attempt(call, &url, &token).await;
                // Before the next one gets the place.
                if let Err(refused) = &ended {
                    let failure = refused.failure;
                    options.budget.heed(call.service, failure, &options.retry);
                }
                ended
            };
            let refused = match ended {
                Ok(answer) => return Ok(answer),
                Err(refused) => refused,
            };
            let unauthorized = matches!(refused.failure, Failure::Status { status: 401, .. });
            if unauthorized && !renewed {
                renewed = true;
                self.renew(&token).await?;
                continue;
            }
            let wait = retry::next_wait(
                &options.retry,
                attempt,
                refused.failure,
                call.repeatable,
                rand::random(),
            );
            let Some(wait) = wait else {
                return Err(refused.error);
            };
            tracing::debug!(call = %refused.info, attempt, ?wait, error = ?refused.error, "trying again");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// Sends, and reads the value under `key` of the answer, or the whole answer without a key.
    pub(crate) async fn fetch<T: DeserializeOwned>(
        &self,
        call: &Call,
        key: Option<&str>,
    ) -> Result<T, Error> {
        let answer = self.send(call).await?;
        read(call, answer, key)
    }

    /// Sends and needs no answer.
    pub(crate) async fn run(&self, call: &Call) -> Result<(), Error> {
        self.send(call).await.map(drop)
    }

    /// Deletes; a resource that is not there is what was wanted.
    pub(crate) async fn remove(&self, call: &Call) -> Result<Removal, Error> {
        match self.send(call).await {
            Ok(_) => Ok(Removal::Accepted),
            Err(error) if error.is_not_found() => Ok(Removal::AlreadyGone),
            Err(error) => Err(error),
        }
    }

    /// Sends a body that is made while it is sent, of `length` octets, within `limit`. It is tried once: such a body cannot
    /// be had a second time.
    pub(crate) async fn send_stream(
        &self,
        call: &Call,
        body: reqwest::Body,
        length: u64,
        limit: Duration,
    ) -> Result<Answer, Error> {
        let url = url_of(&self.endpoint(call.service).await?, call)?;
        let token = self.token().await?;
        let request = self
            .inner
            .client
            .request(call.method.clone(), url.clone())
            .timeout(limit)
            .header("X-Auth-Token", secret_header(&token.secret))
            .header("Content-Type", "application/octet-stream")
            .header("Content-Length", length)
            .body(body);
        let ended = self.observed(request, call, &url).await;
        ended.map_err(|refused| refused.error)
    }

    async fn attempt(&self, call: &Call, url: &Url, token: &Token) -> Result<Answer, Refused> {
        let mut request = self
            .inner
            .client
            .request(call.method.clone(), url.clone())
            .timeout(self.inner.options.call_limit)
            .header("X-Auth-Token", secret_header(&token.secret))
            .header("Accept", "application/json");
        if let Some(microversion) = call.microversion {
            request = request.header("OpenStack-API-Version", microversion);
        }
        if let Some(media_type) = call.media_type {
            request = request.header("Content-Type", media_type);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        self.observed(request, call, url).await
    }

    /// One exchange, told to whoever observes.
    async fn observed(
        &self,
        request: reqwest::RequestBuilder,
        call: &Call,
        url: &Url,
    ) -> Result<Answer, Refused> {
        let started = Instant::now();
        let ended = exchange(request, &call.method, url, call.verb, &call.object).await;
        observer::tell(
            &self.inner.options,
            call.service,
            &call.method,
            started,
            &ended,
        );
        ended
    }

    /// The token, renewed when its end is near.
    async fn token(&self) -> Result<Arc<Token>, Error> {
        let token = self.inner.token.read().await.clone();
        if token.is_old(Instant::now()) {
            self.renew(&token).await
        } else {
            Ok(token)
        }
    }

    /// A newer token than `stale`: the first who needs it gets it, everybody else waits for that one.
    async fn renew(&self, stale: &Arc<Token>) -> Result<Arc<Token>, Error> {
        let _only_one = self.inner.renewal.lock().await;
        let current = self.inner.token.read().await.clone();
        if !Arc::ptr_eq(&current, stale) {
            return Ok(current);
        }
        let token = Arc::new(
            authenticate(&self.inner.client, &self.inner.config, &self.inner.options).await?,
        );
        *self.inner.token.write().await = token.clone();
        Ok(token)
    }
}

/// What a deletion found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// The service took the request; the resource is gone or going.
    Accepted,
    /// It was not there.
    AlreadyGone,
}

fn secret_header(secret: &SecretString) -> http::HeaderValue {
    // A token that is no header value can only be refused, as an empty one is.
    let mut value = http::HeaderValue::from_str(secret.expose_secret())
        .unwrap_or_else(|_| http::HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// The URL of a call. An empty or dotted segment would make another call of it (`DELETE /servers/`), so it is refused.
fn url_of(base: &Url, call: &Call) -> Result<Url, Error> {
    let unusable = |message: &str| {
        Error::new(
            Kind::BadRequest,
            call.verb,
            call.object.clone(),
            format!("{message}; nothing was sent"),
        )
    };
    if call
        .path
        .iter()
        .any(|segment| matches!(segment.as_str(), "" | "." | ".."))
    {
        return Err(unusable("an id or name in the path is empty or dots"));
    }
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| unusable("the endpoint has no path"))?
        .pop_if_empty()
        .extend(&call.path);
    if !call.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&call.query);
    }
    Ok(url)
}

/// Reads an answer; what cannot be read is an error that names the call.
pub(super) fn read<T: DeserializeOwned>(
    call: &Call,
    answer: Answer,
    key: Option<&str>,
) -> Result<T, Error> {
    // A change that was made and told in words nobody understands is one whose outcome is unknown.
    let unknown = changes(&call.method);
    let unreadable = |error: serde_json::Error, info: CallInfo| {
        Error::new(
            Kind::Other,
            call.verb,
            call.object.clone(),
            "the answer cannot be read",
        )
        .with_call(info)
        .with_outcome_unknown(unknown)
        .with_source(error)
    };
    let Answer { body, info, .. } = answer;
    let result = match key {
        None => serde_json::from_slice(&body),
        Some(key) => serde_json::from_slice::<Value>(&body).and_then(|mut value| {
            serde_json::from_value(value.get_mut(key).map(Value::take).unwrap_or_default())
        }),
    };
    result.map_err(|error| unreadable(error, info))
}
