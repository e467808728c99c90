//! Files on nodes, and the commands that make them count.

use capstan_capi::apply::{File, FileSource, SecretFileSource};
use capstan_spec::cluster::kubeadm::{BootstrapFormat, NodeFile, Proxy, RegistryMirror};
use capstan_spec::{Mirror, WorkloadClusterSpec, defaults};
use ipnet::IpNet;

use super::{ignition, registry};
use crate::facts::Facts;

/// A file of root that everybody may read.
pub(super) fn file(path: impl Into<String>, content: String) -> File {
    File {
        path: path.into(),
        owner: defaults::FILE_OWNER.to_owned(),
        permissions: defaults::FILE_PERMISSIONS.to_owned(),
        content: Some(content),
        content_from: None,
    }
}

/// Files on every node of the control plane, or of the pools. Those that people name come last.
pub(super) fn files(spec: &WorkloadClusterSpec, facts: &Facts, control_plane: bool) -> Vec<File> {
    let kubeadm = &spec.kubeadm;
    let mirror = facts
        .mirror
        .as_ref()
        .and_then(|mirror: &Mirror| mirror.registry.as_deref());
    let authorities = kubeadm
        .trusted_cas
        .iter()
        .enumerate()
        .map(|(index, ca)| file(kubeadm.trusted_ca_path(index), format!("{}\n", ca.trim())));
    let proxy = kubeadm.proxy.as_ref().map(|proxy| {
        let content = environment(proxy, spec, facts);
        File {
            // The URL may hold a password.
            permissions: "0600".to_owned(),
            ..file(Proxy::PATH, content)
        }
    });
    let logins = facts.registry_secret.as_deref();
    let mirrors = kubeadm.registry_mirrors.iter();
    let mirrors = mirrors.map(|mirror| registry::file(mirror, logins));
    let named = kubeadm.files.iter();
    let named = named.filter(|file| file.nodes.covers(control_plane));
    mirror
        .map(of_server)
        .into_iter()
        .chain(mirrors)
        .chain(authorities)
        .chain(proxy)
        .chain(named.map(named_file))
        .collect()
}

/// kubeadm wants nodes that forward IPv6 (its preflight check `FileContent--proc-sys-net-ipv6-conf-default-forwarding`). A
/// kernel that forwards hears router advertisements only when it is told to all the same (`accept_ra` 2).
const FORWARDS_IPV6: &str = concat!(
    r"printf 'net.ipv6.conf.all.forwarding = 1\nnet.ipv6.conf.default.accept_ra = 2\n' > /etc/sysctl.d/90-capstan-ipv6.conf; ",
    r#"for a in /proc/sys/net/ipv6/conf/*/accept_ra; do [ "$(cat "$a")" != 1 ] || echo 2 > "$a"; done; "#,
    "sysctl -q -p /etc/sysctl.d/90-capstan-ipv6.conf",
);
/// Tells the kubelet both addresses of the node, which without a cloud controller would take that of IPv4 alone. The one of
/// either kind may come a moment after the server has started, and that of a further network before it: of the node is
/// what lies in the ranges of the nodes' network. kubeadm's unit reads the file, of which the last line of a name counts;
/// what the image has said there stays.
const BOTH_ADDRESSES: &str = concat!(
    r#"address() { ip -o "-$1" address show scope global to "$2" | awk '{ sub("/.*", "", $4); print $4; exit }'; }; "#,
    r#"for i in $(seq 60); do four=$(address 4 "$range4"); six=$(address 6 "$range6"); "#,
    r#"[ -n "$four" ] && [ -n "$six" ] && break; sleep 1; done; "#,
    r#"said=$(sed -n 's/^KUBELET_EXTRA_ARGS=//p' /etc/default/kubelet 2> /dev/null | tail -n 1 | tr -d "\"'"); "#,
    r#"echo "KUBELET_EXTRA_ARGS=$said --node-ip=$four,$six" >> /etc/default/kubelet"#,
);

/// [`BOTH_ADDRESSES`] with the ranges of the nodes' network; those that are not known let every address count.
fn both_addresses(facts: &Facts) -> String {
    let network = facts.existing_network.as_ref();
    let ipv6 = network.and_then(|network| network.ipv6_cidr);
    let text = |range: Option<IpNet>| range.map(|range| range.to_string());
    let (ipv4, ipv6) = (text(facts.node_cidr), text(ipv6));
    with_ranges(
        ipv4.as_deref().unwrap_or("0.0.0.0/0"),
        ipv6.as_deref().unwrap_or("::/0"),
    )
}

fn with_ranges(ipv4: &str, ipv6: &str) -> String {
    format!("range4={ipv4}; range6={ipv6}; {BOTH_ADDRESSES}")
}

/// Commands before kubeadm runs: first what makes our own files count, then those that people name.
pub(super) fn pre_commands(spec: &WorkloadClusterSpec, facts: &Facts) -> Vec<String> {
    let kubeadm = &spec.kubeadm;
    let (trusts, proxy) = (!kubeadm.trusted_cas.is_empty(), kubeadm.proxy.is_some());
    let ipv6 = spec.network.ipv6.is_some();
    let ours = [
        (
            kubeadm.format == BootstrapFormat::Ignition,
            ignition::EVALUATE,
        ),
        (ipv6, FORWARDS_IPV6),
        (ipv6, &both_addresses(facts)),
        (trusts, "update-ca-certificates"),
        (proxy, "systemctl daemon-reload"),
        (trusts || proxy, "systemctl restart containerd"),
    ];
    ours.into_iter()
        .filter(|(needed, _)| *needed)
        .map(|(_, command)| command.to_owned())
        .chain(kubeadm.pre_commands.iter().cloned())
        .collect()
}

fn named_file(file: &NodeFile) -> File {
    File {
        path: file.path.clone(),
        owner: file.owner.clone(),
        permissions: file.permissions.clone(),
        content: file.content.clone(),
        content_from: file.content_from.as_ref().map(|from| FileSource {
            secret: SecretFileSource {
                name: from.secret.clone(),
                key: from.key.clone(),
            },
        }),
    }
}

/// Sends every pull to the mirror and nowhere else: without internet a try upstream would only cost its time-out, and
/// with internet a mirror that is quietly passed by would not be one.
fn of_server(url: &str) -> File {
    let url = url.trim_end_matches('/');
    let host = registry::host(url);
    file(
        RegistryMirror::path(RegistryMirror::DEFAULT),
        format!("server = \"{url}\"\n\n{host}"),
    )
}

fn environment(proxy: &Proxy, spec: &WorkloadClusterSpec, facts: &Facts) -> String {
    let ranges = [spec.network.pod_cidr, spec.network.service_cidr];
    let ranges = facts.node_cidr.iter().chain(&ranges);
    let directly = Proxy::directly(ranges, &proxy.no_proxy).join(",");
    let variables = [
        ("HTTP_PROXY", proxy.http.as_deref()),
        ("HTTPS_PROXY", proxy.https.as_deref()),
        ("NO_PROXY", Some(directly.as_str())),
    ];
    let lines = variables.into_iter().filter_map(|(name, value)| {
        // systemd would take % for a specifier.
        let value = value?.replace('%', "%%");
        Some(format!("Environment=\"{name}={value}\"\n"))
    });
    std::iter::once("[Service]\n".to_owned())
        .chain(lines)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Answers as `ip` of a server whose further network came first.
    const IP: &str = r#"ip() {
    case "$2 $8" in
    "-4 10.77.0.0/24") echo "3: eth0 inet 10.77.0.9/24 scope global";;
    "-4 "*) echo "2: eth1 inet 10.78.0.63/24 scope global"; echo "3: eth0 inet 10.77.0.9/24 scope global";;
    "-6 fd00:77::/64") echo "3: eth0 inet6 fd00:77::9/64 scope global";;
    "-6 "*) echo "2: eth1 inet6 fd00:78::9/64 scope global"; echo "3: eth0 inet6 fd00:77::9/64 scope global";;
    esac
}
"#;

    #[test]
    fn the_kubelet_is_told_the_addresses_in_the_network_of_the_nodes() {
        let [known, unknown] =
            [("10.77.0.0/24", "fd00:77::/64"), ("0.0.0.0/0", "::/0")].map(|(ipv4, ipv6)| {
                let home = tempfile::tempdir().unwrap();
                let path = home.path().join("kubelet");
                std::fs::write(&path, "KUBELET_EXTRA_ARGS=\"--v=2\"\n").unwrap();
                let command = with_ranges(ipv4, ipv6);
                let command = command.replace("/etc/default/kubelet", path.to_str().unwrap());
                let run = Command::new("bash")
                    .arg("-c")
                    .arg(format!("{IP}{command}"))
                    .status();
                assert!(run.unwrap().success());
                std::fs::read_to_string(&path)
                    .unwrap()
                    .lines()
                    .last()
                    .unwrap()
                    .to_owned()
            });
        assert_eq!(
            known,
            "KUBELET_EXTRA_ARGS=--v=2 --node-ip=10.77.0.9,fd00:77::9"
        );
        assert_eq!(
            unknown,
            "KUBELET_EXTRA_ARGS=--v=2 --node-ip=10.78.0.63,fd00:78::9"
        );
    }
}
