//! kubeadm's configuration, API v1beta4 (Kubernetes ≥ 1.31).

use serde::Serialize;
use serde_json::{Value, json};

use super::super::{EngineError, Facts};

/// All documents of `kubeadm init --config`. `INSTANCE_ID` is filled in on the server, where alone it is known.
pub(super) fn kubeadm(facts: &Facts<'_>) -> Result<String, EngineError> {
    [init(facts), cluster(facts)]
        .iter()
        .try_fold(String::new(), |text, document| {
            let document = yaml(document)?;
            Ok(if text.is_empty() {
                document
            } else {
                format!("{text}---\n{document}")
            })
        })
}

fn init(facts: &Facts<'_>) -> Value {
    json!({
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "InitConfiguration",
        "localAPIEndpoint": { "advertiseAddress": facts.private_address, "bindPort": 6443 },
        "nodeRegistration": {
            "name": facts.identity.resource_name(),
            "criSocket": "unix:///run/containerd/containerd.sock",
            // An empty list, not a missing one: the only node runs everything.
            "taints": [],
            "kubeletExtraArgs": [
                { "name": "node-ip", "value": facts.private_address },
                { "name": "provider-id", "value": "openstack:///INSTANCE_ID" },
            ],
        },
    })
}

fn cluster(facts: &Facts<'_>) -> Value {
    json!({
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "clusterName": facts.identity.resource_name(),
        "kubernetesVersion": facts.kubernetes_version,
        "controlPlaneEndpoint": format!("{}:6443", facts.public_address),
        "apiServer": {
            "certSANs": [
                facts.public_address.to_string(),
                facts.private_address.to_string(),
                facts.identity.resource_name(),
                "127.0.0.1",
                "localhost",
            ],
        },
        "networking": {
            "podSubnet": facts.pod_cidr,
            "serviceSubnet": facts.service_cidr,
            "dnsDomain": "cluster.local",
        },
    })
}

fn yaml(value: &impl Serialize) -> Result<String, EngineError> {
    serde_saphyr::to_string(value).map_err(|source| EngineError::Write {
        what: "kubeadm's configuration",
        source: Box::new(source),
    })
}
