//! The API server.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The API server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiServer {
    /// Command line flags without their dashes, to values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra_args: BTreeMap<String, String>,
    /// Requests that only read and are worked on at once, of each API server; more wait or are turned away. Without it
    /// Kubernetes' 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_requests_inflight: Option<u32>,
    /// The same of requests that write. Without it Kubernetes' 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_mutating_requests_inflight: Option<u32>,
    /// About every so many requests a client is asked to connect anew, so that it may meet another API server; at least 50.
    /// 1000 suits a control plane of several machines behind a load balancer. Without it never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goaway_every: Option<u32>,
    /// Minutes that events are kept. Without it Kubernetes' 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_ttl_minutes: Option<u32>,
}

impl ApiServer {
    /// Flags of the fields that are set, with the field's name.
    pub fn flags(&self) -> Vec<(&'static str, &'static str, String)> {
        let number = |value: Option<u32>| value.map(|value| value.to_string());
        let chance = |every: u32| format!("{:.6}", 1.0 / f64::from(every));
        [
            (
                "maxRequestsInflight",
                "max-requests-inflight",
                number(self.max_requests_inflight),
            ),
            (
                "maxMutatingRequestsInflight",
                "max-mutating-requests-inflight",
                number(self.max_mutating_requests_inflight),
            ),
            (
                "goawayEvery",
                "goaway-chance",
                self.goaway_every.map(chance),
            ),
            (
                "eventTtlMinutes",
                "event-ttl",
                self.event_ttl_minutes.map(|minutes| format!("{minutes}m")),
            ),
        ]
        .into_iter()
        .filter_map(|(field, flag, value)| Some((field, flag, value?)))
        .collect()
    }
}
