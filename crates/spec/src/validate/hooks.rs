//! Hooks.

use std::collections::BTreeSet;

use super::label_fault;
use crate::WorkloadClusterSpec;
use crate::cluster::{Hook, ManifestSource};
use crate::finding::Finding;
use crate::manifest;

/// Most hooks of one list, bytes of one manifest, and of all of them. An object in etcd has at most 1.5 MiB; `kubectl apply`
/// keeps a copy of it in an annotation, and all annotations of an object have 256 KiB.
const MAX_HOOKS: usize = 16;
const MAX_MANIFEST: usize = 64 << 10;
const MAX_MANIFESTS: usize = 128 << 10;
/// Seconds a hook may be given.
const TIMEOUT: std::ops::RangeInclusive<u32> = 10..=86_400;
const BY_REFERENCE: &str =
    "put it into a ConfigMap or Secret on the management server and name that by from";

pub(super) fn hooks(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    let mut names = BTreeSet::new();
    let mut bytes = 0;
    for (list, index, hook) in spec.hooks.all() {
        let path = format!("hooks.{list}[{index}]");
        name(&path, hook, findings);
        if !names.insert(hook.name.as_str()) {
            let text = format!("another hook is called {} already", hook.name);
            findings.push(Finding::error(format!("{path}.name"), text));
        }
        if !TIMEOUT.contains(&hook.timeout_seconds) {
            let text = format!(
                "{} s is not between {} s and {} s",
                hook.timeout_seconds,
                TIMEOUT.start(),
                TIMEOUT.end()
            );
            findings.push(Finding::error(format!("{path}.timeoutSeconds"), text));
        }
        match (&hook.manifest, &hook.from) {
            (Some(text), None) => {
                bytes += text.len();
                inline(&format!("{path}.manifest"), text, findings);
            }
            (None, Some(from)) => source(&format!("{path}.from"), from, findings),
            (Some(_), Some(_)) => {
                let finding = Finding::error(path, "it has a manifest and names one by from");
                findings.push(finding.remedy("keep one of the two"));
            }
            (None, None) => {
                let finding = Finding::error(path, "it has no manifest");
                findings.push(finding.remedy("give it a manifest, or name one by from"));
            }
        }
    }
    if bytes > MAX_MANIFESTS {
        let text = format!(
            "the manifests of all hooks have {bytes} bytes, and at most {MAX_MANIFESTS} fit into the cluster's object"
        );
        findings.push(Finding::error("hooks", text).remedy(BY_REFERENCE));
    }
    for (list, hooks) in [
        ("afterCreate", &spec.hooks.after_create),
        ("beforeDelete", &spec.hooks.before_delete),
    ] {
        if hooks.len() > MAX_HOOKS {
            let text = format!("{} hooks are more than {MAX_HOOKS}", hooks.len());
            let finding = Finding::error(format!("hooks.{list}"), text);
            findings.push(finding.remedy("one hook can apply many objects"));
        }
    }
}

fn name(path: &str, hook: &Hook, findings: &mut Vec<Finding>) {
    let fault = label_fault(&hook.name)
        .or_else(|| (hook.name.len() > 63).then(|| "it is longer than 63 characters".to_owned()));
    findings.extend(fault.map(|reason| {
        let text = format!("{:?} is no name of a hook: {reason}", hook.name);
        Finding::error(format!("{path}.name"), text)
    }));
}

fn inline(path: &str, text: &str, findings: &mut Vec<Finding>) {
    if text.len() > MAX_MANIFEST {
        let text = format!("{} bytes are more than {MAX_MANIFEST}", text.len());
        findings.push(Finding::error(path, text).remedy(BY_REFERENCE));
        return;
    }
    let faults = manifest::faults(text).into_iter();
    findings.extend(faults.map(|fault| Finding::error(path, fault.message).at(fault.position)));
}

fn source(path: &str, from: &ManifestSource, findings: &mut Vec<Finding>) {
    let named = [&from.config_map, &from.secret];
    let name = match named.map(Option::as_deref) {
        [Some(name), None] | [None, Some(name)] => name,
        [Some(_), Some(_)] => {
            let finding = Finding::error(path, "it names a ConfigMap and a Secret");
            findings.push(finding.remedy("keep one of the two"));
            return;
        }
        [None, None] => {
            let finding = Finding::error(path, "it names neither a ConfigMap nor a Secret");
            findings.push(finding.remedy("name one by configMap or secret"));
            return;
        }
    };
    // What Kubernetes takes as the name of an object, and as a key.
    if !super::syntax::is_domain(name) {
        let text = format!("{name:?} is no name of a ConfigMap or Secret");
        findings.push(Finding::error(path, text));
    }
    let letter = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if from.key.is_empty() || from.key.len() > 253 || !from.key.chars().all(letter) {
        let text = format!("{:?} is no key of a ConfigMap or Secret", from.key);
        findings.push(Finding::error(format!("{path}.key"), text));
    }
}
