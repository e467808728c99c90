//! Until when a certificate is good, and whether it is time to think of that.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

/// Days before the end from which on people are told. Long enough for a holiday; the caller's certificate lives for a year.
pub const SOON_DAYS: i64 = 30;

/// The end of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Validity {
    /// Last moment at which it is good.
    pub until: Timestamp,
}

impl Validity {
    /// Reads it from a certificate in PEM, the first one if there are several; `None` if there is none.
    pub fn of(certificate: &str) -> Option<Self> {
        let (_, pem) = x509_parser::pem::parse_x509_pem(certificate.as_bytes()).ok()?;
        let parsed = pem.parse_x509().ok()?;
        let until = Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()?;
        Some(Self { until })
    }

    /// Whole days from `now` to the end; negative when it is over.
    pub fn days_left(self, now: Timestamp) -> i64 {
        self.until
            .duration_since(now)
            .as_secs()
            .div_euclid(24 * 60 * 60)
    }

    /// Whether it is over.
    pub fn is_over(self, now: Timestamp) -> bool {
        now > self.until
    }

    /// Whether it is over or will be within [`SOON_DAYS`].
    pub fn ends_soon(self, now: Timestamp) -> bool {
        self.days_left(now) < SOON_DAYS
    }

    /// In words, with what to do when it is time, for a certificate of ours.
    pub fn told(self, now: Timestamp) -> String {
        self.told_with(now, "capstan access --renew makes it anew")
    }

    /// The same for a certificate in a kubeconfig that was given.
    pub fn told_of_others(self, now: Timestamp) -> String {
        self.told_with(now, "capstan up --kubeconfig takes a new one")
    }

    fn told_with(self, now: Timestamp, remedy: &str) -> String {
        if self.is_over(now) {
            format!("over since {self}; {remedy}")
        } else if self.ends_soon(now) {
            format!(
                "good until {self}, {} days from now; {remedy}",
                self.days_left(now)
            )
        } else {
            format!("good until {self}")
        }
    }
}

impl fmt::Display for Validity {
    /// The day, which is all that matters of a year.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.until.strftime("%Y-%m-%d"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::ClusterPki;
    use time::OffsetDateTime;

    const DAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

    #[test]
    fn a_certificate_of_ours_is_good_for_a_year() {
        let pki = ClusterPki::generate(OffsetDateTime::UNIX_EPOCH).unwrap();
        let client = pki.ca.sign_client("a", "b", OffsetDateTime::UNIX_EPOCH);
        let validity = Validity::of(&client.unwrap().certificate).unwrap();
        assert_eq!(validity.days_left(Timestamp::UNIX_EPOCH), 365);
        assert_eq!(
            validity.told(Timestamp::UNIX_EPOCH),
            "good until 1971-01-01"
        );
        assert_eq!(Validity::of("no certificate"), None);
    }

    #[test]
    fn the_end_is_told_in_time() {
        let validity = Validity {
            until: Timestamp::UNIX_EPOCH + 100 * DAY,
        };
        let on = |day: i32| Timestamp::UNIX_EPOCH + day * DAY;
        assert!(!validity.ends_soon(on(70)));
        assert!(validity.ends_soon(on(71)) && !validity.is_over(on(71)));
        assert_eq!(
            validity.told(on(98)),
            "good until 1970-04-11, 2 days from now; capstan access --renew makes it anew"
        );
        assert_eq!(
            validity.told(on(101)),
            "over since 1970-04-11; capstan access --renew makes it anew"
        );
    }
}
