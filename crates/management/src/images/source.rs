//! Where an image comes from.

use std::time::Duration;

use bytes::Bytes;
use capstan_catalog::digest::Digest;
use capstan_catalog::disk::HEADER;
use jiff::Timestamp;
use reqwest::Response;
use reqwest::header::LAST_MODIFIED;
use url::Url;

use super::ImagesError;

/// Nothing for this long is the end of a download.
const SILENCE: Duration = Duration::from_mins(1);
/// Time for the whole of a list of checksums.
const LIST_LIMIT: Duration = Duration::from_secs(30);

/// How the checksum is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sum {
    /// Itself.
    Digest(Digest),
    /// By a list that the file is in.
    List(Url),
}

/// A URL without what could be secret: user, password, query.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs that cannot have them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// Name of the file behind a URL.
pub(super) fn file(url: &Url) -> &str {
    url.path().rsplit('/').next().unwrap_or_default()
}

pub(super) fn failed(url: &Url, error: reqwest::Error) -> ImagesError {
    ImagesError::Source {
        url: shown(url),
        source: Box::new(error.without_url()),
    }
}

/// What is asked for by https is not fetched by anything else, wherever it is redirected to.
fn client(url: &Url) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .https_only(url.scheme() == "https")
        .user_agent(concat!("capstan/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(15))
        .read_timeout(SILENCE)
        .build()
}

/// The checksum a file shall have.
pub(super) async fn digest(sum: &Sum, url: &Url) -> Result<Digest, ImagesError> {
    let list = match sum {
        Sum::Digest(digest) => return Ok(digest.clone()),
        Sum::List(list) => list,
    };
    let read = async {
        let request = client(list)?.get(list.clone()).timeout(LIST_LIMIT);
        request.send().await?.error_for_status()?.text().await
    };
    let text = read.await.map_err(|error| failed(list, error))?;
    Ok(Digest::of_file(&text, file(url))?)
}

/// A download that has begun: its header is there, the rest is still to come.
pub(super) struct Source {
    pub(super) url: Url,
    /// What came already, header included.
    pub(super) begun: Vec<Bytes>,
    /// Octets in all, where the source says it.
    pub(super) length: Option<u64>,
    /// When the file was made, where the source says it.
    pub(super) modified: Option<Timestamp>,
    pub(super) rest: Response,
}

impl Source {
    pub(super) async fn open(url: &Url) -> Result<Self, ImagesError> {
        let begin = async {
            let answer = client(url)?
                .get(url.clone())
                .send()
                .await?
                .error_for_status()?;
            let length = answer.content_length();
            let modified = answer
                .headers()
                .get(LAST_MODIFIED)
                .and_then(|value| value.to_str().ok())
                .and_then(|text| jiff::fmt::rfc2822::parse(text).ok())
                .map(|date| date.timestamp());
            let mut source = Self {
                url: url.clone(),
                begun: Vec::new(),
                length,
                modified,
                rest: answer,
            };
            while source.header_length() < HEADER {
                match source.rest.chunk().await? {
                    Some(chunk) => source.begun.push(chunk),
                    None => break,
                }
            }
            Ok(source)
        };
        begin.await.map_err(|error| failed(url, error))
    }

    fn header_length(&self) -> usize {
        self.begun.iter().map(Bytes::len).sum()
    }

    /// The first octets.
    pub(super) fn header(&self) -> Vec<u8> {
        let all = self.begun.iter().flat_map(|chunk| chunk.iter().copied());
        all.take(HEADER).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_secret_is_not_shown() {
        let url = "https://me:word@images.example.org/a/node.qcow2?sig=secret#x";
        let url: Url = url.parse().unwrap();
        assert_eq!(shown(&url), "https://images.example.org/a/node.qcow2");
        assert_eq!(file(&url), "node.qcow2");
    }
}
