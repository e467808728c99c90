//! etcd on the machines of the control plane.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// etcd on the machines of the control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Etcd {
    /// Command line flags without their dashes, to values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra_args: BTreeMap<String, String>,
    /// GiB of data at which etcd takes no more writes: 1 to 8. Without it etcd's 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_gib: Option<u32>,
    /// Milliseconds between two signs of life of the leader. Without it etcd's 100; 250 suits disks and networks that
    /// falter now and then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_milliseconds: Option<u32>,
    /// Milliseconds without one after which another leader is elected: five to ten times as many. Without it etcd's 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub election_milliseconds: Option<u32>,
    /// Hours of history that etcd itself forgets by and by. The API server has it forget every five minutes already, so this
    /// matters to what else writes there. Without it etcd does nothing by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compaction_hours: Option<u32>,
}

impl Etcd {
    /// Heartbeat without one said, in milliseconds.
    pub(crate) const HEARTBEAT: u32 = 100;
    /// Election time-out without one said, in milliseconds.
    pub(crate) const ELECTION: u32 = 1000;

    /// Flags of the fields that are set, with the field's name.
    pub fn flags(&self) -> Vec<(&'static str, &'static str, String)> {
        let number = |value: Option<u32>| value.map(|value| value.to_string());
        let bytes = |gib: u32| (u64::from(gib) << 30).to_string();
        [
            ("quotaGib", "quota-backend-bytes", self.quota_gib.map(bytes)),
            (
                "heartbeatMilliseconds",
                "heartbeat-interval",
                number(self.heartbeat_milliseconds),
            ),
            (
                "electionMilliseconds",
                "election-timeout",
                number(self.election_milliseconds),
            ),
            (
                "compactionHours",
                "auto-compaction-mode",
                self.compaction_hours.map(|_| "periodic".to_owned()),
            ),
            (
                "compactionHours",
                "auto-compaction-retention",
                self.compaction_hours.map(|hours| format!("{hours}h")),
            ),
        ]
        .into_iter()
        .filter_map(|(field, flag, value)| Some((field, flag, value?)))
        .collect()
    }
}
