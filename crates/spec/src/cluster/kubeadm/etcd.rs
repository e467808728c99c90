//! etcd on the machines of the control plane.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults;

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
    /// When the space that etcd no longer needs is given back. Changes nothing on machines: the controller asks for it.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub defragmentation: Defragmentation,
}

/// When the space that etcd no longer needs is given back: once a day at most, only where it is worth the moment for which
/// a member answers nobody, member after member, the leader last, and only while all are healthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Defragmentation {
    /// It is not done by itself; `capstan cluster defragment` still does it.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub disabled: bool,
    /// Hour of the day (UTC) in which it is done: 0 to 23. Clusters begin at different minutes of it. Without it 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour: Option<u32>,
    /// Percent of a member's file that must be free before it is worth it: 1 to 99. Files below 100 MiB are left alone.
    /// Without it 45.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain_percent: Option<u32>,
}

impl Defragmentation {
    /// In the night of Europe: the hour of the scripts (half past two).
    const HOUR: u32 = 2;
    /// At what the etcd operator of `OpenShift` begins.
    const GAIN_PERCENT: u32 = 45;

    /// Hour of the day (UTC) in which it is done.
    pub fn at_hour(self) -> u32 {
        self.hour.unwrap_or(Self::HOUR)
    }

    /// Percent of a member's file that must be free.
    pub fn worth_percent(self) -> u32 {
        self.gain_percent.unwrap_or(Self::GAIN_PERCENT)
    }
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
