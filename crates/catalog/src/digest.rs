//! Checksums that people give: of a file, or of a list that a file is in.

use std::fmt;
use std::str::FromStr;

/// How a checksum is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// 32 octets.
    Sha256,
    /// 64 octets.
    Sha512,
}

impl HashAlgorithm {
    /// As checksum files and Glance write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

/// The checksum of a file: `sha256:` or `sha512:` and hexadecimal digits in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// How it is made.
    pub algorithm: HashAlgorithm,
    /// Its digits.
    pub hex: String,
}

/// What is no checksum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The text itself.
    #[error("failed to read checksum {0:?}: 64 hexadecimal digits are a SHA-256, 128 a SHA-512")]
    Text(String),
    /// The list has other files only.
    #[error("failed to find {file} in the list of checksums")]
    NotListed {
        /// The file.
        file: String,
    },
}

impl FromStr for Digest {
    type Err = DigestError;

    /// With or without the name of the algorithm: the length says it, too.
    fn from_str(text: &str) -> Result<Self, DigestError> {
        let error = || DigestError::Text(text.to_owned());
        let (said, hex) = match text.trim().split_once(':') {
            Some((said, hex)) => (Some(said.to_ascii_lowercase()), hex),
            None => (None, text.trim()),
        };
        let algorithm = match hex.len() {
            64 => HashAlgorithm::Sha256,
            128 => HashAlgorithm::Sha512,
            _ => return Err(error()),
        };
        let agrees = said.is_none_or(|said| said.replace('-', "") == algorithm.as_str());
        if !agrees || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error());
        }
        Ok(Self {
            algorithm,
            hex: hex.to_ascii_lowercase(),
        })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.as_str(), self.hex)
    }
}

impl Digest {
    /// The checksum of a file out of a list: as `sha256sum` writes it (a star before the name means binary), as BSD does
    /// (`SHA256 (file) = …`), or a single one without a name. The stronger one where there are both.
    ///
    /// # Errors
    /// When no line is about the file.
    pub fn of_file(list: &str, file: &str) -> Result<Self, DigestError> {
        let found = list.lines().filter_map(|line| line_of(line.trim(), file));
        found
            .max_by_key(|digest| digest.hex.len())
            .ok_or_else(|| DigestError::NotListed {
                file: file.to_owned(),
            })
    }
}

fn line_of(line: &str, file: &str) -> Option<Digest> {
    if let Some((head, hex)) = line.split_once(") = ") {
        let (_, name) = head.split_once(" (")?;
        return (base(name) == file).then(|| hex.parse().ok())?;
    }
    let mut words = line.split_whitespace();
    let digest = words.next()?.parse().ok()?;
    let name = words.next().map(|name| name.trim_start_matches('*'));
    name.is_none_or(|name| base(name) == file).then_some(digest)
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_says_the_algorithm_and_a_name_must_agree() {
        let (short, long) = ("A1".repeat(32), "b2".repeat(64));
        let read = |text: &str| text.parse::<Digest>().map(|digest| digest.to_string());
        assert_eq!(read(&short), Ok(format!("sha256:{}", "a1".repeat(32))));
        assert_eq!(
            read(&format!("SHA-512:{long}")),
            Ok(format!("sha512:{long}"))
        );
        for bad in [format!("sha512:{short}"), format!("md5:{short}")] {
            assert!(read(&bad).is_err(), "{bad}");
        }
        for bad in ["", "sha256:", "zz", &"x".repeat(64)] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_is_found_in_every_form_of_list() {
        let (a, b, c) = ("a1".repeat(32), "b2".repeat(32), "c3".repeat(64));
        let list =
            format!("# comment\n{b}  other.qcow2\n{a} *./node.qcow2\nSHA512 (node.qcow2) = {c}\n");
        let found = |list: &str, file: &str| Digest::of_file(list, file).map(|d| d.hex);
        assert_eq!(found(&list, "node.qcow2"), Ok(c), "the stronger one");
        assert_eq!(found(&list, "other.qcow2"), Ok(b));
        assert!(found(&list, "third.qcow2").is_err());
        assert_eq!(found(&format!("{a}\n"), "any"), Ok(a));
        assert!(found("<html>404</html>", "any").is_err());
    }
}
