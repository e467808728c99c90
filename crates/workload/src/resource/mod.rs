//! Capstan's own kinds: the model of `capstan-spec` as custom resources.

mod definition;
mod kind;

pub use definition::definitions;
pub use kind::{Cloud, ClusterRecord, ClusterTemplate, ManagementServer, OwnKind, WorkloadCluster};
