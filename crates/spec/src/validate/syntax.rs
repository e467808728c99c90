//! The forms of labels, paths, names of hosts and URLs.

/// Longest name of a label, and longest value.
const LABEL_LENGTH: usize = 63;
/// Domains of labels that Cluster API hands on from a machine to its node
/// (`docs/book/src/reference/api/metadata-propagation.md`, v1.14).
pub(super) const HANDED_ON: [&str; 3] = [
    "node.cluster.x-k8s.io",
    "node-role.kubernetes.io",
    "node-restriction.kubernetes.io",
];
/// Domains below `kubernetes.io` that a kubelet may set on itself (the admission plugin `NodeRestriction`).
const OF_KUBELET: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

/// Whether a domain is one of those, or below one.
pub(super) fn within(domain: &str, parents: &[&str]) -> bool {
    parents.iter().any(|parent| {
        domain
            .strip_suffix(parent)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// The domain of a label's key; empty without one.
pub(super) fn domain(key: &str) -> &str {
    key.split_once('/').map_or("", |(domain, _)| domain)
}

/// Why it is no label of Kubernetes, if it is none.
pub(super) fn label(key: &str, value: &str) -> Option<String> {
    let name = key.split_once('/').map_or(key, |(_, name)| name);
    let domain = domain(key);
    if key.contains('/') && !is_domain(domain) {
        return Some(format!(
            "{domain:?} is no domain, as it must stand before the / of a key"
        ));
    }
    if name.is_empty() || !is_label_text(name) {
        let text = format!(
            "{key:?} is no key of a label: at most {LABEL_LENGTH} letters, digits and -_. between letters or digits"
        );
        return Some(text);
    }
    (!is_label_text(value)).then(|| {
        format!(
            "{value:?} is no value of a label: at most {LABEL_LENGTH} letters, digits and -_. between letters or digits"
        )
    })
}

/// Why a node may not have the label, if it may not.
pub(super) fn reserved_label(key: &str) -> Option<String> {
    let domain = domain(key);
    let kubernetes = within(domain, &["kubernetes.io", "k8s.io"]);
    let allowed = within(domain, &HANDED_ON) || within(domain, &OF_KUBELET);
    (kubernetes && !allowed)
        .then(|| format!("{key:?} is a label that Kubernetes lets no node set on itself"))
}

fn is_label_text(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.len() <= LABEL_LENGTH
        && text.chars().all(|c| edge(c) || "-_.".contains(c))
        && (text.is_empty() || (text.starts_with(edge) && text.ends_with(edge)))
}

/// Whether it is a name of the DNS, such as `registry.example.org`.
pub(super) fn is_domain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|part| {
            !part.is_empty()
                && part.len() <= 63
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        })
}

/// Whether it is an absolute path that stays where it says.
pub(super) fn is_absolute(path: &str) -> bool {
    path.starts_with('/')
        && !path.chars().any(|c| c.is_control() || c.is_whitespace())
        && !path.split('/').any(|part| part == "..")
}

/// Whether it is a URL of one of the schemes, with a host and without blanks or quotes.
pub(super) fn is_url(text: &str, schemes: &[&str]) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    schemes.contains(&scheme)
        && !rest.is_empty()
        && !rest.starts_with(['/', ':'])
        && !rest
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || "\"'\\".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_of_kubernetes() {
        for (key, value) in [("a", ""), ("example.org/a_b.c", "x-1"), ("A", "B")] {
            assert_eq!(label(key, value), None, "{key}={value}");
        }
        for (key, value) in [
            ("", ""),
            ("-a", ""),
            ("/a", ""),
            ("Example.org/a", ""),
            ("a/b/c", ""),
            ("a", "x y"),
            ("a", "x-"),
        ] {
            assert!(label(key, value).is_some(), "{key}={value}");
        }
        assert!(label(&"a".repeat(64), "").is_some());
    }

    #[test]
    fn a_kubelet_sets_only_what_it_may() {
        for key in [
            "gpu",
            "example.org/gpu",
            "node-role.kubernetes.io/gpu",
            "x.node.kubernetes.io/y",
        ] {
            assert_eq!(reserved_label(key), None, "{key}");
        }
        for key in [
            "kubernetes.io/arch",
            "topology.kubernetes.io/zone",
            "x.k8s.io/y",
        ] {
            assert!(reserved_label(key).is_some(), "{key}");
        }
        assert_eq!(reserved_label("evilkubernetes.io/x"), None);
    }

    #[test]
    fn urls_paths_and_domains() {
        assert!(is_url("http://proxy:3128", &["http", "https"]));
        assert!(!is_url("socks://proxy", &["http", "https"]));
        assert!(!is_url("http://", &["http"]));
        assert!(!is_url("http://a b", &["http"]));
        assert!(is_absolute("/etc/x") && !is_absolute("etc/x") && !is_absolute("/etc/../x"));
        assert!(is_domain("docker.io") && !is_domain("docker..io") && !is_domain(""));
    }
}
