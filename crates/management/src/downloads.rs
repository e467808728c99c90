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

fn artifacts(catalogue: &Catalogue, kubernetes_version: &str) -> Result<Vec<Artifact>, Error> {
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
/// that upstream or the mirror (`<file>.sha256`) publishes, read here and now, so that the server can be given nothing else
/// later.
///
/// # Errors
/// If the catalogue does not know the version, or a sum cannot be read.
pub async fn downloads(
    catalogue: &Catalogue,
    kubernetes_version: &str,
    mirror: Option<&Mirror>,
) -> Result<Vec<Download>, Error> {
    let client = reqwest::Client::builder()
        .timeout(SUM_LIMIT)
        .build()
        .map_err(|error| Error::Connection(Box::new(error)))?;
    let mirror = mirror.map(capstan_spec::Mirror::from);
    let placed = artifacts(catalogue, kubernetes_version)?
        .into_iter()
        .filter_map(|artifact| Some((place(&artifact)?, artifact)));
    stream::iter(placed)
        .map(|(place, artifact)| {
            let (client, mirror) = (&client, mirror.as_ref());
            async move {
                let url = artifact.location(mirror);
                // A mirror may hold what its operator built: its own sum counts there.
                let upstream = url == artifact.url;
                let sha256 = match (&artifact.sha256, &artifact.sums) {
                    (Some(sum), _) if upstream => sum.clone(),
                    (None, Some(sums)) if upstream => {
                        published_sum(client, sums, &artifact.file).await?
                    }
                    _ => published_sum(client, &format!("{url}.sha256"), &artifact.file).await?,
                };
                Ok(Download { url, sha256, place })
            }
        })
        .buffered(6)
        .try_collect()
        .await
}

async fn published_sum(client: &reqwest::Client, url: &str, file: &str) -> Result<String, Error> {
    let failed = |reason: String| Error::Checksum {
        url: url.to_owned(),
        reason,
    };
    let answer = client
        .get(url)
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
    read_sum(&text, file).ok_or_else(|| failed(format!("what is there is no SHA-256 of {file}")))
}

/// The sum of a file: alone, or in a line of its own as `sha256sum` writes it (a star before the name means binary).
fn read_sum(text: &str, file: &str) -> Option<String> {
    let sum = text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let sum = words.next()?;
        words
            .next()
            .is_none_or(|name| name.trim_start_matches('*') == file)
            .then(|| sum.to_ascii_lowercase())
    })?;
    (sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_complete() {
        let placed: Vec<_> = artifacts(&Catalogue::bundled().unwrap(), "v1.36.3")
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
        let catalogue = Catalogue::bundled().unwrap();
        assert!(matches!(
            artifacts(&catalogue, "v9.9.9").unwrap_err(),
            Error::Catalogue(_)
        ));
        assert!(matches!(
            artifacts(&catalogue, "latest").unwrap_err(),
            Error::Invalid { .. }
        ));
    }

    #[test]
    fn sums_are_read_in_both_forms() {
        let sum = "a1".repeat(32);
        let read = |text: &str| read_sum(text, "runc.amd64");
        assert_eq!(read(&sum).as_deref(), Some(sum.as_str()));
        let many = format!(
            "{}  runc.arm64\n{} *runc.amd64\n",
            "b2".repeat(32),
            sum.to_uppercase()
        );
        assert_eq!(read(&many), Some(sum.clone()));
        assert_eq!(read(&format!("{sum}  libseccomp.tar.gz\n")), None);
        assert_eq!(read("<html>404</html>"), None);
        assert_eq!(read(""), None);
    }
}
