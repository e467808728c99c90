//! Talking to any Kubernetes: server-side apply, prune, wait, errors.
//!
//! Nothing here knows Cluster API or Capstan's own kinds. Objects are [`kube::core::DynamicObject`]s; a request that
//! writes carries the one field manager [`FIELD_MANAGER`], strict field validation and `force`, so that what this
//! crate sends is the whole truth about the fields it owns.

mod apply;
mod connection;
mod discovery;
mod error;
mod exec;
mod facts;
mod inventory;
mod manifest;
mod observer;
mod order;
mod pods;
mod retry;
mod wait;

pub use apply::{Applied, Applier, Change, dry_run_create};
pub use connection::{Connection, ConnectionSettings};
pub use discovery::Kinds;
pub use error::{Error, ErrorKind, Result};
pub use exec::{Ended, exec};
pub use facts::{ClusterFacts, NodeFacts, cluster_uid, may_do_everything};
pub use inventory::{Inventory, InventoryEntry, Ownership, Pruned};
pub use manifest::{ObjectName, parse_manifest};
pub use observer::{Request, RequestObserver, RequestOutcome};
pub use order::{Stage, stages};
pub use pods::deployment_runs;
pub use retry::{Backoff, retry};
pub use wait::{
    Deadline, condition_status, crd_established, deployment_available, wait_deleted, wait_for,
};

/// The field manager under which all of Capstan's writes are recorded in `metadata.managedFields`.
pub const FIELD_MANAGER: &str = "capstan";
