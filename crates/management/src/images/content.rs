//! Octets on their way: hashed, counted, and held back until they are known to be right.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use capstan_catalog::digest::{Digest, HashAlgorithm};
use futures::stream::{self, Stream};
use sha2::{Digest as _, Sha256, Sha512};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::source::{Source, failed, shown};
use super::{ImagesError, Progress, Tell};

/// Octets read from a file at once.
const PIECE: usize = 1 << 20;

/// Both hashes of the same octets: one that the user gave, one that Glance keeps.
#[derive(Clone, Default)]
struct Hashes {
    sha256: Sha256,
    sha512: Sha512,
    octets: u64,
}

impl Hashes {
    fn update(&mut self, octets: &[u8]) {
        self.sha256.update(octets);
        self.sha512.update(octets);
        self.octets += octets.len() as u64;
    }

    fn known(&self) -> Known {
        Known {
            sha256: hex::encode(self.sha256.clone().finalize()),
            sha512: hex::encode(self.sha512.clone().finalize()),
            octets: self.octets,
        }
    }
}

/// What is known of octets that passed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    sha256: String,
    sha512: String,
    pub(super) octets: u64,
}

impl Known {
    pub(super) fn digest(&self, algorithm: HashAlgorithm) -> Digest {
        let hex = match algorithm {
            HashAlgorithm::Sha256 => &self.sha256,
            HashAlgorithm::Sha512 => &self.sha512,
        };
        Digest {
            algorithm,
            hex: hex.clone(),
        }
    }

    /// The hash in Glance's words; nothing for an algorithm that is not made here.
    pub(super) fn named(&self, algorithm: &str) -> Option<&str> {
        match algorithm {
            "sha256" => Some(&self.sha256),
            "sha512" => Some(&self.sha512),
            _ => None,
        }
    }
}

/// How a stream ended, told to the one who started it: what consumes the stream knows only that it ended.
#[derive(Clone, Default)]
pub(super) struct End(Arc<Mutex<Option<Result<Known, ImagesError>>>>);

impl End {
    fn set(&self, end: Result<Known, ImagesError>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }

    /// How it ended; nothing if it was not read to its end.
    pub(super) fn take(&self) -> Option<Result<Known, ImagesError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

struct Passing {
    source: Source,
    begun: std::vec::IntoIter<Bytes>,
    hashes: Hashes,
    held: Option<Bytes>,
    expected: Digest,
    end: End,
    verb: &'static str,
    tell: Tell,
}

impl Passing {
    async fn next(&mut self) -> Result<Option<Bytes>, ImagesError> {
        let begun = self.begun.next();
        let next = if begun.is_some() {
            begun
        } else {
            let next = self.source.rest.chunk().await;
            next.map_err(|error| failed(&self.source.url, error))?
        };
        if let Some(chunk) = &next {
            self.hashes.update(chunk);
            let done = self.hashes.octets;
            (self.tell)(Progress::Moved {
                verb: self.verb,
                done,
                of: self.source.length.unwrap_or(done),
            });
        }
        Ok(next)
    }

    fn judged(&self) -> Result<Known, ImagesError> {
        let known = self.hashes.known();
        let found = known.digest(self.expected.algorithm);
        if found == self.expected {
            return Ok(known);
        }
        Err(ImagesError::Mismatch {
            url: shown(&self.source.url),
            expected: self.expected.clone(),
            found,
        })
    }
}

/// The content of a source. Its last piece comes only once the checksum of the whole is right; else the stream ends with an
/// error before it, so that who gets it never has the whole of a wrong file.
pub(super) fn checked(
    mut source: Source,
    expected: Digest,
    verb: &'static str,
    tell: Tell,
) -> (impl Stream<Item = io::Result<Bytes>> + Send + 'static, End) {
    let end = End::default();
    let passing = Passing {
        begun: std::mem::take(&mut source.begun).into_iter(),
        source,
        hashes: Hashes::default(),
        held: None,
        expected,
        end: end.clone(),
        verb,
        tell,
    };
    let stream = stream::try_unfold(Some(passing), |passing| async move {
        let Some(mut passing) = passing else {
            return Ok(None);
        };
        loop {
            let ended = match passing.next().await {
                Ok(Some(chunk)) => match passing.held.replace(chunk) {
                    Some(chunk) => return Ok(Some((chunk, Some(passing)))),
                    None => continue,
                },
                Ok(None) => passing.judged(),
                Err(error) => Err(error),
            };
            let told = match &ended {
                Ok(_) => Ok(passing.held.take().map(|last| (last, None))),
                Err(error) => Err(io::Error::other(error.to_string())),
            };
            passing.end.set(ended);
            return told;
        }
    });
    (stream, end)
}

/// Writes a source to a file. The file is whole and right, or it is an error.
pub(super) async fn into_file(
    source: Source,
    expected: Digest,
    path: &Path,
    tell: Tell,
) -> Result<(), ImagesError> {
    use futures::StreamExt as _;
    let broken = |source| ImagesError::File {
        path: path.to_owned(),
        source,
    };
    let mut file = tokio::fs::File::create(path).await.map_err(broken)?;
    let (content, end) = checked(source, expected, "fetching", tell);
    let mut content = std::pin::pin!(content);
    while let Some(piece) = content.next().await {
        let Ok(piece) = piece else { break };
        file.write_all(&piece).await.map_err(broken)?;
    }
    file.flush().await.map_err(broken)?;
    match end.take() {
        Some(ended) => ended.map(drop),
        None => Err(broken(io::ErrorKind::UnexpectedEof.into())),
    }
}

/// The content of a file.
pub(super) async fn of_file(
    path: &Path,
    tell: Tell,
) -> Result<
    (
        impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        u64,
        End,
    ),
    ImagesError,
> {
    let broken = |source| ImagesError::File {
        path: path.to_owned(),
        source,
    };
    let file = tokio::fs::File::open(path).await.map_err(broken)?;
    let length = file.metadata().await.map_err(broken)?.len();
    let end = End::default();
    let state = (file, Hashes::default(), end.clone());
    let stream = stream::try_unfold(state, move |(mut file, mut hashes, end)| {
        let tell = tell.clone();
        async move {
            let mut piece = Vec::with_capacity(PIECE);
            (&mut file)
                .take(PIECE as u64)
                .read_to_end(&mut piece)
                .await?;
            if piece.is_empty() {
                return Ok(None);
            }
            hashes.update(&piece);
            // Who is told the length beforehand may not ask for more than that.
            if hashes.octets >= length {
                end.set(Ok(hashes.known()));
            }
            tell(Progress::Moved {
                verb: "uploading",
                done: hashes.octets,
                of: length,
            });
            Ok(Some((Bytes::from(piece), (file, hashes, end))))
        }
    });
    Ok((stream, length, end))
}
