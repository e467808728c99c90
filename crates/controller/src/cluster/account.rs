//! What the cloud has of a cluster, into its account.

use capstan_plan::{Observation, progress, spread};
use capstan_spec::WorkloadClusterSpec;
use capstan_spec::status::{WorkloadClusterStatus, set_condition};
use capstan_workload::{Error, ledger};
use tokio::time::Instant;

use super::recent::is_moving;
use super::site::Site;
use super::subject::Subject;
use crate::record::Record;

impl Site<'_> {
    /// Enters what is there into the ledger, and tells whether servers share a host. While Cluster API works, not at every
    /// step of it.
    pub(super) async fn account(
        &self,
        subject: &Subject,
        spec: &WorkloadClusterSpec,
        record: &mut Record,
        status: &mut WorkloadClusterStatus,
        seen: &Observation,
    ) -> Result<(), Error> {
        let (context, name, recent) = (self.context, self.name, self.recent);
        if is_moving(&progress(spec, name, seen)) && recent.is_entered(name, Instant::now()) {
            return Ok(());
        }
        let servers = ledger::servers(seen, &record.status);
        let found = ledger::look(&context.session, spec, name, &servers).await?;
        ledger::enter(&mut record.status, &found);
        record.save().await?;
        recent.entered(name, Instant::now());
        let shared = spread::shared(name, seen, &self.resolved.server_groups, found.hosts());
        let spread = spread::condition(&shared, subject.generation(), seen.now);
        set_condition(&mut status.conditions, spread);
        Ok(())
    }
}
