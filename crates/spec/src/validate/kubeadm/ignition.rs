//! What is different with Ignition.

use crate::WorkloadClusterSpec;
use crate::finding::Finding;

/// What Ignition cannot do, or does otherwise than cloud-init.
pub(super) fn ignition(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    let kubeadm = &spec.kubeadm;
    let texts = kubeadm
        .files
        .iter()
        .enumerate()
        .filter_map(|(index, file)| {
            let content = file.content.as_deref()?;
            Some((format!("kubeadm.files[{index}].content"), content))
        });
    let commands = [
        ("preCommands", &kubeadm.pre_commands),
        ("postCommands", &kubeadm.post_commands),
    ];
    let commands = commands.into_iter().flat_map(|(field, commands)| {
        let commands = commands.iter().enumerate();
        commands.map(move |(index, text)| (format!("kubeadm.{field}[{index}]"), text.as_str()))
    });
    for (path, text) in texts.chain(commands) {
        if text.contains("{{") {
            let text = "Ignition evaluates nothing: {{ }} stays as it is";
            let remedy = "in commands, $COREOS_OPENSTACK_HOSTNAME and $COREOS_OPENSTACK_INSTANCE_UUID are set";
            findings.push(Finding::warning(path, text).remedy(remedy));
        }
    }
    let places = spec.workers.iter().enumerate().flat_map(|(index, pool)| {
        let volumes = pool.volumes.iter().enumerate();
        volumes.map(move |(number, volume)| (index, number, volume))
    });
    for (index, number, volume) in places {
        // Cluster API names the unit after the directory without escaping it (`mountpointName` of its clc.go), and systemd
        // refuses a unit whose name is another than that of its directory.
        if volume
            .mount_path
            .as_deref()
            .is_some_and(|path| path.contains('-'))
        {
            let text =
                "with Ignition, Cluster API cannot mount at a directory with a - in its name";
            findings.push(
                Finding::error(
                    format!("workers[{index}].volumes[{number}].mountPath"),
                    text,
                )
                .remedy("choose a directory without one"),
            );
        }
    }
}

/// Bytes of a text in an Ignition configuration: in a URL, where most signs take three.
pub(super) fn encoded(text: &str) -> usize {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~$&+=:@".contains(byte);
    let plain = text.bytes().filter(plain).count();
    plain + (text.len() - plain) * 3
}
