//! What all nodes have in common: how they register, and their files.

use capstan_capi::apply::{Argument, File, MachineDeletion, NodeRegistration};
use capstan_spec::Mirror;

use crate::facts::Facts;

/// containerd reads `_default` for every registry that has no directory of its own
/// (containerd, `docs/hosts.md`); node images point `config_path` to `certs.d`.
const DEFAULT_REGISTRY_FILE: &str = "/etc/containerd/certs.d/_default/hosts.toml";

/// Time limits of a machine's removal. Cluster API's own default for draining is "for ever".
pub(super) const DELETION: MachineDeletion = MachineDeletion {
    node_drain_timeout_seconds: 600,
    node_volume_detach_timeout_seconds: 300,
    node_deletion_timeout_seconds: 60,
};

/// How a node registers. Both values are cloud-init expressions, evaluated on the node.
///
/// There is no cloud controller yet, so kubelets must not wait for one (no `cloud-provider=external`); the provider id is
/// given by hand, because Cluster API finds the node of a machine by it.
pub(super) fn registration() -> NodeRegistration {
    NodeRegistration {
        name: "{{ local_hostname }}".to_owned(),
        kubelet_extra_args: vec![Argument {
            name: "provider-id".to_owned(),
            value: "openstack:///'{{ instance_id }}'".to_owned(),
        }],
    }
}

/// Files on every node.
pub(super) fn files(facts: &Facts) -> Vec<File> {
    facts
        .mirror
        .as_ref()
        .and_then(|mirror: &Mirror| mirror.registry.as_deref())
        .map(registry_mirror)
        .into_iter()
        .collect()
}

/// Sends every pull to the mirror and nowhere else: without internet a try upstream would only cost its time-out, and
/// with internet a mirror that is quietly passed by would not be one.
fn registry_mirror(url: &str) -> File {
    let url = url.trim_end_matches('/');
    File {
        path: DEFAULT_REGISTRY_FILE.to_owned(),
        owner: "root:root".to_owned(),
        permissions: "0644".to_owned(),
        content: format!(
            "server = \"{url}\"\n\n[host.\"{url}\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
        ),
    }
}
