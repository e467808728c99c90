//! The model of a workload cluster and of what stands round it: types, defaults, rules, and the cluster file.
//!
//! Every door (cluster file, command line, HTTP, dashboard) yields the same [`WorkloadClusterSpec`], with the same
//! defaults ([`defaults`]) and the same findings ([`validate`]). Nothing here does I/O.
//!
//! | module | holds |
//! |---|---|
//! | [`cluster`] | what a workload cluster is wanted to be |
//! | [`status`], [`progress`] | what is known about one |
//! | [`cloud`] | credentials and defaults of an OpenStack cloud, and its inventory |
//! | [`template`] | what an operator offers |
//! | [`record`] | the ledger, history and audit that outlive a cluster |
//! | [`manifest`] | what a hook's manifest must keep |
//! | [`management`] | a management server and the artifact mirror |
//! | [`version`], [`naming`] | Kubernetes versions; the uid, derived names and their length limits |
//! | [`defaults`], [`validate`], [`finding`] | the one place of defaults, of rules, and how violations are told |
//! | [`mod@difference`] | where two wishes differ |
//! | [`file`](mod@file), [`yaml`] | the cluster file (`clusterctl.yaml`), read with line and column, and written |
//! | [`schema`] | JSON Schema of the above |

pub mod cloud;
pub mod cluster;
pub mod defaults;
pub mod difference;
pub mod file;
pub mod finding;
pub mod management;
pub mod manifest;
pub mod naming;
pub mod progress;
pub mod record;
pub mod schema;
pub mod status;
pub mod template;
pub mod validate;
pub mod version;
mod version_wish;
pub mod yaml;

pub use cloud::{CloudSpec, CloudStatus};
pub use cluster::{
    ApiAccess, Architecture, Cni, ControlPlane, DeletionPolicy, Kubeadm, Machines, Network,
    NodeSystem, ServerGroupPolicy, WorkerPool, WorkloadClusterSpec,
};
pub use finding::{Finding, Severity};
pub use management::{ManagementServerSpec, ManagementServerStatus, Mirror};
pub use naming::{ClusterName, Uid};
pub use record::{ClusterRecordSpec, ClusterRecordStatus};
pub use status::WorkloadClusterStatus;
pub use template::{ClusterTemplateSpec, ClusterTemplateStatus, TemplateDefaults};
pub use version::KubernetesVersion;
pub use version_wish::VersionWish;

/// API group of every kind of Capstan.
pub const API_GROUP: &str = "capstan.dev";
/// The one served version of [`API_GROUP`].
pub const API_VERSION: &str = "v1alpha1";
