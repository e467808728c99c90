//! The order in which objects can be applied.

use kube::core::DynamicObject;

/// What has to be there before what. Objects of one stage do not depend on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Namespaces.
    Namespaces,
    /// Definitions of further kinds. The next stage waits until they are established.
    Definitions,
    /// Identities and rights, configuration, secrets, addresses: all that pods refer to.
    Foundations,
    /// Programs.
    Workloads,
    /// Everything else: custom resources first of all.
    Resources,
    /// Webhooks, last: with `failurePolicy: Fail` they would refuse what comes before their programs run.
    Webhooks,
}

impl Stage {
    /// The stage of a kind.
    pub fn of(api_group: &str, kind: &str) -> Self {
        match (api_group, kind) {
            ("", "Namespace") => Self::Namespaces,
            ("apiextensions.k8s.io", "CustomResourceDefinition") => Self::Definitions,
            (
                "",
                "ServiceAccount" | "ConfigMap" | "Secret" | "Service" | "LimitRange"
                | "ResourceQuota",
            )
            | (
                "rbac.authorization.k8s.io" | "scheduling.k8s.io" | "storage.k8s.io" | "policy",
                _,
            ) => Self::Foundations,
            ("apps" | "batch", _) | ("", "Pod") => Self::Workloads,
            (
                "admissionregistration.k8s.io",
                "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
            ) => Self::Webhooks,
            _ => Self::Resources,
        }
    }

    fn of_object(object: &DynamicObject) -> Self {
        let (group, kind) = object.types.as_ref().map_or(("", ""), |types| {
            (
                types
                    .api_version
                    .split_once('/')
                    .map_or("", |(group, _)| group),
                types.kind.as_str(),
            )
        });
        Self::of(group, kind)
    }
}

/// Sorts objects into stages, keeping the given order within each. Empty stages are left out.
pub fn stages(objects: &[DynamicObject]) -> Vec<(Stage, Vec<&DynamicObject>)> {
    let mut sorted: std::collections::BTreeMap<Stage, Vec<&DynamicObject>> =
        std::collections::BTreeMap::new();
    for object in objects {
        sorted
            .entry(Stage::of_object(object))
            .or_default()
            .push(object);
    }
    sorted.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_come_after_the_programs_that_answer_them() {
        assert!(
            Stage::of("apps", "Deployment")
                < Stage::of(
                    "admissionregistration.k8s.io",
                    "ValidatingWebhookConfiguration"
                )
        );
        assert!(
            Stage::of("", "Namespace")
                < Stage::of("apiextensions.k8s.io", "CustomResourceDefinition")
        );
        assert!(Stage::of("", "Secret") < Stage::of("apps", "Deployment"));
        assert_eq!(Stage::of("cluster.x-k8s.io", "Cluster"), Stage::Resources);
    }
}
