//! Keys of `clusterctl.yaml` that are about the cluster itself.

use super::{FieldKind, Key, refused, sets};

const GENERATION: &str = "templates are named after their content, so Capstan replaces machines by itself when something changes";
const CREDENTIALS: &str =
    "credentials never stand in a cluster file; Capstan makes them for each cluster by itself";
const GROUPS: &str = "Capstan makes server groups for each cluster by itself";
const IMAGES: &str = "node images are not registered from a cluster file";

pub(super) const KEYS: &[Key] = &[
    sets("KUBERNETES_VERSION", &["version"], FieldKind::Version),
    sets("OPENSTACK_IMAGE_NAME", &["image"], FieldKind::Text),
    sets(
        "CONTROL_PLANE_MACHINE_COUNT",
        &["controlPlane.replicas"],
        FieldKind::Count,
    ),
    sets(
        "OPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR",
        &["controlPlane.flavor"],
        FieldKind::Text,
    ),
    sets(
        "CONTROL_PLANE_ROOT_DISKSIZE",
        &["controlPlane.rootVolume.sizeGib"],
        FieldKind::Gib,
    ),
    sets(
        "OPENSTACK_CONTROL_PLANE_MACHINE_METADATA",
        &["controlPlane.metadata"],
        FieldKind::Metadata,
    ),
    sets(
        "WORKER_MACHINE_COUNT",
        &["workers[0].replicas"],
        FieldKind::Count,
    ),
    sets(
        "OPENSTACK_NODE_MACHINE_FLAVOR",
        &["workers[0].flavor"],
        FieldKind::Text,
    ),
    sets(
        "WORKER_ROOT_DISKSIZE",
        &["workers[0].rootVolume.sizeGib"],
        FieldKind::Gib,
    ),
    sets(
        "OPENSTACK_NODE_MACHINE_METADATA",
        &["workers[0].metadata"],
        FieldKind::Metadata,
    ),
    sets(
        "OPENSTACK_FAILURE_DOMAIN",
        &["workers[0].availabilityZone"],
        FieldKind::Text,
    ),
    sets(
        "OPENSTACK_ANTI_AFFINITY",
        &["controlPlane.serverGroup", "workers[0].serverGroup"],
        FieldKind::Spread,
    ),
    // Behind OPENSTACK_ANTI_AFFINITY: keys take effect in the order of this table.
    sets(
        "OPENSTACK_SOFT_ANTI_AFFINITY_CONTROLLER",
        &["controlPlane.serverGroup"],
        FieldKind::SoftSpread,
    ),
    sets("OPENSTACK_SSH_KEY_NAME", &["sshKey"], FieldKind::Text),
    sets("OPENSTACK_CLOUD", &["cloud"], FieldKind::Text),
    sets(
        "OPENSTACK_EXTERNAL_NETWORK_ID",
        &["network.externalNetwork"],
        FieldKind::Text,
    ),
    sets(
        "OPENSTACK_DNS_NAMESERVERS",
        &["network.dnsNameservers"],
        FieldKind::Addresses,
    ),
    sets("NODE_CIDR", &["network.nodeCidr"], FieldKind::Cidr),
    sets("POD_CIDR", &["network.podCidr"], FieldKind::Cidr),
    sets("SERVICE_CIDR", &["network.serviceCidr"], FieldKind::Cidr),
    sets(
        "RESTRICT_KUBEAPI",
        &["apiAccess.allowedCidrs"],
        FieldKind::Cidrs,
    ),
    refused(
        "CLUSTER_NAME",
        &[],
        "the name is given on the command line",
        "capstan cluster create NAME --file FILE",
    ),
    refused(
        "MTU_VALUE",
        &["0"],
        "the MTU of the pods follows that of the nodes' network by itself",
        "leave it out; network.mtu sets the MTU of the nodes' network",
    ),
    refused(
        "PROXY_CMD",
        &[""],
        "it was a line of shell that the scripts wrote",
        "use kubeadm.proxy",
    ),
    refused(
        "ETCD_UNSAFE_FS",
        &["false"],
        "it loses the cluster's data in a power failure",
        "use a flavor with a local disk, or controlPlane.etcdVolume with a fast type",
    ),
    refused(
        "OPENSTACK_SRVGRP_CONTROLLER",
        &["nonono"],
        GROUPS,
        "use controlPlane.serverGroup",
    ),
    refused(
        "OPENSTACK_SRVGRP_WORKER",
        &["nonono"],
        GROUPS,
        "use workers[].serverGroup",
    ),
    refused("CONTROL_PLANE_MACHINE_GEN", &[], GENERATION, "leave it out"),
    refused("WORKER_MACHINE_GEN", &[], GENERATION, "leave it out"),
    refused("OPENSTACK_CLUSTER_GEN", &[], GENERATION, "leave it out"),
    refused(
        "OPENSTACK_IMAGE_RAW",
        &[],
        IMAGES,
        "register the image in the form the cloud wants",
    ),
    refused(
        "OPENSTACK_IMAGE_REGISTRATION_EXTRA_FLAGS",
        &[""],
        IMAGES,
        "give the flags when the image is registered",
    ),
    refused(
        "OLD_OPENSTACK_CLOUD",
        &[],
        CREDENTIALS,
        "use OPENSTACK_CLOUD, the name of a Cloud",
    ),
    refused(
        "OPENSTACK_CLOUD_YAML_B64",
        &[],
        CREDENTIALS,
        "use OPENSTACK_CLOUD, the name of a Cloud",
    ),
    refused(
        "OPENSTACK_CLOUD_CACERT_B64",
        &[],
        CREDENTIALS,
        "use OPENSTACK_CLOUD, the name of a Cloud; kubeadm.trustedCAs for what nodes shall trust",
    ),
    refused(
        "OPENSTACK_CLOUD_PROVIDER_CONF_B64",
        &[],
        CREDENTIALS,
        "use OPENSTACK_CLOUD, the name of a Cloud",
    ),
    refused(
        "CLUSTER_API_OPENSTACK_INSTANCE_CREATE_TIMEOUT",
        &[],
        "it would hold for every cluster of the management server",
        "use healthCheck.nodeStartupTimeoutSeconds of controlPlane and workers",
    ),
    refused(
        "ETCD_PRIO_BOOST",
        &[],
        "the scripts dropped it in R4",
        "leave it out",
    ),
    refused(
        "OPENSTACK_CONTROL_PLANE_IP",
        &[],
        "the scripts dropped it; the API has a floating IP",
        "use apiAccess.floatingIp",
    ),
    refused(
        "OPENSTACK_ANTIAFFINITY",
        &[],
        "the scripts renamed it",
        "use OPENSTACK_ANTI_AFFINITY",
    ),
];
