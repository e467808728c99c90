use super::refused;

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
