//! One error for every call to the cloud: what was tried, why it failed, what may have happened, what to do.

mod body;

use std::{error::Error as StdError, fmt, time::Duration};

use http::{Method, StatusCode};

pub(crate) use body::{message_of, says_quota};

/// What kind of failure it is. Callers decide by this alone: exit code, retry later, look again, ask the human.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The resource does not exist, or this credential may not know that it does (404).
    NotFound,
    /// The resource is in use, being changed, or its name is taken (409, 412).
    Conflict,
    /// A quota or a limit of the project does not allow it (403, 409 or 413 with a quota message), or a network's
    /// addresses are used up.
    QuotaExceeded,
    /// The credential is valid but may not do this (403).
    Forbidden,
    /// The credential is not, or no longer, accepted (401).
    Unauthorized,
    /// The service understood and refuses: a wrong value, a missing field (other 4xx), or the request was never sent
    /// because it made no sense.
    BadRequest,
    /// No connection: refused, no route, name not resolved, or the service is not in the catalogue.
    Unreachable,
    /// The connection stood but TLS did not: unknown authority, wrong name, expired certificate.
    Tls,
    /// No answer within the time limit, or a wait ended without the wished state.
    Timeout,
    /// The service or the way to it is in trouble now (429, 5xx, connection reset); later it may work.
    Transient,
    /// The cloud took the request and could not fulfil it: a server in `ERROR`, a load balancer in `ERROR`.
    Failed,
    /// Everything else, for example an answer that cannot be read.
    Other,
}

/// A call as it is shown to people and in logs: never a token, a body or a query value that could be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallInfo {
    /// HTTP method.
    pub method: Method,
    /// URL without user information.
    pub url: String,
    /// HTTP status, when there was an answer.
    pub status: Option<StatusCode>,
    /// `x-openstack-request-id` of the answer: what the cloud's operator searches for in the logs.
    pub request_id: Option<String>,
}

impl fmt::Display for CallInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)?;
        if let Some(status) = self.status {
            write!(f, " answered {status}")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, ", request {id}")?;
        }
        Ok(())
    }
}

/// A failed operation on the cloud. Displays as "failed to <verb> <object>"; the chain of sources says why.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    verb: &'static str,
    object: String,
    outcome_unknown: bool,
    retry_after: Option<Duration>,
    cause: Cause,
}

/// Why an operation failed: the service's own words and the call, with the lower error chained.
#[derive(Debug)]
pub struct Cause {
    message: String,
    call: Option<CallInfo>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.call, self.message.is_empty()) {
            (Some(call), true) => write!(f, "{call}"),
            (Some(call), false) => write!(f, "{} ({call})", self.message),
            (None, _) => f.write_str(&self.message),
        }
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl Error {
    /// An error without a call, for example of a wait.
    pub(crate) fn new(
        kind: Kind,
        verb: &'static str,
        object: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            verb,
            object: object.into(),
            outcome_unknown: false,
            retry_after: None,
            cause: Cause {
                message: message.into(),
                call: None,
                source: None,
            },
        }))
    }

    pub(crate) fn with_kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    pub(crate) fn with_call(mut self, call: CallInfo) -> Self {
        self.0.cause.call = Some(call);
        self
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.0.cause.source = Some(source.into());
        self
    }

    pub(crate) fn with_outcome_unknown(mut self, unknown: bool) -> Self {
        self.0.outcome_unknown = unknown;
        self
    }

    pub(crate) fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.0.retry_after = after;
        self
    }

    /// The kind of the failure.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Whether the resource was not there.
    pub fn is_not_found(&self) -> bool {
        self.0.kind == Kind::NotFound
    }

    /// Whether a later try, unchanged, may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::Transient | Kind::Timeout | Kind::Unreachable
        )
    }

    /// Whether the service may have done the work although no answer came: look for the resource by its identity
    /// before asking again. See [`create_or_find`](crate::create_or_find).
    pub fn outcome_unknown(&self) -> bool {
        self.0.outcome_unknown
    }

    /// How long the service asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The call that failed, if it was one call.
    pub fn call(&self) -> Option<&CallInfo> {
        self.0.cause.call.as_ref()
    }

    /// The service's own words.
    pub fn message(&self) -> &str {
        &self.0.cause.message
    }

    /// What was tried to what, for example `("create", "server demo")`.
    pub fn attempted(&self) -> (&str, &str) {
        (self.0.verb, &self.0.object)
    }

    /// What a human can do about it, if anything can be said.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self.0.kind {
            Kind::QuotaExceeded => {
                "free something in the project or ask the cloud's operator for a higher quota"
            }
            Kind::Forbidden => {
                "the credential lacks a role for this; a restricted application credential may not make or delete \
                 application credentials"
            }
            Kind::Unauthorized => {
                "check user, password or application credential and its expiry date, and the domain names in \
                 clouds.yaml"
            }
            Kind::Unreachable => {
                "check auth_url, region_name and interface in clouds.yaml, name resolution and proxies"
            }
            Kind::Tls => {
                "set `cacert` in clouds.yaml to the authority that signed the cloud's certificate"
            }
            Kind::Timeout => {
                "the cloud is slow or stuck; the same command again continues where this one stopped"
            }
            Kind::Transient => {
                "the cloud has a problem at the moment; run the same command again later"
            }
            Kind::Conflict => "the resource is in use or its name is taken",
            Kind::NotFound | Kind::BadRequest | Kind::Failed | Kind::Other => return None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {} {}", self.0.verb, self.0.object)
    }
}

/// As the chain in one line, because that is what a test or a log needs.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:?}] {self}", self.0.kind)?;
        let mut source = self.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0.cause)
    }
}

/// Turns "not there" into `None`, and leaves every other failure a failure.
pub trait Optional<T> {
    /// `Ok(None)` for [`Kind::NotFound`].
    fn optional(self) -> Result<Option<T>, Error>;
}

impl<T> Optional<T> for Result<T, Error> {
    fn optional(self) -> Result<Option<T>, Error> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The kind of a refused call, from its status and the service's words. Quota comes as 403 (Nova, Octavia, Keystone),
/// 409 (Neutron) or 413 (Cinder, Glance).
pub(crate) fn kind_of(status: StatusCode, message: &str) -> Kind {
    match status.as_u16() {
        401 => Kind::Unauthorized,
        403 | 409 | 413 if says_quota(message) => Kind::QuotaExceeded,
        403 => Kind::Forbidden,
        404 | 410 => Kind::NotFound,
        409 | 412 => Kind::Conflict,
        408 | 425 | 429 | 500 | 502..=504 => Kind::Transient,
        400..=499 | 501 => Kind::BadRequest,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(
        403,
        "Quota exceeded for instances: Requested 1, but already used 10 of 10 instances",
        Kind::QuotaExceeded
    )]
    #[case(403, "Quota exceeded, too many server groups.", Kind::QuotaExceeded)]
    #[case(
        403,
        "Quota has been met for resources: Load Balancer",
        Kind::QuotaExceeded
    )]
    #[case(
        403,
        "Unable to create additional application credentials, limit of 2 already reached",
        Kind::QuotaExceeded
    )]
    #[case(409, "Quota exceeded for resources: ['network'].", Kind::QuotaExceeded)]
    #[case(
        413,
        "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for quota 'volumes'.",
        Kind::QuotaExceeded
    )]
    #[case(
        403,
        "You are not authorized to perform the requested action",
        Kind::Forbidden
    )]
    #[case(
        403,
        "Policy doesn't allow os_compute_api:os-quota-sets:update to be performed.",
        Kind::Forbidden
    )]
    #[case(409, "Key pair 'a' already exists.", Kind::Conflict)]
    #[case(404, "gone", Kind::NotFound)]
    #[case(400, "Invalid input", Kind::BadRequest)]
    #[case(
        409,
        "No more IP addresses available on network 0815.",
        Kind::QuotaExceeded
    )]
    #[case(429, "slow down", Kind::Transient)]
    #[case(503, "", Kind::Transient)]
    #[case(501, "not by this driver", Kind::BadRequest)]
    fn kinds(#[case] status: u16, #[case] message: &str, #[case] kind: Kind) {
        assert_eq!(
            kind_of(StatusCode::from_u16(status).unwrap(), message),
            kind
        );
    }

    #[test]
    fn display_names_the_operation_and_the_chain_the_call() {
        let error = Error::new(
            Kind::NotFound,
            "read",
            "server x",
            "Instance x could not be found.",
        )
        .with_call(CallInfo {
            method: Method::GET,
            url: "http://nova/v2.1/servers/x".into(),
            status: Some(StatusCode::NOT_FOUND),
            request_id: Some("req-1".into()),
        });
        assert_eq!(error.to_string(), "failed to read server x");
        assert_eq!(
            error.source().unwrap().to_string(),
            "Instance x could not be found. (GET http://nova/v2.1/servers/x answered 404 Not Found, request req-1)"
        );
    }
}
