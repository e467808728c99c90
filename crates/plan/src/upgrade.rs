//! From the version that runs to the one that is wanted: which moves, in which order, and when the next may begin.
//!
//! A change of version is a chain of [`Move`]s. The control plane goes up one minor at a time, because kubeadm does; the
//! workers are rolled once, at the end, or before they would fall further behind than kubelets may. One move is under way
//! at a time. What was begun is written down in the cluster's status ([`Resolved`](capstan_spec::status::Resolved)), so a
//! controller that starts again goes on, and a chain can be given another goal, or broken off, between two moves.

mod carried;
mod demand;
mod hazard;
mod route;
mod stored;

pub use carried::{Carried, take};
pub use demand::{RequestedApi, deprecated_apis, removed_by};
pub use hazard::{Budget, Replicas, hazards};
pub use route::{KUBELET_SKEW, Move, Obstacle, Versions, route};
pub use stored::{Definition, Written, unserved};
