//! What kubeadm is told of the whole control plane, and the files that belong to it.

use std::collections::BTreeMap;

use capstan_capi::apply::{
    ClusterConfiguration, Component, Etcd, File, FileSource, HostPathMount, LocalEtcd,
    SecretFileSource,
};
use capstan_spec::cluster::EtcdVolume;
use capstan_spec::cluster::kubeadm::{Admission, Audit, Kubeadm, Oidc, PodSecurity};
use capstan_spec::{ClusterName, WorkloadClusterSpec, defaults};

use super::node;

/// Key of the encryption's Secret under which the API server's configuration stands.
pub const ENCRYPTION_KEY: &str = "configuration.yaml";
/// kubeadm's own choice, which a list of ours would replace.
const NODE_RESTRICTION: &str = "NodeRestriction";
/// Who did what to which object, without contents; nothing of the constant chatter of leases and health.
const DEFAULT_AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  nonResourceURLs: [\"/healthz*\", \"/livez*\", \"/readyz*\", /version]
- level: None
  resources:
  - {group: coordination.k8s.io, resources: [leases]}
- level: Metadata
";

/// What kubeadm is told; empty when nothing differs from its defaults.
pub(super) fn configuration(spec: &WorkloadClusterSpec) -> ClusterConfiguration {
    let kubeadm = &spec.kubeadm;
    let mut etcd_args = kubeadm.etcd.extra_args.clone();
    etcd_args.extend(set(kubeadm.etcd.flags()));
    let mut etcd = LocalEtcd {
        data_dir: None,
        extra_args: node::arguments(&etcd_args),
    };
    if spec.control_plane.etcd_volume.is_some() {
        etcd.data_dir = Some(EtcdVolume::DATA_DIR);
    }
    ClusterConfiguration {
        api_server: api_server(spec),
        controller_manager: component(kubeadm, &kubeadm.controller_manager.extra_args),
        scheduler: component(kubeadm, &kubeadm.scheduler.extra_args),
        etcd: Etcd { local: etcd },
    }
}

/// Files that only machines of the control plane have.
pub(super) fn files(kubeadm: &Kubeadm, name: &ClusterName) -> Vec<File> {
    let mut files = Vec::new();
    if kubeadm.encrypt_secrets {
        let secret = SecretFileSource {
            name: name.encryption_secret(),
            key: ENCRYPTION_KEY.to_owned(),
        };
        files.push(File {
            path: Kubeadm::ENCRYPTION_PATH.to_owned(),
            owner: defaults::FILE_OWNER.to_owned(),
            permissions: "0600".to_owned(),
            content: None,
            content_from: Some(FileSource { secret }),
        });
    }
    if let Some(audit) = &kubeadm.audit {
        let policy = audit.policy.as_deref().unwrap_or(DEFAULT_AUDIT_POLICY);
        files.push(super::files::file(Audit::POLICY_PATH, policy.to_owned()));
    }
    if let Some(ca) = kubeadm.oidc.as_ref().and_then(|oidc| oidc.ca.as_ref()) {
        files.push(super::files::file(
            Oidc::CA_PATH,
            format!("{}\n", ca.trim()),
        ));
    }
    if let Some(level) = kubeadm.admission.pod_security {
        files.push(super::files::file(Admission::PATH, pod_security(level)));
    }
    files
}

fn set(flags: Vec<(&'static str, &'static str, String)>) -> impl Iterator<Item = (String, String)> {
    flags
        .into_iter()
        .map(|(_, flag, value)| (flag.to_owned(), value))
}

fn component(kubeadm: &Kubeadm, extra_args: &BTreeMap<String, String>) -> Component {
    let mut args = extra_args.clone();
    gates(kubeadm, &mut args);
    Component {
        extra_args: node::arguments(&args),
        ..Component::default()
    }
}

fn gates(kubeadm: &Kubeadm, args: &mut BTreeMap<String, String>) {
    let gates = node::feature_gates(kubeadm);
    if !gates.is_empty() {
        args.insert("feature-gates".to_owned(), gates);
    }
}

fn api_server(spec: &WorkloadClusterSpec) -> Component {
    let kubeadm = &spec.kubeadm;
    let mut args = kubeadm.api_server.extra_args.clone();
    args.extend(set(kubeadm.api_server.flags()));
    let mut extra_volumes = Vec::new();
    gates(kubeadm, &mut args);
    if let Some(oidc) = &kubeadm.oidc {
        args.extend(login(oidc));
    }
    if let Some(audit) = &kubeadm.audit {
        args.extend(audit_log(audit));
        extra_volumes.push(mount("audit-policy", Audit::POLICY_PATH, true));
        extra_volumes.push(mount("audit-log", Audit::LOG_DIRECTORY, false));
    }
    if kubeadm.encrypt_secrets {
        let (flag, path) = ("encryption-provider-config", Kubeadm::ENCRYPTION_PATH);
        args.insert(flag.to_owned(), path.to_owned());
        extra_volumes.push(mount("encryption", path, true));
    }
    let admission = &kubeadm.admission;
    if !admission.enable.is_empty() {
        let mut plugins = vec![NODE_RESTRICTION];
        let more = admission.enable.iter().map(String::as_str);
        plugins.extend(more.filter(|plugin| *plugin != NODE_RESTRICTION));
        args.insert("enable-admission-plugins".to_owned(), plugins.join(","));
    }
    if !admission.disable.is_empty() {
        let plugins = admission.disable.join(",");
        args.insert("disable-admission-plugins".to_owned(), plugins);
    }
    if admission.pod_security.is_some() {
        let file = Admission::PATH.to_owned();
        args.insert("admission-control-config-file".to_owned(), file);
        extra_volumes.push(mount("admission", Admission::PATH, true));
    }
    Component {
        cert_sans: spec.api_access.sans.clone(),
        extra_args: node::arguments(&args),
        extra_volumes,
    }
}

fn login(oidc: &Oidc) -> impl Iterator<Item = (String, String)> {
    let flags = [
        ("oidc-issuer-url", Some(oidc.issuer_url.clone())),
        ("oidc-client-id", Some(oidc.client_id.clone())),
        ("oidc-username-claim", oidc.username_claim.clone()),
        ("oidc-username-prefix", oidc.username_prefix.clone()),
        ("oidc-groups-claim", oidc.groups_claim.clone()),
        ("oidc-groups-prefix", oidc.groups_prefix.clone()),
        (
            "oidc-ca-file",
            oidc.ca.as_ref().map(|_| Oidc::CA_PATH.to_owned()),
        ),
    ];
    flags
        .into_iter()
        .filter_map(|(flag, value)| Some((flag.to_owned(), value?)))
}

fn audit_log(audit: &Audit) -> [(String, String); 5] {
    [
        ("audit-policy-file", Audit::POLICY_PATH.to_owned()),
        (
            "audit-log-path",
            format!("{}/audit.log", Audit::LOG_DIRECTORY),
        ),
        ("audit-log-maxage", audit.max_age_days.to_string()),
        ("audit-log-maxbackup", audit.max_backups.to_string()),
        ("audit-log-maxsize", audit.max_size_mib.to_string()),
    ]
    .map(|(flag, value)| (flag.to_owned(), value))
}

/// A file that is only read, or a directory that is written to.
fn mount(name: &'static str, path: &'static str, file: bool) -> HostPathMount {
    HostPathMount {
        name,
        host_path: path,
        mount_path: path,
        read_only: file,
        path_type: if file { "File" } else { "DirectoryOrCreate" },
    }
}

fn pod_security(level: PodSecurity) -> String {
    let level = level.as_str();
    format!(
        "\
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults: {{enforce: {level}, audit: {level}, warn: {level}}}
    exemptions:
      namespaces: [kube-system, kube-flannel]
"
    )
}
