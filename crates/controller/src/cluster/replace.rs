//! Machines whose server failed are made anew.

use capstan_plan::{Observation, replacement};
use capstan_spec::status::WorkloadClusterStatus;
use capstan_workload::{Error, replace};
use jiff::Timestamp;

use super::site::Site;
use super::subject::Subject;
use crate::record::Record;

impl Site<'_> {
    /// Replaces what is due and tells the rest of it in `seen`. Gives the time of the next that is due.
    pub(super) async fn replace_failed(
        &self,
        subject: &mut Subject,
        record: &mut Record,
        status: &mut WorkloadClusterStatus,
        seen: &mut Observation,
    ) -> Result<Option<Timestamp>, Error> {
        let (context, name) = (self.context, self.name);
        let spec = subject.spec().clone();
        replacement::forget(&mut status.replacements, &spec, name, seen);
        let failed = replacement::failed(&spec, name, seen);
        let room = if replacement::wants_room(&failed) {
            replace::room(context, &spec, self.resolved).await?
        } else {
            replacement::Room::default()
        };
        let decision = replacement::decide(&failed, &status.replacements, &room, seen.now);
        if !decision.replace.is_empty() {
            // Counted before it is done: cut off in between, the next round makes its pause.
            replacement::count(&mut status.replacements, &decision.replace, seen.now);
            subject.write_status(status).await?;
            for one in &decision.replace {
                replace::replace(&context.applier, name, one).await?;
                let why = one.reason.detail.as_ref().unwrap_or(&one.reason.message);
                record.note(&format!("{} is made anew: {why}", one.machine));
            }
            record.save().await?;
        }
        seen.past_faults = replacement::reasons(&status.replacements, &failed);
        seen.outlook = decision.outlook;
        for one in decision.replace {
            let past = status.replacements.get(&one.pool);
            let round = past.map_or(1, |past| past.attempts);
            let outlook = format!("is being made anew, try {round}");
            seen.outlook.insert(one.machine, outlook);
        }
        Ok(decision.again)
    }
}
