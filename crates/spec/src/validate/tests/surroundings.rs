use super::{refused, with};

#[test]
fn networks() {
    refused(&[
        ("network: {mtu: 500}", "network.mtu", "no MTU"),
        (
            "network: {existing: {network: ''}}",
            "network.existing.network",
            "empty",
        ),
        (
            "network: {existing: {network: a}, mtu: 1400}",
            "network.mtu",
            "cannot be set",
        ),
        (
            "network: {existing: {network: a}, nodeCidr: 10.9.0.0/24}",
            "network.nodeCidr",
            "cannot be set",
        ),
        (
            "network: {existing: {network: a}, dnsNameservers: [9.9.9.9]}",
            "network.dnsNameservers",
            "cannot be set",
        ),
    ]);
}

#[test]
fn ipv6_beside_ipv4() {
    refused(&[
        ("network: {ipv6: {}}", "network.ipv6", "IPv4 alone"),
        (
            "network: {existing: {network: a}, ipv6: {podCidr: 10.0.0.0/16}}",
            "network.ipv6.podCidr",
            "no range of IPv6",
        ),
        (
            "network: {existing: {network: a}, ipv6: {podCidr: 'fd00::/40'}}",
            "network.ipv6.podCidr",
            "from /48 to /64",
        ),
        (
            "network: {existing: {network: a}, ipv6: {serviceCidr: 'fd00::/64'}}",
            "network.ipv6.serviceCidr",
            "from /108 to /120",
        ),
        (
            "{network: {existing: {network: a}, ipv6: {podCidr: 'fd00::/64'}}, controlPlane: {replicas: 3}}",
            "network.ipv6.podCidr",
            "room for 1 nodes",
        ),
        (
            "{network: {existing: {network: a}, ipv6: {}}, kubeadm: {kubelet: {extraArgs: {node-ip: x}}}}",
            "kubeadm.kubelet.extraArgs.node-ip",
            "both",
        ),
        (
            "network: {nodePortCidrs: ['2001:db8::/32']}",
            "network.nodePortCidrs[0]",
            "have IPv4",
        ),
    ]);
}

#[test]
fn the_way_to_the_api() {
    refused(&[
        ("apiAccess: {private: true}", "apiAccess.private", "no way"),
        (
            "{network: {existing: {network: a}}, apiAccess: {private: true, floatingIp: 198.51.100.7}}",
            "apiAccess.floatingIp",
            "private",
        ),
        ("apiAccess: {port: 2379}", "apiAccess.port", "another part"),
        ("apiAccess: {port: 30000}", "apiAccess.port", "another part"),
        ("apiAccess: {port: 0}", "apiAccess.port", "another part"),
        ("apiAccess: {sans: [a b]}", "apiAccess.sans[0]", "neither"),
    ]);
}

#[test]
fn keys_and_tags() {
    let long = format!("tags: [{}]", "x".repeat(61));
    refused(&[
        ("sshKey: ' '", "sshKey", "empty"),
        ("tags: ['a,b']", "tags[0]", "comma"),
        ("tags: [a, a]", "tags[1]", "twice"),
        ("tags: [capstan-cluster=x]", "tags[0]", "own tag"),
        (&long, "tags[0]", "60 characters"),
    ]);
}

#[test]
fn bastions() {
    let of = |piece: &str| format!("{{sshKey: ops, bastion: {{{piece}}}}}");
    let allowed = "flavor: a, allowedCidrs: [203.0.113.0/24]";
    let cases = [
        (
            "flavor: ' ', allowedCidrs: [203.0.113.0/24]".to_owned(),
            "bastion.flavor",
            "empty",
        ),
        (format!("{allowed}, image: ''"), "bastion.image", "empty"),
        (format!("{allowed}, sshKey: ''"), "bastion.sshKey", "empty"),
        (
            format!("{allowed}, availabilityZone: ''"),
            "bastion.availabilityZone",
            "empty",
        ),
        (
            "flavor: a, allowedCidrs: []".to_owned(),
            "bastion.allowedCidrs",
            "nobody",
        ),
        (
            "flavor: a, allowedCidrs: [203.0.113.7/24]".to_owned(),
            "bastion.allowedCidrs[0]",
            "bits",
        ),
        (
            "flavor: a, allowedCidrs: [192.0.2.0/24, 'fd00::/8']".to_owned(),
            "bastion.allowedCidrs[1]",
            "IPv6",
        ),
    ];
    for (piece, path, word) in &cases {
        refused(&[(&of(piece), path, word)]);
    }
    refused(&[(
        &format!("bastion: {{{allowed}}}"),
        "bastion.sshKey",
        "nobody could log in",
    )]);
}

#[test]
fn a_bastion_that_is_open_or_leads_nowhere_is_remarked() {
    let remarks = |piece: &str| -> Vec<String> {
        let found = crate::validate::spec(&with(piece));
        assert!(
            found.iter().all(|finding| !finding.is_error()),
            "{found:#?}"
        );
        found.into_iter().map(|finding| finding.message).collect()
    };
    let well = "{sshKey: ops, bastion: {flavor: a, allowedCidrs: [203.0.113.0/24]}}";
    assert_eq!(remarks(well), Vec::<String>::new());
    let open = remarks("{sshKey: ops, bastion: {flavor: a, allowedCidrs: [0.0.0.0/0]}}");
    assert!(open.len() == 1 && open[0].contains("everybody"), "{open:?}");
    let alone = remarks("bastion: {flavor: a, sshKey: ops, allowedCidrs: [203.0.113.0/24]}");
    assert!(alone.len() == 1 && alone[0].contains("no key"), "{alone:?}");
}
