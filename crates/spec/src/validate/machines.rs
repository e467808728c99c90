//! Rules of control plane and worker pools.

use std::collections::BTreeMap;

use super::{MAX_POOL, label_fault, required, syntax};
use crate::cluster::Autoscaling;
use crate::finding::Finding;
use crate::{KubernetesVersion, Machines, ServerGroupPolicy, WorkerPool, WorkloadClusterSpec};

/// Cluster API refuses more, and etcd gets slower with every member.
const MAX_CONTROL_PLANE: u32 = 9;
/// Nova's limit of a key and of a value of metadata (`meta_key`, `meta_value` of its API schema).
const METADATA_LENGTH: usize = 255;
/// Keys that Capstan sets by itself begin with it.
const OWN_METADATA: &str = "capstan-";
/// Cluster API's least time before the expiry of certificates (`certificatesExpiryDays`).
const LEAST_EXPIRY_DAYS: u32 = 7;
/// Minors that a kubelet may be older than the API server.
const KUBELET_SKEW: u64 = 3;
/// Longest label of an ext4 file system.
const FILE_SYSTEM_LABEL: usize = 16;
/// Seconds between two looks of the cluster autoscaler (`--scan-interval`).
const LEAST_UNNEEDED: u32 = 10;
/// Below, a node that restarts its kubelet would be taken for lost.
const LEAST_TIMEOUT: u32 = 60;

pub(super) fn control_plane(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    let plane = &spec.control_plane;
    let count = plane.replicas;
    let path = "controlPlane.replicas";
    if count == 0 {
        findings.push(Finding::error(path, "a cluster needs a control plane").remedy("use 1 or 3"));
    } else if count.is_multiple_of(2) {
        let text = format!("{count} is even; etcd needs an odd number to keep a majority");
        let remedy = format!("use {} or {}", count - 1, count + 1);
        findings.push(Finding::error(path, text).remedy(remedy));
    } else if count > MAX_CONTROL_PLANE {
        let text = format!("{count} is more than {MAX_CONTROL_PLANE}");
        findings.push(Finding::error(path, text));
    }
    common("controlPlane", &Machines::from(plane), findings);
    if let Some(volume) = &plane.etcd_volume {
        size("controlPlane.etcdVolume.sizeGib", volume.size_gib, findings);
        device("controlPlane.etcdVolume.device", &volume.device, findings);
    }
    let rollout = &plane.rollout;
    if rollout.max_surge > 1 {
        let text = "a control plane has at most one machine more while it is changed";
        findings.push(Finding::error("controlPlane.rollout.maxSurge", text).remedy("use 1"));
    } else if rollout.max_surge == 0 && count < 3 {
        let text = format!(
            "without a machine more, {count} of the control plane cannot be changed: etcd would lose its majority"
        );
        findings.push(
            Finding::error("controlPlane.rollout.maxSurge", text).remedy("use 1, or 3 machines"),
        );
    }
    drain("controlPlane", rollout.drain_timeout_seconds, findings);
    if rollout
        .certificates_expiry_days
        .is_some_and(|days| days < LEAST_EXPIRY_DAYS)
    {
        let text = format!("less than {LEAST_EXPIRY_DAYS} days leave no time to replace machines");
        findings.push(
            Finding::error("controlPlane.rollout.certificatesExpiryDays", text).remedy("use 30"),
        );
    }
}

pub(super) fn workers(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    let pools = &spec.workers;
    for (index, pool) in pools.iter().enumerate() {
        let place = format!("workers[{index}]");
        name(&place, pool, &pools[..index], findings);
        if pool.replicas > MAX_POOL {
            let text = format!("{} is more than {MAX_POOL}", pool.replicas);
            findings.push(Finding::error(format!("{place}.replicas"), text));
        }
        if let Some(version) = pool.version {
            skew(&place, version, spec.version, findings);
        }
        if let Some(bounds) = pool.autoscaling {
            autoscaling(&place, bounds, findings);
        }
        common(&place, &Machines::from(pool), findings);
        volumes(&place, pool, findings);
        networks(&place, pool, findings);
        labels(&place, pool, findings);
        gpu(&place, pool, findings);
        if pool.image.as_deref().is_some_and(str::is_empty) {
            let finding = Finding::error(format!("{place}.image"), "the image's name is empty");
            findings.push(finding.remedy("leave it out for the cluster's image"));
        }
        let rollout = &pool.rollout;
        if rollout.max_surge == 0 && rollout.max_unavailable == 0 {
            let text = "neither one machine more nor one less is allowed, so none can be changed";
            findings.push(
                Finding::error(format!("{place}.rollout.maxSurge"), text)
                    .remedy("use 1, or maxUnavailable 1"),
            );
        }
        drain(&place, rollout.drain_timeout_seconds, findings);
    }
    if pools
        .iter()
        .all(|pool| pool.replicas == 0 && pool.autoscaling.is_none())
    {
        findings.push(Finding::warning(
            "workers",
            "there are no workers: nothing but the control plane's own pods will run",
        ));
    }
}

/// Kubelets may be three minors older than the API server and never newer (Kubernetes' version skew policy). kubeadm joins
/// nodes of the control plane's minor only, which Cluster API checks before it makes a machine.
fn skew(
    place: &str,
    version: KubernetesVersion,
    running: KubernetesVersion,
    findings: &mut Vec<Finding>,
) {
    let path = format!("{place}.version");
    if version > running {
        let text = format!("{version} is newer than {running} of the control plane");
        findings.push(Finding::error(path, text).remedy("upgrade the control plane first"));
    } else if version.major != running.major || version.minor + KUBELET_SKEW < running.minor {
        let text = format!("{version} is more than {KUBELET_SKEW} minors older than {running}");
        findings.push(Finding::error(path, text).remedy("upgrade the pool first"));
    } else if version.minor != running.minor {
        let text = format!(
            "no machine can be added to the pool or replaced while it is older than {running}: kubeadm joins no older nodes"
        );
        findings.push(Finding::warning(path, text).remedy("let the pool follow soon"));
    }
}

fn autoscaling(place: &str, bounds: Autoscaling, findings: &mut Vec<Finding>) {
    let path = |field: &str| format!("{place}.autoscaling.{field}");
    if bounds.max == 0 {
        let text = "a pool of at most 0 machines never has one";
        findings.push(Finding::error(path("max"), text).remedy("use 1 or more"));
    } else if bounds.min > bounds.max {
        let text = format!("{} is more than the most, {}", bounds.min, bounds.max);
        findings.push(Finding::error(path("min"), text).remedy("use at most max"));
    }
    if bounds.max > MAX_POOL {
        let text = format!("{} is more than {MAX_POOL}", bounds.max);
        findings.push(Finding::error(path("max"), text));
    }
    if bounds.scale_down_after() < LEAST_UNNEEDED {
        let text = format!("the autoscaler looks every {LEAST_UNNEEDED} seconds");
        findings.push(
            Finding::error(path("scaleDownAfterSeconds"), text)
                .remedy("use 10 or more, or leave it out for 600"),
        );
    }
}

fn name(place: &str, pool: &WorkerPool, earlier: &[WorkerPool], findings: &mut Vec<Finding>) {
    let path = format!("{place}.name");
    if let Some(reason) = label_fault(&pool.name) {
        let text = format!("{:?} is no pool name: {reason}", pool.name);
        findings.push(Finding::error(&path, text));
    }
    if pool.name.starts_with("control-plane") {
        let text = format!(
            "the pool name {:?} is taken by the control plane",
            pool.name
        );
        findings.push(Finding::error(&path, text));
    }
    if earlier.iter().any(|other| other.name == pool.name) {
        let text = format!("there are two pools named {:?}", pool.name);
        findings.push(Finding::error(&path, text));
    }
}

/// What holds for servers of both.
fn common(place: &str, machines: &Machines<'_>, findings: &mut Vec<Finding>) {
    required(&format!("{place}.flavor"), machines.flavor, findings);
    if let Some(gib) = machines.root_volume.size_gib {
        size(&format!("{place}.rootVolume.sizeGib"), gib, findings);
    }
    metadata(place, machines.metadata, findings);
    for (index, group) in machines.security_groups.iter().enumerate() {
        let path = format!("{place}.securityGroups[{index}]");
        required(&path, group, findings);
        if machines.security_groups[..index].contains(group) {
            findings.push(Finding::error(
                path,
                format!("{group:?} stands there twice"),
            ));
        }
    }
    if machines.server_group == ServerGroupPolicy::AntiAffinity && machines.replicas > 1 {
        let text = format!(
            "{} hosts are needed for {} machines that never share one, because a change makes the new machine first",
            machines.replicas + machines.max_surge,
            machines.replicas,
        );
        findings.push(
            Finding::warning(format!("{place}.serverGroup"), text)
                .remedy("use softAntiAffinity where hosts are few"),
        );
    }
    let check = machines.health_check;
    for (field, seconds) in [
        (
            "nodeStartupTimeoutSeconds",
            check.node_startup_timeout_seconds,
        ),
        (
            "unreachableTimeoutSeconds",
            check.unreachable_timeout_seconds,
        ),
        ("notReadyTimeoutSeconds", check.not_ready_timeout_seconds),
    ] {
        if seconds < LEAST_TIMEOUT {
            let text = format!("{seconds} s is so short that healthy machines would be replaced");
            let remedy = format!("use at least {LEAST_TIMEOUT}, or enabled: false");
            findings
                .push(Finding::error(format!("{place}.healthCheck.{field}"), text).remedy(remedy));
        }
    }
    if check.max_unhealthy == Some(0) {
        let text = "0 would never replace a machine";
        findings.push(
            Finding::error(format!("{place}.healthCheck.maxUnhealthy"), text)
                .remedy("use enabled: false for that"),
        );
    }
}

fn metadata(place: &str, metadata: &BTreeMap<String, String>, findings: &mut Vec<Finding>) {
    for (key, value) in metadata {
        let path = format!("{place}.metadata.{key}");
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.: ".contains(c);
        if key.is_empty() || key.len() > METADATA_LENGTH || !key.chars().all(allowed) {
            let text = format!("{key:?} is no key of metadata");
            let remedy = "use letters, digits and -_.: , at most 255 characters";
            findings.push(Finding::error(&path, text).remedy(remedy));
        }
        if key.starts_with(OWN_METADATA) {
            let text = format!("{key:?} is one of Capstan's own keys");
            findings.push(Finding::error(&path, text).remedy("choose another key"));
        }
        if value.chars().count() > METADATA_LENGTH {
            let text = format!("the value has more than {METADATA_LENGTH} characters");
            findings.push(Finding::error(&path, text).remedy("shorten it"));
        }
    }
}

fn volumes(place: &str, pool: &WorkerPool, findings: &mut Vec<Finding>) {
    for (index, volume) in pool.volumes.iter().enumerate() {
        let path = |field: &str| format!("{place}.volumes[{index}].{field}");
        if let Some(reason) = label_fault(&volume.name) {
            let text = format!("{:?} is no volume name: {reason}", volume.name);
            findings.push(Finding::error(path("name"), text));
        } else if volume.name == "root" {
            let text = "\"root\" is the volume the server boots from";
            findings.push(Finding::error(path("name"), text).remedy("set rootVolume"));
        }
        size(&path("sizeGib"), volume.size_gib, findings);
        let earlier = &pool.volumes[..index];
        if earlier.iter().any(|other| other.name == volume.name) {
            let text = format!("there are two volumes named {:?}", volume.name);
            findings.push(Finding::error(path("name"), text));
        }
        match (&volume.mount_path, &volume.device) {
            (Some(mount), Some(name)) => {
                absolute(&path("mountPath"), mount, findings);
                if volume.name.len() > FILE_SYSTEM_LABEL {
                    let text = format!(
                        "a volume is mounted by the label of its file system, which has at most {FILE_SYSTEM_LABEL} characters"
                    );
                    findings
                        .push(Finding::error(path("name"), text).remedy("choose a shorter name"));
                }
                device(&path("device"), name, findings);
                let twice = |other: &crate::cluster::Volume| {
                    other.device.as_ref() == Some(name) || other.mount_path.as_ref() == Some(mount)
                };
                if earlier.iter().any(twice) {
                    let text = "another volume has the same device or directory";
                    findings.push(Finding::error(path("mountPath"), text));
                }
            }
            (Some(_), None) => {
                let text = "a volume is mounted by the device it appears as, which is missing";
                let remedy =
                    "set device: /dev/vdb with images of the bus virtio, /dev/sdb with scsi";
                findings.push(Finding::error(path("mountPath"), text).remedy(remedy));
            }
            (None, Some(_)) => {
                let text = "the device is only needed for a directory it is mounted at";
                findings.push(
                    Finding::error(path("device"), text).remedy("set mountPath, or leave it out"),
                );
            }
            (None, None) => {}
        }
    }
}

fn networks(place: &str, pool: &WorkerPool, findings: &mut Vec<Finding>) {
    for (index, network) in pool.networks.iter().enumerate() {
        let path = |field: &str| format!("{place}.networks[{index}].{field}");
        required(&path("network"), &network.network, findings);
        for (field, name) in [
            ("subnet", &network.subnet),
            ("vnicType", &network.vnic_type),
        ] {
            if let Some(name) = name {
                required(&path(field), name, findings);
            }
        }
        for (number, group) in network.security_groups.iter().enumerate() {
            required(&path(&format!("securityGroups[{number}]")), group, findings);
        }
        if !network.port_security && !network.security_groups.is_empty() {
            let text = "without port security Neutron takes no security groups for the port";
            let finding = Finding::error(path("securityGroups"), text);
            findings.push(finding.remedy("leave them out, or portSecurity"));
        }
    }
}

fn labels(place: &str, pool: &WorkerPool, findings: &mut Vec<Finding>) {
    for (key, value) in &pool.labels {
        let path = format!("{place}.labels.{key}");
        if let Some(reason) = syntax::label(key, value) {
            findings.push(Finding::error(path, reason));
        } else if let Some(reason) = syntax::reserved_label(key) {
            findings.push(
                Finding::error(path, reason)
                    .remedy("use a domain of your own, or one below node.cluster.x-k8s.io"),
            );
        }
    }
    for (index, taint) in pool.taints.iter().enumerate() {
        let path = format!("{place}.taints[{index}]");
        if let Some(reason) = syntax::label(&taint.key, &taint.value) {
            findings.push(Finding::error(format!("{path}.key"), reason));
        }
        let same =
            |other: &crate::cluster::Taint| other.key == taint.key && other.effect == taint.effect;
        if pool.taints[..index].iter().any(same) {
            let text = format!("{:?} stands there twice with the same effect", taint.key);
            findings.push(Finding::error(path, text));
        }
    }
}

fn gpu(place: &str, pool: &WorkerPool, findings: &mut Vec<Finding>) {
    let Some(gpu) = &pool.gpu else { return };
    let path = |field: &str| format!("{place}.gpu.{field}");
    if !gpu.resource.contains('/') || syntax::label(&gpu.resource, "").is_some() {
        let text = format!("{:?} is no resource of a device plugin", gpu.resource);
        let remedy = "write for instance nvidia.com/gpu";
        findings.push(Finding::error(path("resource"), text).remedy(remedy));
    }
    if gpu.count == Some(0) {
        let text = "0 is a pool without graphics processors";
        findings.push(Finding::error(path("count"), text).remedy("leave gpu out"));
    }
    if pool.rollout.max_surge > 0 {
        let text =
            "a change makes the new machine first, which needs a graphics processor that is free";
        findings.push(
            Finding::warning(format!("{place}.rollout.maxSurge"), text)
                .remedy("use maxSurge: 0 and maxUnavailable: 1 where none is"),
        );
    }
}

fn size(path: &str, gib: u32, findings: &mut Vec<Finding>) {
    if gib == 0 {
        findings.push(Finding::error(path, "a volume has at least 1 GiB").remedy("write GiB"));
    }
}

fn drain(place: &str, seconds: u32, findings: &mut Vec<Finding>) {
    if seconds == 0 {
        let text = "0 would wait for ever for pods that cannot go";
        findings.push(
            Finding::error(format!("{place}.rollout.drainTimeoutSeconds"), text)
                .remedy("use for instance 600"),
        );
    }
}

fn device(path: &str, device: &str, findings: &mut Vec<Finding>) {
    if !device.starts_with("/dev/") || device.chars().any(char::is_whitespace) {
        let text = format!("{device:?} is no device");
        findings.push(Finding::error(path, text).remedy("write for instance /dev/vdb"));
    }
}

fn absolute(path: &str, directory: &str, findings: &mut Vec<Finding>) {
    if !syntax::is_absolute(directory) {
        let text = format!("{directory:?} is no absolute path");
        findings.push(Finding::error(path, text).remedy("begin it with /"));
    }
}
