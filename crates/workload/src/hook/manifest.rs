//! The objects of a hook.

use capstan_kubernetes::{Error as KubernetesError, parse_manifest};
use capstan_spec::cluster::{Hook, ManifestSource};
use capstan_spec::{ClusterName, manifest};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::DynamicObject;
use kube::{Api, Client};
use secrecy::{ExposeSecret as _, SecretString};

use super::look::Words;
use crate::Error;
use crate::surroundings::read_secret;

/// The text of its manifest; inside, what is missing.
pub(super) async fn text(
    management: &Client,
    name: &ClusterName,
    hook: &Hook,
) -> Result<Result<SecretString, String>, Error> {
    let Some(from) = &hook.from else {
        let text = hook.manifest.clone().unwrap_or_default();
        return Ok(Ok(text.into()));
    };
    let namespace = name.namespace();
    let found = match &from.secret {
        Some(secret) => {
            let data = read_secret(management, namespace, secret).await?;
            data.map(|mut data| data.remove(&from.key))
        }
        None => config_map(management, namespace, from).await?,
    };
    Ok(match found {
        Some(Some(text)) => Ok(text),
        Some(None) => Err(format!(
            "there is no text in {} in namespace {namespace}",
            from.told()
        )),
        None => Err(format!(
            "there is no {} in namespace {namespace}",
            from.told()
        )),
    })
}

async fn config_map(
    management: &Client,
    namespace: &str,
    from: &ManifestSource,
) -> Result<Option<Option<SecretString>>, Error> {
    let name = from.config_map.as_deref().unwrap_or_default();
    let api: Api<ConfigMap> = Api::namespaced(management.clone(), namespace);
    let found = api.get_opt(name).await;
    let found = found.map_err(|e| {
        KubernetesError::request("read", format!("ConfigMap {namespace}/{name}"), e)
    })?;
    Ok(found.map(|found| {
        let text = found.data.unwrap_or_default().remove(&from.key);
        text.map(SecretString::from)
    }))
}

/// Its objects.
///
/// # Errors
/// What is wrong with the manifest.
pub(super) fn objects(text: &SecretString, words: Words) -> Result<Vec<DynamicObject>, String> {
    let text = text.expose_secret();
    if let Some(fault) = manifest::faults(text).into_iter().next() {
        let place = fault.position.map_or_else(String::new, |place| {
            format!(" (line {}, column {})", place.line, place.column)
        });
        return Err(match words {
            Words::Told => format!("its manifest is refused{place}: {}", fault.message),
            Words::Withheld => format!("its manifest is refused{place}"),
        });
    }
    parse_manifest("of the hook", text).map_err(|error| match words {
        Words::Told => error.to_string(),
        Words::Withheld => "its manifest cannot be read".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_but_not_what_a_secret_holds() {
        let text = SecretString::from("apiVersion: v1\nkind: Hidden\nmetadata: {}\n");
        assert_eq!(
            objects(&text, Words::Told).unwrap_err(),
            "its manifest is refused (line 1, column 1): Hidden has no metadata.name"
        );
        let withheld = objects(&text, Words::Withheld).unwrap_err();
        assert_eq!(withheld, "its manifest is refused (line 1, column 1)");
        let broken = SecretString::from("a: {hidden\n");
        let withheld = objects(&broken, Words::Withheld).unwrap_err();
        assert!(!withheld.contains("hidden"), "{withheld}");
        let good = SecretString::from("{apiVersion: v1, kind: Pod, metadata: {name: a}}");
        assert_eq!(objects(&good, Words::Told).unwrap().len(), 1);
    }
}
