//! Engine `kubeadm`: containerd, kubelet and kubeadm, one node that is control plane and worker.
//!
//! On a node image all of them are there and only drop-ins are added; on a vanilla image they are downloaded first. The first
//! boot is a systemd unit, not a cloud-init command: it goes on after a reboot in its middle.

mod documents;

use serde_json::json;

use super::{Base, Engine, EngineError, Facts, Place};
use crate::cloudinit::{File, UserData};
use crate::proxy::ServerProxy;

/// The engine.
#[derive(Debug, Default, Clone, Copy)]
pub struct Kubeadm;

/// Environment of what goes through a proxy; `download.sh` reads it, too.
const PROXY: &str = "/etc/capstan/proxy.env";
const BOOT: &str = include_str!("kubeadm/boot.sh");
const BOOT_UNIT: &str = include_str!("kubeadm/capstan-boot.service");
const ADDRESS_UNIT: &str = include_str!("kubeadm/capstan-address.service");
const SYSCTL: &str = include_str!("kubeadm/sysctl.sh");
const DOWNLOAD: &str = include_str!("kubeadm/download.sh");
const CONTAINERD_UNIT: &str = include_str!("kubeadm/containerd.service");
const KUBELET_UNIT: &str = include_str!("kubeadm/kubelet.service");

impl Engine for Kubeadm {
    fn name(&self) -> &'static str {
        "kubeadm"
    }

    fn render(&self, facts: &Facts<'_>) -> Result<UserData, EngineError> {
        let mut config = UserData::default();
        config.files(facts.pki.files().into_iter().map(|file| {
            let path = format!("/etc/capstan/pki/{}", file.path);
            if file.secret {
                File::secret(path, file.content)
            } else {
                File::public(path, file.content)
            }
        }));
        config.files([
            File::public("/etc/capstan/boot.env", environment(facts)),
            File::public("/etc/capstan/kubeadm.yaml", documents::kubeadm(facts)?),
            File::public(
                "/etc/cni/net.d/10-capstan.conflist",
                container_network(facts),
            ),
            // Pods are routed through the node; image-builder's images set this, plain ones do not.
            File::public("/etc/sysctl.d/50-capstan.conf", "net.ipv4.ip_forward = 1\n"),
            File::program("/usr/local/lib/capstan/boot.sh", BOOT),
            File::program("/usr/local/lib/capstan/sysctl.sh", SYSCTL),
            File::public("/etc/systemd/system/capstan-address.service", ADDRESS_UNIT),
            File::public("/etc/systemd/system/capstan-boot.service", BOOT_UNIT),
        ]);
        if let Some(registry) = facts.mirror.and_then(|mirror| mirror.registry.as_deref()) {
            config.files(registry_mirror(registry));
        }
        if let Some(proxy) = facts.proxy {
            config.files(through(proxy));
        }
        if let Base::Vanilla(downloads) = facts.base {
            let list = downloads.iter().fold(String::new(), |list, download| {
                let (kind, place) = match &download.place {
                    Place::Program(path) => ("program", path),
                    Place::Archive(directory) => ("archive", directory),
                };
                format!(
                    "{list}{} {kind} {place} {}\n",
                    download.sha256, download.url
                )
            });
            config.files([
                File::public("/etc/capstan/downloads", list),
                File::program("/usr/local/lib/capstan/download.sh", DOWNLOAD),
                File::public("/etc/systemd/system/containerd.service", CONTAINERD_UNIT),
                File::public("/etc/systemd/system/kubelet.service", KUBELET_UNIT),
            ]);
        }
        config.run(&["systemctl", "daemon-reload"]);
        config.run(&["systemctl", "enable", "--now", "capstan-address.service"]);
        // Not waited for: cloud-init ends, and a reboot in between does not end the boot of Kubernetes.
        config.run(&[
            "systemctl",
            "enable",
            "--now",
            "--no-block",
            "capstan-boot.service",
        ]);
        Ok(config)
    }
}

/// Values for the first-boot programs; none of them can hold a character that means something to a shell.
fn environment(facts: &Facts<'_>) -> String {
    format!(
        "PUBLIC_ADDRESS={}\nPRIVATE_ADDRESS={}\nNODE_NAME={}\n",
        facts.public_address,
        facts.private_address,
        facts.identity.resource_name()
    )
}

/// One node needs no overlay: each pod gets a link of its own and is routed. Unlike with a bridge, no bridge netfilter module
/// has to be loaded for Services to work between pods of the node.
fn container_network(facts: &Facts<'_>) -> String {
    let network = json!({
        "cniVersion": "1.0.0",
        "name": "capstan",
        "plugins": [
            {
                "type": "ptp",
                "mtu": facts.mtu,
                "ipMasq": true,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{ "subnet": facts.pod_cidr.to_string() }]],
                    "routes": [{ "dst": "0.0.0.0/0" }],
                },
            },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ],
    });
    format!("{network:#}\n")
}

/// Every image from the mirror. `config_path` is set because containerd 2.2 does not use its two-directory default for pulls,
/// and `server` names the mirror so that an image it lacks is reported at once instead of being sought on the internet.
fn registry_mirror(registry: &str) -> [File; 2] {
    let registry = registry.trim_end_matches('/');
    [
        File::public(
            "/etc/containerd/certs.d/_default/hosts.toml",
            format!(
                "server = \"{registry}\"\n\n[host.\"{registry}\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
            ),
        ),
        File::public(
            "/etc/containerd/conf.d/50-capstan.toml",
            "version = 3\n\n[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = '/etc/containerd/certs.d'\n",
        ),
    ]
}

/// Downloads, container runtime and kubelet go through the proxy. kubeadm does not: it would write its environment, and with it
/// a password, into the manifests of the control plane, where it can be read by the API.
fn through(proxy: &ServerProxy) -> [File; 3] {
    let drop_in = |unit: &str| {
        File::public(
            format!("/etc/systemd/system/{unit}.service.d/50-capstan-proxy.conf"),
            format!("[Service]\nEnvironmentFile={PROXY}\n"),
        )
    };
    [
        File::secret(PROXY, proxy.environment()),
        drop_in("containerd"),
        drop_in("kubelet"),
    ]
}

#[cfg(test)]
mod tests;
