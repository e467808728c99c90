//! `OpenStackCluster` and `OpenStackMachineTemplate` (infrastructure.cluster.x-k8s.io/v1beta1, CAPO 0.14).

use serde::Serialize;

use super::Object;

/// Network, security groups and load balancer of a cluster.
pub type OpenStackCluster = Object<OpenStackClusterSpec>;

/// Spec of an [`OpenStackCluster`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenStackClusterSpec {
    /// Credentials.
    pub identity_ref: IdentityReference,
    /// Network with floating IPs; the only one when left out. Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_network: Option<Reference>,
    /// Subnets to be made: one, or none with `network`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed_subnets: Vec<Subnet>,
    /// MTU of the network to be made. Cannot be changed.
    #[serde(rename = "networkMTU", skip_serializing_if = "Option::is_none")]
    pub network_mtu: Option<u32>,
    /// A network that is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Reference>,
    /// Its subnets; all of them when left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<Reference>,
    /// Its router.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub router: Option<Reference>,
    /// Address of the API, allocated beforehand.
    #[serde(
        rename = "apiServerFloatingIP",
        skip_serializing_if = "Option::is_none"
    )]
    pub api_server_floating_ip: Option<String>,
    /// True for an API without a floating IP.
    #[serde(
        rename = "disableAPIServerFloatingIP",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub disable_api_server_floating_ip: bool,
    /// Port of the API; 6443 when left out. Cannot be changed.
    #[serde(rename = "apiServerPort", skip_serializing_if = "Option::is_none")]
    pub api_server_port: Option<u16>,
    /// Load balancer of the API.
    pub api_server_load_balancer: LoadBalancer,
    /// Security groups to be made.
    pub managed_security_groups: ManagedSecurityGroups,
    /// A server by way of which people log in to nodes. It may be left out only after it was told to be off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bastion: Option<Bastion>,
    /// Zones of control plane machines. Empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub control_plane_availability_zones: Vec<String>,
    /// Tags on everything. Cannot be changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// Where credentials are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityReference {
    /// Secret in the same namespace.
    pub name: String,
    /// Entry in its `clouds.yaml`.
    pub cloud_name: String,
}

/// Something in the cloud: a network, an image, a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Reference {
    /// By its UUID.
    Id(String),
    /// By a name that only one has.
    Filter {
        /// The name.
        name: String,
    },
}

impl From<&str> for Reference {
    /// By id.
    fn from(id: &str) -> Self {
        Self::Id(id.to_owned())
    }
}

/// A subnet to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Subnet {
    /// Range.
    pub cidr: String,
    /// Name servers; may be changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_nameservers: Vec<String>,
}

/// Load balancer of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancer {
    /// Always true; without a load balancer the field is left out as a whole.
    pub enabled: bool,
    /// Octavia provider. Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Name of the Octavia flavor. Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flavor: Option<String>,
    /// Octavia availability zone. Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// Who may connect; may be changed. CAPO adds subnet and router. Dropped for the provider `ovn`.
    #[serde(rename = "allowedCIDRs", skip_serializing_if = "Vec::is_empty")]
    pub allowed_cidrs: Vec<String>,
}

/// A server by way of which people log in to nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bastion {
    /// Whether it shall be. CAPO takes a missing word for yes.
    pub enabled: bool,
    /// Nova availability zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// Its address, allocated beforehand. CAPO leaves it when the bastion goes, as long as it is said here.
    #[serde(rename = "floatingIP", skip_serializing_if = "Option::is_none")]
    pub floating_ip: Option<String>,
    /// What the server is like; required while it is enabled. A change makes it anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<OpenStackMachineSpec>,
}

/// A port of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    /// Its network; that of the cluster, with all its subnets, when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Reference>,
    /// Its addresses; one of each subnet when left out.
    #[serde(rename = "fixedIPs", skip_serializing_if = "Vec::is_empty")]
    pub fixed_ips: Vec<FixedIp>,
    /// Its security groups, and no other; those of the server when left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<Reference>,
    /// Whether Neutron lets everything through.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disable_port_security: bool,
    /// What Neutron binds it to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vnic_type: Option<String>,
}

/// An address of a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FixedIp {
    /// Of which subnet.
    pub subnet: Reference,
}

/// Security groups to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedSecurityGroups {
    /// Whether nodes may talk to each other on every port.
    pub allow_all_in_cluster_traffic: bool,
    /// Rules beside CAPO's own, in the groups of control plane and workers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub all_nodes_security_group_rules: Vec<SecurityGroupRule>,
    /// Rules beside CAPO's own, in the group of the control plane.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub control_plane_nodes_security_group_rules: Vec<SecurityGroupRule>,
    /// Rules beside CAPO's own, in the group of the workers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub worker_nodes_security_group_rules: Vec<SecurityGroupRule>,
}

/// A rule of a security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityGroupRule {
    /// Name within the object; not sent to Neutron.
    pub name: String,
    /// Text in Neutron.
    pub description: &'static str,
    /// `ingress` or `egress`.
    pub direction: &'static str,
    /// `IPv4` or `IPv6`.
    pub ether_type: &'static str,
    /// Protocol.
    pub protocol: &'static str,
    /// First port.
    pub port_range_min: u16,
    /// Last port.
    pub port_range_max: u16,
    /// Range that may; everybody when this and both kinds of groups are left out.
    #[serde(rename = "remoteIPPrefix", skip_serializing_if = "Option::is_none")]
    pub remote_ip_prefix: Option<String>,
    /// Id of a group whose members may.
    #[serde(rename = "remoteGroupID", skip_serializing_if = "Option::is_none")]
    pub remote_group_id: Option<String>,
    /// `controlplane`, `worker`; empty for everybody.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remote_managed_groups: Vec<&'static str>,
}

/// What servers of a pool are like. Nothing in it can be changed; a change is a new object.
pub type OpenStackMachineTemplate = Object<OpenStackMachineTemplateSpec>;

/// Spec of an [`OpenStackMachineTemplate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenStackMachineTemplateSpec {
    /// What is copied for each machine.
    pub template: OpenStackMachineTemplateResource,
}

/// What is copied for each machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenStackMachineTemplateResource {
    /// Spec of the machines.
    pub spec: OpenStackMachineSpec,
}

/// What a server is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenStackMachineSpec {
    /// Name of the flavor.
    pub flavor: String,
    /// Image.
    pub image: Reference,
    /// Keypair whose key may log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_key_name: Option<String>,
    /// Volume to boot from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_volume: Option<RootVolume>,
    /// Further volumes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_block_devices: Vec<BlockDevice>,
    /// Server group, which must exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_group: Option<Reference>,
    /// Security groups beside the managed ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<Reference>,
    /// Its ports; one in the cluster's network when left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// Metadata of the server.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server_metadata: Vec<KeyValue>,
}

/// A volume to boot from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RootVolume {
    /// Size in GiB.
    #[serde(rename = "sizeGiB")]
    pub size_gib: u32,
    /// Where it is.
    #[serde(flatten)]
    pub place: VolumePlace,
}

/// Of which type a volume is, and in which zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumePlace {
    /// Name or id of the volume type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Cinder availability zone; Cinder chooses when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<VolumeZone>,
}

/// A Cinder availability zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "from")]
pub enum VolumeZone {
    /// By its name.
    Name {
        /// The name.
        name: String,
    },
    /// The one named as the machine's.
    Machine,
}

/// A further volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockDevice {
    /// Name within the server, and tag of the device.
    pub name: String,
    /// Size in GiB.
    #[serde(rename = "sizeGiB")]
    pub size_gib: u32,
    /// What holds it.
    pub storage: BlockDeviceStorage,
}

/// What holds a further volume: always Cinder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlockDeviceStorage {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    volume: Option<VolumePlace>,
}

impl BlockDeviceStorage {
    /// A Cinder volume.
    pub fn volume(place: VolumePlace) -> Self {
        Self {
            kind: "Volume",
            volume: (place != VolumePlace::default()).then_some(place),
        }
    }
}

/// A piece of server metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyValue {
    /// Letters, digits, `-_.: `; no slash.
    pub key: String,
    /// Value.
    pub value: String,
}
