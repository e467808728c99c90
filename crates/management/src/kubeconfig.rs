//! The kubeconfig of a management server, written by the caller from the certificates it made.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::pki::CertifiedKey;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ClusterData<'a> {
    server: &'a str,
    certificate_authority_data: String,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct UserData {
    client_certificate_data: String,
    client_key_data: String,
}

#[derive(Serialize)]
struct ContextData<'a> {
    cluster: &'a str,
    user: &'a str,
}

#[derive(Serialize)]
struct NamedCluster<'a> {
    name: &'a str,
    cluster: ClusterData<'a>,
}

#[derive(Serialize)]
struct NamedUser<'a> {
    name: &'a str,
    user: UserData,
}

#[derive(Serialize)]
struct NamedContext<'a> {
    name: &'a str,
    context: ContextData<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Kubeconfig<'a> {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    current_context: &'a str,
    clusters: [NamedCluster<'a>; 1],
    users: [NamedUser<'a>; 1],
    contexts: [NamedContext<'a>; 1],
}

/// Renders the file; `context` names cluster, user and context alike, and `endpoint` is `https://<address>:6443`.
///
/// # Errors
/// If the serialiser fails, which it does not for plain strings.
pub fn render(
    context: &str,
    endpoint: &str,
    ca_certificate: &str,
    client: &CertifiedKey,
) -> Result<SecretString, serde_saphyr::SerializeError> {
    let config = Kubeconfig {
        api_version: "v1",
        kind: "Config",
        current_context: context,
        clusters: [NamedCluster {
            name: context,
            cluster: ClusterData {
                server: endpoint,
                certificate_authority_data: STANDARD.encode(ca_certificate),
            },
        }],
        users: [NamedUser {
            name: context,
            user: UserData {
                client_certificate_data: STANDARD.encode(&client.certificate),
                client_key_data: STANDARD.encode(client.key.expose_secret()),
            },
        }],
        contexts: [NamedContext {
            name: context,
            context: ContextData {
                cluster: context,
                user: context,
            },
        }],
    };
    serde_saphyr::to_string(&config).map(SecretString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_kubectl_reads() {
        let client = CertifiedKey {
            certificate: "CERT".into(),
            key: "KEY".to_owned().into(),
        };
        let text = render("capstan-default", "https://198.18.0.10:6443", "CA", &client).unwrap();
        insta::assert_snapshot!(text.expose_secret(), @r"
        apiVersion: v1
        kind: Config
        current-context: capstan-default
        clusters:
        - name: capstan-default
          cluster:
            server: https://198.18.0.10:6443
            certificate-authority-data: Q0E=
        users:
        - name: capstan-default
          user:
            client-certificate-data: Q0VSVA==
            client-key-data: S0VZ
        contexts:
        - name: capstan-default
          context:
            cluster: capstan-default
            user: capstan-default
        ");
    }
}
