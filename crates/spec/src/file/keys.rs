//! Every flat key that the SCS scripts or clusterctl know, and what becomes of it.

mod addons;
mod cluster;
mod environment;

/// A flat key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// As it stands in the file.
    pub name: &'static str,
    /// What becomes of it.
    pub usage: Use,
}

/// What becomes of a flat key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It sets a field of the spec.
    Sets(Field),
    /// It is known, and refused for a reason.
    Refused {
        /// Why.
        reason: &'static str,
        /// What to do or to use instead.
        instead: &'static str,
        /// Values that ask for nothing but what happens anyway.
        harmless: &'static [&'static str],
    },
    /// It is the same as a key of the cluster file, by the name it had in another file of the scripts. Refused in a
    /// cluster file, so that one thing has one name there; taken by [`import`](super::import()).
    Renamed {
        /// That key.
        to: &'static str,
    },
}

/// The field of the spec that a flat key sets: its path and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Paths in the spec, for instance `controlPlane.replicas`; all get the same value.
    pub paths: &'static [&'static str],
    /// What values it takes.
    pub kind: FieldKind,
}

/// What values a flat key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text.
    Text,
    /// A Kubernetes version.
    Version,
    /// A number of machines.
    Count,
    /// A size in GiB.
    Gib,
    /// A range.
    Cidr,
    /// Addresses.
    Addresses,
    /// Ranges; addresses count as ranges of one, `none` as no range.
    Cidrs,
    /// A mapping of text to text.
    Metadata,
    /// Whether servers are spread over hosts: as far as there are hosts, or not at all.
    Spread,
    /// Whether servers that are spread may share a host when there are too few.
    SoftSpread,
}

const fn sets(name: &'static str, paths: &'static [&'static str], kind: FieldKind) -> Key {
    Key {
        name,
        usage: Use::Sets(Field { paths, kind }),
    }
}

const fn refused(
    name: &'static str,
    harmless: &'static [&'static str],
    reason: &'static str,
    instead: &'static str,
) -> Key {
    Key {
        name,
        usage: Use::Refused {
            reason,
            instead,
            harmless,
        },
    }
}

/// All flat keys, those that set something first.
pub fn all() -> impl Iterator<Item = &'static Key> {
    [cluster::KEYS, addons::KEYS, environment::KEYS]
        .into_iter()
        .flatten()
}

/// The flat key of this name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    all().find(|key| key.name == name)
}

/// The known name nearest to a mistyped one, if any is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| {
            let distance = strsim::normalized_damerau_levenshtein(
                &name.to_lowercase(),
                &candidate.to_lowercase(),
            );
            (candidate, distance)
        })
        .filter(|(_, similarity)| *similarity >= 0.6)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(candidate, _)| candidate)
}
