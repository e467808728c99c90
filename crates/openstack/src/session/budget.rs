//! How many calls a cloud is asked at once, by all sessions together, and when it wants to be left alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::retry::Failure;
use super::{RetryPolicy, Service};

/// What a cloud is asked at most. Clones are the same budget: sessions of one cloud share it, whoever they speak for.
#[derive(Clone)]
pub struct Budget {
    inner: Arc<Inner>,
}

struct Inner {
    permits: Semaphore,
    /// Until when a service wants to be left alone.
    quiet: Mutex<HashMap<Service, Instant>>,
}

impl std::fmt::Debug for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Budget")
            .field("free", &self.inner.permits.available_permits())
            .finish_non_exhaustive()
    }
}

/// Whether both are one budget.
impl PartialEq for Budget {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Budget {
    /// Calls in flight unless somebody says otherwise.
    pub const CALLS: usize = 8;

    /// So many calls in flight, of all services together; at least one.
    pub fn new(calls: usize) -> Self {
        Self {
            inner: Arc::new(Inner {
                permits: Semaphore::new(calls.max(1)),
                quiet: Mutex::default(),
            }),
        }
    }

    /// Waits until the service may be asked, and for a place among the calls in flight. A call that waits for a service has no
    /// place, so that one service in trouble does not keep calls from the others.
    pub(super) async fn admit(&self, service: Service) -> Option<SemaphorePermit<'_>> {
        loop {
            if let Some(until) = self.quiet_until(service) {
                tokio::time::sleep_until(until).await;
            }
            // Closed never: the semaphore lives as long as the budget.
            let permit = self.inner.permits.acquire().await.ok();
            // Another call may have been sent away meanwhile.
            if self.quiet_until(service).is_none() {
                return permit;
            }
        }
    }

    /// Takes from a failed call what it means for all others: a service that says 429, or 503 with a time, is not asked by
    /// anybody until then, for at most the longest wait of the policy.
    pub(super) fn heed(&self, service: Service, failure: Failure, policy: &RetryPolicy) {
        let wait = match failure {
            Failure::Status {
                status: 429 | 503,
                retry_after: Some(after),
            } => after.min(policy.longest),
            Failure::Status { status: 429, .. } => policy.first,
            _ => return,
        };
        self.hold(service, wait);
    }

    fn hold(&self, service: Service, wait: Duration) {
        let until = Instant::now() + wait;
        let mut quiet = self.lock();
        let held = quiet.entry(service).or_insert(until);
        *held = until.max(*held);
    }

    fn quiet_until(&self, service: Service) -> Option<Instant> {
        let until = self.lock().get(&service).copied();
        until.filter(|until| *until > Instant::now())
    }

    /// The times stay right whoever panicked while holding them.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Service, Instant>> {
        self.inner
            .quiet
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, retry_after: Option<u64>) -> Failure {
        Failure::Status {
            status,
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    async fn waited(budget: &Budget, service: Service) -> Duration {
        let started = Instant::now();
        drop(budget.admit(service).await);
        started.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_sent_away_is_so_for_all_and_for_one_service_only() {
        let policy = RetryPolicy::default();
        for (failure, wait) in [
            (status(429, Some(7)), Duration::from_secs(7)),
            (status(503, Some(3)), Duration::from_secs(3)),
            (status(429, None), policy.first),
            (status(429, Some(3600)), policy.longest),
            (status(503, None), Duration::ZERO),
            (status(500, Some(7)), Duration::ZERO),
            (Failure::TimedOut, Duration::ZERO),
        ] {
            let budget = Budget::new(1);
            budget.heed(Service::Network, failure, &policy);
            let other = budget.clone();
            assert_eq!(waited(&other, Service::Compute).await, Duration::ZERO);
            let told = waited(&other, Service::Network).await;
            // The clock of tokio has milliseconds.
            assert!(
                told >= wait && told <= wait + Duration::from_millis(1),
                "{failure:?}: {told:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_of_two_waits_counts_and_a_waiting_call_keeps_no_place() {
        let budget = Budget::new(1);
        budget.hold(Service::Network, Duration::from_secs(9));
        budget.hold(Service::Network, Duration::from_secs(2));
        let (network, compute) = tokio::join!(
            waited(&budget, Service::Network),
            waited(&budget, Service::Compute)
        );
        assert!(network >= Duration::from_secs(9), "{network:?}");
        assert_eq!(compute, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_waited_for_a_place_looks_again_whether_the_service_may_be_asked() {
        let budget = Budget::new(1);
        let first = budget.admit(Service::Network).await;
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { waited(&budget, Service::Network).await }
        });
        tokio::task::yield_now().await;
        budget.hold(Service::Network, Duration::from_secs(5));
        drop(first);
        assert!(waiting.await.unwrap() >= Duration::from_secs(5));
    }
}
