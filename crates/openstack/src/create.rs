//! Creating exactly once although an answer can be lost.

use std::{future::Future, time::Duration};

use crate::error::Error;

/// Looks after an unknown outcome: a service may still be at work when its answer is lost, so it gets time.
const LOOKS: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(6),
];

/// How often a creation is asked for in all.
const ATTEMPTS: usize = 3;

/// A resource and whether it was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created<T> {
    /// Made by this call.
    New(T),
    /// Found by its identity.
    Found(T),
}

impl<T> Created<T> {
    /// The resource, either way.
    pub fn into_inner(self) -> T {
        match self {
            Self::New(value) | Self::Found(value) => value,
        }
    }

    /// Whether it was there before.
    pub fn was_there(&self) -> bool {
        matches!(self, Self::Found(_))
    }
}

/// Finds the resource by its identity or creates it.
///
/// When the creating call fails with an [unknown outcome](Error::outcome_unknown), the resource is looked for again (a
/// few times, over ten seconds) before it is asked for once more. Cancel-safe: dropped at any point, the same call
/// later finds what was made.
///
/// `find` must look by what the creating request itself carries (exact name with uid, description, metadata).
pub async fn create_or_find<T, Find, Finding, Create, Creating>(
    find: Find,
    create: Create,
) -> Result<Created<T>, Error>
where
    Find: Fn() -> Finding,
    Finding: Future<Output = Result<Option<T>, Error>>,
    Create: Fn() -> Creating,
    Creating: Future<Output = Result<T, Error>>,
{
    if let Some(found) = find().await? {
        return Ok(Created::Found(found));
    }
    let mut attempt = 1;
    loop {
        let error = match create().await {
            Ok(made) => return Ok(Created::New(made)),
            Err(error) if error.outcome_unknown() => error,
            Err(error) => return Err(error),
        };
        tracing::debug!(?error, attempt, "outcome unknown, looking");
        for pause in LOOKS {
            tokio::time::sleep(pause).await;
            if let Some(found) = find().await? {
                return Ok(Created::New(found));
            }
        }
        if attempt == ATTEMPTS {
            return Err(error);
        }
        attempt += 1;
    }
}
