//! Taking a cluster away: its hooks, Cluster API, then what it leaves, the credential last, and the account.

use std::collections::BTreeSet;

use capstan_capi::view;
use capstan_plan::autoscaler::is_wanted;
use capstan_spec::progress::Progress;
use capstan_spec::status::{ClusterPhase, ConditionStatus};
use capstan_spec::{ClusterName, DeletionPolicy};
use capstan_workload::surroundings::Context;
use capstan_workload::{Error, autoscaler, history, ledger, observe, removal};
use jiff::Timestamp;
use kube::runtime::controller::Action;

use super::hooks::{self, Hooks};
use super::subject::Subject;
use super::{World, requeue};
use crate::record::Record;
use crate::status;

/// Brings the removal a step further.
pub(super) async fn remove(world: &World, subject: &mut Subject) -> Result<Action, Error> {
    let spec = subject.spec().clone();
    let mut status = subject.status();
    let Some(uid) = status.uid.clone() else {
        // Nothing was ever made: every name contains the uid.
        subject.set_finalizer(false).await?;
        return Ok(Action::await_change());
    };
    let name = ClusterName::new(subject.namespace(), subject.name(), uid);
    world.recent.forget(&name);
    world.moving.note(&name, false);
    let generation = subject.generation();
    if spec.deletion_policy == DeletionPolicy::Protect {
        status.phase = Some(ClusterPhase::Blocked);
        let message = "spec.deletionPolicy is protect: change it to delete the cluster".to_owned();
        status::ready(
            &mut status,
            ConditionStatus::False,
            "Protected",
            message,
            generation,
        );
        subject.write_status(&status).await?;
        return Ok(Action::requeue(requeue::SETTLED));
    }
    let context = Context::connect(&world.clouds, subject.namespace(), &spec.cloud).await?;
    let mut record = Record::open(&world.client, &name, &spec.cloud).await?;
    let seen = observe::observe(&context, &name).await?;
    let servers = ledger::servers(&seen, &record.status);
    let found = ledger::look(&context.session, &spec, &name, &servers).await?;
    ledger::enter(&mut record.status, &found);
    record.note_once("deletion", history::deletion_asked_by(subject.metadata()));
    record.save().await?;
    let access = hooks::way_in(world, &spec, &name).await?;
    let hooks = Hooks {
        world,
        name: &name,
        access: access.as_ref(),
    };
    let waits = hooks.before_delete(subject, &mut record, &mut status, &seen);
    if let Some(again) = Box::pin(waits).await? {
        return Ok(again);
    }
    let left = record.status.settle(Timestamp::now());
    status.phase = Some(ClusterPhase::Deleting);
    let message = format!("{} of {} resources are gone", left.gone, left.created);
    status::ready(
        &mut status,
        ConditionStatus::False,
        "Deleting",
        message,
        generation,
    );
    status.progress = Some(removing(left.created, left.gone));
    subject.write_status(&status).await?;

    // Also one that was not wanted any more, and of one whose status was lost in a move only the wish is known.
    let made = status.resolved.as_ref().is_some_and(|one| one.autoscaler);
    let begun = |cluster: &view::Cluster| cluster.metadata.deletion_timestamp.is_some();
    if (made || is_wanted(&spec)) && !seen.cluster.as_ref().is_some_and(begun) {
        autoscaler::remove(&context.applier, &name).await?;
    }
    if !removal::delete_cluster(&context, &name).await? {
        // Every object that goes wakes us.
        return Ok(Action::requeue(requeue::MOVING));
    }
    removal::sweep(&context.session, &found).await?;
    let found = ledger::look(&context.session, &spec, &name, &servers).await?;
    ledger::enter(&mut record.status, &found);
    record.save().await?;
    let only_credential = found
        .entries()
        .iter()
        .all(|entry| entry.kind == "application credential");
    if !only_credential {
        return Ok(Action::requeue(requeue::UNSEEN));
    }
    finish(subject, &context, &name, &mut record, &found).await
}

/// The last act: the credential, our objects, the audit, the finalizer.
async fn finish(
    subject: &Subject,
    context: &Context,
    name: &ClusterName,
    record: &mut Record,
    found: &ledger::Found,
) -> Result<Action, Error> {
    removal::remove_credential(&context.session, found).await?;
    let resolved = subject.status().resolved;
    let logins = resolved.and_then(|resolved| resolved.registry_secret);
    removal::delete_objects(context, name, logins.as_deref()).await?;
    let none = ledger::look(&context.session, subject.spec(), name, &BTreeSet::default()).await?;
    ledger::enter(&mut record.status, &none);
    let audit = record.status.settle(Timestamp::now());
    let clean = audit.left.is_empty();
    tracing::info!(
        cluster = name.cluster(),
        created = audit.created,
        gone = audit.gone,
        "cluster removed"
    );
    record.note(&format!("{} created, {} gone", audit.created, audit.gone));
    record.status.audit = Some(audit);
    record.save().await?;
    if !clean {
        return Ok(Action::requeue(requeue::UNSEEN));
    }
    subject.set_finalizer(false).await?;
    Ok(Action::await_change())
}

fn removing(created: u32, gone: u32) -> Progress {
    let percent = (gone * 100).checked_div(created).unwrap_or(100);
    Progress {
        percent: u8::try_from(percent.min(100)).unwrap_or(100),
        ..Progress::default()
    }
}
