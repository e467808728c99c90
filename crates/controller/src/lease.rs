//! One controller at a time.
//!
//! A `Lease` object names the holder. It is read, then *replaced* with its `resourceVersion`, so of two candidates one gets
//! a conflict and has lost. Who cannot renew in time stops working before the lease runs out for the others; who is told to
//! stop gives it back when its work has ended, so that the next begins at once.
//!
//! Its times are those of Cluster API's control plane manager (1 min, given up after 40 s), not controller-runtime's usual
//! ones (15 s and 10 s): a small management server runs etcd, the API server, four providers and us on two cores, and while
//! it pulls images or makes a cluster a write can take longer than 10 s. With the shorter times every controller would then
//! lose its lease, start again and make the load worse. The price is that after a crash (not after a restart, which gives
//! the lease back) nobody works for up to a minute; nothing here is in such a hurry.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

/// How long a lease is good without renewal.
pub(crate) const DURATION: Duration = Duration::from_mins(1);
/// When it is renewed, and how long one try may take.
const RENEW: Duration = Duration::from_secs(10);
/// After this without renewal the holder stops: its work under way has the rest of [`DURATION`] to end in.
const GIVE_UP: Duration = Duration::from_secs(40);
/// Between two looks of those who wait for it. A lease that was given back is taken up that soon.
const LOOK: Duration = Duration::from_secs(4);
/// Name of the object.
const NAME: &str = "capstan-controller";

/// The lease of one holder.
pub(crate) struct Holder {
    api: Api<Lease>,
    identity: String,
}

impl Holder {
    pub(crate) fn new(client: Client, namespace: &str, identity: String) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            identity,
        }
    }

    /// Tries once to get or renew the lease. `Ok(false)`: somebody else has it.
    pub(crate) async fn acquire(&self) -> Result<bool, kube::Error> {
        let now = Timestamp::now();
        let params = PostParams::default();
        let outcome = match self.api.get_opt(NAME).await? {
            None => {
                let metadata = ObjectMeta {
                    name: Some(NAME.to_owned()),
                    ..ObjectMeta::default()
                };
                let lease = Lease {
                    metadata,
                    spec: Some(self.spec(None, now)),
                };
                self.api.create(&params, &lease).await
            }
            Some(mut lease) => {
                if !may_take(lease.spec.as_ref(), &self.identity, now) {
                    return Ok(false);
                }
                lease.spec = Some(self.spec(lease.spec.as_ref(), now));
                self.api.replace(NAME, &params, &lease).await
            }
        };
        match outcome {
            Ok(_) => Ok(true),
            // Somebody was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn spec(&self, before: Option<&LeaseSpec>, now: Timestamp) -> LeaseSpec {
        let mine =
            before.is_some_and(|spec| spec.holder_identity.as_deref() == Some(&self.identity));
        let transitions = before.and_then(|spec| spec.lease_transitions).unwrap_or(0);
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: if mine {
                before.and_then(|spec| spec.acquire_time.clone())
            } else {
                Some(MicroTime(now))
            },
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(transitions + i32::from(!mine)),
            ..LeaseSpec::default()
        }
    }

    /// Waits until the lease is ours.
    pub(crate) async fn wait(&self, stop: &CancellationToken) -> bool {
        loop {
            match self.acquire().await {
                Ok(true) => return true,
                Ok(false) => tracing::info!("another controller holds the lease"),
                Err(error) => tracing::warn!(%error, "failed to get the lease"),
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Renews until the work is `over`, then gives the lease back. When it is lost, `work` is cancelled: the holder must
    /// stop.
    pub(crate) async fn keep(&self, work: &CancellationToken, over: &CancellationToken) {
        let mut renewed = tokio::time::Instant::now();
        loop {
            tokio::select! {
                () = over.cancelled() => break,
                () = tokio::time::sleep(RENEW) => {}
            }
            let attempt = tokio::time::timeout(RENEW, self.acquire()).await;
            match attempt {
                Ok(Ok(true)) => renewed = tokio::time::Instant::now(),
                Ok(Ok(false)) => {
                    tracing::error!("the lease was taken over; stopping");
                    work.cancel();
                    return;
                }
                Ok(Err(error)) => tracing::warn!(%error, "failed to renew the lease"),
                Err(_) => tracing::warn!("failed to renew the lease in time"),
            }
            if renewed.elapsed() > GIVE_UP {
                tracing::error!("the lease could not be renewed; stopping");
                work.cancel();
                return;
            }
        }
        self.release().await;
    }

    /// Gives the lease back, so that the next controller begins at once.
    async fn release(&self) {
        let Ok(Some(mut lease)) = self.api.get_opt(NAME).await else {
            return;
        };
        let Some(spec) = lease.spec.as_mut() else {
            return;
        };
        if spec.holder_identity.as_deref() == Some(&self.identity) {
            spec.holder_identity = None;
            // Lost in the meantime, or unreachable: then it runs out by itself.
            let _ = self.api.replace(NAME, &PostParams::default(), &lease).await;
        }
    }
}

/// Whether `identity` may have the lease: it has it, nobody has it, or its time is over.
fn may_take(spec: Option<&LeaseSpec>, identity: &str, now: Timestamp) -> bool {
    let Some(spec) = spec else { return true };
    let Some(holder) = spec
        .holder_identity
        .as_deref()
        .filter(|holder| !holder.is_empty())
    else {
        return true;
    };
    let seconds = i64::from(spec.lease_duration_seconds.unwrap_or(0));
    let over = spec
        .renew_time
        .as_ref()
        .is_none_or(|renewed| now.as_second() - renewed.0.as_second() > seconds);
    holder == identity || over
}

#[cfg(test)]
mod tests {
    use capstan_testkit::ApiServer;

    use super::*;

    fn held_by(holder: &str, renewed: i64) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(30),
            renew_time: Some(MicroTime(Timestamp::from_second(renewed).unwrap())),
            ..LeaseSpec::default()
        }
    }

    #[test]
    fn a_lease_is_taken_only_when_it_is_ours_free_or_over() {
        let now = Timestamp::from_second(1_000).unwrap();
        assert!(may_take(None, "me", now));
        assert!(may_take(Some(&held_by("me", 999)), "me", now));
        assert!(may_take(Some(&held_by("", 999)), "me", now));
        assert!(!may_take(Some(&held_by("other", 975)), "me", now));
        assert!(may_take(Some(&held_by("other", 960)), "me", now));
    }

    #[test]
    fn the_holder_stops_well_before_the_others_may_begin() {
        // The last renewal may have been tried for as long as one try takes; then its work has to end (GRACE in `run`).
        let grace = Duration::from_secs(20);
        assert!(GIVE_UP + grace <= DURATION);
        // One renewal that fails is no reason to stop.
        assert!(GIVE_UP > 3 * RENEW);
    }

    #[tokio::test]
    async fn the_lease_is_kept_until_the_work_is_over_and_then_free_at_once() {
        let Some(server) = ApiServer::shared().await else {
            return;
        };
        let client = server.client().await.unwrap();
        let holder = |name: &str| Holder::new(client.clone(), "default", name.to_owned());
        let (one, other) = (holder("one"), holder("other"));
        assert!(one.acquire().await.unwrap());
        assert!(!other.acquire().await.unwrap());

        let (work, over) = (CancellationToken::new(), CancellationToken::new());
        let keeping = tokio::spawn({
            let (work, over) = (work.clone(), over.clone());
            async move { one.keep(&work, &over).await }
        });
        // Told to stop, but something is still under way.
        work.cancel();
        tokio::task::yield_now().await;
        assert!(!other.acquire().await.unwrap());
        over.cancel();
        keeping.await.unwrap();
        assert!(other.acquire().await.unwrap());
    }
}
