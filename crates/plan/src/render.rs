//! From spec and facts to the objects that describe the cluster, in the order they are applied.

mod autoscaling;
mod bastion;
pub(crate) mod canonical;
mod cluster_configuration;
mod control_plane;
mod files;
mod health;
mod ignition;
mod infrastructure;
mod labels;
mod metadata;
mod node;
mod registry;
mod volumes;
mod workers;
mod written;

use capstan_capi::{Kind, apply, kind};
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::facts::Facts;

pub use bastion::ALLOWED_ANNOTATION as BASTION_ALLOWED_ANNOTATION;
pub use cluster_configuration::ENCRYPTION_KEY;
pub(crate) use control_plane::RETRY_PERIOD;
pub use metadata::{
    CLUSTER_LABEL, MANAGED_BY, MANAGED_BY_LABEL, POOL_LABEL, RENDERER_ANNOTATION, UID_LABEL,
    of_cluster,
};
pub use registry::{hosts as registry_hosts, login_key as registry_login_key};
pub(crate) use workers::NODE_POOL_LABEL;

/// Version of this renderer. It goes up whenever the same input gives other machine templates, so that an upgrade of
/// Capstan rolls nodes only with an accepted plan. Golden files of every version are kept.
pub const RENDERER: u32 = 1;

/// An object could not be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("failed to render {kind} {name}")]
pub struct RenderError {
    kind: &'static str,
    name: String,
    #[source]
    source: serde_json::Error,
}

/// An object that shall be.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredObject {
    /// Kind and version.
    pub kind: Kind,
    /// Name within the cluster's namespace.
    pub name: String,
    /// The whole object, for server-side apply.
    pub value: Value,
}

/// All objects of a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// In the order they are applied: templates, infrastructure, control plane, cluster, pools, health checks.
    ///
    /// The `Cluster` follows what it refers to, because Cluster API waits 30 s before it looks again for a reference it
    /// did not find; pools follow the `Cluster` for the same reason.
    pub objects: Vec<DesiredObject>,
    /// Hash over all objects: equal hashes, equal wishes.
    pub hash: String,
}

impl Rendered {
    /// The objects of one kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &DesiredObject> {
        self.objects
            .iter()
            .filter(move |object| object.kind == kind)
    }

    /// Names of machine and bootstrap templates in use, for the collection of old ones.
    pub fn templates(&self) -> impl Iterator<Item = &DesiredObject> {
        self.objects.iter().filter(|object| {
            object.kind == kind::OPENSTACK_MACHINE_TEMPLATE
                || object.kind == kind::KUBEADM_CONFIG_TEMPLATE
        })
    }
}

/// Renders all Cluster API objects of a cluster. The Secret with the credentials is not among them: it is no wish but a
/// secret, made when it is applied, under the name [`ClusterName::identity_secret`] and with the cloud name
/// [`IDENTITY_CLOUD`].
pub fn render(
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    facts: &Facts,
) -> Result<Rendered, RenderError> {
    let mut objects = Vec::new();

    let control_plane_template =
        infrastructure::template(spec, &(&spec.control_plane).into(), name, facts)?;
    let mut pools = Vec::with_capacity(spec.workers.len());
    objects.push(written::template(&control_plane_template, facts)?);
    for pool in &spec.workers {
        let template = infrastructure::template(spec, &pool.into(), name, facts)?;
        let bootstrap = workers::bootstrap(spec, pool, name, facts)?;
        objects.push(written::template(&template, facts)?);
        objects.push(desired(kind::KUBEADM_CONFIG_TEMPLATE, &bootstrap)?);
        pools.push((pool, template, bootstrap));
    }

    objects.push(written::cluster(
        infrastructure::cluster(spec, name, facts),
        facts,
    )?);
    let control_plane = control_plane::render(spec, name, facts, &control_plane_template);
    objects.push(desired(kind::KUBEADM_CONTROL_PLANE, &control_plane)?);
    objects.push(cluster(spec, name)?);
    let version = facts.workers_version.unwrap_or(spec.version);
    for (pool, template, bootstrap) in &pools {
        let capacity = facts.capacities.get(&pool.name);
        let architecture = spec.system(Some(pool)).architecture;
        let deployment = workers::deployment(
            version,
            pool,
            name,
            template,
            bootstrap,
            capacity,
            architecture,
        );
        objects.push(desired(kind::MACHINE_DEPLOYMENT, &deployment)?);
    }
    let checks = health::control_plane(spec, name).into_iter().chain(
        spec.workers
            .iter()
            .filter_map(|pool| health::pool(pool, name)),
    );
    for check in checks {
        objects.push(desired(kind::MACHINE_HEALTH_CHECK, &check)?);
    }

    let whole = Value::Array(objects.iter().map(|object| object.value.clone()).collect());
    Ok(Rendered {
        hash: canonical::hash(&whole),
        objects,
    })
}

/// Name of the entry that the `clouds.yaml` in the identity Secret must have.
pub const IDENTITY_CLOUD: &str = "openstack";

/// The `Cluster` alone. It needs no facts, so a cluster can be paused whatever else its spec says.
pub fn cluster(
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
) -> Result<DesiredObject, RenderError> {
    let ipv6 = spec.network.ipv6.as_ref();
    let ranges = |range: ipnet::IpNet, beside: Option<ipnet::IpNet>| apply::NetworkRanges {
        cidr_blocks: [range]
            .into_iter()
            .chain(beside)
            .map(|range| range.to_string())
            .collect(),
    };
    let cluster = apply::Cluster::new(
        kind::CLUSTER,
        metadata::of(name, name.cluster()),
        apply::ClusterSpec {
            paused: spec.paused,
            cluster_network: apply::ClusterNetwork {
                pods: ranges(spec.network.pod_cidr, ipv6.map(|ipv6| ipv6.pod_cidr)),
                services: ranges(
                    spec.network.service_cidr,
                    ipv6.map(|ipv6| ipv6.service_cidr),
                ),
                service_domain: "cluster.local".to_owned(),
            },
            control_plane_ref: apply::ContractReference::new(
                kind::KUBEADM_CONTROL_PLANE,
                name.control_plane(),
            ),
            infrastructure_ref: apply::ContractReference::new(
                kind::OPENSTACK_CLUSTER,
                name.cluster(),
            ),
        },
    );
    desired(kind::CLUSTER, &cluster)
}

/// `metav1.Time` has no fractions of seconds: with some, the object would never be as it was applied.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn desired<S: Serialize>(
    kind: Kind,
    object: &apply::Object<S>,
) -> Result<DesiredObject, RenderError> {
    let name = object.metadata.name.clone().unwrap_or_default();
    let value = to_value(kind, &name, object)?;
    Ok(DesiredObject { kind, name, value })
}

fn to_value(kind: Kind, name: &str, what: &impl Serialize) -> Result<Value, RenderError> {
    serde_json::to_value(what).map_err(|source| RenderError {
        kind: kind.kind,
        name: name.to_owned(),
        source,
    })
}

#[cfg(test)]
pub(crate) mod tests;
