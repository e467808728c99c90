//! Requests that may still come true although the run that sent them is dead.
//!
//! A killed `up` leaves requests on their way: the service carries them out, and nobody hears the answer. What they make
//! carries its identity like everything else, but whoever looks at once does not see it yet. So `up` notes, before its first
//! creating request, until when such a thing may appear, and takes the note back as soon as every answer is in; `down` looks
//! until then.

use std::time::Duration;

use jiff::Timestamp;

use crate::mutex::STALE_AFTER;

/// How long after its sender's death a request may come true. A service that waits for another one by message gives up after
/// 60 s (`rpc_response_timeout` of oslo.messaging), a proxy before it closes after 60 s at most (`timeout server` as
/// kolla-ansible and OpenStack-Ansible set it), and the other services' client libraries are more impatient than that.
pub const LATE: Duration = Duration::from_mins(1);

/// The note of a run that begins to create: it may die at any moment of the [`STALE_AFTER`] in which it creates.
pub fn while_creating(now: Timestamp) -> Timestamp {
    now + STALE_AFTER + LATE
}

/// The note of a run that lost an answer and has ended.
pub fn after_a_lost_answer(now: Timestamp) -> Timestamp {
    now + LATE
}

/// The note of a run that began at `started` and has heard every answer: what remains is what an earlier run noted, and that
/// one was dead when this one began.
pub fn after_all_answers(
    earlier: Option<Timestamp>,
    started: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    earlier
        .map(|until| until.min(started + LATE))
        .filter(|until| *until > now)
}

/// How long to look from now on, when whoever wrote the note is dead.
pub fn remaining(note: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    let left = note?.duration_since(now);
    Duration::try_from(left)
        .ok()
        .filter(|left| !left.is_zero())
        .map(|left| left.min(LATE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn after(seconds: i64) -> Timestamp {
        START + jiff::SignedDuration::from_secs(seconds)
    }

    #[test]
    fn a_run_that_died_is_waited_for_and_one_that_ended_is_not() {
        let note = Some(while_creating(START));
        assert_eq!(remaining(note, after(5)), Some(LATE));
        assert_eq!(
            remaining(after_all_answers(None, START, after(5)), after(6)),
            None
        );
        assert_eq!(remaining(None, after(5)), None);
    }

    #[test]
    fn a_note_of_long_ago_is_not_waited_for() {
        let note = Some(while_creating(START));
        let end = i64::try_from((STALE_AFTER + LATE).as_secs()).unwrap();
        assert_eq!(
            remaining(note, after(end - 7)),
            Some(Duration::from_secs(7))
        );
        assert_eq!(remaining(note, after(end)), None);
        assert_eq!(remaining(note, after(end + 3600)), None);
    }

    #[test]
    fn what_an_earlier_run_left_on_its_way_outlives_the_next_one() {
        let died = Some(while_creating(START));
        let next = after_all_answers(died, after(10), after(20));
        assert_eq!(remaining(next, after(20)), Some(Duration::from_secs(50)));
        assert_eq!(after_all_answers(died, after(10), after(70)), None);
    }

    #[test]
    fn a_lost_answer_is_waited_for_from_the_end_of_its_run() {
        let note = Some(after_a_lost_answer(START));
        assert_eq!(remaining(note, after(59)), Some(Duration::from_secs(1)));
        assert_eq!(remaining(note, after(60)), None);
    }
}
