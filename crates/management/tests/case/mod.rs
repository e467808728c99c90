//! A cluster on an API server with the real managers of Cluster API, its infrastructure declared ready.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use capstan_capi::{Kind, OpenStackApi, kind};
use capstan_kubernetes::{Applier, Deadline, FIELD_MANAGER, ObjectName, wait_for};
use capstan_plan::change::Plan;
use capstan_plan::facts::{Facts, Surroundings};
use capstan_plan::{Observation, Rendered, change, render};
use capstan_spec::status::{Resolved, ResolvedBastion};
use capstan_spec::{ClusterName, KubernetesVersion, WorkloadClusterSpec};
use capstan_workload::provider::carry_over;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::DynamicObject;
use serde_json::{Value, json};

/// A plain cluster.
pub(crate) fn spec() -> WorkloadClusterSpec {
    let mut spec =
        WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "m1.medium", "m1.small");
    spec.workers[0].replicas = 2;
    spec.api_access.allowed_cidrs = vec!["203.0.113.0/24".parse().unwrap()];
    spec.network.dns_nameservers = vec!["9.9.9.9".parse().unwrap()];
    spec
}

/// Id of whatever was there already.
pub(crate) const ID: &str = "0d1f7a62-3d1c-4b7a-8b1e-5a2f9c4e7d22";

/// Its objects, in the version that the server speaks.
pub(crate) fn rendered(
    name: &ClusterName,
    spec: &WorkloadClusterSpec,
    openstack_api: OpenStackApi,
) -> Rendered {
    rendered_with(name, spec, None, openstack_api)
}

/// With what was made for a bastion.
pub(crate) fn rendered_with(
    name: &ClusterName,
    spec: &WorkloadClusterSpec,
    bastion: Option<ResolvedBastion>,
    openstack_api: OpenStackApi,
) -> Rendered {
    let resolved = Resolved {
        bastion,
        image_id: Some(ID.into()),
        external_network_id: Some(ID.into()),
        load_balancer_provider: Some("amphora".into()),
        floating_ip: Some("198.51.100.7".into()),
        ..Resolved::default()
    };
    let around = Surroundings {
        openstack_api,
        ..Surroundings::default()
    };
    let facts = Facts::collect(spec, &resolved, &around).unwrap();
    render(spec, name, &facts).unwrap()
}

/// The end of what must come about.
pub(crate) fn limit() -> Deadline {
    Deadline::after(Duration::from_mins(1))
}

/// One cluster on the API server.
pub(crate) struct Case {
    pub(crate) applier: Applier,
    pub(crate) name: ClusterName,
    pub(crate) spoken: OpenStackApi,
}

impl Case {
    /// Applies as the product does, and says what was refused.
    pub(crate) async fn apply(
        &self,
        rendered: &Rendered,
    ) -> Vec<(Kind, capstan_kubernetes::Error)> {
        let mut refused = Vec::new();
        for object in &rendered.objects {
            let value: DynamicObject = serde_json::from_value(object.value.clone()).unwrap();
            let kinds = self.applier.kinds();
            carry_over(kinds, object.kind, &value).await.unwrap();
            if let Err(error) = self.applier.apply_one(&value, limit()).await {
                refused.push((object.kind, error));
            }
        }
        refused
    }

    /// The objects of a kind.
    pub(crate) async fn list(&self, kind: Kind) -> Vec<DynamicObject> {
        let name = ObjectName {
            api_version: kind.api_version(),
            kind: kind.kind.to_owned(),
            namespace: Some("default".to_owned()),
            name: String::new(),
        };
        let api = self.applier.kinds().api_of(&name).await.unwrap();
        let label = format!("cluster.x-k8s.io/cluster-name={}", self.name.cluster());
        api.list(&ListParams::default().labels(&label))
            .await
            .unwrap()
            .items
    }

    /// Says of the network and the load balancer what CAPO would say.
    pub(crate) async fn play_infrastructure(&self) {
        let name = ObjectName {
            api_version: self.spoken.of(kind::OPENSTACK_CLUSTER).api_version(),
            kind: kind::OPENSTACK_CLUSTER.kind.to_owned(),
            namespace: Some("default".to_owned()),
            name: self.name.cluster(),
        };
        let api = self.applier.kinds().api_of(&name).await.unwrap();
        let params = PatchParams::default();
        let endpoint =
            json!({"spec": {"controlPlaneEndpoint": {"host": "198.51.100.7", "port": 6443}}});
        api.patch(&name.name, &params, &Patch::Merge(endpoint))
            .await
            .unwrap();
        let ready = match self.spoken {
            OpenStackApi::V1Beta1 => json!({"status": {"ready": true}}),
            OpenStackApi::V1Beta2 => json!({"status": {"initialization": {"provisioned": true}}}),
        };
        api.patch_status(&name.name, &params, &Patch::Merge(ready))
            .await
            .unwrap();
    }

    /// What applying these objects changes.
    pub(crate) async fn plan(&self, rendered: &Rendered) -> Plan {
        let nobody = Observation::default();
        let mut live = capstan_workload::change::live(&self.applier, &self.name, &nobody)
            .await
            .unwrap();
        // Workers are asked for and not made yet: Cluster API waits for the control plane.
        live.machines =
            BTreeMap::from([("control-plane".to_owned(), 1), ("workers".to_owned(), 2)]);
        change::plan(rendered, &live, FIELD_MANAGER)
    }

    /// Waits until the managers have made of a cluster what they can.
    pub(crate) async fn settled(&self) {
        let what = format!("{} to be begun", self.name.cluster());
        let begun = wait_for(&what, limit(), || async {
            let planes = self.list(kind::KUBEADM_CONTROL_PLANE).await;
            let seen = planes.first().is_some_and(|plane| {
                plane.data.pointer("/status/upToDateReplicas") == Some(&json!(1))
            });
            let sets = self.list(kind::MACHINE_SET).await.len();
            Ok((seen && sets == 1).then_some(()).ok_or_else(|| {
                format!(
                    "{sets} machine sets, {:?}",
                    planes.first().map(|p| &p.data["status"])
                )
            }))
        });
        begun.await.unwrap();
    }

    /// Whether the control plane replaces its machine, once it has looked at the newest wish.
    pub(crate) async fn plane_rolls(&self) -> bool {
        let what = format!("the control plane of {}", self.name.cluster());
        let looked = wait_for(&what, limit(), || async {
            let planes = self.list(kind::KUBEADM_CONTROL_PLANE).await;
            let plane = planes.first().unwrap();
            // Without a workload cluster no round of it ends well, so it never says `status.observedGeneration`.
            let conditions = plane.data.pointer("/status/conditions");
            let rolling = conditions
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .find(|condition| condition["type"] == "RollingOut")
                .cloned()
                .unwrap_or_default();
            let generation = plane.metadata.generation.map(|g| json!(g));
            Ok((rolling.get("observedGeneration") == generation.as_ref())
                .then(|| rolling["status"] == "True")
                .ok_or_else(|| format!("{rolling}")))
        });
        looked.await.unwrap()
    }

    /// Whether the pool has a new machine set, once its controller has looked at the newest wish.
    pub(crate) async fn pool_rolls(&self) -> bool {
        let what = format!("the pool of {}", self.name.cluster());
        let looked = wait_for(&what, limit(), || async {
            let pools = self.list(kind::MACHINE_DEPLOYMENT).await;
            let pool = pools.first().unwrap();
            let generation = pool.metadata.generation.map(|g| json!(g));
            let observed = pool.data.pointer("/status/observedGeneration").cloned();
            let sets = self.list(kind::MACHINE_SET).await.len();
            Ok((observed == generation)
                .then_some(sets > 1)
                .ok_or_else(|| format!("observed {observed:?}")))
        });
        looked.await.unwrap()
    }
}
