//! How servers of a pool are spread over hosts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How servers of a pool are spread over hosts: the policy of the Nova server group made for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ServerGroupPolicy {
    /// On different hosts as long as there are enough.
    #[default]
    SoftAntiAffinity,
    /// Never two on one host. A machine for which no host is left is not made, and a change that is rolled out needs one
    /// host more than there are machines.
    AntiAffinity,
    /// No group: Nova chooses freely.
    None,
}
