//! Looks again after all is said to be gone.

use std::time::{Duration, Instant};

use super::{Gone, Prepared};
use crate::desk::Desk;
use crate::error::Error;
use crate::survey::Survey;

/// The last word: what carries the identity after all is said to be done.
pub(super) async fn audit(desk: &Desk, prepared: &Prepared) -> Result<Gone, Error> {
    // Neutron removes a server's port and Cinder a volume a moment after they said yes.
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let left = Survey::read(&desk.session)
            .await?
            .of(&prepared.identity)
            .entries();
        if left.is_empty() {
            return Ok(Gone {
                created: prepared.entries.len(),
            });
        }
        if Instant::now() >= end {
            return Err(Error::Left {
                created: prepared.entries.len().max(left.len()),
                left,
            });
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
