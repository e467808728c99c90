//! Addons into a workload cluster, in order and with health.

use std::sync::Arc;

use capstan_addons::{ChartEngine, ChartRelease};
use capstan_catalog::{Architecture, Catalogue};
use capstan_kubernetes::{
    Applier, Connection, Deadline, Error as KubernetesError, Kinds, ObjectName, RequestObserver,
    deployment_available,
};
use capstan_plan::addons::{AddonRelease, addons};
use capstan_plan::progress::AddonState;
use capstan_spec::progress::StepState;
use capstan_spec::{ClusterName, Mirror, WorkloadClusterSpec};
use kube::Client;
use kube::api::ListParams;
use kube::core::DynamicObject;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::Error;
use crate::clouds::Clouds;
use crate::surroundings::{WRITE, read_secret};

/// Annotation on an addon's namespace: hash of the release that was installed last.
const INSTALLED: &str = "capstan.dev/installed-release";

/// How a workload cluster is reached.
pub struct Access {
    kubeconfig: SecretString,
    observer: Option<Arc<dyn RequestObserver>>,
}

impl Access {
    /// As Cluster API wrote it.
    pub const fn kubeconfig(&self) -> &SecretString {
        &self.kubeconfig
    }

    pub(crate) async fn client(&self) -> Result<Client, Error> {
        let connection = Connection::from_kubeconfig(&self.kubeconfig, None).await?;
        Ok(connection.observed_by(self.observer.clone()).client()?)
    }
}

/// How a cluster is reached as its administrator, once Cluster API has written that down.
pub async fn access(clouds: &Clouds, name: &ClusterName) -> Result<Option<Access>, Error> {
    let data = read_secret(&clouds.client, name.namespace(), &name.kubeconfig_secret()).await?;
    let kubeconfig = data.and_then(|mut data| data.remove("value"));
    Ok(kubeconfig.map(|kubeconfig| Access {
        kubeconfig,
        observer: clouds.observers.workload.clone(),
    }))
}

/// Tells how far the addons are that were installed, and changes nothing.
pub async fn look(spec: &WorkloadClusterSpec, access: &Access) -> Result<Vec<AddonState>, Error> {
    let kinds = Kinds::new(access.client().await?);
    let mut states = Vec::new();
    for addon in addons(spec) {
        let (state, message) = if installed(&kinds, addon.namespace).await?.is_none() {
            (StepState::Waiting, "is not installed".to_owned())
        } else {
            match health(&kinds, addon.namespace).await? {
                Ok(()) => (StepState::Done, "is healthy".to_owned()),
                Err(missing) => (StepState::Running, missing),
            }
        };
        states.push(AddonState {
            name: addon.name.to_owned(),
            state,
            message,
        });
    }
    Ok(states)
}

/// Installs what is missing or changed and tells how far each addon is. An addon begins when the one before is healthy.
pub async fn equip(
    engine: &dyn ChartEngine,
    catalogue: &Catalogue,
    spec: &WorkloadClusterSpec,
    mirror: Option<&Mirror>,
    access: &Access,
) -> Result<Vec<AddonState>, Error> {
    let applier = Applier::new(access.client().await?);
    let mut states = Vec::new();
    let mut go_on = true;
    for addon in addons(spec) {
        let state = if go_on {
            install(engine, catalogue, spec, mirror, access, &applier, &addon).await?
        } else {
            (StepState::Waiting, "waits for the addon before".to_owned())
        };
        go_on = state.0 == StepState::Done;
        states.push(AddonState {
            name: addon.name.to_owned(),
            state: state.0,
            message: state.1,
        });
    }
    Ok(states)
}

async fn install(
    engine: &dyn ChartEngine,
    catalogue: &Catalogue,
    spec: &WorkloadClusterSpec,
    mirror: Option<&Mirror>,
    access: &Access,
    applier: &Applier,
    addon: &AddonRelease,
) -> Result<(StepState, String), Error> {
    let version = catalogue.component(spec.version, addon.chart)?;
    let artifacts = catalogue.artifacts(addon.chart, &version, Architecture::default())?;
    let artifact = artifacts
        .first()
        .ok_or_else(|| Error::Missing(format!("the chart of {}", addon.name)))?;
    let release = ChartRelease {
        name: addon.name.to_owned(),
        namespace: addon.namespace.to_owned(),
        chart: artifact.location(mirror),
        values: addon.values.clone(),
    };
    let hash = release.hash();
    if installed(applier.kinds(), addon.namespace)
        .await?
        .as_deref()
        != Some(&hash)
    {
        // The namespace first: its labels decide whether the pods may run. The hash only after the chart.
        applier
            .apply_one(&namespace(addon, None)?, Deadline::after(WRITE))
            .await?;
        engine.upgrade(&release, &access.kubeconfig).await?;
        applier
            .apply_one(&namespace(addon, Some(&hash))?, Deadline::after(WRITE))
            .await?;
    }
    Ok(match health(applier.kinds(), addon.namespace).await? {
        Ok(()) => (StepState::Done, format!("{version} is healthy")),
        Err(missing) => (StepState::Running, missing),
    })
}

fn namespace(addon: &AddonRelease, hash: Option<&str>) -> Result<DynamicObject, Error> {
    let labels: serde_json::Map<String, Value> = addon
        .namespace_labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).into()))
        .collect();
    let mut object = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": addon.namespace, "labels": labels},
    });
    if let Some(hash) = hash {
        object["metadata"]["annotations"] = json!({INSTALLED: hash});
    }
    serde_json::from_value(object).map_err(|source| Error::Shape {
        what: addon.namespace.to_owned(),
        source,
    })
}

async fn installed(kinds: &Kinds, namespace: &str) -> Result<Option<String>, Error> {
    let name = ObjectName {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        namespace: None,
        name: namespace.to_owned(),
    };
    let found = kinds.api_of(&name).await?.get_opt(namespace).await;
    let found = found.map_err(|e| KubernetesError::request("read", name.to_string(), e))?;
    Ok(found.and_then(|object| object.metadata.annotations?.remove(INSTALLED)))
}

/// Whether every program of a namespace runs; `Err` says which does not.
async fn health(kinds: &Kinds, namespace: &str) -> Result<Result<(), String>, Error> {
    for kind in ["DaemonSet", "Deployment"] {
        let name = ObjectName {
            api_version: "apps/v1".to_owned(),
            kind: kind.to_owned(),
            namespace: Some(namespace.to_owned()),
            name: String::new(),
        };
        let found = kinds
            .api_of(&name)
            .await?
            .list(&ListParams::default())
            .await;
        for object in found
            .map_err(|e| KubernetesError::request("list", format!("{kind}s of {namespace}"), e))?
        {
            let state = if kind == "DaemonSet" {
                daemon_set_available(&object)
            } else {
                deployment_available(&object)
            };
            if let Err(missing) = state {
                return Ok(Err(format!(
                    "{}: {missing}",
                    object.metadata.name.unwrap_or_default()
                )));
            }
        }
    }
    Ok(Ok(()))
}

/// Whether a `DaemonSet` runs its newest version on every node it belongs on.
pub(crate) fn daemon_set_available(object: &DynamicObject) -> Result<(), String> {
    let number = |path: &str| {
        object
            .data
            .pointer(path)
            .and_then(Value::as_i64)
            .unwrap_or(0)
    };
    if number("/status/observedGeneration") < object.metadata.generation.unwrap_or(0) {
        return Err("the newest version is not rolled out yet".to_owned());
    }
    let wanted = number("/status/desiredNumberScheduled");
    let (updated, available) = (
        number("/status/updatedNumberScheduled"),
        number("/status/numberAvailable"),
    );
    // Fewer old pods can remain than nodes are wanted while one joins; both counts must be full.
    if updated < wanted || available < wanted {
        return Err(format!("runs on {available} of {wanted} nodes"));
    }
    Ok(())
}
