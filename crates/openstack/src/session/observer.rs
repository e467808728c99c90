//! Who is told of every attempt of every call, for instance to count them.

use std::time::{Duration, Instant};

use http::Method;

use super::exchange::{Answer, Refused};
use super::{Options, Service, retry::Failure};

/// Is told of every attempt of every call, tokens included. Called from within the call: it must be quick.
pub trait CallObserver: std::fmt::Debug + Send + Sync {
    /// An attempt has ended.
    fn called(&self, attempt: &Attempt);
}

/// One attempt of one call.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The service.
    pub service: Service,
    /// What was asked of it.
    pub method: Method,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, the answer's body included.
    pub took: Duration,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx.
    Ok,
    /// 404, which often is the answer hoped for.
    NotFound,
    /// 429: the cloud limits how often it is asked.
    Limited,
    /// Any other 4xx.
    Refused,
    /// 5xx.
    Failed,
    /// No answer, or none in time.
    Unanswered,
}

impl Outcome {
    /// One word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotFound => "not_found",
            Self::Limited => "limited",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unanswered => "unanswered",
        }
    }

    const fn of(failure: Failure) -> Self {
        match failure {
            Failure::NotSent | Failure::Tls | Failure::Interrupted | Failure::TimedOut => {
                Self::Unanswered
            }
            Failure::Status { status: 404, .. } => Self::NotFound,
            Failure::Status { status: 429, .. } => Self::Limited,
            Failure::Status {
                status: 500..=599, ..
            } => Self::Failed,
            Failure::Status { .. } => Self::Refused,
        }
    }
}

/// Tells the observer, if there is one.
pub(super) fn tell(
    options: &Options,
    service: Service,
    method: &Method,
    started: Instant,
    ended: &Result<Answer, Refused>,
) {
    if let Some(observer) = &options.observer {
        observer.called(&Attempt {
            service,
            method: method.clone(),
            outcome: match ended {
                Ok(_) => Outcome::Ok,
                Err(refused) => Outcome::of(refused.failure),
            },
            took: started.elapsed(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_the_cloud_is_told_from_a_refusal() {
        let of = |status| {
            Outcome::of(Failure::Status {
                status,
                retry_after: None,
            })
        };
        let told = [404, 409, 429, 503, 302].map(|status| of(status).as_str());
        assert_eq!(
            told,
            ["not_found", "refused", "limited", "failed", "refused"]
        );
        assert_eq!(Outcome::of(Failure::TimedOut), Outcome::Unanswered);
    }
}
