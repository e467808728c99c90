//! Reconcilers that string `workload` and `management` together. No rule of its own: what to do is said there, here it is
//! said when.
//!
//! [`run`] holds the lease, serves `/healthz`, `/readyz` and `/metrics`, and reconciles `WorkloadCluster`s until it is told to stop or
//! loses the lease.

mod cluster;
mod defragmentation;
mod health;
mod inventory;
mod lease;
pub mod metrics;
mod provider;
mod record;
mod run;
mod seen;
mod status;
mod upkeep;
mod watch;

pub use run::{RunError, Settings, run};
