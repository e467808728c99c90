//! When to try again, and after how long: pure functions.

use std::time::Duration;

/// How patient a session is with a service in trouble.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// Attempts in all at a plain 500: more often a bug of the service than a passing state.
    pub attempts_at_500: u32,
    /// Wait before the second attempt; doubles each time.
    pub first: Duration,
    /// Longest wait between two attempts, `Retry-After` included.
    pub longest: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 6,
            attempts_at_500: 3,
            first: Duration::from_millis(300),
            longest: Duration::from_secs(20),
        }
    }
}

/// How one attempt ended when it did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The request never left: refused, no route, name not resolved.
    NotSent,
    /// TLS could not be agreed on. No retry makes a certificate valid.
    Tls,
    /// The connection broke after the request may have left.
    Interrupted,
    /// No answer in time.
    TimedOut,
    /// An answer.
    Status {
        status: u16,
        retry_after: Option<Duration>,
    },
}

impl Failure {
    /// Whether the service may have done the work nevertheless. A gateway's 502 and 504 say nothing about what the
    /// service behind it did, and a 500 or 503 can come after half of the work.
    pub(crate) fn outcome_unknown(self) -> bool {
        match self {
            Self::NotSent | Self::Tls => false,
            Self::Interrupted | Self::TimedOut => true,
            Self::Status { status, .. } => matches!(status, 408 | 500 | 502..=504),
        }
    }

    fn passing(self) -> bool {
        match self {
            Self::NotSent | Self::Interrupted | Self::TimedOut => true,
            Self::Tls => false,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500 | 502..=504),
        }
    }
}

/// The wait before the next attempt, or `None` to give up.
///
/// `attempt` counts from 1. `repeatable` says that doing the work twice is the same as once (GET, PUT, DELETE).
/// `jitter` in 0..1 spreads callers that failed together.
pub(crate) fn next_wait(
    policy: &RetryPolicy,
    attempt: u32,
    failure: Failure,
    repeatable: bool,
    jitter: f64,
) -> Option<Duration> {
    let attempts = match failure {
        Failure::Status { status: 500, .. } => policy.attempts_at_500.min(policy.attempts),
        _ => policy.attempts,
    };
    if attempt >= attempts || !failure.passing() || (!repeatable && failure.outcome_unknown()) {
        return None;
    }
    let doubled = policy
        .first
        .saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
    // Between half of the wait and all of it.
    let backoff = doubled
        .min(policy.longest)
        .mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
    match failure {
        Failure::Status {
            retry_after: Some(after),
            ..
        } if after > policy.longest => None,
        Failure::Status {
            retry_after: Some(after),
            ..
        } => Some(after.max(backoff)),
        _ => Some(backoff),
    }
}

/// `Retry-After` in seconds or as an HTTP date, relative to `now`.
pub(crate) fn parse_retry_after(value: &str, now: jiff::Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn status(status: u16) -> Failure {
        Failure::Status {
            status,
            retry_after: None,
        }
    }

    #[rstest]
    #[case(Failure::NotSent, true, true)]
    #[case(Failure::Interrupted, true, false)]
    #[case(Failure::TimedOut, true, false)]
    #[case(Failure::Tls, false, false)]
    #[case(status(429), true, true)]
    #[case(status(503), true, false)]
    #[case(status(502), true, false)]
    #[case(status(504), true, false)]
    #[case(status(500), true, false)]
    #[case(status(409), false, false)]
    #[case(status(404), false, false)]
    #[case(status(401), false, false)]
    fn what_is_tried_again(
        #[case] failure: Failure,
        #[case] repeatable: bool,
        #[case] not_repeatable: bool,
    ) {
        let policy = RetryPolicy::default();
        assert_eq!(
            next_wait(&policy, 1, failure, true, 0.0).is_some(),
            repeatable
        );
        assert_eq!(
            next_wait(&policy, 1, failure, false, 0.0).is_some(),
            not_repeatable
        );
    }

    #[test]
    fn the_wait_doubles_within_bounds_and_ends() {
        let policy = RetryPolicy {
            attempts: 10,
            longest: Duration::from_secs(2),
            ..RetryPolicy::default()
        };
        let waits: Vec<_> = (1..12)
            .map_while(|attempt| next_wait(&policy, attempt, status(503), true, 1.0))
            .collect();
        assert_eq!(waits.len(), 9);
        assert_eq!(waits[0], Duration::from_millis(300));
        assert_eq!(waits[1], Duration::from_millis(600));
        assert_eq!(waits[8], Duration::from_secs(2));
        assert_eq!(
            next_wait(&policy, 1, status(503), true, 0.0),
            Some(Duration::from_millis(150))
        );
        assert_eq!(next_wait(&policy, 3, status(500), true, 0.0), None);
    }

    #[test]
    fn retry_after_is_obeyed_unless_it_is_beyond_patience() {
        let policy = RetryPolicy::default();
        let asked = |seconds| Failure::Status {
            status: 429,
            retry_after: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(
            next_wait(&policy, 1, asked(7), true, 0.5),
            Some(Duration::from_secs(7))
        );
        assert_eq!(next_wait(&policy, 1, asked(3600), true, 0.5), None);
    }

    #[test]
    fn retry_after_as_seconds_and_as_date() {
        let now: jiff::Timestamp = "2026-11-22T18:00:00Z".parse().unwrap();
        assert_eq!(parse_retry_after(" 3 ", now), Some(Duration::from_secs(3)));
        assert_eq!(
            parse_retry_after("Sun, 22 Nov 2026 18:00:09 GMT", now),
            Some(Duration::from_secs(9))
        );
        assert_eq!(
            parse_retry_after("Sun, 22 Nov 2026 17:00:00 GMT", now),
            Some(Duration::ZERO)
        );
        assert_eq!(parse_retry_after("soon", now), None);
    }
}
