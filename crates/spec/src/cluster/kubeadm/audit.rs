//! The API server's audit log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults;

/// The API server's audit log, in `/var/log/kubernetes/audit` on each machine of the control plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// Policy, a document of the kind `Policy` of `audit.k8s.io/v1`. Without it who did what to which object, without
    /// contents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10240))]
    pub policy: Option<String>,
    /// Days that a file is kept.
    #[serde(default = "defaults::audit_max_age")]
    pub max_age_days: u32,
    /// Files that are kept.
    #[serde(default = "defaults::audit_max_backups")]
    pub max_backups: u32,
    /// Size in MiB at which a new file is begun.
    #[serde(default = "defaults::audit_max_size")]
    pub max_size_mib: u32,
}

impl Audit {
    /// Where the policy lies on machines of the control plane.
    pub const POLICY_PATH: &str = "/etc/kubernetes/audit/policy.yaml";
    /// Directory of the logs.
    pub const LOG_DIRECTORY: &str = "/var/log/kubernetes/audit";
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            policy: None,
            max_age_days: defaults::AUDIT_MAX_AGE_DAYS,
            max_backups: defaults::AUDIT_MAX_BACKUPS,
            max_size_mib: defaults::AUDIT_MAX_SIZE_MIB,
        }
    }
}
