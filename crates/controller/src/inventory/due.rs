//! When a cloud is to be asked again. Pure.

use capstan_spec::cloud::CloudStatus;
use capstan_spec::status::{Condition, ConditionStatus};
use jiff::{SignedDuration, Timestamp};

/// Between two looks at a cloud that answers. Flavors and images change by the day; what a cluster needs is looked at anew
/// whenever it is made or changed.
const PERIOD: SignedDuration = SignedDuration::from_mins(15);
/// After one that did not answer.
const AFTER_FAILURE: SignedDuration = SignedDuration::from_mins(3);
/// How much of that is chance, so that many servers do not ask one cloud at the same time.
const JITTER: f64 = 0.2;

/// A `Cloud` as it is now.
#[derive(Debug, Clone)]
pub(super) struct Now {
    pub(super) generation: Option<i64>,
    /// Fingerprint of the credentials; `None` when they cannot be read.
    pub(super) credential: Option<[u8; 32]>,
    /// Whether its status says that it answers.
    pub(super) ready: bool,
    pub(super) at: Timestamp,
}

/// A `Cloud` as it was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    generation: Option<i64>,
    credential: Option<[u8; 32]>,
    answered: bool,
    next: Timestamp,
}

/// Whether the status says that the cloud answers.
pub(super) fn is_ready(status: Option<&CloudStatus>) -> bool {
    status.is_some_and(|status| {
        status.conditions.iter().any(|condition| {
            condition.kind == Condition::READY && condition.status == ConditionStatus::True
        })
    })
}

impl Now {
    /// Whether it is time, or another cloud or credential is meant, or somebody for whom it does not answer has noted so
    /// though it answered us: what the server sees counts.
    pub(super) fn is_due(&self, before: &Asked) -> bool {
        self.at >= before.next
            || self.generation != before.generation
            || self.credential != before.credential
            || before.answered && !self.ready
    }

    /// What is remembered of a look; `chance` is between 0 and 1.
    pub(super) fn asked(&self, answered: bool, chance: f64) -> Asked {
        let period = if answered { PERIOD } else { AFTER_FAILURE };
        Asked {
            generation: self.generation,
            credential: self.credential,
            answered,
            next: self.at + around(period, chance),
        }
    }
}

/// A span that is a little longer or shorter, by chance.
fn around(span: SignedDuration, chance: f64) -> SignedDuration {
    let factor = 1.0 + JITTER * (2.0 * chance - 1.0);
    SignedDuration::try_from_secs_f64(span.as_secs_f64() * factor).unwrap_or(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(seconds: i64) -> Now {
        Now {
            generation: Some(1),
            credential: Some([1; 32]),
            ready: true,
            at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds),
        }
    }

    #[test]
    fn a_cloud_is_asked_when_its_time_has_come_and_not_before() {
        for (answered, chance, first) in [
            (true, 0.0, 720),
            (true, 0.5, 900),
            (true, 1.0, 1080),
            (false, 0.5, 180),
        ] {
            let asked = now(0).asked(answered, chance);
            assert!(!now(first - 1).is_due(&asked), "{answered} {chance}");
            assert!(now(first).is_due(&asked), "{answered} {chance}");
        }
    }

    #[test]
    fn another_cloud_or_credential_is_asked_at_once() {
        let asked = now(0).asked(true, 0.5);
        assert!(!now(1).is_due(&asked));
        let edited = Now {
            generation: Some(2),
            ..now(1)
        };
        let renewed = Now {
            credential: Some([2; 32]),
            ..now(1)
        };
        let lost = Now {
            credential: None,
            ..now(1)
        };
        for changed in [edited, renewed, lost] {
            assert!(changed.is_due(&asked), "{changed:?}");
            assert!(!changed.is_due(&changed.asked(true, 0.5)));
        }
    }

    #[test]
    fn who_does_not_reach_the_cloud_does_not_overrule_the_server() {
        let doubted = Now {
            ready: false,
            ..now(1)
        };
        assert!(doubted.is_due(&now(0).asked(true, 0.5)));
        assert!(!doubted.is_due(&now(0).asked(false, 0.5)));
    }
}
