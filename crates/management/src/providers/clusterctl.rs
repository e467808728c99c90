//! What clusterctl needs to recognise our installation: its inventory objects, and a configuration file.
//!
//! `describe`, `upgrade plan` and `move` read the kind `Provider`. We write those objects; upgrading is ours.

use kube::core::DynamicObject;
use serde_json::json;

use super::components::{CLUSTERCTL, PROVIDER};
use super::{ManifestSource, ProviderError, Release};

/// API group of clusterctl's inventory.
const GROUP: &str = "clusterctl.cluster.x-k8s.io";

/// The definition of clusterctl's kind `Provider`, in the one version it has had since 2020.
pub fn definition() -> Result<DynamicObject, serde_json::Error> {
    let text = json!({"type": "string"});
    serde_json::from_value(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("providers.{GROUP}"),
            "labels": {CLUSTERCTL: "", format!("{GROUP}/core"): "inventory"},
        },
        "spec": {
            "group": GROUP,
            "names": {
                "categories": ["cluster-api"], "kind": "Provider", "listKind": "ProviderList",
                "plural": "providers", "singular": "provider",
            },
            "scope": "Namespaced",
            "versions": [{
                "name": "v1alpha3", "served": true, "storage": true,
                "additionalPrinterColumns": [
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                    {"name": "Type", "type": "string", "jsonPath": ".type"},
                    {"name": "Provider", "type": "string", "jsonPath": ".providerName"},
                    {"name": "Version", "type": "string", "jsonPath": ".version"},
                ],
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "properties": {
                        "apiVersion": text, "kind": text, "metadata": {"type": "object"},
                        "providerName": text, "type": text, "version": text, "watchedNamespace": text,
                    },
                }},
            }],
        },
    }))
}

/// The inventory object of a provider in the namespace its manager runs in.
pub fn inventory(release: &Release, namespace: &str) -> Result<DynamicObject, serde_json::Error> {
    let label = release.label();
    serde_json::from_value(json!({
        "apiVersion": format!("{GROUP}/v1alpha3"),
        "kind": "Provider",
        "metadata": {
            "name": label, "namespace": namespace,
            "labels": {CLUSTERCTL: "", PROVIDER: label, format!("{GROUP}/core"): "inventory"},
        },
        "providerName": release.name,
        "type": release.kind.as_clusterctl_type(),
        "version": release.version,
    }))
}

/// A `clusterctl.yaml` for the installed providers, so that clusterctl looks nowhere else. With its own configuration it
/// would ask GitHub, and hang where there is no way out.
///
/// clusterctl reads `https:` (GitHub and GitLab only) and files; a mirror's files are copied into `directory` first, by
/// [`copy_repository`]. `directory` must be absolute.
pub fn configuration(
    releases: &[Release],
    source: &ManifestSource,
    directory: &std::path::Path,
) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("providers:\n");
    for release in releases {
        let manifest = release.manifest();
        let url = match source {
            ManifestSource::Upstream => format!(
                "{}/{}/{}",
                manifest.upstream, manifest.version, manifest.file
            ),
            ManifestSource::Mirror(_) | ManifestSource::Directory(_) => {
                format!(
                    "{}/{}/{}/{}",
                    directory.display(),
                    release.label(),
                    manifest.version,
                    manifest.file
                )
            }
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "- name: {}\n  type: {}\n  url: {}",
            release.name,
            release.kind.as_clusterctl_type(),
            serde_json::Value::from(url)
        );
    }
    // The webhook certificates are ours.
    text.push_str("cert-manager:\n  externallyProvisioned: \"true\"\n");
    text
}

/// Copies the releases into `directory` in the layout clusterctl wants of a local repository:
/// `<provider label>/<version>/<file>`.
pub async fn copy_repository(
    releases: &[Release],
    source: &ManifestSource,
    directory: &std::path::Path,
) -> Result<(), ProviderError> {
    for release in releases {
        let folder = directory.join(release.label()).join(&release.version);
        let failed = |source| ProviderError::Read {
            path: folder.clone(),
            source,
        };
        tokio::fs::create_dir_all(&folder).await.map_err(failed)?;
        for file in [release.manifest(), release.metadata()] {
            let text = source.fetch(&file).await?;
            tokio::fs::write(folder.join(&file.file), text)
                .await
                .map_err(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{ProviderKind, default_releases};
    use super::*;

    #[test]
    fn labels_are_those_of_clusterctl() {
        let labels: Vec<String> = default_releases("v1.14.2", "v0.14.7")
            .iter()
            .map(Release::label)
            .collect();
        assert_eq!(
            labels,
            [
                "cluster-api",
                "bootstrap-kubeadm",
                "control-plane-kubeadm",
                "infrastructure-openstack"
            ]
        );
        let release = Release::new(ProviderKind::Infrastructure, "openstack", "v0.14.7");
        let object = serde_json::to_value(inventory(&release, "capo-system").unwrap()).unwrap();
        assert_eq!(object["providerName"], "openstack");
        assert_eq!(
            object["metadata"]["labels"]["clusterctl.cluster.x-k8s.io/core"],
            "inventory"
        );
    }
}
