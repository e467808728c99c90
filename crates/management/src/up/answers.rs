//! Whether every answer of a run is in; kept on disk, for the one who comes after a run that was killed.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use crate::error::Error;
use crate::late;
use crate::state::{ServerFiles, StateError};

/// What a run has asked for and heard.
#[derive(Debug)]
pub(crate) struct Answers<'a> {
    files: &'a ServerFiles,
    earlier: Option<Timestamp>,
    started: Timestamp,
    lost: AtomicBool,
}

impl<'a> Answers<'a> {
    /// Of a run that begins now, after one that left the note `earlier`.
    pub(crate) fn new(files: &'a ServerFiles, earlier: Option<Timestamp>) -> Self {
        Self {
            files,
            earlier,
            started: Timestamp::now(),
            lost: AtomicBool::new(false),
        }
    }

    /// The note while requests are on their way; it is on disk before the first of them.
    pub(crate) fn note(&self) -> Timestamp {
        late::while_creating(self.started)
    }

    /// Looks whether a failure means that an answer was lost.
    pub(crate) fn failed(&self, error: &Error) {
        if matches!(error, Error::Cloud(error) if error.outcome_unknown()) {
            self.lost.store(true, Ordering::Relaxed);
        }
    }

    /// Writes what is known when nothing is on its way any more.
    pub(crate) fn settle(&self) -> Result<(), StateError> {
        let now = Timestamp::now();
        let note = if self.lost.load(Ordering::Relaxed) {
            Some(late::after_a_lost_answer(now))
        } else {
            late::after_all_answers(self.earlier, self.started, now)
        };
        self.files.update_record(|record| record.late_until = note)
    }
}
