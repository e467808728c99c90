//! One run per server on all machines: a keypair, whose name a user can have only once, is the lock.
//!
//! Its public key is good for nothing; the comment behind the key says who holds the lock and since when. Nova's names are
//! unique per user, so two users of one project are not kept apart by it: what they make carries different uids, and `up`
//! sees the other's server before it makes its own.
//!
//! A run that was killed leaves its lock. The next run from the same state directory takes it over at once (the lock on the
//! local file proves that no other is alive); any other machine after [`STALE_AFTER`]. A run older than that stops before it
//! creates more.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use capstan_openstack::{Kind, Optional as _, Session};
use rand::RngCore as _;

use crate::error::Error;

/// Age at which anybody may take a lock over; no run creates resources for so long.
pub const STALE_AFTER: Duration = Duration::from_mins(20);

/// A lock that is held [during](Mutex::during) some work; that of a killed run stays until it is taken over.
#[derive(Debug)]
pub struct Mutex {
    session: Session,
    server: String,
    comment: Comment,
}

/// What the lock says about its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Names machine and state directory: the same for every run from there.
    pub holder: String,
    /// Names the run.
    pub run: String,
    /// Who, for people.
    pub who: String,
    /// Since when.
    pub since: jiff::Timestamp,
}

impl Comment {
    fn write(&self) -> String {
        format!(
            "capstan.dev/lock holder={} run={} since={} who={}",
            self.holder, self.run, self.since, self.who
        )
    }

    /// Reads the comment of a public key.
    pub fn read(public_key: &str) -> Option<Self> {
        let mut words = public_key.splitn(3, ' ').nth(2)?.trim_end().split(' ');
        (words.next()? == "capstan.dev/lock").then_some(())?;
        let mut value = |key: &str| {
            words
                .next()?
                .strip_prefix(key)?
                .strip_prefix('=')
                .map(str::to_owned)
        };
        let (holder, run) = (value("holder")?, value("run")?);
        let since = value("since")?.parse().ok()?;
        Some(Self {
            holder,
            run,
            since,
            who: value("who")?,
        })
    }

    fn told(&self) -> String {
        format!("{}, since {:.0}", self.who.replace('_', " "), self.since)
    }

    /// Whether `holder` may take this lock over at `now`.
    fn may_be_taken(&self, holder: &str, now: jiff::Timestamp) -> bool {
        self.holder == holder || now.duration_since(self.since).unsigned_abs() >= STALE_AFTER
    }
}

/// The lock's name: by the server's name, not by its uid, for two machines draw different ones.
pub fn lock_name(server: &str) -> String {
    format!("capstan-lock-{server}")
}

/// A public key that nobody has the private half of.
fn public_key(comment: &str) -> String {
    let mut key = [0_u8; 32];
    rand::rng().fill_bytes(&mut key);
    let mut blob = Vec::new();
    for part in [b"ssh-ed25519".as_slice(), &key] {
        blob.extend_from_slice(&u32::try_from(part.len()).unwrap_or_default().to_be_bytes());
        blob.extend_from_slice(part);
    }
    format!("ssh-ed25519 {} {comment}", STANDARD.encode(blob))
}

impl Mutex {
    /// Takes the lock on a server's name or says who has it.
    ///
    /// # Errors
    /// [`Error::HeldElsewhere`] if another machine has it and is not stale.
    async fn acquire(
        session: &Session,
        server: &str,
        holder: &str,
        who: &str,
    ) -> Result<Self, Error> {
        let name = lock_name(server);
        let mut run = [0_u8; 8];
        rand::rng().fill_bytes(&mut run);
        let comment = Comment {
            holder: holder.to_owned(),
            run: hex::encode(run),
            who: who.replace(' ', "_"),
            since: jiff::Timestamp::now(),
        };
        loop {
            match session
                .compute()
                .create_keypair(&name, &public_key(&comment.write()))
                .await
            {
                Ok(_) => break,
                // A conflict is the answer "held"; after an unknown outcome the lock itself tells whose it is.
                Err(error) if error.kind() == Kind::Conflict || error.outcome_unknown() => {}
                Err(error) => return Err(error.into()),
            }
            let Some(keypair) = session.compute().keypair(&name).await.optional()? else {
                continue;
            };
            match Comment::read(&keypair.public_key) {
                Some(found) if found.run == comment.run => break,
                Some(found) if !found.may_be_taken(holder, jiff::Timestamp::now()) => {
                    return Err(Error::HeldElsewhere {
                        name: server.to_owned(),
                        holder: found.told(),
                    });
                }
                Some(_) => {
                    session.compute().delete_keypair(&name).await?;
                }
                None => {
                    return Err(Error::HeldElsewhere {
                        name: server.to_owned(),
                        holder: format!("a keypair named {name} that is no lock of capstan"),
                    });
                }
            }
        }
        let lock = Self {
            session: session.clone(),
            server: server.to_owned(),
            comment,
        };
        // Two that take a stale lock over at a time may each delete the other's: the one who reads its own run has it.
        lock.check().await?;
        Ok(lock)
    }

    /// Works while holding the lock, and lets go however the work ends. A failure of the work counts more than one of letting
    /// go.
    ///
    /// # Errors
    /// Those of [`Mutex::acquire`], of the work, and of letting go.
    pub async fn during<T>(
        session: &Session,
        server: &str,
        holder: &str,
        who: &str,
        work: impl AsyncFnOnce(&Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let lock = Self::acquire(session, server, holder, who).await?;
        let result = work(&lock).await;
        let released = lock.release().await;
        let value = result?;
        released?;
        Ok(value)
    }

    /// Makes sure that the lock is still ours; asked before anything is created.
    ///
    /// # Errors
    /// [`Error::LockLost`] if somebody took it over.
    pub async fn check(&self) -> Result<(), Error> {
        let lost = |holder: String| Error::LockLost {
            name: self.server.clone(),
            holder,
        };
        match self
            .session
            .compute()
            .keypair(&lock_name(&self.server))
            .await
            .optional()?
        {
            Some(keypair) => match Comment::read(&keypair.public_key) {
                Some(found) if found.run == self.comment.run => Ok(()),
                Some(found) => Err(lost(found.told())),
                None => Err(lost("somebody".into())),
            },
            None => Err(lost("somebody who has let go of it again".into())),
        }
    }

    /// Lets go.
    ///
    /// # Errors
    /// If the cloud refuses; the lock is then taken over by the next run from here.
    async fn release(self) -> Result<(), Error> {
        self.check().await?;
        self.session
            .compute()
            .delete_keypair(&lock_name(&self.server))
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment() -> Comment {
        Comment {
            holder: "0a1b".into(),
            run: "2c3d".into(),
            who: "alice@laptop,_pid_7".into(),
            since: "2026-11-22T18:40:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn the_key_is_shaped_like_one_and_tells_its_holder() {
        let key = public_key(&comment().write());
        assert!(
            key.starts_with("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"),
            "{key}"
        );
        assert_eq!(Comment::read(&key), Some(comment()));
        assert_eq!(Comment::read(&format!("{key}\n")), Some(comment()));
        assert_eq!(Comment::read("ssh-ed25519 AAAA alice@laptop"), None);
    }

    #[test]
    fn a_lock_is_taken_over_by_its_own_machine_or_when_it_is_stale() {
        let lock = comment();
        let minutes = |count| lock.since + jiff::SignedDuration::from_mins(count);
        assert!(lock.may_be_taken("0a1b", minutes(1)));
        assert!(!lock.may_be_taken("other", minutes(19)));
        assert!(lock.may_be_taken("other", minutes(20)));
    }
}
