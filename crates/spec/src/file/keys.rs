//! Every flat key that the SCS scripts or clusterctl know, and what becomes of it.

/// A flat key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// As it stands in the file.
    pub name: &'static str,
    /// What becomes of it.
    pub usage: Use,
}

/// What becomes of a flat key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It sets a field of the spec.
    Sets(Field),
    /// It is known, and refused for a reason.
    Refused {
        /// Why, and what to do instead.
        reason: &'static str,
        /// Values that ask for nothing but what happens anyway.
        harmless: &'static [&'static str],
    },
}

/// The field of the spec that a flat key sets: its path and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Path in the spec, for instance `controlPlane.replicas`.
    pub path: &'static str,
    /// What values it takes.
    pub kind: FieldKind,
}

/// What values a flat key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text.
    Text,
    /// A Kubernetes version.
    Version,
    /// A number of machines.
    Count,
    /// A range.
    Cidr,
    /// Addresses.
    Addresses,
    /// Ranges; addresses count as ranges of one, `none` as no range.
    Cidrs,
}

const fn sets(name: &'static str, path: &'static str, kind: FieldKind) -> Key {
    Key {
        name,
        usage: Use::Sets(Field { path, kind }),
    }
}

const fn refused(
    name: &'static str,
    harmless: &'static [&'static str],
    reason: &'static str,
) -> Key {
    Key {
        name,
        usage: Use::Refused { reason, harmless },
    }
}

const ADDON: &str = "this addon is not supported yet; install it into the cluster yourself";
const GENERATION: &str = "it is not needed: templates are named after their content, so a change rolls machines by itself";
const CREDENTIALS: &str =
    "credentials never stand in a cluster file; they are kept by the management server";
const DISK: &str = "the size of a root volume is taken from flavor and image";
const OFF: &[&str] = &["false"];

/// All flat keys, those that set something first.
pub const KEYS: &[Key] = &[
    sets("KUBERNETES_VERSION", "version", FieldKind::Version),
    sets("OPENSTACK_IMAGE_NAME", "image", FieldKind::Text),
    sets(
        "CONTROL_PLANE_MACHINE_COUNT",
        "controlPlane.replicas",
        FieldKind::Count,
    ),
    sets(
        "OPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR",
        "controlPlane.flavor",
        FieldKind::Text,
    ),
    sets(
        "WORKER_MACHINE_COUNT",
        "workers[0].replicas",
        FieldKind::Count,
    ),
    sets(
        "OPENSTACK_NODE_MACHINE_FLAVOR",
        "workers[0].flavor",
        FieldKind::Text,
    ),
    sets(
        "OPENSTACK_FAILURE_DOMAIN",
        "workers[0].availabilityZone",
        FieldKind::Text,
    ),
    sets("OPENSTACK_CLOUD", "cloud", FieldKind::Text),
    sets(
        "OPENSTACK_EXTERNAL_NETWORK_ID",
        "network.externalNetwork",
        FieldKind::Text,
    ),
    sets(
        "OPENSTACK_DNS_NAMESERVERS",
        "network.dnsNameservers",
        FieldKind::Addresses,
    ),
    sets("NODE_CIDR", "network.nodeCidr", FieldKind::Cidr),
    sets("POD_CIDR", "network.podCidr", FieldKind::Cidr),
    sets("SERVICE_CIDR", "network.serviceCidr", FieldKind::Cidr),
    sets(
        "RESTRICT_KUBEAPI",
        "apiAccess.allowedCidrs",
        FieldKind::Cidrs,
    ),
    refused(
        "USE_CILIUM",
        &[],
        "the pod network is flannel; cilium is not supported yet",
    ),
    refused(
        "CALICO_VERSION",
        &[],
        "the pod network is flannel; calico is not supported yet",
    ),
    refused("DEPLOY_OCCM", OFF, ADDON),
    refused("DEPLOY_CINDERCSI", OFF, ADDON),
    refused("DEPLOY_METRICS", OFF, ADDON),
    refused("DEPLOY_NGINX_INGRESS", OFF, ADDON),
    refused("NGINX_INGRESS_PROXY", OFF, ADDON),
    refused("DEPLOY_CERT_MANAGER", OFF, ADDON),
    refused("DEPLOY_FLUX", OFF, ADDON),
    refused("DEPLOY_GATEWAY_API", OFF, ADDON),
    refused("DEPLOY_HARBOR", OFF, ADDON),
    refused(
        "USE_OVN_LB_PROVIDER",
        OFF,
        "name the provider of the API's load balancer by apiAccess.loadBalancerProvider",
    ),
    refused(
        "ETCD_UNSAFE_FS",
        OFF,
        "it risks the loss of the cluster's data in a power failure and is not offered",
    ),
    refused("MTU_VALUE", &["0"], "the MTU is taken from the network"),
    refused("PROXY_CMD", &[""], "a proxy is not supported yet"),
    refused(
        "OPENSTACK_ANTI_AFFINITY",
        &["true"],
        "machines are always spread over hosts as far as there are hosts",
    ),
    refused(
        "OPENSTACK_SOFT_ANTI_AFFINITY_CONTROLLER",
        &["true"],
        "machines are always spread over hosts as far as there are hosts",
    ),
    refused(
        "OPENSTACK_SRVGRP_CONTROLLER",
        &["nonono"],
        "server groups are made for each cluster",
    ),
    refused(
        "OPENSTACK_SRVGRP_WORKER",
        &["nonono"],
        "server groups are made for each cluster",
    ),
    refused(
        "OPENSTACK_SSH_KEY_NAME",
        &[""],
        "ssh keys on nodes are not supported yet",
    ),
    refused(
        "OPENSTACK_CONTROL_PLANE_MACHINE_METADATA",
        &[""],
        "metadata of servers is not supported yet",
    ),
    refused(
        "OPENSTACK_NODE_MACHINE_METADATA",
        &[""],
        "metadata of servers is not supported yet",
    ),
    refused(
        "OPENSTACK_IMAGE_RAW",
        &[],
        "node images are not registered from a cluster file",
    ),
    refused(
        "OPENSTACK_IMAGE_REGISTRATION_EXTRA_FLAGS",
        &[""],
        "node images are not registered from a cluster file",
    ),
    refused("CONTROL_PLANE_ROOT_DISKSIZE", &[], DISK),
    refused("WORKER_ROOT_DISKSIZE", &[], DISK),
    refused("CONTROL_PLANE_MACHINE_GEN", &[], GENERATION),
    refused("WORKER_MACHINE_GEN", &[], GENERATION),
    refused("OPENSTACK_CLUSTER_GEN", &[], GENERATION),
    refused("OLD_OPENSTACK_CLOUD", &[], CREDENTIALS),
    refused("OPENSTACK_CLOUD_YAML_B64", &[], CREDENTIALS),
    refused("OPENSTACK_CLOUD_CACERT_B64", &[], CREDENTIALS),
    refused("OPENSTACK_CLOUD_PROVIDER_CONF_B64", &[], CREDENTIALS),
    refused(
        "CLUSTER_API_OPENSTACK_INSTANCE_CREATE_TIMEOUT",
        &[],
        "it would hold for every cluster of the management server",
    ),
    refused(
        "CLUSTER_NAME",
        &[],
        "the name is given on the command line or by the directory of the file",
    ),
    refused(
        "ETCD_PRIO_BOOST",
        &[],
        "it was removed from the scripts long ago",
    ),
    refused(
        "OPENSTACK_CONTROL_PLANE_IP",
        &[],
        "the API's address is given by apiAccess.floatingIp",
    ),
    refused(
        "OPENSTACK_ANTIAFFINITY",
        &[],
        "it was renamed OPENSTACK_ANTI_AFFINITY long ago",
    ),
    refused("DEPLOY_K8S_OPENSTACK_GIT", OFF, ADDON),
    refused("DEPLOY_K8S_CINDERCSI_GIT", OFF, ADDON),
];

/// The flat key of this name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The known name nearest to a mistyped one, if any is near enough to be meant.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| {
            let distance = strsim::normalized_damerau_levenshtein(
                &name.to_lowercase(),
                &candidate.to_lowercase(),
            );
            (candidate, distance)
        })
        .filter(|(_, similarity)| *similarity >= 0.6)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(candidate, _)| candidate)
}
