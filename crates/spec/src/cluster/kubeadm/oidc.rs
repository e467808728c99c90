//! Login by OIDC (`OpenID` Connect).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Login to the Kubernetes API by OIDC (`OpenID` Connect).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Oidc {
    /// URL of the issuer, with `https`.
    pub issuer_url: String,
    /// Client that tokens must be made for.
    pub client_id: String,
    /// Claim that is the user's name. Without it `sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_claim: Option<String>,
    /// What is put before the user's name; `-` for nothing. Without it the issuer's URL and `#`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_prefix: Option<String>,
    /// Claim that holds the user's groups. Without it there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups_claim: Option<String>,
    /// What is put before each group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups_prefix: Option<String>,
    /// Certificate in PEM of the authority that signed the issuer's. Without it those that the image trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10240))]
    pub ca: Option<String>,
}

impl Oidc {
    /// Where the authority's certificate lies on machines of the control plane: in a directory that kubeadm mounts into
    /// the API server anyway.
    pub const CA_PATH: &str = "/etc/kubernetes/pki/oidc-ca.crt";
}
