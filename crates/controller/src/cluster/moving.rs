//! How many clusters are on the move.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use capstan_spec::ClusterName;

/// The clusters that were not as wanted when they were looked at last. Kept in memory: after a start each is looked at once.
#[derive(Default)]
pub(crate) struct Moving(Mutex<HashSet<String>>);

impl Moving {
    /// Notes whether a cluster is on the move, and gives how many are.
    pub(super) fn note(&self, name: &ClusterName, moves: bool) -> u32 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{}/{}", name.namespace(), name.cluster());
        if moves {
            all.insert(key);
        } else {
            all.remove(&key);
        }
        u32::try_from(all.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counts_once_and_until_it_rests() {
        let (moving, name) = (Moving::default(), |namespace| {
            ClusterName::new(namespace, "demo", "x7k2p".parse().unwrap())
        });
        assert_eq!(moving.note(&name("a"), true), 1);
        assert_eq!(moving.note(&name("a"), true), 1);
        assert_eq!(moving.note(&name("b"), true), 2);
        assert_eq!(moving.note(&name("a"), false), 1);
        assert_eq!(moving.note(&name("a"), false), 1);
    }
}
