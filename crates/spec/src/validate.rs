//! Every rule a workload cluster must keep that needs no look at the cloud. All findings at once.

mod bastion;
mod hooks;
mod kubeadm;
mod machines;
mod network;
mod syntax;

use crate::WorkloadClusterSpec;
use crate::finding::Finding;
use crate::naming::{CLOUD_TAG_KEY, MAX_TAG, max_name_length};

/// Most machines of one pool; a /16 for pods carries 256 nodes.
const MAX_POOL: u32 = 256;
/// Oldest line whose kubeadm speaks v1beta4, which Cluster API 1.14 writes.
pub(crate) const OLDEST_MINOR: u64 = 31;

/// Checks name and spec together.
pub fn cluster(name: &str, spec: &WorkloadClusterSpec) -> Vec<Finding> {
    let mut findings = self::name(name, spec.workers.iter().map(|pool| pool.name.as_str()));
    findings.extend(self::spec(spec));
    findings
}

/// Checks the name of a cluster: a DNS label that begins with a letter and leaves room for all derived names.
pub fn name<'a>(name: &str, pools: impl IntoIterator<Item = &'a str>) -> Vec<Finding> {
    let path = "metadata.name";
    if let Some(reason) = label_fault(name) {
        return vec![Finding::error(
            path,
            format!("{name:?} is no cluster name: {reason}"),
        )];
    }
    let longest = max_name_length(pools);
    if name.len() > longest {
        let text = format!(
            "{name:?} has {} characters; with this cluster's pool names at most {longest} fit, because host names of \
             its machines may have 63",
            name.len()
        );
        return vec![Finding::error(path, text).remedy("choose a shorter name of cluster or pool")];
    }
    Vec::new()
}

/// Whether Cluster API hands a label with this key on from a machine to its node.
pub fn is_handed_on(key: &str) -> bool {
    syntax::within(syntax::domain(key), &syntax::HANDED_ON)
}

/// Checks a spec by itself.
pub fn spec(spec: &WorkloadClusterSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    version(spec, &mut findings);
    machines::control_plane(spec, &mut findings);
    machines::workers(spec, &mut findings);
    network::network(spec, &mut findings);
    network::api_access(spec, &mut findings);
    kubeadm::kubeadm(spec, &mut findings);
    hooks::hooks(spec, &mut findings);
    ssh_key(spec, &mut findings);
    bastion::bastion(spec, &mut findings);
    tags(spec, &mut findings);
    findings
}

fn version(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    if spec.version.major != 1 || spec.version.minor < OLDEST_MINOR {
        let text = format!(
            "Kubernetes {} is too old for this management server",
            spec.version
        );
        findings.push(Finding::error("version", text).remedy("choose v1.31 or newer"));
    }
    if spec.image.as_deref().is_some_and(str::is_empty) {
        findings.push(
            Finding::error("image", "the image's name is empty")
                .remedy("leave it out to have the image of the version looked up"),
        );
    }
}

/// Tags of CAPO go to Neutron, Octavia and Nova, of which Nova takes the fewest characters and neither slash nor comma.
fn tags(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    for (index, tag) in spec.tags.iter().enumerate() {
        let path = format!("tags[{index}]");
        let fault = if tag.trim().is_empty() {
            Some("a tag is not empty".to_owned())
        } else if tag.chars().count() > MAX_TAG {
            Some(format!(
                "{tag:?} is longer than the {MAX_TAG} characters of a tag"
            ))
        } else if tag.contains(['/', ',']) {
            Some(format!(
                "{tag:?} has a slash or a comma, which Nova refuses"
            ))
        } else if tag.starts_with(CLOUD_TAG_KEY) {
            Some(format!("{tag:?} begins like Capstan's own tag"))
        } else if spec.tags[..index].contains(tag) {
            Some(format!("{tag:?} stands there twice"))
        } else {
            None
        };
        findings.extend(fault.map(|text| Finding::error(path, text)));
    }
}

fn ssh_key(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    if spec
        .ssh_key
        .as_deref()
        .is_some_and(|name| name.trim().is_empty())
    {
        let finding = Finding::error("sshKey", "the keypair's name is empty");
        findings.push(finding.remedy("leave it out to let nobody log in"));
    }
}

fn required(path: &str, value: &str, findings: &mut Vec<Finding>) {
    if value.trim().is_empty() {
        findings.push(Finding::error(path, "must not be empty"));
    }
}

/// Why the text is no DNS label beginning with a letter, if it is none.
fn label_fault(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() {
        return Some("it is empty".to_owned());
    }
    if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
        return Some(format!("{bad:?} is not among a-z, 0-9 and -"));
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("it must begin with a letter".to_owned());
    }
    if text.ends_with('-') {
        return Some("it must not end with -".to_owned());
    }
    None
}

#[cfg(test)]
mod tests;
