//! An OpenStack cloud: session, inventory, quota and resources, with its own error taxonomy and retries.
//!
//! * [`config`]: which cloud and who we are (`clouds.yaml`, `secure.yaml`).
//! * [`Session`]: the one way every call takes. Time limit per attempt, retries by kind of failure, token renewed once
//!   for all, bounded concurrency. [`Error`] says what failed, the service's words, method, URL and request id.
//! * [`identity`], [`network`], [`compute`], [`image`], [`volume`], [`load_balancer`]: the resources, by service;
//!   reached through [`Session::identity`] and so on. Structs hold the fields Capstan reads, no more. Lists are complete
//!   or an error.
//! * [`Inventory`]: what the cloud offers. [`Holdings`]: what the project has that something new can refer to. [`Quota`]: what the project may still use. [`Snapshot`]: everything the
//!   project has, to compare before and after.
//! * [`wait`]: waiting with a time limit. [`create_or_find`]: creating exactly once over an unreliable network.
//!
//! Resources are found by the identity given in the creating request and removed by id. Nothing here knows Kubernetes.

pub mod compute;
pub mod config;
mod create;
mod error;
mod holdings;
pub mod identity;
pub mod image;
mod inventory;
pub mod load_balancer;
mod names;
pub mod network;
mod quota;
mod quota_set;
mod session;
mod snapshot;
pub mod volume;
pub mod wait;

pub use config::{CloudConfig, ConfigError};
pub use create::{Created, create_or_find};
pub use error::{CallInfo, Cause, Error, Kind, Optional};
pub use holdings::Holdings;
pub use inventory::{Choice, Inventory, Unknown, Zones};
pub use names::closest;
pub use quota::{Quota, QuotaLine, Resource, Shortage};
pub use session::{
    Attempt, Budget, CallObserver, CredentialIdentity, Identity, Options, Outcome, Removal,
    RetryPolicy, Service, Session,
};
pub use snapshot::{Difference, Entry, ResourceKind, Snapshot};
