//! What is different on nodes that are set up by Ignition: Flatcar.
//!
//! Ignition evaluates nothing, so that what only the node knows is put into kubeadm's configuration by a command before
//! kubeadm runs. `coreos-metadata.service` (Flatcar's name of afterburn) writes it to a file that the unit reads.

use capstan_capi::apply::{ContainerLinuxConfig, Ignition};
use capstan_spec::Machines;

use super::volumes;

/// `format` of Cluster API.
pub(super) const FORMAT: &str = "ignition";
/// The node's name, where cloud-init has an expression of its own.
pub(super) const HOSTNAME: &str = "${COREOS_OPENSTACK_HOSTNAME}";
/// The server's id.
pub(super) const INSTANCE_ID: &str = "${COREOS_OPENSTACK_INSTANCE_UUID}";
/// Puts both in. Not `envsubst`, which would put in whatever else has a dollar.
pub(super) const EVALUATE: &str = concat!(
    r#"sed -i -e "s|[$]{COREOS_OPENSTACK_HOSTNAME}|${COREOS_OPENSTACK_HOSTNAME%%.*}|g""#,
    r#" -e "s|[$]{COREOS_OPENSTACK_INSTANCE_UUID}|${COREOS_OPENSTACK_INSTANCE_UUID}|g" /etc/kubeadm.yml"#,
);

/// kubeadm runs when the container runtime does, the facts of the server are there and its volumes are mounted: none of
/// which Cluster API's own unit waits for.
pub(super) fn config(machines: &Machines<'_>) -> Ignition {
    let paths = volumes::mount_paths(machines);
    let mounts = if paths.is_empty() {
        String::new()
    } else {
        format!("\n          RequiresMountsFor={}", paths.join(" "))
    };
    let additional_config = format!(
        "systemd:
  units:
  - name: kubeadm.service
    enabled: true
    dropins:
    - name: 10-capstan.conf
      contents: |
          [Unit]
          Requires=containerd.service coreos-metadata.service
          After=containerd.service coreos-metadata.service{mounts}
          [Service]
          EnvironmentFile=/run/metadata/flatcar
"
    );
    Ignition {
        container_linux_config: ContainerLinuxConfig { additional_config },
    }
}
