//! Waking machines that may join. Which and why is said by [`capstan_plan::waking`].

use capstan_kubernetes::Applier;
use capstan_plan::Observation;
use capstan_plan::waking::{WOKEN, sleeping};
use capstan_spec::ClusterName;
use futures::{FutureExt as _, TryStreamExt as _, stream};

use crate::Error;
use crate::mark::mark;

/// Machines woken at once.
const CONCURRENCY: usize = 4;

/// Wakes every machine that waits for a control plane which is there, each once.
pub async fn wake(applier: &Applier, name: &ClusterName, seen: &Observation) -> Result<(), Error> {
    // Boxed in a plain loop: through a closure the compiler cannot prove the stream `Send` in a spawned task.
    let mut requests = Vec::new();
    for machine in sleeping(seen) {
        let metadata = &machine.metadata;
        tracing::info!(machine = metadata.name, "may join; woken");
        requests.push(Ok(mark(
            applier,
            name,
            &metadata.name,
            &metadata.uid,
            WOKEN,
        )
        .boxed()));
    }
    stream::iter(requests)
        .try_for_each_concurrent(CONCURRENCY, |request| request)
        .await
}
