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
    /// The places where upstream publishes, verified by the catalogue's checksums.
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
                let expected = file
                    .sha256
                    .as_ref()
                    .ok_or_else(|| ProviderError::NoChecksum(file.path()))?;
                let text = download(&file.url).await?;
                let found = hex::encode(Sha256::digest(text.as_bytes()));
                if found == *expected {
                    Ok(text)
                } else {
                    Err(ProviderError::Checksum {
                        file: file.path(),
                        expected: expected.clone(),
                        found,
                    })
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
