//! How old something is, for people.

use jiff::Timestamp;

/// How long ago, in the largest unit that says something.
pub(crate) fn age(then: Timestamp, now: Timestamp) -> String {
    let minutes = now.duration_since(then).as_mins().max(0);
    match minutes {
        0..=119 => format!("{minutes} min"),
        120..=2879 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / (24 * 60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_the_unit_that_says_something() {
        let then: Timestamp = "2026-11-28T00:00:00Z".parse().unwrap();
        for (now, told) in [
            ("2026-11-28T00:45:10Z", "45 min"),
            ("2026-11-28T05:10:00Z", "5 h"),
            ("2026-12-05T05:10:00Z", "7 days"),
            ("2026-11-27T00:00:00Z", "0 min"),
        ] {
            assert_eq!(age(then, now.parse().unwrap()), told);
        }
    }
}
