//! What is ours on a management server: namespace, rights and Deployment of the controller.

use capstan_plan::autoscaler;
use kube::core::DynamicObject;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::secret;
use crate::identity::{Identity, SERVER_KEY, UID_KEY};

/// The namespace of our controller and of what no tenant may read.
pub const NAMESPACE: &str = "capstan-system";
/// Name of our Deployment, `ServiceAccount` and roles.
pub const CONTROLLER: &str = "capstan-controller";
/// The Secret with the server's `clouds.yaml`.
pub const CLOUD_SECRET: &str = "cloud";
/// The group of Kubernetes' rights.
const RBAC: &str = "rbac.authorization.k8s.io";
/// Port of `/healthz` and `/readyz`.
const HEALTH_PORT: u16 = 8081;

/// One grant of the controller's `ClusterRole`: API group, resources, verbs.
type Grant = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const OBSERVE: &[&str] = &["get", "list", "watch"];
const KEEP: &[&str] = &["get", "create", "patch", "delete"];
const RENDER: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

/// The least rights of the controller, everywhere. What has a reason not to be obvious:
/// * Secrets without `list` and `watch`: it only ever asks for names it knows (credentials it wrote, kubeconfigs of
///   clusters it runs), so a list of all Secrets is not among what can be stolen with its token.
/// * Machines may be deleted, and marked for replacement: a server that failed to build is never tried again by the
///   OpenStack provider.
/// * A cluster autoscaler is a Deployment in the namespace of its cluster. Its rights are those of [`autoscaler::ROLE`],
///   which the controller may bind (the verb `bind`, on this one) and not change; it can give no others.
/// * No rights on roles, pods, nodes or webhooks.
const GRANTS: &[Grant] = &[
    (
        "capstan.dev",
        &["workloadclusters", "clouds", "managementservers"],
        &["get", "list", "watch", "update", "patch"],
    ),
    ("capstan.dev", &["clustertemplates"], OBSERVE),
    (
        "capstan.dev",
        &["clusterrecords"],
        &["get", "list", "watch", "create", "update", "patch"],
    ),
    (
        "capstan.dev",
        &[
            "workloadclusters/status",
            "workloadclusters/finalizers",
            "clouds/status",
            "clusterrecords/status",
            "managementservers/status",
        ],
        &["update", "patch"],
    ),
    (
        "cluster.x-k8s.io",
        &["clusters", "machinedeployments", "machinehealthchecks"],
        RENDER,
    ),
    (
        "cluster.x-k8s.io",
        &["machines"],
        &["get", "list", "watch", "patch", "delete"],
    ),
    ("cluster.x-k8s.io", &["machinesets"], OBSERVE),
    (
        "controlplane.cluster.x-k8s.io",
        &["kubeadmcontrolplanes"],
        RENDER,
    ),
    (
        "bootstrap.cluster.x-k8s.io",
        &["kubeadmconfigtemplates"],
        RENDER,
    ),
    (
        "infrastructure.cluster.x-k8s.io",
        &["openstackclusters", "openstackmachinetemplates"],
        RENDER,
    ),
    (
        "infrastructure.cluster.x-k8s.io",
        &["openstackmachines", "openstackservers"],
        OBSERVE,
    ),
    ("", &["secrets"], &["get", "create", "patch", "delete"]),
    ("", &["serviceaccounts"], KEEP),
    ("apps", &["deployments"], KEEP),
    (RBAC, &["rolebindings"], KEEP),
    ("", &["configmaps"], &["get", "create", "patch"]),
    ("", &["namespaces"], &["get"]),
    ("", &["events"], &["create", "patch"]),
    ("events.k8s.io", &["events"], &["create", "patch"]),
];

/// What a cluster autoscaler may in the namespace of its cluster: set the sizes of pools, and say which machine is to go.
/// What it asks for is said by its provider (`cloudprovider/clusterapi/README.md`, 1.36: "A note on permissions").
const AUTOSCALER: &[Grant] = &[
    (
        "cluster.x-k8s.io",
        &["machinedeployments", "machinesets", "machinepools"],
        OBSERVE,
    ),
    (
        "cluster.x-k8s.io",
        &["machines"],
        &["get", "list", "watch", "update"],
    ),
    (
        "cluster.x-k8s.io",
        &["machinedeployments/scale"],
        &["get", "update", "patch"],
    ),
    (
        "infrastructure.cluster.x-k8s.io",
        &["openstackmachinetemplates"],
        OBSERVE,
    ),
];

/// What our controller is installed with.
#[derive(Debug, Clone)]
pub struct Controller {
    /// Image reference, for instance `ghcr.io/capstan/capstan:0.1.0`.
    pub image: String,
    /// Filter of the controller's log (`CAPSTAN_LOG`).
    pub log: String,
}

impl Controller {
    /// The published image of this version.
    pub fn published() -> Self {
        Self {
            image: format!("ghcr.io/capstan/capstan:{}", env!("CARGO_PKG_VERSION")),
            // The client's own lines repeat, as errors, what we report with its meaning.
            log: "info,kube_client=off".to_owned(),
        }
    }
}

/// The namespace, which says by its labels whose the installation is.
pub fn namespace(owner: &Identity) -> Result<DynamicObject, serde_json::Error> {
    serde_json::from_value(
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": NAMESPACE,
            "labels": {
                "app.kubernetes.io/managed-by": "capstan",
                "pod-security.kubernetes.io/enforce": "restricted",
                "pod-security.kubernetes.io/warn": "restricted",
                SERVER_KEY: owner.name,
                UID_KEY: owner.uid,
            },
        }}),
    )
}

/// Namespace, `ServiceAccount`, rights and Deployment of the controller of a server.
pub fn controller(
    settings: &Controller,
    owner: &Identity,
) -> Result<Vec<DynamicObject>, serde_json::Error> {
    let labels =
        json!({"app.kubernetes.io/name": CONTROLLER, "app.kubernetes.io/managed-by": "capstan"});
    let subject = json!([{"kind": "ServiceAccount", "name": CONTROLLER, "namespace": NAMESPACE}]);
    let here = json!({"name": CONTROLLER, "namespace": NAMESPACE, "labels": labels});
    let everywhere = json!({"name": CONTROLLER, "labels": labels});
    let group = RBAC;
    let mut rights = rules(GRANTS);
    rights.push(json!({
        "apiGroups": [group], "resources": ["clusterroles"], "verbs": ["bind"], "resourceNames": [autoscaler::ROLE],
    }));
    let of_autoscalers = json!({"name": autoscaler::ROLE, "labels": labels});
    let rest = [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": here}),
        json!({"apiVersion": format!("{group}/v1"), "kind": "ClusterRole", "metadata": everywhere, "rules": rights}),
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "ClusterRole", "metadata": of_autoscalers,
            "rules": rules(AUTOSCALER),
        }),
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": everywhere,
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": CONTROLLER}, "subjects": subject,
        }),
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": here,
            "rules": [{
                "apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
                "verbs": ["get", "create", "update"],
            }],
        }),
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": here,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": CONTROLLER}, "subjects": subject,
        }),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": here, "spec": deployment(settings, &labels)}),
    ];
    std::iter::once(namespace(owner))
        .chain(rest.into_iter().map(serde_json::from_value))
        .collect()
}

fn rules(grants: &[Grant]) -> Vec<Value> {
    let rule = |(group, resources, verbs): &Grant| json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
    grants.iter().map(rule).collect()
}

fn deployment(settings: &Controller, labels: &Value) -> Value {
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": "health"}});
    json!({
        "replicas": 1,
        // Two controllers side by side would only wait for each other's lease.
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": {"app.kubernetes.io/name": CONTROLLER}},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "serviceAccountName": CONTROLLER,
                "terminationGracePeriodSeconds": 30,
                "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}],
                "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{
                    "name": "controller",
                    "image": settings.image,
                    "imagePullPolicy": "IfNotPresent",
                    "args": ["controller"],
                    "env": [
                        {"name": "CAPSTAN_LOG", "value": settings.log},
                        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    ],
                    "ports": [{"name": "health", "containerPort": HEALTH_PORT}],
                    "livenessProbe": probe("/healthz"),
                    "readinessProbe": probe("/readyz"),
                    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": false,
                        "readOnlyRootFilesystem": true,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    // helm writes its caches and the kubeconfig of a call here.
                    "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
                }],
                "volumes": [{"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "256Mi"}}],
            },
        },
    })
}

/// The Secret with the server's credentials. `clouds_yaml` has one entry, named by the `Cloud`.
pub fn cloud_secret(
    clouds_yaml: &SecretString,
    cacert: Option<&str>,
) -> Result<DynamicObject, serde_json::Error> {
    credentials(CLOUD_SECRET, clouds_yaml, cacert)
}

/// A Secret with credentials of a cloud, in the form a `Cloud` refers to.
pub(crate) fn credentials(
    name: &str,
    clouds_yaml: &SecretString,
    cacert: Option<&str>,
) -> Result<DynamicObject, serde_json::Error> {
    let mut data = vec![("clouds.yaml", clouds_yaml.expose_secret())];
    data.extend(cacert.map(|certificate| ("cacert", certificate)));
    secret::object(NAMESPACE, name, "Opaque", &data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(grants: &[Grant]) -> String {
        let mut lines: Vec<String> = grants
            .iter()
            .flat_map(|(group, resources, verbs)| {
                resources
                    .iter()
                    .map(move |r| format!("{r}.{group}: {}", verbs.join(" ")))
            })
            .collect();
        lines.sort();
        lines.join("\n")
    }

    #[test]
    fn the_controller_may_do_what_is_listed_and_nothing_else() {
        insta::assert_snapshot!(lines(GRANTS));
        for (_, resources, verbs) in GRANTS.iter().chain(AUTOSCALER) {
            assert!(!resources.contains(&"*") && !verbs.contains(&"*"));
            assert!(!resources.contains(&"secrets") || !verbs.contains(&"list"));
        }
    }

    #[test]
    fn an_autoscaler_may_set_sizes_and_nothing_else() {
        insta::assert_snapshot!(lines(AUTOSCALER));
    }

    #[test]
    fn the_secret_shows_in_no_debug_output() {
        let text: SecretString = "clouds: {x: {auth: {password: hidden}}}".into();
        assert!(!format!("{text:?}").contains("hidden"));
    }
}
