//! Node images of a project: what registering one will do, and which may go.

use std::collections::BTreeMap;

use capstan_spec::KubernetesVersion;

/// An image as the cloud has it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact that Glance keeps by itself"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownImage {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Whether Capstan registered it in this project.
    pub ours: bool,
    /// Checksum of what was fetched, as [`Digest`](capstan_catalog::Digest) writes it; only of ours.
    pub digest: Option<String>,
    /// Whether it is stored raw.
    pub raw: bool,
    /// Who is, or was, registering it: it is not finished.
    pub unfinished: Option<String>,
    /// Whether servers can be made of it.
    pub active: bool,
    /// Whether lists leave it out.
    pub hidden: bool,
    /// Whether Glance refuses to delete it.
    pub protected: bool,
    /// Who else may use it, in words.
    pub seen_by: Option<String>,
    /// The Kubernetes version it carries.
    pub kubernetes: Option<KubernetesVersion>,
    /// Architecture it says.
    pub architecture: String,
    /// When it was made, as RFC 3339 in UTC, which sorts by time.
    pub created_at: String,
    /// What uses it: clusters and servers, in words.
    pub users: Vec<String>,
}

/// What shall be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImage<'a> {
    /// Name.
    pub name: &'a str,
    /// Checksum of what is fetched.
    pub digest: &'a str,
    /// Whether it is to be stored raw; nothing is as it comes.
    pub raw: Option<bool>,
    /// Whether another image of ours may have to give the name up.
    pub replace: bool,
    /// Who asks, in the words of [`KnownImage::unfinished`].
    pub who: &'a str,
    /// Whether what another one began may be ended.
    pub take_over: bool,
}

/// What registering an image will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It is there.
    There {
        /// Id of the image.
        id: String,
        /// Images of ours that still have to give the name up: id and new name.
        renamed: Vec<(String, String)>,
    },
    /// It will be made.
    Make {
        /// Ids of what an interrupted run left: deleted first.
        leftovers: Vec<String>,
        /// Images of ours that give the name up once the new one is usable: id and new name.
        renamed: Vec<(String, String)>,
    },
}

/// Why an image is not registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// The name is taken.
    #[error("failed to register image {name}: image {id} has the name, with other content")]
    Taken {
        /// The name.
        name: String,
        /// Whose it is.
        id: String,
        /// Whether it is ours.
        ours: bool,
    },
    /// Another one is at it.
    #[error("failed to register image {name}: {who} is at it, as image {id}")]
    AtWork {
        /// The name.
        name: String,
        /// Its record.
        id: String,
        /// Who.
        who: String,
    },
}

impl RegistrationError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Taken { ours: true, .. } => {
                "choose another name; --replace gives this one to the new image, and the old one, renamed and hidden, stays \
                 for the clusters that use it"
            }
            Self::Taken { ours: false, .. } => {
                "choose another name: by this one nobody could tell them apart"
            }
            Self::AtWork { .. } => {
                "wait for it; --take-over ends what was begun there, if nobody is at it any more"
            }
        }
    }
}

/// Plans a registration over what the project sees. An image is the same when name and checksum are, and it is stored in
/// the way that is wished.
///
/// # Errors
/// When the name is taken by other content and must not be taken over, or somebody else is at the same image.
pub fn registration(
    new: &NewImage<'_>,
    known: &[KnownImage],
) -> Result<Registration, RegistrationError> {
    let named = known.iter().filter(|image| image.name == new.name);
    let (unfinished, finished): (Vec<_>, Vec<_>) =
        named.partition(|image| image.ours && image.unfinished.is_some());
    let is_it = |image: &&KnownImage| {
        image.ours
            && image.active
            && image.digest.as_deref() == Some(new.digest)
            && new.raw.is_none_or(|raw| raw == image.raw)
            && !image.hidden
    };
    let there = finished.iter().copied().find(is_it);
    let in_the_way: Vec<_> = finished
        .into_iter()
        .filter(|image| !image.hidden && there.is_none_or(|there| there.id != image.id))
        .collect();
    let renamed = || {
        let given_up = in_the_way.iter().filter(|image| image.ours && new.replace);
        given_up
            .map(|image| (image.id.clone(), old_name(image)))
            .collect()
    };
    if let Some(image) = there {
        return Ok(Registration::There {
            id: image.id.clone(),
            renamed: renamed(),
        });
    }
    let taken = |image: &KnownImage| RegistrationError::Taken {
        name: new.name.to_owned(),
        id: image.id.clone(),
        ours: image.ours,
    };
    if let Some(image) = in_the_way.iter().find(|image| !image.ours || !new.replace) {
        return Err(taken(image));
    }
    let other = |image: &&&KnownImage| {
        let who = image.unfinished.as_deref();
        who.is_some_and(|who| who != new.who) && !new.take_over
    };
    if let Some(image) = unfinished.iter().find(other) {
        return Err(RegistrationError::AtWork {
            name: new.name.to_owned(),
            id: image.id.clone(),
            who: image.unfinished.clone().unwrap_or_default(),
        });
    }
    Ok(Registration::Make {
        leftovers: unfinished.iter().map(|image| image.id.clone()).collect(),
        renamed: renamed(),
    })
}

/// The name of an image that gave its own up: with its date, as scs-0102 recommends it.
fn old_name(image: &KnownImage) -> String {
    let date: String = image
        .created_at
        .chars()
        .take(10)
        .filter(char::is_ascii_digit)
        .collect();
    format!("{} {date}", image.name)
}

/// Whether an image goes, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate<'a> {
    /// The image.
    pub image: &'a KnownImage,
    /// Why it stays; nothing if it goes.
    pub stays: Option<String>,
}

impl Fate<'_> {
    /// Whether it goes.
    pub fn goes(&self) -> bool {
        self.stays.is_none()
    }
}

/// Whether an image may be removed, whatever its age; the reason if not.
pub fn untouchable(image: &KnownImage) -> Option<String> {
    if !image.ours {
        return Some("it was not registered by Capstan in this project".to_owned());
    }
    if !image.users.is_empty() {
        return Some(format!("in use by {}", image.users.join(", ")));
    }
    if let Some(who) = &image.seen_by {
        return Some(format!(
            "others may use it ({who}), and what they do with it cannot be seen"
        ));
    }
    image.protected.then(|| "Glance protects it".to_owned())
}

/// Which images go when the newest `keep` of each release line and architecture stay. Those that are in use, not ours,
/// visible to others or protected stay whatever their age; what an interrupted registration left goes. Images without a
/// version are counted by their name.
pub fn expiry<'a>(images: &'a [KnownImage], keep: usize) -> Vec<Fate<'a>> {
    let mut lines: BTreeMap<(String, &str), Vec<&KnownImage>> = BTreeMap::new();
    let finished = images
        .iter()
        .filter(|image| image.ours && image.unfinished.is_none());
    for image in finished {
        let line = match image.kubernetes {
            Some(version) => format!("v{}.{}", version.major, version.minor),
            None => image.name.clone(),
        };
        let line = lines.entry((line, &image.architecture)).or_default();
        line.push(image);
    }
    let mut newest: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines.values_mut() {
        line.sort_by(|one, other| {
            (other.kubernetes, &other.created_at).cmp(&(one.kubernetes, &one.created_at))
        });
        newest.extend(
            line.iter()
                .enumerate()
                .map(|(rank, image)| (image.id.as_str(), rank)),
        );
    }
    let fate = |image: &'a KnownImage| {
        let rank = newest.get(image.id.as_str()).copied();
        let kept = rank
            .filter(|rank| *rank < keep)
            .map(|rank| format!("number {} of its release line; {keep} are kept", rank + 1));
        Fate {
            image,
            stays: untouchable(image).or(kept),
        }
    };
    images.iter().map(fate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(id: &str, name: &str, digest: &str) -> KnownImage {
        KnownImage {
            id: id.into(),
            name: name.into(),
            ours: true,
            digest: Some(digest.into()),
            active: true,
            architecture: "x86_64".into(),
            created_at: "2026-11-01T08:00:00Z".into(),
            ..KnownImage::default()
        }
    }

    fn new() -> NewImage<'static> {
        NewImage {
            name: "node",
            digest: "sha256:aa",
            raw: None,
            replace: false,
            who: "me@here",
            take_over: false,
        }
    }

    fn make(leftovers: &[&str], renamed: &[(&str, &str)]) -> Registration {
        Registration::Make {
            leftovers: leftovers.iter().map(|&id| id.to_owned()).collect(),
            renamed: renamed
                .iter()
                .map(|&(id, name)| (id.to_owned(), name.to_owned()))
                .collect(),
        }
    }

    #[test]
    fn the_same_again_is_there() {
        let there = |id: &str| {
            Ok(Registration::There {
                id: id.into(),
                renamed: Vec::new(),
            })
        };
        let same = ours("1", "node", "sha256:aa");
        assert_eq!(
            registration(&new(), std::slice::from_ref(&same)),
            there("1")
        );
        // Stored in another way it is another image, and the name is taken.
        let raw = NewImage {
            raw: Some(true),
            ..new()
        };
        assert!(registration(&raw, std::slice::from_ref(&same)).is_err());
        let stored_raw = KnownImage { raw: true, ..same };
        assert_eq!(registration(&raw, &[stored_raw]), there("1"));
        assert_eq!(registration(&new(), &[]), Ok(make(&[], &[])));
    }

    #[test]
    fn what_was_begun_here_is_replaced_by_id_and_what_others_began_is_theirs() {
        let begun = |who: &str| KnownImage {
            active: false,
            hidden: true,
            unfinished: Some(who.into()),
            ..ours("1", "node", "sha256:aa")
        };
        assert_eq!(
            registration(&new(), &[begun("me@here")]),
            Ok(make(&["1"], &[]))
        );
        let error = registration(&new(), &[begun("you@there")]).unwrap_err();
        assert!(error.to_string().contains("you@there is at it"), "{error}");
        let taken_over = NewImage {
            take_over: true,
            ..new()
        };
        assert_eq!(
            registration(&taken_over, &[begun("you@there")]),
            Ok(make(&["1"], &[]))
        );
        // Its content came in full, but nobody checked it.
        let unchecked = KnownImage {
            active: true,
            ..begun("me@here")
        };
        assert_eq!(registration(&new(), &[unchecked]), Ok(make(&["1"], &[])));
    }

    #[test]
    fn a_name_is_given_up_by_ours_alone_and_only_when_told() {
        let old = ours("1", "node", "sha256:bb");
        let replace = NewImage {
            replace: true,
            ..new()
        };
        let error = registration(&new(), std::slice::from_ref(&old)).unwrap_err();
        assert!(error.hint().contains("--replace"));
        assert_eq!(
            registration(&replace, std::slice::from_ref(&old)),
            Ok(make(&[], &[("1", "node 20261101")]))
        );
        // Cut off before the old one was renamed.
        let done = ours("2", "node", "sha256:aa");
        let Ok(Registration::There { id, renamed }) = registration(&replace, &[old.clone(), done])
        else {
            panic!("it is there")
        };
        assert_eq!((id.as_str(), renamed.len()), ("2", 1));
        let foreign = KnownImage {
            ours: false,
            digest: None,
            ..old.clone()
        };
        assert!(matches!(
            registration(&replace, &[foreign]),
            Err(RegistrationError::Taken { ours: false, .. })
        ));
        // One that gave its name up before is in nobody's way.
        let hidden = KnownImage {
            hidden: true,
            ..old
        };
        assert_eq!(registration(&new(), &[hidden]), Ok(make(&[], &[])));
    }

    fn versioned(id: &str, version: &str) -> KnownImage {
        KnownImage {
            kubernetes: version.parse().ok(),
            ..ours(id, &format!("node-{version}"), id)
        }
    }

    fn going<'a>(fates: &[Fate<'a>]) -> Vec<&'a str> {
        let going = fates.iter().filter(|fate| fate.goes());
        going.map(|fate| fate.image.id.as_str()).collect()
    }

    #[test]
    fn the_newest_of_each_line_stay() {
        let images = [
            versioned("a", "v1.36.1"),
            versioned("b", "v1.36.10"),
            versioned("c", "v1.36.2"),
            versioned("d", "v1.35.5"),
            ours("e", "own", "e"),
        ];
        assert_eq!(going(&expiry(&images, 1)), ["a", "c"]);
        assert_eq!(going(&expiry(&images, 2)), ["a"]);
        assert_eq!(going(&expiry(&images, 0)).len(), 5);
        let mut arm = images.clone();
        arm[0].architecture = "aarch64".into();
        assert_eq!(going(&expiry(&arm, 1)), ["c"]);
    }

    #[test]
    fn what_is_used_foreign_shared_or_protected_stays() {
        let mut images = [
            versioned("used", "v1.36.1"),
            versioned("foreign", "v1.36.2"),
            versioned("shared", "v1.36.3"),
            versioned("protected", "v1.36.4"),
            versioned("left", "v1.36.5"),
        ];
        images[0].users = vec!["cluster default/demo".into()];
        images[1].ours = false;
        images[2].seen_by = Some("public".into());
        images[3].protected = true;
        images[4].unfinished = Some("me@here".into());
        let fates = expiry(&images, 0);
        assert_eq!(going(&fates), ["left"]);
        let why: Vec<_> = fates
            .iter()
            .filter_map(|fate| fate.stays.as_deref())
            .collect();
        assert!(
            why[0].contains("default/demo") && why[2].contains("public"),
            "{why:?}"
        );
    }
}
