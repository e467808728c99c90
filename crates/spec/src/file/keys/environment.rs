//! What stood in other files of the scripts: the variables of their `OpenTofu` environment and `.capi-settings`. People
//! copy them into a cluster file, so each is told where it went.

use super::{Key, refused};

/// A variable of the environment by the name it has in a cluster file.
const fn renamed(name: &'static str, instead: &'static str) -> Key {
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
    renamed("cloud_provider", "use OPENSTACK_CLOUD"),
    renamed(
        "availability_zone",
        "use OPENSTACK_FAILURE_DOMAIN, and controlPlane.availabilityZones",
    ),
    renamed("external", "use OPENSTACK_EXTERNAL_NETWORK_ID"),
    renamed("external_id", "use OPENSTACK_EXTERNAL_NETWORK_ID"),
    renamed("dns_nameservers", "use OPENSTACK_DNS_NAMESERVERS"),
    renamed("dns_nameserver", "use OPENSTACK_DNS_NAMESERVERS"),
    renamed("http_proxy", "use kubeadm.proxy"),
    renamed("no_proxy", "use kubeadm.proxy.noProxy"),
    renamed("controller_count", "use CONTROL_PLANE_MACHINE_COUNT"),
    renamed("worker_count", "use WORKER_MACHINE_COUNT"),
    renamed(
        "controller_flavor",
        "use OPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR",
    ),
    renamed("worker_flavor", "use OPENSTACK_NODE_MACHINE_FLAVOR"),
    renamed(
        "controller_metadata",
        "use OPENSTACK_CONTROL_PLANE_MACHINE_METADATA",
    ),
    renamed("worker_metadata", "use OPENSTACK_NODE_MACHINE_METADATA"),
    renamed("kubernetes_version", "use KUBERNETES_VERSION"),
    renamed(
        "kube_image_raw",
        "register the image in the form the cloud wants",
    ),
    renamed(
        "image_registration_extra_flags",
        "give the flags when the image is registered",
    ),
    renamed("node_cidr", "use NODE_CIDR"),
    renamed("pod_cidr", "use POD_CIDR"),
    renamed("service_cidr", "use SERVICE_CIDR"),
    renamed("anti_affinity", "use OPENSTACK_ANTI_AFFINITY"),
    renamed(
        "soft_anti_affinity_controller",
        "use OPENSTACK_SOFT_ANTI_AFFINITY_CONTROLLER",
    ),
    renamed("use_cilium", "use USE_CILIUM"),
    renamed("calico_version", "use CALICO_VERSION"),
    renamed("deploy_occm", "use DEPLOY_OCCM"),
    renamed("deploy_cindercsi", "use DEPLOY_CINDERCSI"),
    renamed("deploy_metrics", "use DEPLOY_METRICS"),
    renamed("deploy_nginx_ingress", "use DEPLOY_NGINX_INGRESS"),
    renamed("deploy_cert_manager", "use DEPLOY_CERT_MANAGER"),
    renamed("deploy_flux", "use DEPLOY_FLUX"),
    renamed("deploy_gateway_api", "use DEPLOY_GATEWAY_API"),
    renamed("use_ovn_lb_provider", "use USE_OVN_LB_PROVIDER"),
    renamed("etcd_unsafe_fs", "use ETCD_UNSAFE_FS"),
    renamed("restrict_kubeapi", "use RESTRICT_KUBEAPI"),
    renamed(
        "capo_instance_create_timeout",
        "use healthCheck.nodeStartupTimeoutSeconds of controlPlane and workers",
    ),
    renamed(
        "containerd_registry_files",
        "use kubeadm.registryMirrors and kubeadm.trustedCAs",
    ),
    renamed("deploy_harbor", "use DEPLOY_HARBOR"),
    renamed("harbor_config", "use DEPLOY_HARBOR"),
];
