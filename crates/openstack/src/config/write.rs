//! A minimal `clouds.yaml` for an application credential, to hand to a management server or to CAPO.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::CloudConfig;

/// The text of a `clouds.yaml` with one cloud named `name` that authenticates by the application credential `id`.
///
/// URL, region, interface and verification come from `config`. `cacert_path` is where the reader will find the
/// authority (CAPO's Secret has it beside the file, under the key `cacert`, and then wants no path here).
/// The text is JSON, which is YAML: quoting is right whatever the values contain.
pub fn clouds_yaml(
    config: &CloudConfig,
    name: &str,
    id: &str,
    secret: &SecretString,
    region: Option<&str>,
    cacert_path: Option<&str>,
) -> SecretString {
    let mut cloud = json!({
        "auth_type": "v3applicationcredential",
        "auth": {
            "auth_url": config.auth_url.as_str(),
            "application_credential_id": id,
            "application_credential_secret": secret.expose_secret(),
        },
        "interface": config.interface.to_string(),
        "identity_api_version": 3,
    });
    let mut set = |key: &str, value: Value| {
        if let Value::Object(map) = &mut cloud {
            map.insert(key.to_owned(), value);
        }
    };
    if let Some(region) = region.or(config.region.as_deref()) {
        set("region_name", region.into());
    }
    if !config.verify {
        set("verify", false.into());
    }
    if let Some(path) = cacert_path {
        set("cacert", path.into());
    }
    let file = json!({ "clouds": { name: cloud } });
    format!("{file:#}\n").into()
}
