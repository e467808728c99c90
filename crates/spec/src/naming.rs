//! The short uid of a cluster, the names derived from it, and how long they may get.
//!
//! CAPO finds network, router, security groups and load balancer by *name* and adopts what it finds, so every derived
//! name must contain something unique in the cloud: the uid.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::ServerGroupPolicy;

/// Letters a uid is made of: those of Kubernetes' own name generator, without vowels and look-alikes.
pub const UID_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Length of a uid: 27^5 ≈ 14 million values, and the length Kubernetes uses for generated names.
pub const UID_LENGTH: usize = 5;
/// Longest DNS label, hence longest host name of a node (RFC 1123).
pub const MAX_LABEL: usize = 63;
/// Longest tag Nova takes (Neutron and Octavia take more).
pub const MAX_TAG: usize = 60;
/// What Cluster API appends to the name of a control plane for its machines: `-` and five letters.
const MACHINE_SUFFIX: usize = 6;
/// What Cluster API appends to a `MachineDeployment` for its machines: `-` and five letters for the set, and again for the
/// machine (`computeNewMachineSetName`, v1.14.2). It cuts longer names, and then they no longer tell where they belong.
const POOL_MACHINE_SUFFIX: usize = 12;
/// Suffix of the control plane object, and what it is called where pools are listed by name.
pub const CONTROL_PLANE: &str = "control-plane";
/// Key of the tag in the cloud that names the Cluster API name of a cluster. No slash: Nova refuses it.
pub const CLOUD_TAG_KEY: &str = "capstan-cluster";

/// The short unique part of a cluster's names: five letters of [`UID_ALPHABET`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Uid(String);

/// The text is no uid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to read uid {0:?}: expected five letters or digits of bcdfghjklmnpqrstvwxz2456789")]
pub struct UidError(String);

impl Uid {
    /// Derives a uid from random bytes, of which only the low part counts. The caller brings the randomness, so that
    /// this crate stays pure.
    pub fn from_random(random: u64) -> Self {
        let base = UID_ALPHABET.len() as u64;
        let mut rest = random;
        let text = (0..UID_LENGTH)
            .map(|_| {
                let index = usize::try_from(rest % base).unwrap_or_default();
                rest /= base;
                char::from(UID_ALPHABET[index])
            })
            .collect();
        Self(text)
    }

    /// The five letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Uid {
    type Err = UidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let good = text.len() == UID_LENGTH && text.bytes().all(|b| UID_ALPHABET.contains(&b));
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(UidError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Uid {
    type Error = UidError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Uid> for String {
    fn from(uid: Uid) -> Self {
        uid.0
    }
}

impl JsonSchema for Uid {
    fn schema_name() -> Cow<'static, str> {
        "Uid".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[bcdfghjklmnpqrstvwxz2456789]{5}$"})
    }
}

/// The Cluster API name of a cluster, `<name>-<uid>`, and every name derived from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterName {
    namespace: String,
    name: String,
    uid: Uid,
}

impl ClusterName {
    /// Puts the parts together. Whether they are well-formed is said by [`crate::validate::name`].
    pub fn new(namespace: impl Into<String>, name: impl Into<String>, uid: Uid) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            uid,
        }
    }

    /// Takes a Cluster API name (`demo-x7k2p`) apart; `None` when it does not end in a uid.
    pub fn parse(namespace: &str, cluster: &str) -> Option<Self> {
        let (name, uid) = cluster.rsplit_once('-')?;
        let uid = uid.parse().ok().filter(|_| !name.is_empty())?;
        Some(Self::new(namespace, name, uid))
    }

    /// The namespace, that is the tenant, of the cluster.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name people gave.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The unique part.
    pub fn uid(&self) -> &Uid {
        &self.uid
    }

    /// Name of the `Cluster` and `OpenStackCluster`: `demo-x7k2p`. Unique in the cloud.
    pub fn cluster(&self) -> String {
        format!("{}-{}", self.name, self.uid)
    }

    /// Name of the `KubeadmControlPlane`.
    pub fn control_plane(&self) -> String {
        format!("{}-{CONTROL_PLANE}", self.cluster())
    }

    /// Name of the `MachineDeployment` of a worker pool.
    pub fn pool(&self, pool: &str) -> String {
        format!("{}-{pool}", self.cluster())
    }

    /// Name of the Secret with the `clouds.yaml` that CAPO uses.
    pub fn identity_secret(&self) -> String {
        format!("{}-cloud-config", self.cluster())
    }

    /// Name of the Secret with the key by which the API server encrypts Secrets.
    pub fn encryption_secret(&self) -> String {
        format!("{}-encryption", self.cluster())
    }

    /// Name of the Secret with what nodes need to log in at mirrors of registries, of this revision. Secrets that nodes are
    /// made of never change: another content is another revision, whose name makes the machines be replaced.
    pub fn registry_secret(&self, revision: u32) -> String {
        format!("{}-registries-{revision}", self.cluster())
    }

    /// The revision of such a Secret; `None` when it is none of this cluster.
    pub fn registry_revision(&self, secret: &str) -> Option<u32> {
        let rest = secret.strip_prefix(&self.cluster())?;
        rest.strip_prefix("-registries-")?.parse().ok()
    }

    /// Name of the cluster autoscaler's `Deployment`, `ServiceAccount` and `RoleBinding` on the management server.
    pub fn autoscaler(&self) -> String {
        format!("{}-autoscaler", self.cluster())
    }

    /// Name of the Secret with the administrator's kubeconfig; given by Cluster API.
    pub fn kubeconfig_secret(&self) -> String {
        format!("{}-kubeconfig", self.cluster())
    }

    /// Exact name of the Nova server group of a pool (`control-plane` for the control plane). The policy of a group cannot
    /// be changed, so each has its own name; the dot stands in no name of a pool.
    pub fn server_group(&self, pool: &str, policy: ServerGroupPolicy) -> String {
        let suffix = match policy {
            ServerGroupPolicy::SoftAntiAffinity | ServerGroupPolicy::None => "",
            ServerGroupPolicy::AntiAffinity => ".strict",
        };
        format!("capstan-{}-{pool}{suffix}", self.cluster())
    }

    /// Description given to the floating IP in the creating request, by which it is found again.
    pub fn floating_ip_description(&self) -> String {
        format!("{} api", self.cloud_tag())
    }

    /// Description given to the bastion's floating IP in the creating request, by which it is found again.
    pub fn bastion_floating_ip_description(&self) -> String {
        format!("{} bastion", self.cloud_tag())
    }

    /// Exact name of the security group that says who may connect to the bastion. The one CAPO makes for it
    /// ([`capo_security_groups`](Self::capo_security_groups)) opens its port 22 to everybody, and is put on nothing.
    pub fn bastion_security_group(&self) -> String {
        format!("capstan-{}-bastion", self.cluster())
    }

    /// Name CAPO gives to the bastion: its `OpenStackServer` and the server itself
    /// (`controllers/openstackcluster_controller.go`, `bastionName`, CAPO v0.14.7).
    pub fn capo_bastion(&self) -> String {
        format!("{}-bastion", self.cluster())
    }

    /// Tag that CAPO is told to set on everything it makes for this cluster: `capstan-cluster=<Cluster API name>`.
    pub fn cloud_tag(&self) -> String {
        format!("{CLOUD_TAG_KEY}={}", self.cluster())
    }

    /// Name CAPO gives to the network, its subnet and the router
    /// (`pkg/cloud/services/networking/network.go`, CAPO v0.14.7).
    pub fn capo_network(&self) -> String {
        format!("k8s-clusterapi-cluster-{}", self.capo_resource())
    }

    /// Name CAPO gives to the load balancer of the API (`pkg/cloud/services/loadbalancer/loadbalancer.go`).
    pub fn capo_load_balancer(&self) -> String {
        format!("{}-kubeapi", self.capo_network())
    }

    /// Names CAPO gives to its security groups (`pkg/cloud/services/networking/securitygroups.go`).
    /// That of a bastion is there only with one.
    pub fn capo_security_groups(&self) -> [String; 3] {
        ["controlplane", "worker", "bastion"]
            .map(|suffix| format!("k8s-cluster-{}-secgroup-{suffix}", self.capo_resource()))
    }

    /// CAPO's `clusterResourceName`: the infix of all names it gives (`pkg/utils/names/names.go`).
    fn capo_resource(&self) -> String {
        format!("{}-{}", self.namespace, self.cluster())
    }
}

/// How many characters a cluster's name may have so that no derived name gets too long, given the longest pool name.
///
/// Bounds: machine names are host names (63), the cluster name is a label value (63), the cloud tag is a Nova tag (60).
pub fn max_name_length<'a>(pools: impl IntoIterator<Item = &'a str>) -> usize {
    let uid = UID_LENGTH + 1;
    let control_plane = MAX_LABEL - uid - (CONTROL_PLANE.len() + 1) - MACHINE_SUFFIX;
    let tag = MAX_TAG - uid - (CLOUD_TAG_KEY.len() + 1);
    pools
        .into_iter()
        .map(|pool| MAX_LABEL.saturating_sub(uid + 1 + pool.len() + POOL_MACHINE_SUFFIX))
        .fold(control_plane.min(tag), usize::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo() -> ClusterName {
        ClusterName::new("team-a", "demo", "x7k2p".parse().unwrap())
    }

    #[test]
    fn uid_is_read_made_and_refused() {
        assert_eq!(Uid::from_random(0).as_str(), "bbbbb");
        assert_eq!(Uid::from_random(u64::MAX), Uid::from_random(u64::MAX));
        let made = Uid::from_random(123_456_789);
        assert_eq!(made.as_str().parse::<Uid>(), Ok(made));
        for bad in ["", "abcde", "x7k2", "x7k2pp", "X7K2P"] {
            assert!(bad.parse::<Uid>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cluster_api_name_is_taken_apart_and_others_are_refused() {
        let parsed = ClusterName::parse("team-a", "my-demo-x7k2p").unwrap();
        assert_eq!((parsed.namespace(), parsed.name()), ("team-a", "my-demo"));
        assert_eq!(parsed.cluster(), "my-demo-x7k2p");
        for other in ["demo", "demo-prod", "x7k2p", "-x7k2p", "demo-x7k2p-"] {
            assert_eq!(ClusterName::parse("team-a", other), None, "{other}");
        }
    }

    #[test]
    fn every_derived_name_contains_the_uid() {
        let name = demo();
        let mut all = vec![
            name.cluster(),
            name.control_plane(),
            name.pool("workers"),
            name.identity_secret(),
            name.kubeconfig_secret(),
            name.encryption_secret(),
            name.server_group("workers", ServerGroupPolicy::SoftAntiAffinity),
            name.server_group("workers", ServerGroupPolicy::AntiAffinity),
            name.floating_ip_description(),
            name.bastion_floating_ip_description(),
            name.bastion_security_group(),
            name.capo_bastion(),
            name.cloud_tag(),
            name.capo_network(),
            name.capo_load_balancer(),
        ];
        all.extend(name.capo_security_groups());
        for derived in all {
            assert!(derived.contains("demo-x7k2p"), "{derived}");
        }
    }

    #[test]
    fn the_longest_name_keeps_every_derived_name_within_its_limit() {
        for pool in ["w", "workers", "a-rather-long-pool"] {
            let longest = max_name_length([pool]);
            let name = ClusterName::new("n", "x".repeat(longest), "x7k2p".parse().unwrap());
            assert!(name.control_plane().len() + MACHINE_SUFFIX <= MAX_LABEL);
            assert!(name.pool(pool).len() + POOL_MACHINE_SUFFIX <= MAX_LABEL);
            assert!(name.cloud_tag().len() <= MAX_TAG);
            assert!(name.capo_bastion().len() <= MAX_LABEL);
        }
        assert_eq!(max_name_length(["workers"]), 37);
    }
}
