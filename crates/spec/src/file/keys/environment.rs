//! What stood in other files of the scripts: the variables of their `OpenTofu` environment and `.capi-settings`. People
//! copy them into a cluster file, so each is told where it went.

use super::{Key, Use, refused};

/// A variable of the environment that is a key of the cluster file by another name.
const fn renamed(name: &'static str, to: &'static str) -> Key {
    Key {
        name,
        usage: Use::Renamed { to },
    }
}

/// A variable of the environment for which the structured part has something else.
const fn replaced(name: &'static str, instead: &'static str) -> Key {
    refused(
        name,
        &[],
        "it is a variable of the scripts' environment",
        instead,
    )
}

/// A setting of the management server.
const fn of_server(name: &'static str, instead: &'static str) -> Key {
    refused(
        name,
        &[],
        "it is about the management server, not about a cluster",
        instead,
    )
}

const CATALOGUE: &str = "leave it out: Capstan's catalogue says which versions fit together";

pub(super) const KEYS: &[Key] = &[
    of_server(
        "PREFIX",
        "give capstan up --name, which keeps several servers apart",
    ),
    of_server("TESTCLUSTER", "run capstan cluster create"),
    of_server("CLUSTERAPI_VERSION", CATALOGUE),
    of_server("CLUSTERAPI_OPENSTACK_PROVIDER_VERSION", CATALOGUE),
    of_server("CILIUM_BINARIES", CATALOGUE),
    of_server(
        "prefix",
        "give capstan up --name, which keeps several servers apart",
    ),
    of_server(
        "ssh_username",
        "leave it out: Capstan needs no login by ssh",
    ),
    of_server("kind_flavor", "give capstan up --flavor"),
    of_server(
        "kind_mtu",
        "leave it out: the MTU is taken from the network",
    ),
    of_server("mgmt_cidr", "give capstan up --network-cidr"),
    of_server("mgmt_ip_range", "leave it out: Neutron chooses addresses"),
    of_server(
        "restrict_mgmt_server",
        "give capstan up --api-cidr and --ssh-cidr",
    ),
    of_server("clusterapi_version", CATALOGUE),
    of_server("capi_openstack_version", CATALOGUE),
    of_server("cilium_binaries", CATALOGUE),
    of_server("git_repo", "leave it out: Capstan is one program"),
    of_server("git_reference", "leave it out: Capstan is one program"),
    of_server("testcluster_name", "run capstan cluster create"),
    renamed("cloud_provider", "OPENSTACK_CLOUD"),
    renamed("availability_zone", "OPENSTACK_FAILURE_DOMAIN"),
    renamed("external", "OPENSTACK_EXTERNAL_NETWORK_ID"),
    renamed("external_id", "OPENSTACK_EXTERNAL_NETWORK_ID"),
    renamed("dns_nameservers", "OPENSTACK_DNS_NAMESERVERS"),
    renamed("dns_nameserver", "OPENSTACK_DNS_NAMESERVERS"),
    replaced("http_proxy", "use kubeadm.proxy"),
    replaced("no_proxy", "use kubeadm.proxy.noProxy"),
    renamed("controller_count", "CONTROL_PLANE_MACHINE_COUNT"),
    renamed("worker_count", "WORKER_MACHINE_COUNT"),
    renamed(
        "controller_flavor",
        "OPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR",
    ),
    renamed("worker_flavor", "OPENSTACK_NODE_MACHINE_FLAVOR"),
    renamed(
        "controller_metadata",
        "OPENSTACK_CONTROL_PLANE_MACHINE_METADATA",
    ),
    renamed("worker_metadata", "OPENSTACK_NODE_MACHINE_METADATA"),
    renamed("kubernetes_version", "KUBERNETES_VERSION"),
    replaced(
        "kube_image_raw",
        "register the image in the form the cloud wants",
    ),
    replaced(
        "image_registration_extra_flags",
        "give the flags when the image is registered",
    ),
    renamed("node_cidr", "NODE_CIDR"),
    renamed("pod_cidr", "POD_CIDR"),
    renamed("service_cidr", "SERVICE_CIDR"),
    renamed("anti_affinity", "OPENSTACK_ANTI_AFFINITY"),
    renamed(
        "soft_anti_affinity_controller",
        "OPENSTACK_SOFT_ANTI_AFFINITY_CONTROLLER",
    ),
    renamed("use_cilium", "USE_CILIUM"),
    renamed("calico_version", "CALICO_VERSION"),
    renamed("deploy_occm", "DEPLOY_OCCM"),
    renamed("deploy_cindercsi", "DEPLOY_CINDERCSI"),
    renamed("deploy_metrics", "DEPLOY_METRICS"),
    renamed("deploy_nginx_ingress", "DEPLOY_NGINX_INGRESS"),
    renamed("deploy_cert_manager", "DEPLOY_CERT_MANAGER"),
    renamed("deploy_flux", "DEPLOY_FLUX"),
    renamed("deploy_gateway_api", "DEPLOY_GATEWAY_API"),
    renamed("use_ovn_lb_provider", "USE_OVN_LB_PROVIDER"),
    renamed("etcd_unsafe_fs", "ETCD_UNSAFE_FS"),
    renamed("restrict_kubeapi", "RESTRICT_KUBEAPI"),
    replaced(
        "capo_instance_create_timeout",
        "use healthCheck.nodeStartupTimeoutSeconds of controlPlane and workers",
    ),
    replaced(
        "containerd_registry_files",
        "use kubeadm.registryMirrors and kubeadm.trustedCAs",
    ),
    renamed("deploy_harbor", "DEPLOY_HARBOR"),
    replaced("harbor_config", "use DEPLOY_HARBOR"),
];
