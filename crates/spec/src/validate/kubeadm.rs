//! Rules of how Kubernetes is set up on the nodes.

mod flags;
mod ignition;

use super::{required, syntax};
use crate::WorkloadClusterSpec;
use crate::cluster::kubeadm::{BootstrapFormat, Kubeadm, NodeFile, NodeRole, RegistryMirror};
use crate::finding::Finding;

/// Longest content of a file that Cluster API takes (v1.14 `files[].content`).
const FILE_LENGTH: usize = 10_240;
/// Nova takes 65,535 bytes of user data in base64, hence 49,149 bytes. A first control plane machine needs about a third
/// for Cluster API's certificates and kubeadm's configuration; this is what is left for what people bring along.
const USER_DATA_BYTES: usize = 32 * 1024;
/// What a file costs beside its content, in the YAML of cloud-init.
const FILE_OVERHEAD: usize = 160;
/// How deep cloud-init's YAML indents each line of a file.
const INDENT: usize = 6;

pub(super) fn kubeadm(spec: &WorkloadClusterSpec, findings: &mut Vec<Finding>) {
    let kubeadm = &spec.kubeadm;
    flags::flags(kubeadm, findings);
    api_server(kubeadm, findings);
    files(kubeadm, findings);
    commands(kubeadm, findings);
    surroundings(kubeadm, findings);
    user_data(kubeadm, findings);
    if kubeadm.format == BootstrapFormat::Ignition {
        ignition::ignition(spec, findings);
    }
}

fn api_server(kubeadm: &Kubeadm, findings: &mut Vec<Finding>) {
    if let Some(oidc) = &kubeadm.oidc {
        if !syntax::is_url(&oidc.issuer_url, &["https"]) {
            let text = format!("{:?} is no URL with https", oidc.issuer_url);
            findings.push(
                Finding::error("kubeadm.oidc.issuerUrl", text)
                    .remedy("write for instance https://login.example.org"),
            );
        }
        required("kubeadm.oidc.clientId", &oidc.client_id, findings);
        if oidc.groups_prefix.is_some() && oidc.groups_claim.is_none() {
            let text = "without groupsClaim there are no groups to put it before";
            findings
                .push(Finding::error("kubeadm.oidc.groupsPrefix", text).remedy("set groupsClaim"));
        }
        if let Some(ca) = &oidc.ca {
            certificate("kubeadm.oidc.ca", ca, findings);
        }
    }
    if let Some(audit) = &kubeadm.audit {
        if let Some(policy) = &audit.policy {
            let said = policy.contains("audit.k8s.io/") && policy.contains("rules");
            if !said {
                let text = "it is no document of the kind Policy of audit.k8s.io";
                findings.push(Finding::error("kubeadm.audit.policy", text));
            }
            length("kubeadm.audit.policy", policy, findings);
        }
        for (field, number) in [
            ("maxAgeDays", audit.max_age_days),
            ("maxBackups", audit.max_backups),
            ("maxSizeMib", audit.max_size_mib),
        ] {
            if number == 0 {
                let text = "0 would keep logs until the disk is full";
                findings.push(Finding::error(format!("kubeadm.audit.{field}"), text));
            }
        }
    }
    let plugins = [
        ("enable", &kubeadm.admission.enable),
        ("disable", &kubeadm.admission.disable),
    ];
    for (field, names) in plugins {
        for (index, name) in names.iter().enumerate() {
            let path = format!("kubeadm.admission.{field}[{index}]");
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
                let text = format!("{name:?} is no admission plugin");
                findings
                    .push(Finding::error(path, text).remedy("write for instance AlwaysPullImages"));
            } else if field == "disable" && name == "NodeRestriction" {
                let text = "without NodeRestriction every node may change every other";
                findings.push(Finding::error(path, text).remedy("leave it on"));
            } else if field == "disable" && kubeadm.admission.enable.contains(name) {
                let text = format!("{name} is to be on and off");
                findings.push(Finding::error(path, text).remedy("keep one of the two"));
            }
        }
    }
}

fn files(kubeadm: &Kubeadm, findings: &mut Vec<Finding>) {
    let (files, own) = (&kubeadm.files, kubeadm.own_files());
    for (index, file) in files.iter().enumerate() {
        let path = |field: &str| format!("kubeadm.files[{index}].{field}");
        if !syntax::is_absolute(&file.path) || file.path.ends_with('/') || file.path.len() > 512 {
            let text = format!("{:?} is no absolute path of a file", file.path);
            findings.push(Finding::error(path("path"), text).remedy("begin it with /"));
        }
        let meet = |other: &NodeFile| {
            other.path == file.path
                && (other.nodes == file.nodes || [other.nodes, file.nodes].contains(&NodeRole::All))
        };
        if files[..index].iter().any(meet) {
            let text = format!("{} is written twice", file.path);
            findings.push(Finding::error(path("path"), text).remedy("keep one of the two"));
        }
        if let Some((_, field)) = own.iter().find(|(path, _)| *path == file.path) {
            let text = format!("{} is written by Capstan", file.path);
            findings.push(Finding::error(path("path"), text).remedy(format!("use {field}")));
        }
        match (&file.content, &file.content_from) {
            (Some(content), None) => {
                if content.is_empty() {
                    findings.push(Finding::error(
                        path("content"),
                        "Cluster API takes no empty file",
                    ));
                }
                length(&path("content"), content, findings);
            }
            (None, Some(from)) => {
                required(&path("contentFrom.secret"), &from.secret, findings);
                required(&path("contentFrom.key"), &from.key, findings);
            }
            _ => {
                let text = "a file has either content or contentFrom";
                findings.push(Finding::error(path("content"), text).remedy("set one of the two"));
            }
        }
        let octal = file.permissions.len() == 4
            && file.permissions.chars().all(|c| ('0'..='7').contains(&c));
        if !octal {
            let text = format!("{:?} are no rights in octal", file.permissions);
            findings.push(
                Finding::error(path("permissions"), text).remedy("write for instance \"0644\""),
            );
        }
        let owner = file
            .owner
            .split_once(':')
            .is_some_and(|(user, group)| !user.is_empty() && !group.is_empty());
        if !owner || file.owner.chars().any(char::is_whitespace) {
            let text = format!("{:?} is no user:group", file.owner);
            findings
                .push(Finding::error(path("owner"), text).remedy("write for instance root:root"));
        }
    }
}

fn commands(kubeadm: &Kubeadm, findings: &mut Vec<Finding>) {
    let lists = [
        ("preCommands", &kubeadm.pre_commands),
        ("postCommands", &kubeadm.post_commands),
    ];
    for (field, commands) in lists {
        for (index, command) in commands.iter().enumerate() {
            let path = format!("kubeadm.{field}[{index}]");
            required(&path, command, findings);
            length(&path, command, findings);
        }
    }
}

/// Time, certificates, registries and proxy.
fn surroundings(kubeadm: &Kubeadm, findings: &mut Vec<Finding>) {
    for (index, server) in kubeadm.ntp_servers.iter().enumerate() {
        if server.parse::<std::net::IpAddr>().is_err() && !syntax::is_domain(server) {
            let text = format!("{server:?} is neither a name nor an address");
            findings.push(Finding::error(format!("kubeadm.ntpServers[{index}]"), text));
        }
    }
    for (index, ca) in kubeadm.trusted_cas.iter().enumerate() {
        certificate(&format!("kubeadm.trustedCAs[{index}]"), ca, findings);
    }
    for (index, mirror) in kubeadm.registry_mirrors.iter().enumerate() {
        let path = |field: &str| format!("kubeadm.registryMirrors[{index}].{field}");
        let (host, port) = match mirror.registry.split_once(':') {
            Some((host, port)) => (host, port.parse::<u16>().is_ok()),
            None => (mirror.registry.as_str(), true),
        };
        if !syntax::is_domain(host) || !port {
            let text = format!("{:?} is no registry", mirror.registry);
            findings.push(
                Finding::error(path("registry"), text).remedy("write for instance docker.io"),
            );
        }
        if mirror.endpoints.is_empty() {
            findings.push(Finding::error(
                path("endpoints"),
                "a mirror has at least one URL",
            ));
        }
        for endpoint in &mirror.endpoints {
            if !syntax::is_url(endpoint, &["http", "https"]) {
                let text = format!("{endpoint:?} is no URL");
                findings.push(
                    Finding::error(path("endpoints"), text)
                        .remedy("write for instance https://mirror.example.org"),
                );
            }
        }
        credentials(mirror, &path, findings);
        let same = |other: &RegistryMirror| other.registry == mirror.registry;
        if kubeadm.registry_mirrors[..index].iter().any(same) {
            let text = format!("there are two mirrors of {:?}", mirror.registry);
            findings
                .push(Finding::error(path("registry"), text).remedy("list both endpoints in one"));
        }
    }
    if let Some(proxy) = &kubeadm.proxy {
        if proxy.http.is_none() && proxy.https.is_none() {
            findings.push(
                Finding::error("kubeadm.proxy", "a proxy has a URL")
                    .remedy("set http, https or both"),
            );
        }
        for (field, url) in [("http", &proxy.http), ("https", &proxy.https)] {
            let Some(url) = url else { continue };
            let path = format!("kubeadm.proxy.{field}");
            if !syntax::is_url(url, &["http", "https"]) {
                let text = "it is no URL";
                findings.push(
                    Finding::error(path, text)
                        .remedy("write for instance http://proxy.example.org:3128"),
                );
            } else if url.contains('@') {
                let text = "the password in it can be read by everybody who may read the cluster";
                findings.push(
                    Finding::warning(path, text)
                        .remedy("let the proxy know nodes by their addresses"),
                );
            }
        }
        for (index, name) in proxy.no_proxy.iter().enumerate() {
            if name.is_empty() || name.contains([',', '"', ' ', '\n']) {
                let text = format!("{name:?} is no single name, address or range");
                findings.push(Finding::error(
                    format!("kubeadm.proxy.noProxy[{index}]"),
                    text,
                ));
            }
        }
    }
}

/// Credentials come by a Secret, and go where nobody listens.
fn credentials(
    mirror: &RegistryMirror,
    path: &impl Fn(&str) -> String,
    findings: &mut Vec<Finding>,
) {
    let authority = |url: &str| {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default().to_owned()
    };
    if mirror
        .endpoints
        .iter()
        .any(|url| authority(url).contains('@'))
    {
        let text = "the password in it can be read by everybody who may read the cluster, and containerd does not use it";
        findings.push(
            Finding::warning(path("endpoints"), text)
                .remedy("put it into a Secret and name that in credentialsSecret"),
        );
    }
    let Some(secret) = &mirror.credentials_secret else {
        return;
    };
    if !syntax::is_domain(secret) {
        let text = format!("{secret:?} is no name of a Secret");
        findings.push(Finding::error(path("credentialsSecret"), text));
    }
    if mirror
        .endpoints
        .iter()
        .any(|url| url.starts_with("http://"))
    {
        let text = "the credentials go over the network for everybody to read";
        findings
            .push(Finding::warning(path("endpoints"), text).remedy("let the mirror speak https"));
    }
}

/// All that people bring along must fit into the user data of one server.
fn user_data(kubeadm: &Kubeadm, findings: &mut Vec<Finding>) {
    let file = |text: &str| match kubeadm.format {
        BootstrapFormat::CloudConfig => text.len() + text.lines().count() * INDENT + FILE_OVERHEAD,
        BootstrapFormat::Ignition => ignition::encoded(text) + FILE_OVERHEAD,
    };
    let role = |control_plane: bool| -> usize {
        let written = kubeadm
            .files
            .iter()
            .filter(|file| file.nodes.covers(control_plane));
        written
            .filter_map(|written| written.content.as_deref())
            .map(file)
            .sum()
    };
    let both: usize = kubeadm.trusted_cas.iter().map(|ca| file(ca)).sum::<usize>()
        + kubeadm
            .pre_commands
            .iter()
            .chain(&kubeadm.post_commands)
            .map(|one| file(one))
            .sum::<usize>()
        + kubeadm
            .registry_mirrors
            .iter()
            .map(|m| file(&m.endpoints.join("\n")))
            .sum::<usize>();
    let of_api = kubeadm
        .audit
        .as_ref()
        .and_then(|audit| audit.policy.as_deref())
        .map_or(0, file)
        + kubeadm
            .oidc
            .as_ref()
            .and_then(|oidc| oidc.ca.as_deref())
            .map_or(0, file);
    let bytes = both + (role(true) + of_api).max(role(false));
    if bytes > USER_DATA_BYTES {
        let text = format!(
            "files, commands and certificates take about {bytes} bytes of a node's user data, and there is room for {USER_DATA_BYTES}"
        );
        findings.push(
            Finding::error("kubeadm", text)
                .remedy("build what is large into the image, or fetch it by a command"),
        );
    }
}

fn certificate(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let text = text.trim();
    if !text.starts_with("-----BEGIN CERTIFICATE-----")
        || !text.ends_with("-----END CERTIFICATE-----")
    {
        let finding = Finding::error(path, "it is no certificate in PEM");
        findings.push(finding.remedy("begin with -----BEGIN CERTIFICATE-----"));
    }
    length(path, text, findings);
}

fn length(path: &str, text: &str, findings: &mut Vec<Finding>) {
    if text.len() > FILE_LENGTH {
        let text = format!(
            "{} bytes are more than the {FILE_LENGTH} that Cluster API takes",
            text.len()
        );
        findings.push(Finding::error(path, text).remedy("split it, or fetch it by a command"));
    }
}
