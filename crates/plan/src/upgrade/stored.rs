//! What lies stored in a cluster by APIs that go, and who wrote it.

use std::collections::{BTreeMap, BTreeSet};

use capstan_spec::Finding;

/// Objects named of each writer; the rest is counted.
const NAMED: usize = 3;

/// That somebody wrote an object, as its `metadata.managedFields` say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Plural of the object's kind.
    pub resource: String,
    /// `<kind> <namespace>/<name>`.
    pub object: String,
    /// Who: `helm`, `kubectl-client-side-apply`, the name of a controller.
    pub manager: String,
    /// By which API, as `<group>/<version>`.
    pub group_version: String,
}

/// A kind that was defined in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// `<plural>.<group>`.
    pub name: String,
    /// Versions in which objects may be stored (`status.storedVersions`).
    pub stored: Vec<String>,
    /// Versions that are served.
    pub served: Vec<String>,
}

/// Who wrote objects of a resource by that API, with some of the objects; `None` when nobody is known.
pub(super) fn writers(written: &[Written], resource: &str, group_version: &str) -> Option<String> {
    let of = written
        .iter()
        .filter(|one| one.resource == resource && one.group_version == group_version);
    told(of)
}

fn told<'a>(written: impl Iterator<Item = &'a Written>) -> Option<String> {
    let mut objects: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in written {
        objects.entry(&one.manager).or_default().insert(&one.object);
    }
    let told: Vec<String> = objects
        .into_iter()
        .map(|(manager, objects)| {
            let more = objects.len().saturating_sub(NAMED);
            let named: Vec<&str> = objects.into_iter().take(NAMED).collect();
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            format!("{manager} ({}{more})", named.join(", "))
        })
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// Warnings for kinds of which objects may be stored in a version that is no longer served.
pub fn unserved(definitions: &[Definition]) -> Vec<Finding> {
    let found = definitions.iter().filter_map(|definition| {
        let mut lost = definition.stored.clone();
        lost.retain(|version| !definition.served.contains(version));
        if lost.is_empty() {
            return None;
        }
        let text = format!(
            "may hold objects stored as {}, which it no longer serves",
            lost.join(", ")
        );
        let remedy = "write all of them again (kubectl get, kubectl replace), then take the version out of the definition's \
                      status.storedVersions; until then no release can drop it";
        let path = format!("CustomResourceDefinition {}", definition.name);
        Some(Finding::warning(path, text).remedy(remedy))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(object: &str, manager: &str, group_version: &str) -> Written {
        Written {
            resource: "cronjobs".into(),
            object: format!("CronJob a/{object}"),
            manager: manager.into(),
            group_version: group_version.into(),
        }
    }

    #[test]
    fn writers_are_told_with_some_of_their_objects() {
        let all = [
            written("1", "helm", "batch/v1beta1"),
            written("1", "helm", "batch/v1beta1"),
            written("2", "helm", "batch/v1beta1"),
            written("3", "helm", "batch/v1beta1"),
            written("4", "helm", "batch/v1beta1"),
            written("5", "kubectl", "batch/v1beta1"),
            written("6", "argo", "batch/v1"),
        ];
        assert_eq!(
            writers(&all, "cronjobs", "batch/v1beta1").unwrap(),
            "helm (CronJob a/1, CronJob a/2, CronJob a/3 and 1 more), kubectl (CronJob a/5)"
        );
        assert_eq!(writers(&all, "jobs", "batch/v1beta1"), None);
    }

    #[test]
    fn kinds_that_store_what_they_do_not_serve_are_named() {
        let definition = |stored: &[&str], served: &[&str]| Definition {
            name: "things.example.org".into(),
            stored: stored.iter().map(|&one| one.to_owned()).collect(),
            served: served.iter().map(|&one| one.to_owned()).collect(),
        };
        let found = unserved(&[
            definition(&["v1alpha1", "v1"], &["v1"]),
            definition(&["v1"], &["v1", "v2"]),
        ]);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("v1alpha1"), "{}", found[0]);
    }
}
