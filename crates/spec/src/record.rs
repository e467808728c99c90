//! What outlives a cluster: its ledger, its history, its audit.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Uid;

/// Which cluster a record is about. Never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRecordSpec {
    /// Name of the `WorkloadCluster`.
    pub cluster: String,
    /// Its unique part.
    pub uid: Uid,
    /// Name of the `Cloud` it runs on.
    pub cloud: String,
}

/// What happened to the cluster and to everything made for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRecordStatus {
    /// Every resource made in the cloud.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ledger: Vec<LedgerEntry>,
    /// What was done, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryEntry>,
    /// The final account, once the cluster is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
}

/// A resource made in the cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// For instance `server`, `load balancer`, `floating ip`.
    pub kind: String,
    /// Id in the cloud.
    pub id: String,
    /// Name in the cloud.
    #[serde(default)]
    pub name: String,
    /// Who made it.
    pub owner: Owner,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When it was first found to be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<Timestamp>,
}

/// Who made a resource, hence who removes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// Capstan.
    Capstan,
    /// Cluster API's OpenStack provider.
    ClusterApi,
    /// The cloud controller manager inside the cluster.
    CloudController,
    /// The volume driver inside the cluster.
    Storage,
    /// A person; never removed by us.
    Given,
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// What, for instance "scaled workers from 2 to 3".
    pub action: String,
    /// Who asked for it, as the Kubernetes API knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// The `metadata.generation` of the wish that this is a verdict on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
}

/// The account after a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// Resources that were made.
    pub created: u32,
    /// Resources found to be gone.
    pub gone: u32,
    /// Resources that are still there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<LedgerEntry>,
    /// When it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

impl ClusterRecordStatus {
    /// Adds a line to the history. A verdict that is there already is not told twice: whoever wrote it may have died before
    /// the cluster's own status said so.
    pub fn enter(&mut self, entry: HistoryEntry) {
        let told = entry.generation.is_some()
            && self.history.iter().any(|known| {
                (known.generation, &known.action, &known.result)
                    == (entry.generation, &entry.action, &entry.result)
            });
        if !told {
            self.history.push(entry);
        }
    }

    /// Settles the account from the ledger: everything without a `gone_at` is left.
    pub fn settle(&self, at: Timestamp) -> Audit {
        let left: Vec<_> = self
            .ledger
            .iter()
            .filter(|entry| entry.gone_at.is_none() && entry.owner != Owner::Given)
            .cloned()
            .collect();
        let created = self
            .ledger
            .iter()
            .filter(|e| e.owner != Owner::Given)
            .count();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Audit {
            created: count(created),
            gone: count(created - left.len()),
            left,
            at: Some(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_counts_what_is_ours_and_lists_what_is_left() {
        let now = Timestamp::from_second(100).unwrap();
        let entry = |id: &str, owner, gone| LedgerEntry {
            kind: "server".into(),
            id: id.into(),
            name: String::new(),
            owner,
            created_at: now,
            gone_at: gone,
        };
        let record = ClusterRecordStatus {
            ledger: vec![
                entry("a", Owner::Capstan, Some(now)),
                entry("b", Owner::ClusterApi, None),
                entry("c", Owner::Given, None),
            ],
            ..ClusterRecordStatus::default()
        };
        let audit = record.settle(now);
        assert_eq!((audit.created, audit.gone), (2, 1));
        assert_eq!(audit.left[0].id, "b");
    }

    #[test]
    fn a_verdict_is_entered_once_and_the_same_one_on_a_later_wish_again() {
        let verdict = |second, generation| HistoryEntry {
            at: Timestamp::from_second(second).unwrap(),
            action: "default 1 to 2".into(),
            who: None,
            result: Some("accepted".into()),
            generation,
        };
        let mut record = ClusterRecordStatus::default();
        record.enter(verdict(1, Some(2)));
        record.enter(verdict(2, Some(2)));
        assert_eq!(record.history.len(), 1, "entered before a kill, and after");
        record.enter(verdict(3, Some(4)));
        record.enter(verdict(4, None));
        record.enter(verdict(5, None));
        assert_eq!(record.history.len(), 4);
    }
}
