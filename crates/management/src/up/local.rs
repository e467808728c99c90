//! What must outlive this process, drawn and saved before the first request that creates something.

use rand::RngCore as _;
use secrecy::SecretString;
use time::OffsetDateTime;

use super::Prepared;
use super::answers::Answers;
use crate::access::CALLER;
use crate::desk::{Desk, Situation};
use crate::error::Error;
use crate::identity::Identity;
use crate::pki::{ADMIN_ORGANISATION, ClusterPki};
use crate::state::{Record, ServerFiles};
use crate::survey::Found;

/// Draws and saves all that must outlive this process, unless an earlier run did.
pub(super) async fn local_state(
    desk: &Desk,
    files: &ServerFiles,
    prepared: &Prepared,
    answers: &Answers<'_>,
) -> Result<Record, Error> {
    let fresh = |identity| Record::new(desk, identity, prepared.settings.clone());
    let mut record = match &prepared.situation {
        Situation::Nothing => fresh(Identity::draw(&prepared.plan.name)?),
        Situation::Ours { record, .. } => Record {
            settings: prepared.settings.clone(),
            ..(**record).clone()
        },
        Situation::Elsewhere { identity, .. } => fresh(identity.clone()),
    };
    save_inventory(desk, files).await?;
    let no_keys = files.pki()?.is_none();
    // Said before there are new keys: a run that is killed after this still knows that the server has the old ones.
    if no_keys && prepared.situation.has_server() {
        record.replaces = true;
        record.usable_since = None;
    }
    record.late_until = Some(answers.note());
    files.save_record(&record)?;
    if no_keys {
        let now = OffsetDateTime::now_utc();
        let pki = ClusterPki::generate(now)?;
        let client = pki.ca.sign_client(CALLER, ADMIN_ORGANISATION, now)?;
        files.save_pki(&pki, &client)?;
    }
    Ok(record)
}

/// Saves what the project held before.
pub(crate) async fn save_inventory(desk: &Desk, files: &ServerFiles) -> Result<(), Error> {
    let snapshot = desk.session.snapshot().await?;
    let held: Vec<String> = snapshot.entries.iter().map(ToString::to_string).collect();
    Ok(files.save_inventory_once(&held)?)
}

/// The secret saved by an earlier run, or a new one; a credential whose secret is lost is of no use and is removed.
pub(crate) async fn credential_secret(
    desk: &Desk,
    files: &ServerFiles,
    found: &Found,
) -> Result<SecretString, Error> {
    if let Some(secret) = files.credential()? {
        return Ok(secret);
    }
    for credential in &found.credentials {
        desk.session
            .identity()
            .delete_application_credential(&credential.id)
            .await?;
    }
    let mut bytes = [0_u8; 48];
    rand::rng().fill_bytes(&mut bytes);
    let secret = SecretString::from(hex::encode(bytes));
    files.save_credential(&secret)?;
    Ok(secret)
}
