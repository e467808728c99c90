//! Which clusters of a management server use which image, so that none is taken away from under them.

use std::collections::{BTreeMap, BTreeSet};

use capstan_capi::kind::{self, Kind};
use capstan_capi::label;
use capstan_kubernetes::{Error as KubernetesError, ErrorKind, Kinds};
use capstan_spec::status::Resolved;
use kube::api::{ApiResource, ListParams};
use kube::core::{DynamicObject, GroupVersionKind};
use kube::{Api, Client};

use crate::resource::WorkloadCluster;
use crate::{Error, provider};

/// Users of images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageUse {
    /// By id of the image: `cluster <namespace>/<name>`.
    ids: BTreeMap<String, BTreeSet<String>>,
    /// The same by name, where somebody names an image and takes whatever has the name.
    names: BTreeMap<String, BTreeSet<String>>,
}

impl ImageUse {
    /// Who uses the image, sorted.
    pub fn of(&self, id: &str, name: &str) -> Vec<String> {
        let by_name = [self.names.get(name), self.names.get(id)];
        let users = self
            .ids
            .get(id)
            .into_iter()
            .chain(by_name.into_iter().flatten());
        let users: BTreeSet<&String> = users.flatten().collect();
        users.into_iter().cloned().collect()
    }

    fn pinned(&mut self, cluster: &str, resolved: &Resolved) {
        let own = resolved.image_id.iter();
        let pools = resolved.pool_images.values().map(|image| &image.id);
        let lagging = resolved.workers.iter().map(|image| &image.id);
        let bastion = resolved.bastion.iter();
        let bastion = bastion.filter_map(|bastion| bastion.image_id.as_ref());
        for id in own.chain(pools).chain(lagging).chain(bastion) {
            self.ids
                .entry(id.clone())
                .or_default()
                .insert(cluster.to_owned());
        }
    }

    /// What a cluster says, pinned or still to be looked up.
    fn cluster(&mut self, cluster: &WorkloadCluster) {
        let namespace = cluster.metadata.namespace.as_deref().unwrap_or_default();
        let name = cluster.metadata.name.as_deref().unwrap_or_default();
        let told = format!("cluster {namespace}/{name}");
        if let Some(resolved) = cluster
            .status
            .as_ref()
            .and_then(|status| status.resolved.as_ref())
        {
            self.pinned(&told, resolved);
        }
        let spec = &cluster.spec;
        let pools = spec.workers.iter().filter_map(|pool| pool.image.as_ref());
        let bastion = spec.bastion.iter();
        let bastion = bastion.filter_map(|bastion| bastion.image.as_ref());
        for named in spec.image.iter().chain(pools).chain(bastion) {
            self.names
                .entry(named.clone())
                .or_default()
                .insert(told.clone());
        }
    }

    /// What an object of the OpenStack provider says: also of a template that is being left, and of clusters that are not
    /// Capstan's.
    fn object(&mut self, object: &DynamicObject, names: &BTreeMap<(String, String), String>) {
        let spec = &object.data["spec"];
        let image = match &spec["template"]["spec"]["image"] {
            serde_json::Value::Null => &spec["image"],
            image => image,
        };
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        let labels = object.metadata.labels.as_ref();
        let cluster = labels.and_then(|labels| labels.get(label::CLUSTER_NAME));
        let told = match cluster {
            Some(cluster) => {
                let key = (namespace.clone(), cluster.clone());
                let name = names.get(&key).unwrap_or(cluster);
                format!("cluster {namespace}/{name}")
            }
            None => format!(
                "template {namespace}/{}",
                object.metadata.name.as_deref().unwrap_or_default()
            ),
        };
        if let Some(id) = image["id"].as_str() {
            self.ids.entry(id.to_owned()).or_default().insert(told);
        } else if let Some(name) = image["filter"]["name"].as_str() {
            self.names.entry(name.to_owned()).or_default().insert(told);
        }
    }
}

/// Looks at every cluster of every namespace, and at every machine and template of the OpenStack provider.
///
/// # Errors
/// When anything cannot be listed: that nobody uses an image is said only by whoever looked.
pub async fn image_use(client: &Client) -> Result<ImageUse, Error> {
    let mut seen = ImageUse::default();
    let clusters = Api::<WorkloadCluster>::all(client.clone())
        .list(&ListParams::default())
        .await
        .map_err(|error| KubernetesError::request("list", "clusters", error))?;
    let mut names = BTreeMap::new();
    for cluster in &clusters.items {
        seen.cluster(cluster);
        let known_as = cluster
            .status
            .as_ref()
            .and_then(|status| status.cluster_api_name.clone());
        if let (Some(known_as), Some(name), Some(namespace)) = (
            known_as,
            &cluster.metadata.name,
            &cluster.metadata.namespace,
        ) {
            names.insert((namespace.clone(), known_as), name.clone());
        }
    }
    let spoken = provider::openstack_api(&Kinds::new(client.clone())).await?;
    for kind in [kind::OPENSTACK_MACHINE_TEMPLATE, kind::OPENSTACK_MACHINE] {
        for object in list(client, spoken.of(kind)).await? {
            seen.object(&object, &names);
        }
    }
    Ok(seen)
}

async fn list(client: &Client, kind: Kind) -> Result<Vec<DynamicObject>, Error> {
    let named = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
    let resource = ApiResource::from_gvk_with_plural(&named, kind.plural);
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    match api.list(&ListParams::default()).await {
        Ok(found) => Ok(found.items),
        Err(error) => match KubernetesError::request("list", kind.plural, error) {
            // The provider is not installed (yet): then nothing is made of images either.
            error if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            error => Err(error.into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use capstan_spec::status::{NodeImage, PoolImage, ResolvedBastion};
    use capstan_spec::{KubernetesVersion, WorkloadClusterSpec};
    use serde_json::json;

    use super::*;

    #[test]
    fn an_image_is_used_by_whoever_is_pinned_to_it_names_it_or_has_machines_of_it() {
        let version = KubernetesVersion::new(1, 36, 3);
        let spec = WorkloadClusterSpec::new(version, "a", "b");
        let mut cluster = WorkloadCluster::new("default", "demo", spec);
        cluster.spec.image = Some("by-name".into());
        let pool = PoolImage {
            system: capstan_spec::NodeSystem::default(),
            asked: String::new(),
            version,
            id: "pool".into(),
        };
        let resolved = Resolved {
            image_id: Some("own".into()),
            pool_images: [("gpu".to_owned(), pool)].into(),
            workers: Some(NodeImage {
                version,
                id: "lagging".into(),
            }),
            bastion: Some(ResolvedBastion {
                image_id: Some("jump".into()),
                ..ResolvedBastion::default()
            }),
            ..Resolved::default()
        };
        cluster.status = Some(capstan_spec::status::WorkloadClusterStatus {
            resolved: Some(resolved),
            ..Default::default()
        });
        let mut seen = ImageUse::default();
        seen.cluster(&cluster);
        for id in ["own", "pool", "lagging", "jump", "by-name"] {
            assert_eq!(seen.of(id, "x"), ["cluster default/demo"], "{id}");
        }
        assert_eq!(seen.of("x", "by-name"), ["cluster default/demo"]);
        assert_eq!(seen.of("x", "y"), Vec::<String>::new());

        let names = [(
            ("default".to_owned(), "demo-x7k2p".to_owned()),
            "demo".to_owned(),
        )]
        .into();
        let object = |spec: serde_json::Value, cluster: Option<&str>| {
            let labels = cluster.map(|name| json!({ (label::CLUSTER_NAME): name }));
            serde_json::from_value::<DynamicObject>(json!({
                "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": "OpenStackMachine",
                "metadata": {"name": "m", "namespace": "default", "labels": labels}, "spec": spec,
            }))
            .unwrap()
        };
        let machine = json!({"image": {"id": "machine"}});
        seen.object(&object(machine, Some("demo-x7k2p")), &names);
        let template = json!({"template": {"spec": {"image": {"filter": {"name": "foreign"}}}}});
        seen.object(&object(template, None), &names);
        assert_eq!(seen.of("machine", "x"), ["cluster default/demo"]);
        assert_eq!(seen.of("x", "foreign"), ["template default/m"]);
    }
}
