//! What clusterctl needs to recognise our installation: its inventory objects, and a configuration file.
//!
//! `describe`, `upgrade plan` and `move` read the kind `Provider`. We write those objects; upgrading is ours.

use std::path::{Path, PathBuf};

use capstan_catalog::Catalogue;
use capstan_kubernetes::{Error, Kinds};
use kube::api::ListParams;
use kube::core::DynamicObject;
use kube::{Api, Client};
use serde_json::json;

use super::components::{CLUSTERCTL, PROVIDER};
use super::{ManifestSource, ProviderError, ProviderKind, Release, default_releases};

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

/// The providers that clusterctl's inventory on a server lists, of those kinds and names that Capstan installs.
pub async fn installed(client: Client) -> Result<Vec<Release>, ProviderError> {
    let kinds = Kinds::new(client.clone());
    let resource = match kinds
        .resolve(&format!("{GROUP}/v1alpha3"), "Provider")
        .await
    {
        Ok((resource, _)) => resource,
        // Without the kind there is no inventory.
        Err(Error::UnknownKind { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let api: Api<DynamicObject> = Api::all_with(client, &resource);
    let list = api
        .list(&ListParams::default())
        .await
        .map_err(|error| Error::request("list", "clusterctl's inventory", error))?;
    Ok(list.items.iter().filter_map(release).collect())
}

fn release(object: &DynamicObject) -> Option<Release> {
    let text = |key: &str| object.data.get(key)?.as_str();
    let kind = ProviderKind::from_clusterctl_type(text("type")?)?;
    let release = Release::new(kind, text("providerName")?, text("version")?);
    let ours = default_releases("", "");
    ours.iter()
        .any(|known| known.label() == release.label())
        .then_some(release)
}

/// Writes `clusterctl.yaml` and, where the manifests do not come from upstream, a repository into `directory`, for the
/// providers installed on a server; `newest` are those this Capstan would install, which `upgrade plan` then offers. Gives the
/// path of the file.
///
/// clusterctl's own configuration would make it ask GitHub, and hang where there is no way out.
pub async fn write(
    client: Client,
    catalogue: &Catalogue,
    source: &ManifestSource,
    newest: &[Release],
    directory: &Path,
) -> Result<PathBuf, ProviderError> {
    let releases = installed(client).await?;
    if releases.is_empty() {
        return Err(ProviderError::NoProviders);
    }
    // Absolute, as clusterctl demands of a local repository.
    let directory = std::path::absolute(directory).map_err(|source| ProviderError::Write {
        path: directory.to_owned(),
        source,
    })?;
    if !matches!(source, ManifestSource::Upstream) {
        let newer = newest.iter().filter(|new| !releases.contains(new));
        let all: Vec<_> = releases.iter().chain(newer).cloned().collect();
        copy_repository(catalogue, &all, source, &directory).await?;
    }
    let path = directory.join("clusterctl.yaml");
    let text = configuration(catalogue, &releases, source, &directory)?;
    write_file(&path, &text).await?;
    Ok(path)
}

/// clusterctl reads `https:` (GitHub and GitLab only) and files, so a mirror's files are copied into `directory`.
fn configuration(
    catalogue: &Catalogue,
    releases: &[Release],
    source: &ManifestSource,
    directory: &Path,
) -> Result<String, ProviderError> {
    use std::fmt::Write as _;
    let mut text = String::from("providers:\n");
    let local = !matches!(source, ManifestSource::Upstream);
    for release in releases {
        let manifest = release.manifest(catalogue)?;
        let url = if local {
            let folder = directory.join(release.label()).join(&manifest.version);
            folder.join(&manifest.file).display().to_string()
        } else {
            manifest.url
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
    if local {
        // It would ask GitHub for a newer clusterctl after every command.
        text.push_str("CLUSTERCTL_DISABLE_VERSIONCHECK: \"true\"\n");
    }
    Ok(text)
}

/// Copies the releases in the layout clusterctl wants of a local repository: `<provider label>/<version>/<file>`.
async fn copy_repository(
    catalogue: &Catalogue,
    releases: &[Release],
    source: &ManifestSource,
    directory: &Path,
) -> Result<(), ProviderError> {
    for release in releases {
        let folder = directory.join(release.label()).join(&release.version);
        for file in [release.manifest(catalogue)?, release.metadata(catalogue)?] {
            let text = source.fetch(&file).await?;
            write_file(&folder.join(&file.file), &text).await?;
        }
    }
    Ok(())
}

async fn write_file(path: &Path, text: &str) -> Result<(), ProviderError> {
    let failed = |source| ProviderError::Write {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await.map_err(failed)?;
    }
    tokio::fs::write(path, text).await.map_err(failed)
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn what_we_list_is_read_back_and_others_are_left_out() {
        let ours = Release::new(ProviderKind::Bootstrap, "kubeadm", "v1.14.2");
        let object = inventory(&ours, "x").unwrap();
        assert_eq!(release(&object), Some(ours));
        for (kind, name) in [
            ("AddonProvider", "helm"),
            ("InfrastructureProvider", "aws"),
            ("BootstrapProvider", "openstack"),
        ] {
            let mut other = object.clone();
            other.data["type"] = kind.into();
            other.data["providerName"] = name.into();
            assert_eq!(release(&other), None, "{kind} {name}");
        }
    }

    #[test]
    fn a_mirror_is_a_folder_and_upstream_a_url() {
        let releases = default_releases("v1.14.2", "v0.14.7");
        let catalogue = Catalogue::bundled().unwrap();
        let text = |source: &ManifestSource| {
            configuration(&catalogue, &releases, source, Path::new("/r")).unwrap()
        };
        let local = text(&ManifestSource::Mirror("http://m".into()));
        assert!(local.contains(
            "url: \"/r/infrastructure-openstack/v0.14.7/infrastructure-components.yaml\""
        ));
        assert!(local.contains("VERSIONCHECK"));
        let upstream = text(&ManifestSource::Upstream);
        assert!(upstream.contains("url: \"https://github.com/kubernetes-sigs/cluster-api/releases/download/v1.14.2/core-components.yaml\""));
        assert!(!upstream.contains("VERSIONCHECK"));
    }
}
