//! Trying again: which failures, how often, how long apart.

use std::time::Duration;

use rand::Rng;

use crate::wait::Deadline;
use crate::{Error, Result};

/// Pauses that grow by half from `first` to `most`, each shortened by a random part of up to half so that several
/// callers do not march in step.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    next: Duration,
    most: Duration,
}

impl Backoff {
    /// A fresh row of pauses.
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { next: first, most }
    }

    /// The pause to make now.
    pub fn pause(&mut self) -> Duration {
        let full = self.next.min(self.most);
        self.next = self.next.saturating_mul(3) / 2;
        full.mul_f64(rand::rng().random_range(0.5..=1.0))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(250), Duration::from_secs(5))
    }
}

/// Runs `action` until it succeeds, fails for a lasting reason, or `deadline` has passed; then gives the last answer.
pub async fn retry<T, F>(deadline: Deadline, mut action: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut backoff = Backoff::default();
    loop {
        let error: Error = match action().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let pause = backoff.pause();
        if !error.kind().is_transient() || deadline.remaining() < pause {
            return Err(error);
        }
        tracing::debug!(error = %error, ?pause, "trying again");
        tokio::time::sleep(pause).await;
    }
}
