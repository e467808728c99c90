//! Where release manifests are fetched from.

use std::path::PathBuf;
use std::time::Duration;

use capstan_catalog::Artifact;
use sha2::{Digest, Sha256};

use super::ProviderError;

/// Limit for one file; the largest has 1.2 MB.
const FETCH: Duration = Duration::from_mins(1);

/// Where release manifests are fetched from.
#[derive(Debug, Clone)]
pub enum ManifestSource {
    /// The files URL of an artifact mirror; files lie under `<component>/<version>/<file>`. A mirror is trusted: it may
    /// hold manifests made there, so no published checksum applies.
    Mirror(String),
    /// The places where upstream publishes, verified by the catalogue's checksums and those that were given.
    Upstream,
    /// A directory laid out as a mirror is.
    Directory(PathBuf),
}

impl ManifestSource {
    /// The mirror's files, if there is a mirror, else upstream's.
    pub fn of(mirror: Option<String>) -> Self {
        mirror.map_or(Self::Upstream, Self::Mirror)
    }

    /// Fetches one file as text.
    pub async fn fetch(&self, file: &Artifact) -> Result<String, ProviderError> {
        match self {
            Self::Directory(directory) => {
                let path = directory.join(file.path());
                tokio::fs::read_to_string(&path)
                    .await
                    .map_err(|source| ProviderError::Read { path, source })
            }
            Self::Mirror(base) => {
                download(&format!("{}/{}", base.trim_end_matches('/'), file.path())).await
            }
            Self::Upstream => {
                let text = download(&file.url).await?;
                let found = hex::encode(Sha256::digest(text.as_bytes()));
                match &file.sha256 {
                    Some(expected) if found == *expected => Ok(text),
                    Some(expected) => Err(ProviderError::Checksum {
                        file: file.path(),
                        expected: expected.clone(),
                        found,
                    }),
                    None => Err(ProviderError::NoChecksum {
                        file: file.path(),
                        url: file.url.clone(),
                        found,
                    }),
                }
            }
        }
    }
}

async fn download(url: &str) -> Result<String, ProviderError> {
    let failed = |source| ProviderError::Fetch {
        url: url.to_owned(),
        source,
    };
    let client = reqwest::Client::builder()
        .timeout(FETCH)
        .build()
        .map_err(failed)?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let answer = async {
            client
                .get(url)
                .send()
                .await?
                .error_for_status()?
                .text()
                .await
        }
        .await;
        match answer {
            Ok(text) => return Ok(text),
            // 4xx will not get better; everything else may, for a moment.
            Err(error) if attempt < 4 && !error.status().is_some_and(|s| s.is_client_error()) => {
                tokio::time::sleep(Duration::from_millis(300 * attempt)).await;
            }
            Err(error) => return Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    #[tokio::test]
    async fn what_upstream_gives_is_taken_only_with_the_right_sum() {
        let server = MockServer::start().await;
        Mock::given(path("/core.yaml"))
            .respond_with(ResponseTemplate::new(200).set_body_string("kind: A"))
            .mount(&server)
            .await;
        let right = hex::encode(Sha256::digest(b"kind: A"));
        let fetch = async |sha256: Option<String>| {
            let file = Artifact {
                component: "cluster-api".into(),
                version: "v1".into(),
                file: "core.yaml".into(),
                url: format!("{}/core.yaml", server.uri()),
                sha256,
                sums: None,
            };
            ManifestSource::Upstream.fetch(&file).await
        };
        assert_eq!(fetch(Some(right.clone())).await.unwrap(), "kind: A");
        let changed = fetch(Some("00".repeat(32))).await.unwrap_err();
        assert!(matches!(changed, ProviderError::Checksum { .. }));
        let unknown = fetch(None).await.unwrap_err();
        assert!(
            unknown.to_string().contains(&right) && unknown.hint().is_some(),
            "{unknown}"
        );
    }
}
