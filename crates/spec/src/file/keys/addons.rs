//! Keys of `clusterctl.yaml` and `harbor-settings` that are about addons.

use super::{Key, refused};

const ADDON: &str = "this addon comes with Capstan's addons: not yet";
const YOURSELF: &str = "leave it out, and install it into the cluster yourself";
const HARBOR: &str = "Harbor comes with Capstan's addons: not yet";
const RENAMED: &str = "the scripts renamed it";
const OFF: &[&str] = &["false"];

pub(super) const KEYS: &[Key] = &[
    refused(
        "USE_CILIUM",
        OFF,
        "the pod network is flannel; cilium comes with Capstan's addons: not yet",
        "leave it out, or write cni: none and install it yourself",
    ),
    refused(
        "CALICO_VERSION",
        &[],
        "the pod network is flannel; calico comes with Capstan's addons: not yet",
        "leave it out, or write cni: none and install it yourself",
    ),
    refused("DEPLOY_OCCM", OFF, ADDON, YOURSELF),
    refused("DEPLOY_CINDERCSI", OFF, ADDON, YOURSELF),
    refused("DEPLOY_METRICS", OFF, ADDON, YOURSELF),
    refused("DEPLOY_NGINX_INGRESS", OFF, ADDON, YOURSELF),
    refused("NGINX_INGRESS_PROXY", OFF, ADDON, YOURSELF),
    refused("DEPLOY_CERT_MANAGER", OFF, ADDON, YOURSELF),
    refused("DEPLOY_FLUX", OFF, ADDON, YOURSELF),
    refused("DEPLOY_GATEWAY_API", OFF, ADDON, YOURSELF),
    refused(
        "USE_OVN_LB_PROVIDER",
        OFF,
        "it is about load balancers of services, which come with the cloud controller: not yet",
        "leave it out; apiAccess.loadBalancerProvider is about the API's own",
    ),
    refused("DEPLOY_HARBOR", OFF, HARBOR, YOURSELF),
    refused("HARBOR_DOMAIN_NAME", &[""], HARBOR, YOURSELF),
    refused("HARBOR_ISSUER_EMAIL", &[""], HARBOR, YOURSELF),
    refused("HARBOR_PERSISTENCE", OFF, HARBOR, YOURSELF),
    refused("HARBOR_DATABASE_SIZE", &[], HARBOR, YOURSELF),
    refused("HARBOR_REDIS_SIZE", &[], HARBOR, YOURSELF),
    refused("HARBOR_TRIVY_SIZE", &[], HARBOR, YOURSELF),
    refused("DEPLOY_K8S_OPENSTACK_GIT", OFF, RENAMED, "use DEPLOY_OCCM"),
    refused(
        "DEPLOY_K8S_CINDERCSI_GIT",
        OFF,
        RENAMED,
        "use DEPLOY_CINDERCSI",
    ),
    refused("deploy_metrics_service", OFF, RENAMED, "use DEPLOY_METRICS"),
];
