//! Labels and annotations on every object.

use capstan_capi::apply::{Labels, Metadata};
use capstan_capi::label;
use capstan_spec::ClusterName;

use super::RENDERER;

/// Who manages the object.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY_LABEL`].
pub const MANAGED_BY: &str = "capstan";
/// Name of the `WorkloadCluster`.
pub const CLUSTER_LABEL: &str = "capstan.dev/cluster";
/// Unique part of the cluster's names.
pub const UID_LABEL: &str = "capstan.dev/uid";
/// Worker pool, or `control-plane`.
pub const POOL_LABEL: &str = "capstan.dev/pool";
/// Version of the renderer that made the object.
pub const RENDERER_ANNOTATION: &str = "capstan.dev/renderer";

/// Labels that say to which cluster something belongs.
pub fn of_cluster(cluster: &ClusterName) -> Labels {
    labels(&[
        (label::CLUSTER_NAME, &cluster.cluster()),
        (MANAGED_BY_LABEL, MANAGED_BY),
        (CLUSTER_LABEL, cluster.name()),
        (UID_LABEL, cluster.uid().as_str()),
    ])
}

/// Metadata of an object of this cluster.
pub(super) fn of(cluster: &ClusterName, name: String) -> Metadata {
    Metadata {
        name: Some(name),
        namespace: Some(cluster.namespace().to_owned()),
        labels: of_cluster(cluster),
        annotations: labels(&[(RENDERER_ANNOTATION, &RENDERER.to_string())]),
    }
}

/// Metadata of an object of a pool of this cluster.
pub(super) fn of_pool(cluster: &ClusterName, pool: &str, name: String) -> Metadata {
    let mut metadata = of(cluster, name);
    metadata
        .labels
        .insert(POOL_LABEL.to_owned(), pool.to_owned());
    metadata
}

/// Labels from pairs.
pub(super) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}
