//! Removes, looks again, and is done when nothing is left and nothing can come any more.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use capstan_openstack::{Entry, Kind};

use super::removal::Removing;
use super::{Gone, Prepared};
use crate::error::Error;
use crate::progress::Event;
use crate::survey::{Found, Survey};

/// Pause between two looks of the audit.
const LOOK: Duration = Duration::from_secs(1);
/// While something may still come, what is in use is probably used by just that: look for it instead of insisting.
const IN_USE_WHILE_LATE: Duration = Duration::from_secs(5);

/// A removal with its audit.
pub(super) struct Audit<'a> {
    removing: Removing<'a>,
    prepared: &'a Prepared,
    /// Everything that was ever seen.
    seen: BTreeSet<Entry>,
    /// Until when something that a dead run asked for may appear.
    late_until: Option<Instant>,
}

impl<'a> Audit<'a> {
    /// Of what was prepared; `late` is how long something may still appear.
    pub(super) fn new(
        removing: Removing<'a>,
        prepared: &'a Prepared,
        late: Option<Duration>,
    ) -> Self {
        Self {
            removing,
            prepared,
            seen: prepared.entries.iter().cloned().collect(),
            late_until: late.map(|late| Instant::now() + late),
        }
    }

    /// Removes what there is, and what appears meanwhile.
    ///
    /// # Errors
    /// What a step failed with; [`Error::Left`] if something said to be removed is still there.
    pub(super) async fn run(mut self) -> Result<Gone, Error> {
        let mut found = self.prepared.found.clone();
        loop {
            let patience = self.removing.patience;
            let in_use = if self.something_may_come() {
                patience.in_use.min(IN_USE_WHILE_LATE)
            } else {
                patience.in_use
            };
            let stuck = match self.removing.all(&found, in_use).await {
                Ok(()) => false,
                Err(Error::Cloud(error))
                    if error.kind() == Kind::Conflict && self.something_may_come() =>
                {
                    true
                }
                Err(error) => return Err(error),
            };
            match self.look(stuck).await? {
                Some(more) => found = more,
                None => {
                    return Ok(Gone {
                        created: self.seen.len(),
                        uninstalled: 0,
                    });
                }
            }
        }
    }

    fn something_may_come(&self) -> bool {
        self.late_until.is_some_and(|until| Instant::now() < until)
    }

    /// Looks until there is something to remove, which is given back, or nothing is left and nothing can come.
    async fn look(&mut self, stuck: bool) -> Result<Option<Found>, Error> {
        // Neutron removes a server's port and Cinder a volume a moment after they said yes.
        let end = Instant::now() + self.removing.patience.settle;
        let mut told = false;
        loop {
            let found = Survey::read(&self.removing.desk.session)
                .await?
                .of(&self.prepared.identity);
            let entries = found.entries();
            let new: Vec<_> = entries
                .iter()
                .filter(|entry| !self.seen.contains(*entry))
                .cloned()
                .collect();
            if !new.is_empty() {
                self.came(new);
                return Ok(Some(found));
            }
            if stuck && !entries.is_empty() {
                return Ok(Some(found));
            }
            if entries.is_empty() && !self.something_may_come() {
                return Ok(None);
            }
            if !entries.is_empty() && Instant::now() >= end {
                return Err(Error::Left {
                    created: self.seen.len(),
                    left: entries,
                });
            }
            if self.removing.stop.is_cancelled() {
                return Err(self.removing.interrupted());
            }
            if entries.is_empty() && !told {
                told = true;
                self.tell_wait();
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Something appeared. A service that was so late with one thing may be with the next.
    fn came(&mut self, new: Vec<Entry>) {
        for entry in &new {
            self.removing.reporter.report(Event::Note {
                text: format!("{entry} has appeared only now, and is removed"),
            });
        }
        if self.something_may_come() {
            self.late_until = Some(Instant::now() + self.removing.patience.late);
        }
        self.seen.extend(new);
    }

    fn tell_wait(&self) {
        let left = self.late_until.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        });
        self.removing.reporter.report(Event::Note {
            text: format!(
                "all is gone; but the last capstan up did not end, and what it asked for last may still appear: looking \
                 for another {} s",
                left.as_secs() + 1
            ),
        });
    }
}
