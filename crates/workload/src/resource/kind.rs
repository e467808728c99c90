//! One Rust type per kind.

use std::borrow::Cow;

use capstan_spec::cloud::{CloudSpec, CloudStatus};
use capstan_spec::management::{ManagementServerSpec, ManagementServerStatus};
use capstan_spec::record::{ClusterRecordSpec, ClusterRecordStatus};
use capstan_spec::status::WorkloadClusterStatus;
use capstan_spec::{
    API_GROUP, API_VERSION, ClusterTemplateSpec, ClusterTemplateStatus, WorkloadClusterSpec,
};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What the definition of a kind is made from.
pub trait OwnKind: kube::Resource<DynamicType = ()> {
    /// What is wanted.
    type Spec: JsonSchema + Serialize + DeserializeOwned;
    /// What is known.
    type Status: JsonSchema + Serialize + DeserializeOwned;
    /// Short name for kubectl.
    const SHORT: &'static str;
    /// Columns kubectl shows: title and path.
    const COLUMNS: &'static [(&'static str, &'static str)];
    /// What the API server itself refuses: a CEL expression over the whole object, and what to say.
    const RULES: &'static [(&'static str, &'static str)];
}

macro_rules! own_kind {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $plural:literal, $short:literal, $spec:ty, $status:ty,
     columns: $columns:expr, rules: $rules:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        pub struct $name {
            #[serde(rename = "apiVersion")]
            api_version: String,
            kind: String,
            /// Name, namespace, labels, finalizers.
            pub metadata: ObjectMeta,
            /// What is wanted.
            pub spec: $spec,
            /// What is known; absent until the controller has seen the object.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub status: Option<$status>,
        }

        impl $name {
            /// A new object that no API server has seen yet.
            pub fn new(namespace: &str, name: &str, spec: $spec) -> Self {
                Self {
                    api_version: format!("{API_GROUP}/{API_VERSION}"),
                    kind: $kind.to_owned(),
                    metadata: ObjectMeta {
                        name: Some(name.to_owned()),
                        namespace: Some(namespace.to_owned()),
                        ..ObjectMeta::default()
                    },
                    spec,
                    status: None,
                }
            }
        }

        impl kube::Resource for $name {
            type DynamicType = ();
            type Scope = NamespaceResourceScope;
            fn kind((): &()) -> Cow<'_, str> {
                $kind.into()
            }
            fn group((): &()) -> Cow<'_, str> {
                API_GROUP.into()
            }
            fn version((): &()) -> Cow<'_, str> {
                API_VERSION.into()
            }
            fn plural((): &()) -> Cow<'_, str> {
                $plural.into()
            }
            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }

        impl OwnKind for $name {
            type Spec = $spec;
            type Status = $status;
            const SHORT: &'static str = $short;
            const COLUMNS: &'static [(&'static str, &'static str)] = $columns;
            const RULES: &'static [(&'static str, &'static str)] = $rules;
        }
    };
}

own_kind!(
    /// A workload cluster.
    WorkloadCluster, "WorkloadCluster", "workloadclusters", "wc", WorkloadClusterSpec, WorkloadClusterStatus,
    columns: &[
        ("Phase", ".status.phase"),
        ("Version", ".spec.version"),
        ("Progress", ".status.progress.percent"),
        ("Endpoint", ".status.endpoint"),
    ],
    rules: &[
        ("self.spec.controlPlane.replicas % 2 == 1", "spec.controlPlane.replicas must be odd: etcd needs a majority"),
        (
            "self.spec.cloud == oldSelf.spec.cloud",
            "spec.cloud cannot be changed: make a new cluster there",
        ),
        (
            "self.spec.?network.nodeCidr == oldSelf.spec.?network.nodeCidr \
             && self.spec.?network.podCidr == oldSelf.spec.?network.podCidr \
             && self.spec.?network.serviceCidr == oldSelf.spec.?network.serviceCidr",
            "the address ranges of spec.network cannot be changed after creation",
        ),
        (
            concat!(
                "!has(oldSelf.status) || !has(oldSelf.status.resolved) || !has(oldSelf.status.resolved.externalNetworkId) || (",
                "self.spec.?network.externalNetwork == oldSelf.spec.?network.externalNetwork",
                " && self.spec.?network.mtu == oldSelf.spec.?network.mtu",
                " && self.spec.?network.existing == oldSelf.spec.?network.existing)",
            ),
            "externalNetwork, mtu and existing of spec.network cannot be changed once the cluster is begun",
        ),
        (
            concat!(
                "!has(oldSelf.status) || !has(oldSelf.status.resolved) || !has(oldSelf.status.resolved.externalNetworkId) || (",
                "self.spec.?apiAccess.private.orValue(false) == oldSelf.spec.?apiAccess.private.orValue(false)",
                " && self.spec.?apiAccess.port.orValue(6443) == oldSelf.spec.?apiAccess.port.orValue(6443)",
                " && self.spec.?apiAccess.floatingIp == oldSelf.spec.?apiAccess.floatingIp",
                " && self.spec.?apiAccess.loadBalancerProvider == oldSelf.spec.?apiAccess.loadBalancerProvider",
                " && self.spec.?apiAccess.loadBalancerFlavor == oldSelf.spec.?apiAccess.loadBalancerFlavor",
                " && self.spec.?apiAccess.loadBalancerZone == oldSelf.spec.?apiAccess.loadBalancerZone)",
            ),
            "of spec.apiAccess only allowedCidrs and sans can be changed once the cluster is begun",
        ),
        (
            "!has(oldSelf.status) || !has(oldSelf.status.resolved) || !has(oldSelf.status.resolved.externalNetworkId) \
             || (has(self.spec.tags) == has(oldSelf.spec.tags) \
             && (!has(self.spec.tags) || self.spec.tags == oldSelf.spec.tags))",
            "spec.tags cannot be changed once the cluster is begun",
        ),
        (
            "!has(oldSelf.status) || !has(oldSelf.status.uid) || (has(self.status) && has(self.status.uid) \
             && self.status.uid == oldSelf.status.uid)",
            "status.uid is set once: all names in the cloud contain it",
        ),
    ]
);

own_kind!(
    /// An OpenStack cloud.
    Cloud, "Cloud", "clouds", "cl", CloudSpec, CloudStatus,
    columns: &[("Cloud", ".spec.cloud"), ("Ready", ".status.conditions[?(@.type==\"Ready\")].status")],
    rules: &[]
);

own_kind!(
    /// What an operator offers.
    ClusterTemplate, "ClusterTemplate", "clustertemplates", "ct", ClusterTemplateSpec, ClusterTemplateStatus,
    columns: &[("Availability", ".spec.availability"), ("Description", ".spec.description")],
    rules: &[
        (
            "!has(self.spec.replacement) || self.spec.replacement != self.metadata.name",
            "spec.replacement is another template",
        ),
    ]
);

own_kind!(
    /// What outlives a cluster.
    ClusterRecord, "ClusterRecord", "clusterrecords", "cr", ClusterRecordSpec, ClusterRecordStatus,
    columns: &[
        ("Cluster", ".spec.cluster"),
        ("Created", ".status.audit.created"),
        ("Gone", ".status.audit.gone"),
    ],
    rules: &[("self.spec == oldSelf.spec", "spec cannot be changed: a record is about one cluster")]
);

own_kind!(
    /// A management server.
    ManagementServer, "ManagementServer", "managementservers", "ms", ManagementServerSpec, ManagementServerStatus,
    columns: &[("Name", ".spec.name"), ("Catalogue", ".spec.catalogue")],
    rules: &[]
);
