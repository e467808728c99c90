//! What is known about a workload cluster.

mod hooks;

use std::collections::BTreeMap;

use ipnet::IpNet;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::progress::{Progress, Reason};
use crate::{Cni, KubernetesVersion, NodeSystem, ServerGroupPolicy, Uid, defaults};

pub use hooks::{HookRun, HookRuns, HookState};

/// What is known about a workload cluster. Written by the controller only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadClusterStatus {
    /// Generation of the spec this status speaks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Unique part of all names. Set once, before anything is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uid>,
    /// `<name>-<uid>`: name of the Cluster API objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_api_name: Option<String>,
    /// Version of the renderer this cluster is pinned to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renderer: Option<u32>,
    /// One word for lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<ClusterPhase>,
    /// URL of the Kubernetes API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Version every control plane machine runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<KubernetesVersion>,
    /// Counts of the control plane's machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<ReplicaCounts>,
    /// Counts of each pool's machines, by the pool's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub workers: BTreeMap<String, ReplicaCounts>,
    /// What names in the spec were found to mean, pinned so that a new image of the same name rolls no node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Resolved>,
    /// Servers of a pool (`control-plane` for the control plane) that failed and were made anew, until the pool is whole.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replacements: BTreeMap<String, Replacement>,
    /// When certificates expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<Certificates>,
    /// What waits for somebody's approval. Absent while nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingPlan>,
    /// What was carried out last: a rendering that is another although nobody has asked for it is not, when it would replace
    /// machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<Carried>,
    /// What became of hooks.
    #[serde(default, skip_serializing_if = "HookRuns::is_empty")]
    pub hooks: HookRuns,
    /// Quota needed and free, line by line, while it does not suffice for the wish. Empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quota: Vec<QuotaLine>,
    /// Hash over all that the last full look decided by, while everything is as wanted. As long as nothing of it changes
    /// there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<String>,
    /// How far the work is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// [`READY`](Condition::READY) and [`ACCEPTED`](Condition::ACCEPTED) among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

impl WorkloadClusterStatus {
    /// The condition of that type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.kind == kind)
    }

    /// What [`ACCEPTED`](Condition::ACCEPTED) says about the wish of this generation; `None` while it has not been judged.
    pub fn verdict(&self, generation: Option<i64>) -> Option<&Condition> {
        self.condition(Condition::ACCEPTED)
            .filter(|condition| condition.observed_generation == generation)
    }

    /// Why the wish of this generation is refused; `None` when it is accepted or has not been judged yet.
    pub fn refusal(&self, generation: Option<i64>) -> Option<Refusal> {
        let verdict = self.verdict(generation)?;
        (verdict.status == ConditionStatus::False).then(|| Refusal::from_reason(&verdict.reason))
    }
}

/// Why a wish is not carried out. Nothing of it is begun; it is judged again all the time, and goes on by itself when the
/// reason is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It contradicts itself or a rule.
    Invalid,
    /// It names something that the cloud does not have or that cannot be used.
    Unresolved,
    /// The project's quota does not suffice; `status.quota` says line by line.
    QuotaExceeded,
    /// Its plan waits until somebody has accepted it; `status.pending` says which.
    AwaitsApproval,
}

impl Refusal {
    /// The word in the condition's `reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "Invalid",
            Self::Unresolved => "Unresolved",
            Self::QuotaExceeded => "QuotaExceeded",
            Self::AwaitsApproval => "AwaitsApproval",
        }
    }

    /// A word of a newer version is read as [`Refusal::Invalid`], the one that promises least.
    fn from_reason(reason: &str) -> Self {
        [Self::Unresolved, Self::QuotaExceeded, Self::AwaitsApproval]
            .into_iter()
            .find(|refusal| refusal.as_str() == reason)
            .unwrap_or(Self::Invalid)
    }
}

/// How often the failed servers of a pool were made anew, and why. It lies in the status and not in memory: a controller
/// that starts again must not start counting again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Replacement {
    /// Rounds so far; in each, all machines of the pool are replaced whose servers have failed and for which there is room.
    pub attempts: u32,
    /// When the last round was.
    pub last: Timestamp,
    /// Machines replaced in the last round.
    pub machines: Vec<String>,
    /// Why the first of them had failed.
    pub reason: Reason,
}

/// When certificates expire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Certificates {
    /// The first of the control plane's machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<Timestamp>,
    /// The client certificate in the administrator's kubeconfig, which Cluster API renews by itself after half a year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<Timestamp>,
}

/// A plan that waits for an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingPlan {
    /// By which it is accepted, in the annotation [`ACCEPTED_PLAN`].
    pub hash: String,
    /// Why it waits.
    pub why: String,
    /// What it does, a line for each part that changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
}

/// Annotation of a `WorkloadCluster` with the hash of the plan that its owner has accepted. Every door sets the same.
pub const ACCEPTED_PLAN: &str = "capstan.dev/accepted-plan";

/// What was carried out last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Carried {
    /// Generation of the spec that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// Hash over all objects as they were rendered.
    pub hash: String,
}

/// One line of a quota check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuotaLine {
    /// Of what, in words for people: "cores", "floating IPs".
    pub resource: String,
    /// Needed beyond what is used already.
    pub need: u64,
    /// Free; absent where the cloud sets no limit or does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<u64>,
}

impl QuotaLine {
    /// Whether the need is covered.
    pub fn fits(&self) -> bool {
        self.free.is_none_or(|free| self.need <= free)
    }
}

/// One word for the state of a cluster. There is no final "failed": what stops is retried, and the reason is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ClusterPhase {
    /// Accepted; names and quota are being checked.
    Pending,
    /// Waits for something a person has to do; the reasons say what.
    Blocked,
    /// Being created.
    Creating,
    /// Everything is as wanted.
    Ready,
    /// Usable, and being brought to what is wanted.
    Updating,
    /// Was ready, and something is wrong.
    Degraded,
    /// Being removed.
    Deleting,
}

impl ClusterPhase {
    /// Every phase.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Blocked,
        Self::Creating,
        Self::Ready,
        Self::Updating,
        Self::Degraded,
        Self::Deleting,
    ];

    /// The word, as it appears in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Blocked => "Blocked",
            Self::Creating => "Creating",
            Self::Ready => "Ready",
            Self::Updating => "Updating",
            Self::Degraded => "Degraded",
            Self::Deleting => "Deleting",
        }
    }
}

/// How many machines are how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaCounts {
    /// Wanted.
    pub desired: u32,
    /// There.
    pub current: u32,
    /// Whose node is ready.
    pub ready: u32,
    /// That are as the spec says.
    pub up_to_date: u32,
}

/// What the names in a spec were found to mean in the cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resolved {
    /// Version the image was looked up for: the one the control plane was last told to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<KubernetesVersion>,
    /// Id of the node image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// What the spec called the node image when it was looked up; nothing when it was found by its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_asked: Option<String>,
    /// What else the node image had to be.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub image_system: NodeSystem,
    /// Name of the node image, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_name: Option<String>,
    /// Version and node image of the pools while they lag behind the control plane: during an upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<NodeImage>,
    /// Id of the external network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_network_id: Option<String>,
    /// Octavia provider of the API's load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer_provider: Option<String>,
    /// Id of the API's floating IP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floating_ip_id: Option<String>,
    /// Address of the API's floating IP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floating_ip: Option<String>,
    /// Ids of the server groups, by pool (`control-plane` for the control plane).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub server_groups: BTreeMap<String, String>,
    /// By which policy each server group was made that does not have the default one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub server_group_policies: BTreeMap<String, ServerGroupPolicy>,
    /// Size in GiB of the root volume of each pool that has one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub root_volumes: BTreeMap<String, u32>,
    /// What a node of each pool with `autoscaling` has, by pool.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub capacities: BTreeMap<String, Capacity>,
    /// Node images of their own, by pool.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pool_images: BTreeMap<String, PoolImage>,
    /// The network of the nodes, where it was there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing_network: Option<ResolvedNetwork>,
    /// Secret with what nodes need to log in at mirrors of registries, made from the Secrets that the spec names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_secret: Option<String>,
    /// The network of the pods that the cluster was begun with.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub cni: Cni,
    /// Whether Secrets are encrypted in etcd, by a key that was made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub encrypted: bool,
    /// Ids of further networks, by what the spec calls them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, String>,
    /// Ids of subnets of further networks, by `network/subnet` as the spec calls them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subnets: BTreeMap<String, String>,
    /// Ids of extra security groups, by what the spec calls them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub security_groups: BTreeMap<String, String>,
    /// Whether a cluster autoscaler was set up on the management server, until it is gone again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub autoscaler: bool,
    /// The bastion, until everything made for it is gone again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bastion: Option<ResolvedBastion>,
}

/// What was found and made for a bastion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResolvedBastion {
    /// Id of its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// What the spec called its image when it was looked up; nothing when it was the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_asked: Option<String>,
    /// Size in GiB of its root volume, where its flavor has no disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_volume_gib: Option<u32>,
    /// Id of its floating IP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floating_ip_id: Option<String>,
    /// Address of its floating IP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floating_ip: Option<String>,
    /// Id of the security group that says who may connect to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_group_id: Option<String>,
}

impl ResolvedBastion {
    /// Whether something was made in the cloud.
    pub const fn is_made(&self) -> bool {
        self.floating_ip_id.is_some() || self.security_group_id.is_some()
    }
}

/// What a node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub ram_mib: u64,
    /// Root disk in GiB.
    pub disk_gib: u32,
    /// Graphics processors.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub gpus: u32,
}

/// A node image and what it carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeImage {
    /// Version it was looked up for.
    pub version: KubernetesVersion,
    /// Its id.
    pub id: String,
}

/// The node image of one pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolImage {
    /// What the spec called it.
    pub asked: String,
    /// Version it was looked up for.
    pub version: KubernetesVersion,
    /// What else it had to be.
    #[serde(default, skip_serializing_if = "defaults::is_default")]
    pub system: NodeSystem,
    /// Its id.
    pub id: String,
}

/// A network that was there already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResolvedNetwork {
    /// Its id.
    pub id: String,
    /// Id of the subnet that nodes get addresses from.
    pub subnet_id: String,
    /// Range of that subnet.
    pub subnet_cidr: IpNet,
    /// Id and range of the subnet of IPv6, where nodes have addresses of it, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<ResolvedSubnet>,
    /// Id of its router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router_id: Option<String>,
}

/// A subnet that was there already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResolvedSubnet {
    /// Its id.
    pub id: String,
    /// Its range.
    pub cidr: IpNet,
}

/// A condition in the shape of Kubernetes' `metav1.Condition`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it speaks about.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// One word of why.
    pub reason: String,
    /// A sentence of why.
    #[serde(default)]
    pub message: String,
    /// When `status` last changed.
    pub last_transition_time: Timestamp,
    /// Generation of the spec it speaks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

impl Condition {
    /// Everything is as wanted.
    pub const READY: &str = "Ready";
    /// The wish is carried out. `False` with the word of a [`Refusal`]: it is not, and nothing of it is begun.
    pub const ACCEPTED: &str = "Accepted";
    /// Machines of one pool are on different hosts, so that the failure of a host takes at most one of each. A warning when
    /// `False`: the cloud had no other host with room.
    pub const SPREAD: &str = "Spread";
    /// No certificate expires soon. `False` while one does that nothing renews by itself; absent before there are any.
    pub const CERTIFICATES: &str = "CertificatesValid";
    /// Changes are brought to machines. `False` while somebody has paused that of the control plane or of a pool; absent
    /// otherwise.
    pub const ROLLOUTS: &str = "RolloutsActive";
    /// Hooks did what they are there for. `False` while one has failed; absent otherwise.
    pub const HOOKS: &str = "HooksSucceeded";
    /// Of a `Cloud`: its inventory is what the cloud had when it was last asked. `False` while it is older, or there is none.
    pub const INVENTORY: &str = "InventoryCurrent";
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It cannot be told.
    Unknown,
}

/// Sets a condition of that type, or takes it away where there is none.
pub fn set_or_remove(conditions: &mut Vec<Condition>, kind: &str, new: Option<Condition>) {
    match new {
        Some(new) => set_condition(conditions, new),
        None => conditions.retain(|condition| condition.kind != kind),
    }
}

/// Sets a condition by its type, and keeps the time of transition while its status stays the same.
pub fn set_condition(conditions: &mut Vec<Condition>, mut new: Condition) {
    match conditions.iter_mut().find(|old| old.kind == new.kind) {
        Some(old) => {
            if old.status == new.status {
                new.last_transition_time = old.last_transition_time;
            }
            *old = new;
        }
        None => conditions.push(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(status: ConditionStatus, second: i64) -> Condition {
        Condition {
            kind: "Ready".into(),
            status,
            reason: "Because".into(),
            message: String::new(),
            last_transition_time: Timestamp::from_second(second).unwrap(),
            observed_generation: None,
        }
    }

    #[test]
    fn a_verdict_counts_only_for_the_wish_it_was_made_on() {
        let mut accepted = ready(ConditionStatus::False, 1);
        accepted.kind = Condition::ACCEPTED.to_owned();
        accepted.observed_generation = Some(2);
        for (status, reason, generation, refusal) in [
            (
                ConditionStatus::False,
                "QuotaExceeded",
                2,
                Some(Refusal::QuotaExceeded),
            ),
            (
                ConditionStatus::False,
                "Unresolved",
                2,
                Some(Refusal::Unresolved),
            ),
            (
                ConditionStatus::False,
                "OfTheFuture",
                2,
                Some(Refusal::Invalid),
            ),
            (ConditionStatus::True, "QuotaExceeded", 2, None),
            (ConditionStatus::False, "QuotaExceeded", 3, None),
        ] {
            accepted.status = status;
            accepted.reason = reason.to_owned();
            let status = WorkloadClusterStatus {
                conditions: vec![accepted.clone()],
                ..WorkloadClusterStatus::default()
            };
            assert_eq!(status.refusal(Some(generation)), refusal, "{reason}");
        }
    }

    #[test]
    fn the_time_of_transition_moves_only_with_the_status() {
        let mut conditions = Vec::new();
        set_condition(&mut conditions, ready(ConditionStatus::False, 1));
        set_condition(&mut conditions, ready(ConditionStatus::False, 2));
        assert_eq!(conditions[0].last_transition_time.as_second(), 1);
        set_condition(&mut conditions, ready(ConditionStatus::True, 3));
        assert_eq!(conditions[0].last_transition_time.as_second(), 3);
        assert_eq!(conditions.len(), 1);
    }
}
