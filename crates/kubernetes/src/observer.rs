//! Who is told of every request to an API server, for instance to count them.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::{FutureExt as _, TryFutureExt as _};
use http::{Method, StatusCode};
use kube::client::Body;
use tower::{Layer, Service};

/// Is told of every request. Called from within the request: it must be quick.
pub trait RequestObserver: std::fmt::Debug + Send + Sync {
    /// A request was answered, or was not.
    fn asked(&self, request: &Request<'_>);
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What was asked.
    pub method: &'a Method,
    /// Of which resource: the plural of its kind; `other` for paths that name none.
    pub resource: &'a str,
    /// How it ended.
    pub outcome: RequestOutcome,
    /// Time until the answer began. (A watch goes on for minutes after that.)
    pub took: Duration,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// 2xx, or 101 for a stream.
    Ok,
    /// 404, which often is the answer hoped for.
    NotFound,
    /// 409: somebody else was faster.
    Conflict,
    /// 429: the API server asks for patience.
    Limited,
    /// Any other 4xx.
    Refused,
    /// 5xx.
    Failed,
    /// No answer, or none in time.
    Unanswered,
}

impl RequestOutcome {
    /// One word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Limited => "limited",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unanswered => "unanswered",
        }
    }

    fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            404 => Self::NotFound,
            409 => Self::Conflict,
            429 => Self::Limited,
            400..=499 => Self::Refused,
            500..=599 => Self::Failed,
            _ => Self::Ok,
        }
    }
}

/// The resource in a path of the Kubernetes API. Names of objects are no part of it.
fn resource_of(path: &str) -> &str {
    let mut segments = path.trim_start_matches('/').split('/');
    // `/api/v1/…` or `/apis/<group>/<version>/…`; a proxy may have put something before.
    let below = loop {
        match segments.next() {
            Some("api") => break 1,
            Some("apis") => break 2,
            Some(_) => {}
            None => return OTHER,
        }
    };
    let rest: Vec<&str> = segments.skip(below).collect();
    match rest.as_slice() {
        ["namespaces", _, resource, ..] if !SUBRESOURCES.contains(resource) => resource,
        [resource, ..] if !resource.is_empty() => resource,
        _ => OTHER,
    }
}

const OTHER: &str = "other";
/// What follows the name of a namespace itself.
const SUBRESOURCES: [&str; 2] = ["status", "finalize"];

/// Puts itself around the client's services.
#[derive(Clone)]
pub(crate) struct Observed<S> {
    inner: S,
    observer: Arc<dyn RequestObserver>,
}

impl Observed<()> {
    pub(crate) fn by(observer: &Arc<dyn RequestObserver>) -> Self {
        Self {
            inner: (),
            observer: observer.clone(),
        }
    }
}

impl<S> Layer<S> for Observed<()> {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Observed<S> {
        Observed {
            inner,
            observer: self.observer.clone(),
        }
    }
}

impl<S, B> Service<http::Request<Body>> for Observed<S>
where
    S: Service<http::Request<Body>, Response = http::Response<B>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    B: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let (observer, started) = (self.observer.clone(), Instant::now());
        let tell = move |outcome| {
            observer.asked(&Request {
                method: &method,
                resource: resource_of(uri.path()),
                outcome,
                took: started.elapsed(),
            });
        };
        let told = tell.clone();
        self.inner
            .call(request)
            .inspect_ok(move |answer| tell(RequestOutcome::of(answer.status())))
            .inspect_err(move |_| told(RequestOutcome::Unanswered))
            .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_by_its_resource_and_never_by_a_name() {
        for (path, expected) in [
            ("/api/v1/namespaces/team-a/secrets/demo", "secrets"),
            ("/api/v1/namespaces/team-a", "namespaces"),
            ("/api/v1/namespaces/team-a/status", "namespaces"),
            ("/api/v1/namespaces", "namespaces"),
            (
                "/apis/cluster.x-k8s.io/v1beta2/namespaces/t/machines",
                "machines",
            ),
            (
                "/apis/capstan.dev/v1alpha1/workloadclusters",
                "workloadclusters",
            ),
            ("/proxied/api/v1/namespaces/t/pods/p/log", "pods"),
            ("/apis/capstan.dev/v1alpha1", OTHER),
            ("/version", OTHER),
        ] {
            assert_eq!(resource_of(path), expected, "{path}");
        }
    }

    #[test]
    fn outcomes() {
        let of = |status| RequestOutcome::of(StatusCode::from_u16(status).unwrap()).as_str();
        assert_eq!(
            [200, 101, 404, 409, 422, 429, 503].map(of),
            [
                "ok",
                "ok",
                "not_found",
                "conflict",
                "refused",
                "limited",
                "failed"
            ]
        );
    }
}
