//! The key by which a cluster's API server encrypts Secrets.

use base64::Engine as _;
use capstan_kubernetes::{Error as KubernetesError, ObjectName};
use capstan_plan::render::{
    CLUSTER_LABEL, ENCRYPTION_KEY, MANAGED_BY, MANAGED_BY_LABEL, UID_LABEL,
};
use capstan_spec::ClusterName;
use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use kube::{Api, Client};
use rand::Rng as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::Error;
use crate::surroundings::secret_object;

/// Makes the Secret with the key where there is none. It is created, never applied: another key would make what is
/// encrypted unreadable.
pub async fn key(client: &Client, name: &ClusterName) -> Result<(), Error> {
    let object = ObjectName {
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        namespace: Some(name.namespace().to_owned()),
        name: name.encryption_secret(),
    };
    let api: Api<Secret> = Api::namespaced(client.clone(), name.namespace());
    let failed = |verb, error| KubernetesError::request(verb, object.to_string(), error);
    let found = api.get_metadata_opt(&object.name).await;
    if found.map_err(|error| failed("read", error))?.is_some() {
        return Ok(());
    }
    let labels = serde_json::json!({
        capstan_capi::label::CLUSTER_NAME: name.cluster(),
        capstan_capi::label::MOVE: "true",
        MANAGED_BY_LABEL: MANAGED_BY,
        CLUSTER_LABEL: name.name(),
        UID_LABEL: name.uid().as_str(),
    });
    let configuration = configuration(rand::rng().random());
    let data = [(ENCRYPTION_KEY, configuration.expose_secret())];
    let secret = secret_object(&object, &labels, &data)?;
    let secret: Secret = serde_json::to_value(&secret)
        .and_then(serde_json::from_value)
        .map_err(|source| Error::Shape {
            what: object.to_string(),
            source,
        })?;
    match api.create(&PostParams::default(), &secret).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => Err(failed("create", error).into()),
    }
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
