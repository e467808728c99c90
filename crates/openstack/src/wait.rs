//! Waiting for a state, with a limit. Dropping the future ends the wait; nothing is left behind.

use std::{fmt, future::Future, time::Duration};

use tokio::time::Instant;

use crate::error::{Error, Kind};

/// How long and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// The whole wait.
    pub limit: Duration,
    /// Pause after the first look; grows by half each time.
    pub first: Duration,
    /// Longest pause.
    pub longest: Duration,
}

impl Wait {
    /// A wait of at most `limit` that looks after half a second and at least every five.
    pub fn limit(limit: Duration) -> Self {
        Self {
            limit,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(5),
        }
    }
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look<T> {
    /// The wait is over.
    Done(T),
    /// Not yet; the words say what it is at, for progress and for the error when time is up.
    Pending(String),
}

/// Looks until `look` says [`Look::Done`], fails for good, or the limit has passed ([`Kind::Timeout`], with the last
/// state or transient failure in it).
///
/// Transient failures of a look are lived through: they only end the wait when the limit has passed.
pub async fn wait_for<T, F, Fut>(
    object: impl fmt::Display,
    wait: Wait,
    mut look: F,
) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Look<T>, Error>>,
{
    let started = Instant::now();
    let end = started + wait.limit;
    let mut pause = wait.first;
    let mut last: Result<String, Error> = Ok("no answer yet".to_owned());
    loop {
        match tokio::time::timeout_at(end, look()).await {
            Ok(Ok(Look::Done(value))) => return Ok(value),
            Ok(Ok(Look::Pending(state))) => last = Ok(state),
            Ok(Err(error)) if error.is_transient() => last = Err(error),
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(timed_out(&object, wait.limit, last)),
        }
        if Instant::now() + pause >= end {
            return Err(timed_out(&object, wait.limit, last));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(wait.longest);
    }
}

fn timed_out(object: &impl fmt::Display, limit: Duration, last: Result<String, Error>) -> Error {
    let seconds = limit.as_secs_f64();
    let new = |message: String| Error::new(Kind::Timeout, "wait for", object.to_string(), message);
    match last {
        Ok(state) => new(format!("not done after {seconds:.0} s; last seen: {state}")),
        Err(error) => new(format!("not done after {seconds:.0} s")).with_source(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transient() -> Error {
        Error::new(Kind::Transient, "read", "server x", "503")
    }

    #[tokio::test(start_paused = true)]
    async fn lives_through_passing_failures() {
        let mut looks = 0;
        let seen = wait_for("server x", Wait::limit(Duration::from_mins(1)), || {
            looks += 1;
            let look = match looks {
                1 => Ok(Look::Pending("BUILD".to_owned())),
                2 => Err(transient()),
                _ => Ok(Look::Done(looks)),
            };
            async { look }
        });
        assert_eq!(seen.await.unwrap(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn ends_in_time_and_says_what_it_saw() {
        let started = Instant::now();
        let wait = Wait::limit(Duration::from_secs(30));
        let pending =
            || async { Ok::<Look<()>, Error>(Look::Pending("BUILD, spawning".to_owned())) };
        let error = wait_for("server x", wait, pending).await.unwrap_err();
        assert_eq!(
            format!("{error:?}"),
            "[Timeout] failed to wait for server x: not done after 30 s; last seen: BUILD, spawning"
        );
        assert!(started.elapsed() <= wait.limit);
        let failing = || async { Err::<Look<()>, Error>(transient()) };
        let error = wait_for("server x", wait, failing).await.unwrap_err();
        assert!(
            format!("{error:?}").ends_with("failed to read server x: 503"),
            "{error:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_does_not_outlive_the_limit() {
        let wait = Wait::limit(Duration::from_secs(5));
        let error = wait_for("x", wait, || {
            std::future::pending::<Result<Look<()>, Error>>()
        })
        .await
        .unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_for_good_ends_at_once() {
        let fail = || async {
            Err::<Look<()>, Error>(Error::new(
                Kind::Failed,
                "start",
                "server x",
                "No valid host",
            ))
        };
        let error = wait_for("x", Wait::limit(Duration::from_secs(5)), fail)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Failed);
    }
}
