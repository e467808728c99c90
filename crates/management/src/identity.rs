//! Who a management server is: its name and its short uid, and how every resource of it says so.
//!
//! The identity goes into the *creating* request of each resource, because a later call that tags it can be lost. Finding is
//! by exact match of what was sent then; nothing is ever found by a prefix or a pattern of its name.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rand::Rng as _;
use serde::{Deserialize, Serialize};

/// Key under which a resource names the management server it belongs to.
pub const SERVER_KEY: &str = "capstan.dev/management-server";
/// Key under which a resource carries the server's short uid.
pub const UID_KEY: &str = "capstan.dev/uid";
/// The same in metadata: Nova takes no slash in a key (`^[a-zA-Z0-9-_:. ]{1,255}$`).
pub const SERVER_METADATA: &str = "capstan.dev:management-server";
/// The same in metadata.
pub const UID_METADATA: &str = "capstan.dev:uid";
/// Longest server name: `capstan-<name>-<uid>` is a host name, and a label of DNS has at most 63 octets (RFC 1035 §2.3.4).
pub const NAME_MAX: usize = 63 - "capstan-".len() - 1 - UID_LEN;

const UID_LEN: usize = 5;
/// Letters without vowels and look-alikes, so that no uid spells a word or is misread (the set Kubernetes uses for
/// generated names).
const UID_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// What is wrong with a name or a uid that was given.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdentityError {
    /// Not a DNS label, or too long to become part of a host name.
    #[error("invalid server name {0:?}")]
    Name(String),
    /// Not five characters of the uid alphabet.
    #[error("invalid server uid {0:?}")]
    Uid(String),
}

impl IdentityError {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Name(_) => format!(
                "a name has 1 to {NAME_MAX} characters, only a-z, 0-9 and -, starts with a letter and does not end with -"
            ),
            Self::Uid(_) => {
                "a uid is the five characters after the last - of the server's name in OpenStack"
                    .into()
            }
        }
    }
}

/// Short uid of one server. Drawn once, written to the local state before the first request, never changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uid(String);

impl Uid {
    /// Draws a new one: 27^5, some 14 million values.
    pub fn draw() -> Self {
        let mut rng = rand::rng();
        Self(
            (0..UID_LEN)
                .map(|_| char::from(UID_ALPHABET[rng.random_range(0..UID_ALPHABET.len())]))
                .collect(),
        )
    }

    /// The five characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Uid {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == UID_LEN && text.bytes().all(|byte| UID_ALPHABET.contains(&byte)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdentityError::Uid(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Uid {
    type Error = IdentityError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Uid> for String {
    fn from(uid: Uid) -> Self {
        uid.0
    }
}

/// Checks a server's name.
///
/// # Errors
/// [`IdentityError::Name`] if it cannot be part of a host name together with prefix and uid.
pub fn check_name(name: &str) -> Result<(), IdentityError> {
    let label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = !name.is_empty()
        && name.len() <= NAME_MAX
        && name.bytes().all(label)
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-');
    if fits {
        Ok(())
    } else {
        Err(IdentityError::Name(name.to_owned()))
    }
}

/// Name and uid of a management server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The name the user chose.
    pub name: String,
    /// The uid we drew.
    pub uid: Uid,
}

impl Identity {
    /// A new server's identity.
    ///
    /// # Errors
    /// [`IdentityError::Name`] if the name does not do.
    pub fn draw(name: &str) -> Result<Self, IdentityError> {
        check_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            uid: Uid::draw(),
        })
    }

    /// The name every resource carries, and the server's host name.
    pub fn resource_name(&self) -> String {
        format!("capstan-{}-{}", self.name, self.uid)
    }

    /// The name of one of several resources of a kind (the second security group rule has no name; a volume has).
    pub fn resource_name_for(&self, role: &str) -> String {
        format!("{}-{role}", self.resource_name())
    }

    /// `description` of Neutron resources and application credentials.
    pub fn description(&self) -> String {
        format!("{SERVER_KEY}={} {UID_KEY}={}", self.name, self.uid)
    }

    /// `metadata` of Nova servers and Cinder volumes.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (SERVER_METADATA.to_owned(), self.name.clone()),
            (UID_METADATA.to_owned(), self.uid.to_string()),
        ])
    }

    /// Whether a resource with this description is ours. Exact: a description that merely contains ours is another's.
    pub fn owns_description(&self, description: &str) -> bool {
        description == self.description()
    }

    /// Whether a resource with this metadata is ours. Further keys do not matter: users and clouds add some.
    pub fn owns_metadata(&self, metadata: &BTreeMap<String, String>) -> bool {
        Self::from_metadata(metadata).as_ref() == Some(self)
    }

    /// Reads an identity back from a `description` we wrote.
    pub fn from_description(description: &str) -> Option<Self> {
        let (name, uid) = description.split_once(' ')?;
        let name = name.strip_prefix(SERVER_KEY)?.strip_prefix('=')?;
        let uid = uid.strip_prefix(UID_KEY)?.strip_prefix('=')?;
        check_name(name).ok()?;
        Some(Self {
            name: name.to_owned(),
            uid: uid.parse().ok()?,
        })
    }

    /// Reads an identity back from `metadata` we wrote.
    pub fn from_metadata(metadata: &BTreeMap<String, String>) -> Option<Self> {
        let name = metadata.get(SERVER_METADATA)?;
        check_name(name).ok()?;
        Some(Self {
            name: name.clone(),
            uid: metadata.get(UID_METADATA)?.parse().ok()?,
        })
    }

    /// Reads an identity back from the name of a resource that has neither description nor metadata (server group, keypair).
    pub fn from_resource_name(name: &str) -> Option<Self> {
        let (name, uid) = name.strip_prefix("capstan-")?.rsplit_once('-')?;
        check_name(name).ok()?;
        Some(Self {
            name: name.to_owned(),
            uid: uid.parse().ok()?,
        })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (uid {})", self.name, self.uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn identity() -> Identity {
        Identity {
            name: "default".into(),
            uid: "x7k2p".parse().unwrap(),
        }
    }

    #[test]
    fn reads_back_what_it_writes() {
        let ours = identity();
        assert_eq!(ours.resource_name(), "capstan-default-x7k2p");
        assert_eq!(
            Identity::from_description(&ours.description()),
            Some(ours.clone())
        );
        assert_eq!(
            Identity::from_metadata(&ours.metadata()),
            Some(ours.clone())
        );
        assert_eq!(
            Identity::from_resource_name(&ours.resource_name()),
            Some(ours)
        );
    }

    #[rstest]
    #[case("capstan.dev/management-server=default capstan.dev/uid=x7k2q")]
    #[case("capstan.dev/management-server=default2 capstan.dev/uid=x7k2p")]
    #[case("capstan.dev/management-server=default capstan.dev/uid=x7k2p and more")]
    #[case(" capstan.dev/management-server=default capstan.dev/uid=x7k2p")]
    #[case("")]
    fn another_description_is_not_ours(#[case] description: &str) {
        assert!(!identity().owns_description(description));
    }

    #[test]
    fn metadata_of_others_does_not_hide_ours() {
        let mut metadata = identity().metadata();
        metadata.insert("team".into(), "a".into());
        assert!(identity().owns_metadata(&metadata));
        metadata.insert(UID_METADATA.into(), "zzzzz".into());
        assert!(!identity().owns_metadata(&metadata));
        metadata.remove(UID_METADATA);
        assert!(!identity().owns_metadata(&metadata));
    }

    #[test]
    fn nova_takes_our_keys() {
        let taken = |key: &str| {
            key.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_:. ".contains(&byte))
        };
        assert!(identity().metadata().keys().all(|key| taken(key)));
    }

    #[rstest]
    #[case("a", true)]
    #[case("team-a", true)]
    #[case("", false)]
    #[case("A", false)]
    #[case("1a", false)]
    #[case("a-", false)]
    #[case("a_b", false)]
    #[case("über", false)]
    fn names(#[case] name: &str, #[case] fits: bool) {
        assert_eq!(check_name(name).is_ok(), fits);
    }

    #[test]
    fn the_longest_name_still_is_a_host_name() {
        let name = "a".repeat(NAME_MAX);
        assert_eq!(Identity::draw(&name).unwrap().resource_name().len(), 63);
        assert!(Identity::draw(&format!("{name}a")).is_err());
    }

    #[test]
    fn drawn_uids_differ_and_parse() {
        let drawn: std::collections::BTreeSet<_> = (0..100).map(|_| Uid::draw()).collect();
        assert!(drawn.len() > 95, "{drawn:?}");
        assert!(drawn.iter().all(|uid| uid.as_str().parse::<Uid>().is_ok()));
    }
}
