//! What all nodes have in common: how they register, and how they go.

use std::collections::BTreeMap;

use capstan_capi::apply::{Argument, MachineDeletion, NodeRegistration, Taint};
use capstan_spec::cluster::kubeadm::BootstrapFormat;
use capstan_spec::{Kubeadm, WorkerPool};

use super::{ignition, labels};

/// Time limits of a machine's removal. Cluster API's own default for draining is "for ever".
pub(super) const fn deletion(drain_timeout_seconds: u32) -> MachineDeletion {
    MachineDeletion {
        node_drain_timeout_seconds: drain_timeout_seconds,
        node_volume_detach_timeout_seconds: 300,
        node_deletion_timeout_seconds: 60,
    }
}

/// How a node of the control plane registers, or one of `pool`. Name and provider id are expressions that are
/// evaluated on the node.
///
/// There is no cloud controller yet, so kubelets must not wait for one (no `cloud-provider=external`); the provider id is
/// given by hand, because Cluster API finds the node of a machine by it.
pub(super) fn registration(kubeadm: &Kubeadm, pool: Option<&WorkerPool>) -> NodeRegistration {
    let (hostname, provider_id) = match kubeadm.format {
        BootstrapFormat::CloudConfig => (
            "{{ local_hostname }}".to_owned(),
            "openstack:///'{{ instance_id }}'".to_owned(),
        ),
        BootstrapFormat::Ignition => (
            ignition::HOSTNAME.to_owned(),
            format!("openstack:///{}", ignition::INSTANCE_ID),
        ),
    };
    let mut kubelet_extra_args = vec![Argument {
        name: "provider-id".to_owned(),
        value: provider_id,
    }];
    let kubelet = &kubeadm.kubelet;
    let mut more = kubelet.extra_args.clone();
    let lists = [
        ("feature-gates", feature_gates(kubeadm)),
        ("system-reserved", pairs(&kubelet.system_reserved, "=")),
        ("kube-reserved", pairs(&kubelet.kube_reserved, "=")),
        ("eviction-hard", pairs(&kubelet.eviction_hard, "<")),
        (
            "node-labels",
            pool.map(|pool| pairs(&labels::by_kubelet(pool), "="))
                .unwrap_or_default(),
        ),
    ];
    for (flag, value) in lists.into_iter().filter(|(_, value)| !value.is_empty()) {
        more.insert(flag.to_owned(), value);
    }
    kubelet_extra_args.extend(arguments(&more));
    NodeRegistration {
        name: hostname,
        kubelet_extra_args,
        taints: pool.map(taints).unwrap_or_default(),
    }
}

/// Flags in the order of their names.
pub(super) fn arguments(args: &BTreeMap<String, String>) -> Vec<Argument> {
    args.iter()
        .map(|(name, value)| Argument {
            name: name.clone(),
            value: value.clone(),
        })
        .collect()
}

/// The value of the flag `feature-gates`; empty when all are as Kubernetes has them.
pub(super) fn feature_gates(kubeadm: &Kubeadm) -> String {
    let gates: BTreeMap<String, String> = kubeadm
        .feature_gates
        .iter()
        .map(|(gate, on)| (gate.clone(), on.to_string()))
        .collect();
    pairs(&gates, "=")
}

fn pairs(map: &BTreeMap<String, String>, between: &str) -> String {
    let pairs: Vec<String> = map
        .iter()
        .map(|(key, value)| format!("{key}{between}{value}"))
        .collect();
    pairs.join(",")
}

fn taints(pool: &WorkerPool) -> Vec<Taint> {
    let taints = pool.taints.iter().map(|taint| Taint {
        key: taint.key.clone(),
        value: taint.value.clone(),
        effect: taint.effect.as_str(),
    });
    taints.collect()
}
