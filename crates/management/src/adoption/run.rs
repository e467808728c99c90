//! The part of an adoption that changes something: local state and the credential.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::owner::other_of_name;
use super::{AdoptionError, Prepared};
use crate::desk::Desk;
use crate::error::Error;
use crate::identity::Identity;
use crate::make;
use crate::mutex::Mutex;
use crate::progress::{Event, Reporter, Underway};
use crate::state::ServerFiles;
use crate::survey::Survey;
use crate::up::answers::Answers;
use crate::up::local::{credential_secret, save_inventory};
use crate::up::{Caller, Up};

/// Expected time of the part in the cloud.
const EXPECTED: Duration = Duration::from_secs(2);

/// Makes the credential and saves what a later run needs. What is installed is the caller's next step, as on every server.
/// The caller holds the lock on the server's files.
///
/// # Errors
/// [`Error::Interrupted`] if `stop` was cancelled; after every error the same call goes on.
pub async fn adopt(
    desk: &Desk,
    prepared: Prepared,
    caller: &Caller,
    reporter: &dyn Reporter,
    stop: &CancellationToken,
) -> Result<Up, Error> {
    if !prepared.plan.shortages.is_empty() {
        return Err(Error::Quota(prepared.plan.shortages));
    }
    let Prepared {
        entrance,
        mut record,
        roles,
        ..
    } = prepared;
    let files = desk.files(&record.identity.name);
    let answers = Answers::new(&files, record.late_until);
    save_inventory(desk, &files).await?;
    record.late_until = Some(answers.note());
    // The record first: a run that is killed between the two asks for the kubeconfig again.
    files.save_record(&record)?;
    files.save_kubeconfig(&entrance.text)?;
    reporter.report(Event::Planned {
        steps: 1,
        expected: EXPECTED,
    });
    let name = record.identity.name.clone();
    let result = Mutex::during(
        &desk.session,
        &name,
        &record.holder,
        &caller.who,
        async |lock| {
            let work = Work {
                desk,
                files: &files,
                roles: &roles,
                lock,
                answers: &answers,
                reporter,
            };
            work.locked(&record.identity).await
        },
    )
    .await;
    let settled = answers.settle();
    result?;
    settled?;
    if stop.is_cancelled() {
        return Err(Error::Interrupted { name, exists: None });
    }
    let now = jiff::Timestamp::now();
    files.update_record(|record| record.usable_since = record.usable_since.or(Some(now)))?;
    Ok(Up {
        identity: record.identity,
        endpoint: entrance.endpoint,
        kubeconfig: files.kubeconfig_path(),
        was_up: false,
    })
}

/// What the part in the cloud needs.
struct Work<'a> {
    desk: &'a Desk,
    files: &'a ServerFiles,
    roles: &'a [String],
    lock: &'a Mutex,
    answers: &'a Answers<'a>,
    reporter: &'a dyn Reporter,
}

impl Work<'_> {
    async fn locked(&self, identity: &Identity) -> Result<(), Error> {
        let session = &self.desk.session;
        // Somebody may have made a server of this name between our look and our lock.
        let survey = Survey::read(session).await?;
        if let Some(other) = other_of_name(&survey, identity) {
            return Err(AdoptionError::NameTaken(other).into());
        }
        let secret = credential_secret(self.desk, self.files, &survey.of(identity)).await?;
        self.lock.check().await?;
        let underway = Underway::begin(self.reporter, "application credential", EXPECTED);
        let made = make::credential(session, identity, &secret, self.roles).await;
        underway.end(made.inspect_err(|error| self.answers.failed(error)))
    }
}
