//! Charts into a workload cluster: render, order, apply, health, removal.
//!
//! [`ChartEngine`] is what is done with a chart; [`Helm`] does it with the `helm` binary, whose semantics (hooks, `lookup`,
//! history) no library has. Each call gets its own homes and its own kubeconfig file, readable by its owner only and gone
//! afterwards, so no call sees another's state or the user's.

mod engine;
mod helm;

pub use engine::{ChartEngine, ChartRelease, Error, ReleaseState};
pub use helm::Helm;
