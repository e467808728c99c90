//! In which version the OpenStack provider is spoken to.

use std::fmt;

use crate::kind::{self, Kind};

/// The version of the OpenStack provider's API that is written and read.
///
/// A server speaks one with us at a time: the newest that it serves. CAPO 0.15 serves both and converts between them, but
/// what it answers in the older one is not to be relied upon (ADR 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OpenStackApi {
    /// The only one of CAPO 0.14.
    #[default]
    V1Beta1,
    /// The one of CAPO 0.15.
    V1Beta2,
}

impl OpenStackApi {
    /// All that Capstan knows, the one to be preferred first.
    pub const ALL: [Self; 2] = [Self::V1Beta2, Self::V1Beta1];

    /// The version's name.
    pub const fn version(self) -> &'static str {
        match self {
            Self::V1Beta1 => "v1beta1",
            Self::V1Beta2 => "v1beta2",
        }
    }

    /// The one of that name.
    pub fn by_version(version: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.version() == version)
    }

    /// The kind as it is written in this version; one that does not come in both is left as it is.
    #[must_use]
    pub fn of(self, kind: Kind) -> Kind {
        if Self::knows(kind) {
            kind.in_version(self.version())
        } else {
            kind
        }
    }

    /// The version that the kind is written in; `None` for one that does not come in both.
    pub fn written_in(kind: Kind) -> Option<Self> {
        let found = Self::by_version(kind.version);
        found.filter(|_| Self::knows(kind))
    }

    fn knows(kind: Kind) -> bool {
        [
            kind::OPENSTACK_CLUSTER,
            kind::OPENSTACK_MACHINE_TEMPLATE,
            kind::OPENSTACK_MACHINE,
        ]
        .contains(&kind)
    }
}

impl fmt::Display for OpenStackApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.version())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_in_both_versions_is_written_otherwise() {
        let newer = OpenStackApi::V1Beta2;
        assert_eq!(OpenStackApi::by_version("v1beta2"), Some(newer));
        assert_eq!(OpenStackApi::by_version("v1"), None);
        for kind in kind::ALL {
            let written = newer.of(kind);
            assert_eq!(written, kind, "the same kind");
            let same = written.api_version() == kind.api_version();
            assert_eq!(same, !OpenStackApi::knows(kind), "{}", kind.kind);
            // The kinds of Cluster API itself are of a v1beta2 of their own.
            let expected = OpenStackApi::knows(kind).then_some(newer);
            assert_eq!(OpenStackApi::written_in(written), expected, "{}", kind.kind);
            assert_eq!(
                OpenStackApi::default().of(written).api_version(),
                kind.api_version()
            );
        }
        assert_eq!(
            newer.of(kind::OPENSTACK_CLUSTER).api_version(),
            "infrastructure.cluster.x-k8s.io/v1beta2"
        );
        // The server of Nova is of an API of its own.
        assert_eq!(newer.of(kind::OPENSTACK_SERVER).version, "v1alpha1");
    }
}
