//! Rules of the bastion.

use super::network::cidr;
use super::required;
use crate::WorkloadClusterSpec;
use crate::finding::Finding;

pub(super) fn bastion(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    let Some(bastion) = &spec.bastion else {
        return;
    };
    required("bastion.flavor", &bastion.flavor, findings);
    for (path, value) in [
        ("bastion.image", &bastion.image),
        ("bastion.sshKey", &bastion.ssh_key),
        ("bastion.availabilityZone", &bastion.availability_zone),
    ] {
        if let Some(value) = value {
            required(path, value, findings);
        }
    }
    if spec.bastion_key().is_none() {
        let text = "nobody could log in: neither the bastion nor the cluster names a keypair";
        let remedy = "set sshKey, which nodes get, too, or bastion.sshKey";
        findings.push(Finding::error("bastion.sshKey", text).remedy(remedy));
    } else if spec.ssh_key.is_none() {
        let text = "the nodes accept no key, so nobody gets further than to the bastion";
        let remedy = "set sshKey; on nodes that are there it replaces the machines";
        findings.push(Finding::warning("bastion.sshKey", text).remedy(remedy));
    }
    let path = "bastion.allowedCidrs";
    if bastion.allowed_cidrs.is_empty() {
        let text = "nobody could connect to the bastion";
        findings.push(Finding::error(path, text).remedy("list the networks you come from"));
    }
    for (index, range) in bastion.allowed_cidrs.iter().enumerate() {
        let path = format!("{path}[{index}]");
        cidr(&path, *range, findings);
        if range.addr().is_ipv6() {
            let text = format!("{range} is IPv6, and the bastion's floating IP is IPv4");
            findings.push(Finding::error(path, text));
        } else if range.prefix_len() == 0 {
            let text = "everybody on the internet may try to log in to the bastion";
            let remedy = "list the networks you come from";
            findings.push(Finding::warning(path, text).remedy(remedy));
        }
    }
}
