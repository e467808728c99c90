//! What a vanilla image lacks: which files the catalogue names, where they are, and the sum each is checked against.

use std::time::Duration;

use capstan_catalog::{Architecture, Artifact, Catalogue};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::engine::{Download, Place};
use crate::error::Error;
use crate::settings::Mirror;

/// A checksum is 64 octets and a name.
const SUM_LIMIT: Duration = Duration::from_secs(20);

/// The files of a node, with their places. crictl is for people, so it is left out.
fn place(artifact: &Artifact) -> Option<Place> {
    Some(match artifact.component.as_str() {
        "kubernetes" => Place::Program(format!("/usr/local/bin/{}", artifact.file)),
        "runc" => Place::Program("/usr/local/sbin/runc".into()),
        "containerd" => Place::Archive("/usr/local".into()),
        "cni-plugins" => Place::Archive("/opt/cni/bin".into()),
        _ => return None,
    })
}

fn artifacts(kubernetes_version: &str) -> Result<Vec<Artifact>, Error> {
    let catalogue = Catalogue::bundled()?;
    let invalid = |_| Error::Invalid {
        problem: format!("{kubernetes_version:?} is no Kubernetes version"),
        hint: format!(
            "known are {}",
            catalogue
                .versions()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        ),
    };
    let version = kubernetes_version.parse().map_err(invalid)?;
    let mut artifacts =
        catalogue.artifacts("kubernetes", kubernetes_version, Architecture::Amd64)?;
    for component in ["containerd", "runc", "cni-plugins"] {
        let of = catalogue.component(version, component)?;
        artifacts.extend(catalogue.artifacts(component, &of, Architecture::Amd64)?);
    }
    Ok(artifacts)
}

/// All downloads of a node of this Kubernetes, each with its sum: the catalogue's for what upstream publishes, else the one
/// beside the file (`<file>.sha256`), read here and now, so that the server can be given nothing else later.
///
/// # Errors
/// If the catalogue does not know the version, or a sum cannot be read.
pub async fn downloads(
    kubernetes_version: &str,
    mirror: Option<&Mirror>,
) -> Result<Vec<Download>, Error> {
    let client = reqwest::Client::builder()
        .timeout(SUM_LIMIT)
        .build()
        .map_err(|error| Error::Connection(Box::new(error)))?;
    let mirror = mirror.map(|mirror| capstan_spec::Mirror {
        files: mirror.files.clone(),
        registry: mirror.registry.clone(),
    });
    let placed = artifacts(kubernetes_version)?
        .into_iter()
        .filter_map(|artifact| Some((place(&artifact)?, artifact)));
    stream::iter(placed)
        .map(|(place, artifact)| {
            let (client, mirror) = (&client, mirror.as_ref());
            async move {
                let url = artifact.location(mirror);
                // A mirror may hold what its operator built: its own sum counts there.
                let known = artifact.sha256.clone().filter(|_| url == artifact.url);
                let sha256 = match known {
                    Some(sum) => sum,
                    None => sum_beside(client, &url).await?,
                };
                Ok(Download { url, sha256, place })
            }
        })
        .buffered(6)
        .try_collect()
        .await
}

async fn sum_beside(client: &reqwest::Client, url: &str) -> Result<String, Error> {
    let url = format!("{url}.sha256");
    let failed = |reason: String| Error::Checksum {
        url: url.clone(),
        reason,
    };
    let answer = client
        .get(&url)
        .send()
        .await
        .and_then(reqwest::Response::error_for_status);
    let text = match answer {
        Ok(answer) => answer
            .text()
            .await
            .map_err(|error| failed(error.to_string()))?,
        Err(error) => return Err(failed(error.to_string())),
    };
    read_sum(&text).ok_or_else(|| failed("what is there is no SHA-256".into()))
}

/// The sum in a `.sha256` file: alone, or as `sha256sum` writes it.
fn read_sum(text: &str) -> Option<String> {
    let sum = text.split_whitespace().next()?.to_ascii_lowercase();
    (sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_complete() {
        let placed: Vec<_> = artifacts("v1.36.3")
            .unwrap()
            .iter()
            .map(|artifact| (place(artifact), artifact.file.clone()))
            .collect();
        assert!(
            placed.iter().all(|(place, _)| place.is_some()),
            "{placed:?}"
        );
        let files: Vec<_> = placed.into_iter().map(|(_, file)| file).collect();
        insta::assert_snapshot!(files.join(" "), @"kubeadm kubelet kubectl containerd-2.2.1-linux-amd64.tar.gz runc.amd64 cni-plugins-linux-amd64-v1.9.0.tgz");
    }

    #[test]
    fn a_version_that_is_not_known_is_refused() {
        assert!(matches!(
            artifacts("v9.9.9").unwrap_err(),
            Error::Catalogue(_)
        ));
        assert!(matches!(
            artifacts("latest").unwrap_err(),
            Error::Invalid { .. }
        ));
    }

    #[test]
    fn sums_are_read_in_both_forms() {
        let sum = "a1".repeat(32);
        assert_eq!(read_sum(&sum).as_deref(), Some(sum.as_str()));
        assert_eq!(
            read_sum(&format!("{}  kubeadm\n", sum.to_uppercase())),
            Some(sum)
        );
        assert_eq!(read_sum("<html>404</html>"), None);
        assert_eq!(read_sum(""), None);
    }
}
