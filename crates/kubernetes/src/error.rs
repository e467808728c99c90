//! What can go wrong when talking to Kubernetes, sorted by what the caller can do about it.

use std::time::Duration;

/// The result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of this crate. The message says what was tried; the cause is chained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A kubeconfig that cannot be read or has no usable context.
    #[error("failed to read the kubeconfig")]
    Kubeconfig(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A client that cannot be built from a well-formed kubeconfig (a broken certificate, say).
    #[error("failed to set up the connection to Kubernetes")]
    Connection(#[source] Box<kube::Error>),
    /// A manifest that is not a list of Kubernetes objects.
    #[error("failed to parse the manifest {origin}: {reason}")]
    Manifest {
        /// Where the text came from.
        origin: String,
        /// What is wrong, with line and column where known.
        reason: String,
    },
    /// A request the API server refused or never answered.
    #[error("failed to {verb} {object}: {}", explain(.source))]
    Request {
        /// "apply", "list", …
        verb: &'static str,
        /// The object or collection, as a person would name it.
        object: String,
        /// What kind of failure it is.
        kind: ErrorKind,
        /// The answer.
        #[source]
        source: Box<kube::Error>,
    },
    /// A kind that this API server does not serve.
    #[error("failed to find the kind {kind} of {api_version} on the API server")]
    UnknownKind {
        /// `apiVersion` asked for.
        api_version: String,
        /// `kind` asked for.
        kind: String,
    },
    /// Something that did not happen in time.
    #[error("failed to see {what} within {}s; last seen: {last}", .limit.as_secs())]
    Timeout {
        /// What was waited for.
        what: String,
        /// The limit that passed.
        limit: Duration,
        /// The last thing seen, as a person would say it.
        last: String,
    },
}

/// Failures by what can be done about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No answer: refused, reset, no route, time limit. Worth another try.
    Unreachable,
    /// 401: the API server does not know these credentials.
    Unauthorized,
    /// 403: it knows them and says no (RBAC or an admission policy).
    Forbidden,
    /// 404.
    NotFound,
    /// 409 on a create: the name is taken.
    AlreadyExists,
    /// 409 on a write: somebody else was faster, or the object is being deleted.
    Conflict,
    /// 400/422, or a webhook's verdict: the object itself is wrong.
    Invalid,
    /// A webhook that could not be asked. Worth another try.
    WebhookUnavailable,
    /// 429 or 503: too busy. Worth another try.
    Throttled,
    /// 5xx without a better name. Worth another try.
    Server,
    /// Everything else.
    Other,
}

impl ErrorKind {
    /// Whether the same request may succeed a moment later without anybody doing anything.
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::WebhookUnavailable | Self::Throttled | Self::Server
        )
    }
}

impl Error {
    /// Wraps an answer of the client with what was being done.
    pub fn request(verb: &'static str, object: impl Into<String>, source: kube::Error) -> Self {
        Self::Request {
            verb,
            object: object.into(),
            kind: classify(&source),
            source: Box::new(source),
        }
    }

    /// The kind of failure; `Other` for those that are not about a request.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Request { kind, .. } => *kind,
            Self::UnknownKind { .. } => ErrorKind::NotFound,
            Self::Timeout { .. } => ErrorKind::Unreachable,
            _ => ErrorKind::Other,
        }
    }

    /// What the person at the keyboard can do, if anything is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Kubeconfig(_) => {
                Some("check KUBECONFIG and the context's cluster and user entries")
            }
            Self::Connection(source) if matches!(**source, kube::Error::Auth(_)) => {
                Some("the program that gives the kubeconfig's credentials failed: run it by hand")
            }
            Self::Connection(_) => {
                Some("the certificates or keys inside the kubeconfig are damaged")
            }
            Self::UnknownKind { .. } => Some(
                "the CustomResourceDefinition is missing: install the providers again with `capstan up`",
            ),
            Self::Request { kind, .. } => match kind {
                ErrorKind::Unreachable => {
                    Some("is the server running, and may this address reach its API?")
                }
                ErrorKind::Unauthorized => {
                    Some("the client certificate or token is not accepted; it may have expired")
                }
                ErrorKind::Forbidden => {
                    Some("the user of this kubeconfig lacks the right; ask an administrator")
                }
                ErrorKind::WebhookUnavailable => {
                    Some("a provider's webhook does not answer: see `capstan status`")
                }
                ErrorKind::Conflict => {
                    Some("somebody else changed the object; run the command again")
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// Whether the API server says that there is no such object, or that it does not serve this kind (any more): the path of
/// a definition that was removed answers with the plain text of Go's router, a moment before discovery forgets the kind.
/// `Status::is_not_found` knows only the first (kube 5.0 looks at the code for no other reason).
pub(crate) fn is_missing(error: &kube::Error) -> bool {
    is_no_path(error) || matches!(error, kube::Error::Api(status) if status.is_not_found())
}

/// The 404 of Go's router, which is no `Status`: the path is not served, any more or yet.
pub(crate) fn is_no_path(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404 && status.message == "404 page not found")
}

fn classify(error: &kube::Error) -> ErrorKind {
    match error {
        kube::Error::Api(status) => classify_status(status.code, &status.reason, &status.message),
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => {
            ErrorKind::Unreachable
        }
        _ => ErrorKind::Other,
    }
}

fn classify_status(code: u16, reason: &str, message: &str) -> ErrorKind {
    // The API server has no reason code for a webhook it could not reach: it answers 500 InternalError with this text
    // (k8s.io/apiserver/pkg/admission/plugin/webhook/errors), and conversion webhooks say "conversion webhook for".
    let webhook =
        message.contains("failed calling webhook") || message.contains("conversion webhook for");
    match code {
        401 => ErrorKind::Unauthorized,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        409 if reason == "AlreadyExists" => ErrorKind::AlreadyExists,
        409 => ErrorKind::Conflict,
        400 | 413 | 422 => ErrorKind::Invalid,
        408 | 504 => ErrorKind::Unreachable,
        429 => ErrorKind::Throttled,
        // A field that server-side apply finds in no schema comes as 500 (structured-merge-diff's conversion error).
        500 if message.contains("failed to create typed patch object") => ErrorKind::Invalid,
        _ if webhook => ErrorKind::WebhookUnavailable,
        503 => ErrorKind::Throttled,
        500..=599 => ErrorKind::Server,
        _ => ErrorKind::Other,
    }
}

/// The API server's own sentence; kube's `Display` prints the whole status twice.
fn explain(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => {
            let mut text = other.to_string();
            let mut cause = std::error::Error::source(other);
            while let Some(inner) = cause {
                let inner_text = inner.to_string();
                if !text.contains(&inner_text) {
                    text = format!("{text}: {inner_text}");
                }
                cause = inner.source();
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_that_does_not_answer_is_transient_and_its_verdict_is_not() {
        let down = classify_status(
            500,
            "InternalError",
            "Internal error occurred: failed calling webhook \"x\": connection refused",
        );
        assert_eq!(down, ErrorKind::WebhookUnavailable);
        assert!(down.is_transient());
        let denied = classify_status(
            403,
            "Forbidden",
            "admission webhook \"x\" denied the request: no",
        );
        assert!(!denied.is_transient());
    }

    #[test]
    fn a_path_that_is_not_served_has_no_objects_and_a_strangers_404_says_nothing() {
        let answer = |message: &str| {
            let status = kube::core::Status::failure(message, "Failed to parse error data");
            kube::Error::Api(status.with_code(404).boxed())
        };
        assert!(is_missing(&answer("404 page not found")));
        assert!(!is_missing(&answer("<html>no backend</html>")));
    }

    #[test]
    fn the_two_meanings_of_409_are_told_apart() {
        assert_eq!(
            classify_status(409, "AlreadyExists", ""),
            ErrorKind::AlreadyExists
        );
        assert_eq!(classify_status(409, "Conflict", ""), ErrorKind::Conflict);
    }
}
