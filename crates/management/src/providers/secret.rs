//! Secrets of the installation: the webhooks' authority, the leaves, the cloud's credentials.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use capstan_kubernetes::{Applier, Deadline, Error, FIELD_MANAGER, ObjectName};
use kube::api::PostParams;
use kube::core::DynamicObject;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::webhook_certificate::{self, KeyPairPem, facts, renewal_due};
use super::{ProviderError, WantedCertificate, own};

/// Name of the Secret with the authority of the webhooks, in [`own::NAMESPACE`].
const AUTHORITY: &str = "webhook-authority";

/// A Secret as an object. `kind` is its `type`.
pub(super) fn object(
    namespace: &str,
    name: &str,
    kind: &str,
    data: &[(&str, &str)],
) -> Result<DynamicObject, serde_json::Error> {
    let data: Map<String, Value> = data
        .iter()
        .map(|(key, value)| ((*key).to_owned(), STANDARD.encode(value).into()))
        .collect();
    serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Secret", "type": kind,
        "metadata": {
            "name": name, "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": FIELD_MANAGER},
        },
        "data": data,
    }))
}

/// A Secret of no special kind.
pub(crate) fn opaque(
    namespace: &str,
    name: &str,
    data: &[(&str, &str)],
) -> Result<DynamicObject, serde_json::Error> {
    object(namespace, name, "Opaque", data)
}

fn value(secret: &DynamicObject, key: &str) -> Option<String> {
    let text = secret.data.get("data")?.get(key)?.as_str()?;
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}

async fn read(
    applier: &Applier,
    namespace: &str,
    name: &str,
) -> Result<Option<DynamicObject>, Error> {
    let name = secret_name(namespace, name);
    let api = applier.kinds().api_of(&name).await?;
    api.get_opt(&name.name)
        .await
        .map_err(|e| Error::request("read", name.to_string(), e))
}

fn secret_name(namespace: &str, name: &str) -> ObjectName {
    ObjectName {
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    }
}

/// The authority that is there, or a new one. Two installers at once agree on one, because a create does not overwrite.
pub(super) async fn authority(
    applier: &Applier,
    now: OffsetDateTime,
) -> Result<KeyPairPem, ProviderError> {
    loop {
        if let Some(secret) = read(applier, own::NAMESPACE, AUTHORITY).await? {
            let parts = (value(&secret, "tls.crt"), value(&secret, "tls.key"));
            return match parts {
                (Some(certificate), Some(key)) => Ok(KeyPairPem {
                    certificate,
                    key: SecretString::from(key),
                }),
                _ => Err(ProviderError::Manifest {
                    release: format!("{}/{AUTHORITY}", own::NAMESPACE),
                    message: "the Secret lacks tls.crt or tls.key; delete it and install again"
                        .to_owned(),
                }),
            };
        }
        let made = webhook_certificate::authority(now)?;
        let data = [
            ("tls.crt", made.certificate.as_str()),
            ("tls.key", made.key.expose_secret()),
        ];
        let secret = object(own::NAMESPACE, AUTHORITY, "kubernetes.io/tls", &data)?;
        let name = secret_name(own::NAMESPACE, AUTHORITY);
        let api = applier.kinds().api_of(&name).await?;
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        match api.create(&params, &secret).await {
            Ok(_) => return Ok(made),
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            Err(error) => return Err(Error::request("create", name.to_string(), error).into()),
        }
    }
}

/// Makes the leaf of one webhook service if it is due. Says whether it was, and until when the leaf is good.
pub(super) async fn ensure_leaf(
    applier: &Applier,
    authority: &KeyPairPem,
    wanted: &WantedCertificate,
    now: OffsetDateTime,
    deadline: Deadline,
) -> Result<bool, ProviderError> {
    let held = read(applier, &wanted.namespace, &wanted.secret).await?;
    let held = held
        .as_ref()
        .and_then(|secret| value(secret, "tls.crt").zip(value(secret, "tls.key")));
    let known = held
        .as_ref()
        .and_then(|(certificate, _)| facts(certificate, &authority.certificate));
    if !renewal_due(known.as_ref(), &wanted.names, now) {
        return Ok(false);
    }
    let leaf = webhook_certificate::leaf(authority, &wanted.names, now)?;
    let data = [
        ("ca.crt", authority.certificate.as_str()),
        ("tls.crt", leaf.certificate.as_str()),
        ("tls.key", leaf.key.expose_secret()),
    ];
    let secret = object(
        &wanted.namespace,
        &wanted.secret,
        "kubernetes.io/tls",
        &data,
    )?;
    applier.apply_one(&secret, deadline).await?;
    Ok(true)
}
