//! What a change of each field does to machines. The one table: the plan, the reference page and the tests read it.

use capstan_capi::{Kind, kind};

use super::Effect;

/// What a change of a field does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The kind the field is in; `None` for every kind.
    pub kind: Option<Kind>,
    /// Path of the field. `[]` is any place of a list; `**` at the end is everything below.
    pub path: &'static str,
    /// [`Effect::InPlace`], [`Effect::Rolled`] or [`Effect::Forbidden`].
    pub effect: Effect,
    /// Where that is known from.
    pub source: &'static str,
    /// What to do instead, where it is forbidden.
    pub remedy: Option<&'static str>,
}

const ANEW: &str = "make a new cluster with it, and move the workload";
const KCP: &str = "CAPI 1.14, controlplane/kubeadm: machines are compared with version, kubeadmConfigSpec and the name of the template";
const KCP_IN_PLACE: &str =
    "CAPI 1.14, proposal 20220927 label sync and in-place propagation: no rollout";
const KCP_POLICY: &str =
    "CAPI 1.14, controlplane/kubeadm: read by the controller, not part of a machine";
const MD: &str =
    "CAPI 1.14, machinedeployment: version, references and failure domain make a new machine set";
const MD_IN_PLACE: &str =
    "CAPI 1.14, machinedeployment: propagated to machine sets and machines in place";
const MD_POLICY: &str =
    "CAPI 1.14, machinedeployment: read by the controller, not part of a machine";
const RESTART: &str = "CAPI 1.14, rollout.after: machines older than that time are replaced";
const CORE: &str =
    "CAPI 1.14, webhook of Cluster and contract: fixed once objects were made from it";
const CAPO: &str = "CAPO 0.14, webhook of OpenStackCluster: refused";
const CAPO_IN_PLACE: &str = "CAPO 0.14, webhook of OpenStackCluster: allowed, reconciled in place";
const BASTION: &str =
    "CAPO 0.14, reconcileBastionServer: any change makes its server anew; no machine is touched";
const BASTION_IN_PLACE: &str = "CAPO 0.14, reconcileBastion: its server comes, goes or gets the address; no machine is touched";
const CAPO_NEWER_IN_PLACE: &str =
    "CAPO 0.15 (v1beta2), webhook of OpenStackCluster: allowed, reconciled in place";
const CHECK: &str = "CAPI 1.14, machinehealthcheck: read by the controller";

const fn rule(kind: Kind, path: &'static str, effect: Effect, source: &'static str) -> Rule {
    Rule {
        kind: Some(kind),
        path,
        effect,
        source,
        remedy: None,
    }
}

const fn forbidden(kind: Kind, path: &'static str, source: &'static str) -> Rule {
    Rule {
        remedy: Some(ANEW),
        ..rule(kind, path, Effect::Forbidden, source)
    }
}

const fn everywhere(path: &'static str) -> Rule {
    Rule {
        kind: None,
        path,
        effect: Effect::InPlace,
        source: "Kubernetes: labels and annotations of an object are its own",
        remedy: None,
    }
}

use Effect::{InPlace, Rolled};
use kind::{
    CLUSTER, KUBEADM_CONTROL_PLANE as PLANE, MACHINE_DEPLOYMENT as POOL,
    MACHINE_HEALTH_CHECK as HEALTH, OPENSTACK_CLUSTER as CLOUD,
};

/// All rules; of those that fit a field the first counts.
pub const RULES: &[Rule] = &[
    everywhere("metadata.labels.**"),
    everywhere("metadata.annotations.**"),
    // Cluster
    rule(CLUSTER, "spec.paused", InPlace, CORE),
    rule(CLUSTER, "spec.availabilityGates.**", InPlace, CORE),
    forbidden(CLUSTER, "spec.**", CORE),
    // OpenStackCluster: https://github.com/kubernetes-sigs/cluster-api-provider-openstack, pkg/webhooks
    rule(CLOUD, "spec.identityRef.**", InPlace, CAPO_IN_PLACE),
    // Left out as a whole it is refused while it is enabled; the renderer has it disabled first.
    rule(CLOUD, "spec.bastion.spec.**", Rolled, BASTION),
    rule(CLOUD, "spec.bastion.availabilityZone", Rolled, BASTION),
    rule(CLOUD, "spec.bastion.**", InPlace, BASTION_IN_PLACE),
    rule(
        CLOUD,
        "spec.managedSecurityGroups.**",
        InPlace,
        CAPO_IN_PLACE,
    ),
    rule(
        CLOUD,
        "spec.managedSubnets[].dnsNameservers.**",
        InPlace,
        CAPO_IN_PLACE,
    ),
    rule(
        CLOUD,
        "spec.apiServerLoadBalancer.allowedCIDRs.**",
        InPlace,
        CAPO_IN_PLACE,
    ),
    rule(
        CLOUD,
        "spec.apiServer.managedLoadBalancer.allowedCIDRs.**",
        InPlace,
        CAPO_NEWER_IN_PLACE,
    ),
    rule(
        CLOUD,
        "spec.controlPlaneAvailabilityZones.**",
        InPlace,
        "CAPO 0.14.7: recomputed; machines made from now on are spread over them",
    ),
    forbidden(CLOUD, "spec.**", CAPO),
    // KubeadmControlPlane
    rule(PLANE, "spec.replicas", InPlace, KCP_POLICY),
    rule(PLANE, "spec.version", Rolled, KCP),
    rule(
        PLANE,
        "spec.machineTemplate.metadata.**",
        InPlace,
        KCP_IN_PLACE,
    ),
    rule(
        PLANE,
        "spec.machineTemplate.spec.deletion.**",
        InPlace,
        KCP_IN_PLACE,
    ),
    rule(
        PLANE,
        "spec.machineTemplate.spec.infrastructureRef.**",
        Rolled,
        KCP,
    ),
    rule(PLANE, "spec.kubeadmConfigSpec.**", Rolled, KCP),
    rule(PLANE, "spec.rollout.after", Rolled, RESTART),
    rule(PLANE, "spec.rollout.**", InPlace, KCP_POLICY),
    rule(PLANE, "spec.remediation.**", InPlace, KCP_POLICY),
    // MachineDeployment
    rule(POOL, "spec.replicas", InPlace, MD_POLICY),
    rule(POOL, "spec.rollout.after", Rolled, RESTART),
    rule(POOL, "spec.rollout.**", InPlace, MD_POLICY),
    rule(POOL, "spec.deletion.**", InPlace, MD_POLICY),
    rule(POOL, "spec.remediation.**", InPlace, MD_POLICY),
    rule(POOL, "spec.paused", InPlace, MD_POLICY),
    rule(POOL, "spec.template.metadata.**", InPlace, MD_IN_PLACE),
    rule(POOL, "spec.template.spec.deletion.**", InPlace, MD_IN_PLACE),
    rule(POOL, "spec.template.spec.version", Rolled, MD),
    rule(POOL, "spec.template.spec.failureDomain", Rolled, MD),
    rule(POOL, "spec.template.spec.bootstrap.**", Rolled, MD),
    rule(POOL, "spec.template.spec.infrastructureRef.**", Rolled, MD),
    forbidden(
        POOL,
        "spec.clusterName",
        "CAPI 1.14, webhook of MachineDeployment: refused",
    ),
    forbidden(
        POOL,
        "spec.selector.**",
        "CAPI 1.14, webhook of MachineDeployment: must fit the labels of its machines",
    ),
    forbidden(
        POOL,
        "spec.template.spec.clusterName",
        "CAPI 1.14, webhook of MachineDeployment: refused",
    ),
    // MachineHealthCheck
    forbidden(
        HEALTH,
        "spec.clusterName",
        "CAPI 1.14, webhook of MachineHealthCheck: refused",
    ),
    rule(HEALTH, "spec.**", InPlace, CHECK),
];

/// What counts for a field that no rule knows: what would be worst.
pub const UNKNOWN: Rule = Rule {
    kind: None,
    path: "**",
    effect: Effect::Rolled,
    source: "not known: the worst is assumed",
    remedy: None,
};

/// The rule for a field of an object, as [`compare`](super::compare) writes its path.
pub fn of(kind: Kind, path: &str) -> Option<&'static Rule> {
    RULES
        .iter()
        .find(|rule| rule.kind.is_none_or(|of| of == kind) && fits(rule.path, path))
}

fn fits(pattern: &str, path: &str) -> bool {
    let path = without_places(path);
    match pattern.strip_suffix("**") {
        None => pattern == path,
        Some(stem) => {
            let stem = stem.trim_end_matches('.');
            path.strip_prefix(stem).is_some_and(|rest| {
                stem.is_empty() || rest.is_empty() || rest.starts_with(['.', '['])
            })
        }
    }
}

/// `a[3].b[name]` → `a[].b[]`.
fn without_places(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    let mut within = false;
    for letter in path.chars() {
        match letter {
            '[' => {
                within = true;
                text.push_str("[]");
            }
            ']' => within = false,
            _ if within => {}
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_counts() {
        for (kind, path, effect) in [
            (CLUSTER, "spec.paused", InPlace),
            (
                CLUSTER,
                "spec.clusterNetwork.pods.cidrBlocks",
                Effect::Forbidden,
            ),
            (CLOUD, "spec.managedSubnets[0].dnsNameservers", InPlace),
            (CLOUD, "spec.managedSubnets[0].cidr", Effect::Forbidden),
            (CLOUD, "spec.apiServerLoadBalancer.allowedCIDRs", InPlace),
            (
                CLOUD,
                "spec.apiServerLoadBalancer.provider",
                Effect::Forbidden,
            ),
            (
                CLOUD,
                "spec.apiServer.managedLoadBalancer.allowedCIDRs",
                InPlace,
            ),
            (CLOUD, "spec.apiServer.port", Effect::Forbidden),
            (
                PLANE,
                "spec.kubeadmConfigSpec.files[/etc/x].content",
                Rolled,
            ),
            (PLANE, "spec.rollout.after", Rolled),
            (PLANE, "spec.rollout.strategy.type", InPlace),
            (POOL, "metadata.labels.a", InPlace),
            (POOL, "spec.template.spec.version", Rolled),
        ] {
            assert_eq!(
                of(kind, path).map(|rule| rule.effect),
                Some(effect),
                "{path}"
            );
        }
        assert_eq!(of(POOL, "spec.replicasAndMore"), None);
    }

    #[test]
    fn what_is_forbidden_says_what_to_do() {
        for rule in RULES {
            assert_eq!(
                rule.effect == Effect::Forbidden,
                rule.remedy.is_some(),
                "{}",
                rule.path
            );
        }
    }
}
