//! The key by which a cluster's API server encrypts Secrets.

use base64::Engine as _;
use capstan_plan::render::ENCRYPTION_KEY;
use capstan_spec::ClusterName;
use kube::Client;
use rand::Rng as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{Error, secret};

/// Makes the Secret with the key where there is none. It is created, never applied: another key would make what is
/// encrypted unreadable.
pub async fn key(client: &Client, name: &ClusterName) -> Result<(), Error> {
    let object = secret::object_name(name, name.encryption_secret());
    if secret::is_there(client, name, &object).await? {
        return Ok(());
    }
    let configuration = configuration(rand::rng().random());
    let data = [(ENCRYPTION_KEY, configuration.expose_secret())];
    secret::create(client, name, &object, &data).await
}

/// What the API server reads: new Secrets are written by secretbox (`XSalsa20` and `Poly1305`), those from before the key are
/// still understood.
fn configuration(key: [u8; 32]) -> SecretString {
    let key = base64::engine::general_purpose::STANDARD.encode(key);
    format!(
        "\
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - secretbox: {{keys: [{{name: key1, secret: {key}}}]}}
  - identity: {{}}
"
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_comes_before_no_key_and_has_32_bytes() {
        let text = configuration([7; 32]);
        let text = text.expose_secret();
        let at = |word: &str| text.find(word).unwrap();
        assert!(at("secretbox") < at("identity"), "{text}");
        let key = text.split("secret: ").nth(1).unwrap();
        let key = key.split('}').next().unwrap();
        let standard = base64::engine::general_purpose::STANDARD;
        assert_eq!(standard.decode(key).unwrap(), [7; 32]);
    }
}
