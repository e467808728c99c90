//! What a run tells while it works. The command line decides how it is shown.

use std::time::{Duration, Instant};

use serde::Serialize;

/// How a step ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It was there already.
    Found,
    /// It was made.
    Created,
    /// It was removed.
    Removed,
    /// It came about.
    Reached,
}

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
#[serde(
    tag = "event",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Event {
    /// How many steps there will be and how long they take together, as far as is known.
    Planned {
        /// Number of steps.
        steps: usize,
        /// Sum along the longest chain.
        #[serde(serialize_with = "seconds")]
        expected: Duration,
    },
    /// A step began.
    Started {
        /// What is done, e.g. `router`.
        step: String,
        /// What it usually takes.
        #[serde(serialize_with = "seconds")]
        expected: Duration,
    },
    /// A step ended well.
    Done {
        /// Which.
        step: String,
        /// How.
        outcome: Outcome,
        /// Id, address or name of what came of it.
        detail: String,
        /// What it took.
        #[serde(serialize_with = "seconds")]
        elapsed: Duration,
    },
    /// A step ended badly; the run's error says why.
    Failed {
        /// Which.
        step: String,
        /// What it took.
        #[serde(serialize_with = "seconds")]
        elapsed: Duration,
    },
    /// The server said on its console how far it is.
    Milestone {
        /// Counted from 1.
        number: u32,
        /// In words.
        text: String,
    },
    /// Something worth knowing that is not an error.
    Note {
        /// In words.
        text: String,
    },
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((duration.as_secs_f64() * 10.0).round() / 10.0)
}

/// Takes events; called from several tasks at a time.
pub trait Reporter: Send + Sync {
    /// Shows or writes one.
    fn report(&self, event: Event);
}

/// A step under way: told when it begins and when it has ended.
pub(crate) struct Underway<'a> {
    reporter: &'a dyn Reporter,
    step: String,
    started: Instant,
}

impl<'a> Underway<'a> {
    /// Begins a step that usually takes so long.
    pub(crate) fn begin(
        reporter: &'a dyn Reporter,
        step: impl Into<String>,
        expected: Duration,
    ) -> Self {
        let step = step.into();
        reporter.report(Event::Started {
            step: step.clone(),
            expected,
        });
        Self {
            reporter,
            step,
            started: Instant::now(),
        }
    }

    /// Ends it: how, and with which id, address or name; a failure is passed on.
    pub(crate) fn end<E>(self, result: Result<(Outcome, String), E>) -> Result<(), E> {
        let (step, elapsed) = (self.step, self.started.elapsed());
        let (event, result) = match result {
            Ok((outcome, detail)) => (
                Event::Done {
                    step,
                    outcome,
                    detail,
                    elapsed,
                },
                Ok(()),
            ),
            Err(error) => (Event::Failed { step, elapsed }, Err(error)),
        };
        self.reporter.report(event);
        result
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _event: Event) {}
}
