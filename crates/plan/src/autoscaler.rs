//! The cluster autoscaler: the program that sets the size of pools with `autoscaling`.
//!
//! It runs on the management server, one for each cluster that has such a pool, in the cluster's namespace. There it may do no
//! more than set sizes and say which machine is to go ([`ROLE`]); in the workload cluster it is the administrator that Cluster
//! API's kubeconfig names.

use capstan_capi::apply::Labels;
use capstan_catalog::ImageReference;
use capstan_spec::cluster::Autoscaling;
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::render::{self, NODE_POOL_LABEL};

/// Its name among the addons of a cluster.
pub const ADDON: &str = "cluster-autoscaler";
/// The `ClusterRole` with its rights on the management server, made by `up`. The controller may bind it, and no other.
pub const ROLE: &str = "capstan-autoscaler";
/// Of the objects below, and of its pods: what they are.
pub const COMPONENT: (&str, &str) = ("app.kubernetes.io/component", "cluster-autoscaler");
/// Port of health and metrics, its own default.
const PORT: u16 = 8085;
/// Seconds after which one that does not start is told as a fault.
const DEADLINE: u32 = 120;
/// Whom it runs as: nobody in particular.
const USER: u32 = 65532;
/// Where the kubeconfig of the cluster lies in its container.
const KUBECONFIG: &str = "/cluster";
/// The group of Kubernetes' rights.
const RBAC: &str = "rbac.authorization.k8s.io";

/// Whether the cluster needs one.
pub fn is_wanted(spec: &WorkloadClusterSpec) -> bool {
    spec.workers.iter().any(|pool| pool.autoscaling.is_some())
}

/// `ServiceAccount`, `RoleBinding` and `Deployment`, in the order they are applied.
///
/// It reads its kubeconfig when it starts, so a new one (`expires`: when its certificate does) starts it again. While the
/// cluster is paused none runs: then nothing of ours writes.
pub fn objects(
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    image: &ImageReference,
    expires: Option<Timestamp>,
) -> [Value; 3] {
    let mut labels: Labels = render::of_cluster(name);
    labels.insert(COMPONENT.0.to_owned(), COMPONENT.1.to_owned());
    let own = name.autoscaler();
    let metadata = json!({"name": own, "namespace": name.namespace(), "labels": labels});
    let selector = json!({
        COMPONENT.0: COMPONENT.1,
        render::UID_LABEL: name.uid().as_str(),
    });
    let mut annotations = json!({});
    if let Some(expires) = expires {
        annotations["capstan.dev/kubeconfig-expires"] = expires.to_string().into();
    }
    [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": ROLE},
            "subjects": [{"kind": "ServiceAccount", "name": own, "namespace": name.namespace()}],
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {
                "replicas": u32::from(!spec.paused),
                // The old one first: two would wait for each other's lease.
                "strategy": {"type": "Recreate"},
                "revisionHistoryLimit": 1,
                "progressDeadlineSeconds": DEADLINE,
                "selector": {"matchLabels": selector},
                "template": {
                    "metadata": {"labels": labels, "annotations": annotations},
                    "spec": pod(spec, name, image),
                },
            },
        }),
    ]
}

fn pod(spec: &WorkloadClusterSpec, name: &ClusterName, image: &ImageReference) -> Value {
    let probe = |delay: u32| {
        json!({
            "httpGet": {"path": "/health-check", "port": "metrics"}, "initialDelaySeconds": delay, "periodSeconds": 10,
        })
    };
    json!({
        "serviceAccountName": name.autoscaler(),
        "terminationGracePeriodSeconds": 10,
        "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}],
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": USER, "seccompProfile": {"type": "RuntimeDefault"},
            // The kubeconfig is the group's to read, and nobody else's.
            "fsGroup": USER,
        },
        "containers": [{
            "name": "autoscaler",
            "image": image.to_string(),
            "imagePullPolicy": "IfNotPresent",
            "command": ["/cluster-autoscaler"],
            "args": arguments(spec, name),
            "ports": [{"name": "metrics", "containerPort": PORT}],
            "livenessProbe": probe(30),
            "readinessProbe": probe(0),
            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [{"name": "kubeconfig", "mountPath": KUBECONFIG, "readOnly": true}],
        }],
        "volumes": [{
            "name": "kubeconfig",
            "secret": {
                "secretName": name.kubeconfig_secret(), "defaultMode": 0o440,
                "items": [{"key": "value", "path": "kubeconfig"}],
            },
        }],
    })
}

fn arguments(spec: &WorkloadClusterSpec, name: &ClusterName) -> Vec<String> {
    // How long nothing goes after something came; it can be said for all pools only, so the most eager one decides.
    let pools = spec.workers.iter().filter_map(|pool| pool.autoscaling);
    let patience = pools
        .map(Autoscaling::scale_down_after)
        .min()
        .unwrap_or(Autoscaling::SCALE_DOWN_AFTER);
    vec![
        "--cloud-provider=clusterapi".to_owned(),
        // The management server by the pod's own account, the cluster by its kubeconfig.
        "--clusterapi-cloud-config-authoritative".to_owned(),
        format!("--kubeconfig={KUBECONFIG}/kubeconfig"),
        format!(
            "--node-group-auto-discovery=clusterapi:namespace={},clusterName={}",
            name.namespace(),
            name.cluster()
        ),
        format!("--cluster-name={}", name.cluster()),
        // Of the pools that would do, the one that leaves least unused.
        "--expander=least-waste".to_owned(),
        // Pools that differ in their zone only grow alike.
        "--balance-similar-node-groups=true".to_owned(),
        format!("--balancing-ignore-label={NODE_POOL_LABEL}"),
        format!("--scale-down-delay-after-add={patience}s"),
    ]
}

#[cfg(test)]
mod tests {
    use capstan_catalog::{Catalogue, image};
    use capstan_spec::KubernetesVersion;
    use capstan_spec::cluster::WorkerPool;

    use super::*;

    fn cluster(bounds: &[Autoscaling]) -> WorkloadClusterSpec {
        let mut spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
        for bounds in bounds {
            spec.workers.push(WorkerPool {
                autoscaling: Some(*bounds),
                ..WorkerPool::new("elastic", "b")
            });
        }
        spec
    }

    fn rendered(spec: &WorkloadClusterSpec) -> [Value; 3] {
        let catalogue = Catalogue::bundled().unwrap();
        let image = image::autoscaler(catalogue.release(spec.version).unwrap());
        let name = ClusterName::new("team", "demo", "x7k2p".parse().unwrap());
        objects(spec, &name, &image, Some(Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn a_cluster_that_people_scale_needs_none() {
        assert!(!is_wanted(&cluster(&[])));
        assert!(is_wanted(&cluster(&[Autoscaling::within_bounds(0, 1)])));
    }

    #[test]
    fn it_is_rendered_so() {
        let spec = cluster(&[Autoscaling::within_bounds(0, 4)]);
        insta::assert_snapshot!(serde_json::to_string_pretty(&rendered(&spec)).unwrap());
    }

    #[test]
    fn the_most_eager_pool_says_how_long_nothing_goes_after_something_came() {
        let eager = Autoscaling {
            scale_down_after_seconds: Some(90),
            ..Autoscaling::within_bounds(0, 4)
        };
        let spec = cluster(&[Autoscaling::within_bounds(0, 4), eager]);
        let [.., deployment] = rendered(&spec);
        let arguments = deployment.pointer("/spec/template/spec/containers/0/args");
        let arguments = arguments.unwrap().as_array().unwrap();
        assert!(arguments.contains(&"--scale-down-delay-after-add=90s".into()));
    }

    #[test]
    fn none_runs_while_the_cluster_is_paused() {
        let mut spec = cluster(&[Autoscaling::within_bounds(0, 4)]);
        spec.paused = true;
        assert_eq!(rendered(&spec)[2]["spec"]["replicas"], 0);
    }
}
