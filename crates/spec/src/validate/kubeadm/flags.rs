//! Flags, feature gates and reservations.

use std::collections::BTreeMap;

use crate::cluster::kubeadm::{Etcd, Kubeadm};
use crate::finding::Finding;

/// Longest name and value of a flag that Cluster API takes (v1.14 `extraArgs[]`).
const FLAG_LENGTH: usize = 256;
const VALUE_LENGTH: usize = 1024;
/// `goaway-chance` is at most 0.02 (kube-apiserver).
const MOST_OFTEN_AWAY: u32 = 50;
/// etcd warns above 8 GiB (`--quota-backend-bytes`).
const MOST_ETCD_GIB: u32 = 8;
/// etcd takes no longer election time-out, in milliseconds.
const MOST_ELECTION: u32 = 50_000;
/// What kubelets may be asked to keep for others.
const RESERVABLE: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "pid"];

/// Flags that Capstan or kubeadm sets, each with what to use instead.
const OWN_FLAGS: &[(&str, &[(&str, &str)])] = &[
    (
        "apiServer",
        &[
            ("feature-gates", "use kubeadm.featureGates"),
            ("oidc-", "use kubeadm.oidc"),
            ("audit-", "use kubeadm.audit"),
            ("enable-admission-plugins", "use kubeadm.admission.enable"),
            ("disable-admission-plugins", "use kubeadm.admission.disable"),
            (
                "admission-control-config-file",
                "use kubeadm.admission.podSecurity",
            ),
            ("service-cluster-ip-range", "use network.serviceCidr"),
            ("secure-port", "use apiAccess.port"),
            ("etcd-", "leave it out: etcd runs beside the API server"),
        ],
    ),
    (
        "controllerManager",
        &[
            ("feature-gates", "use kubeadm.featureGates"),
            ("cluster-cidr", "use network.podCidr"),
            ("service-cluster-ip-range", "use network.serviceCidr"),
        ],
    ),
    (
        "scheduler",
        &[("feature-gates", "use kubeadm.featureGates")],
    ),
    ("etcd", &[("data-dir", "use controlPlane.etcdVolume")]),
    (
        "kubelet",
        &[
            ("feature-gates", "use kubeadm.featureGates"),
            (
                "provider-id",
                "leave it out: Cluster API finds the node by it",
            ),
            (
                "cloud-provider",
                "leave it out: it comes with the cloud controller",
            ),
            ("node-labels", "use workers[].labels"),
            ("register-with-taints", "use workers[].taints"),
            ("system-reserved", "use kubeadm.kubelet.systemReserved"),
            ("kube-reserved", "use kubeadm.kubelet.kubeReserved"),
            ("eviction-hard", "use kubeadm.kubelet.evictionHard"),
            (
                "hostname-override",
                "leave it out: nodes are named after their machines",
            ),
        ],
    ),
];

pub(super) fn flags(kubeadm: &Kubeadm, findings: &mut Vec<Finding>) {
    let flags = [
        ("apiServer", &kubeadm.api_server.extra_args),
        ("controllerManager", &kubeadm.controller_manager.extra_args),
        ("scheduler", &kubeadm.scheduler.extra_args),
        ("etcd", &kubeadm.etcd.extra_args),
        ("kubelet", &kubeadm.kubelet.extra_args),
    ];
    for (component, args) in flags {
        extra_args(component, args, findings);
    }
    let fields = [
        (
            "apiServer",
            &kubeadm.api_server.extra_args,
            kubeadm.api_server.flags(),
        ),
        ("etcd", &kubeadm.etcd.extra_args, kubeadm.etcd.flags()),
    ];
    for (component, args, fields) in fields {
        for (field, flag, _) in fields {
            if args.contains_key(flag) {
                let path = format!("kubeadm.{component}.extraArgs.{flag}");
                let text = format!("{field} sets this flag already");
                findings.push(Finding::error(path, text).remedy("keep one of the two"));
            }
        }
    }
    if kubeadm.encrypt_secrets {
        for flag in kubeadm.api_server.extra_args.keys() {
            if flag.starts_with("encryption-provider-config") {
                let path = format!("kubeadm.apiServer.extraArgs.{flag}");
                let text = "encryptSecrets sets this flag already";
                findings.push(Finding::error(path, text).remedy("keep one of the two"));
            }
        }
    }
    limits(kubeadm, findings);
    for gate in kubeadm.feature_gates.keys() {
        if gate.is_empty() || !gate.chars().all(|c| c.is_ascii_alphanumeric()) {
            let text = format!("{gate:?} is no feature gate");
            let path = format!("kubeadm.featureGates.{gate}");
            findings.push(Finding::error(path, text).remedy("write for instance NodeSwap: true"));
        }
    }
    let reserved = [
        ("systemReserved", &kubeadm.kubelet.system_reserved),
        ("kubeReserved", &kubeadm.kubelet.kube_reserved),
    ];
    for (field, amounts) in reserved {
        for (resource, amount) in amounts {
            let path = format!("kubeadm.kubelet.{field}.{resource}");
            if !RESERVABLE.contains(&resource.as_str()) {
                let text = format!("{resource:?} cannot be reserved");
                let remedy = format!("use one of {}", RESERVABLE.join(", "));
                findings.push(Finding::error(path, text).remedy(remedy));
            } else if !is_quantity(amount, false) {
                let text = format!("{amount:?} is no quantity of Kubernetes");
                findings.push(Finding::error(path, text).remedy("write for instance 500m or 1Gi"));
            }
        }
    }
    for (signal, amount) in &kubeadm.kubelet.eviction_hard {
        let path = format!("kubeadm.kubelet.evictionHard.{signal}");
        if !is_quantity(amount, true) || signal.contains([',', '<', '=']) {
            let text = format!("{signal:?} below {amount:?} is no threshold of eviction");
            let remedy = "write for instance memory.available: 200Mi, or nodefs.available: 10%";
            findings.push(Finding::error(path, text).remedy(remedy));
        }
    }
}

/// Bounds of the API server's and etcd's own fields.
fn limits(kubeadm: &Kubeadm, findings: &mut Vec<Finding>) {
    let (api, etcd) = (&kubeadm.api_server, &kubeadm.etcd);
    let mut least = |path: &str, value: Option<u32>, least: u32, why: &str| {
        if value.is_some_and(|value| value < least) {
            let path = format!("kubeadm.{path}");
            let remedy = format!("use {least} or more, or leave it out");
            findings.push(Finding::error(path, why).remedy(remedy));
        }
    };
    let none = "0 would let every request through at once";
    let (reads, writes) = (
        api.max_requests_inflight,
        api.max_mutating_requests_inflight,
    );
    least("apiServer.maxRequestsInflight", reads, 1, none);
    least("apiServer.maxMutatingRequestsInflight", writes, 1, none);
    let often = "clients would be sent away more often than Kubernetes allows";
    least(
        "apiServer.goawayEvery",
        api.goaway_every,
        MOST_OFTEN_AWAY,
        often,
    );
    let kept = "0 would keep no event";
    least("apiServer.eventTtlMinutes", api.event_ttl_minutes, 1, kept);
    let beat = "so short that a busy machine is taken for a lost one";
    least(
        "etcd.heartbeatMilliseconds",
        etcd.heartbeat_milliseconds,
        10,
        beat,
    );
    least(
        "etcd.compactionHours",
        etcd.compaction_hours,
        1,
        "0 would be never",
    );
    if etcd
        .quota_gib
        .is_some_and(|gib| !(1..=MOST_ETCD_GIB).contains(&gib))
    {
        let text = format!("etcd works with 1 to {MOST_ETCD_GIB} GiB of data");
        findings.push(Finding::error("kubeadm.etcd.quotaGib", text));
    }
    let defragmentation = etcd.defragmentation;
    if defragmentation.at_hour() > 23 {
        let text = format!("{} is no hour of a day", defragmentation.at_hour());
        findings.push(
            Finding::error("kubeadm.etcd.defragmentation.hour", text)
                .remedy("use 0 to 23; it is meant in UTC"),
        );
    }
    if !(1..=99).contains(&defragmentation.worth_percent()) {
        let text = format!(
            "{} is no share of a file that can be free",
            defragmentation.worth_percent()
        );
        findings.push(
            Finding::error("kubeadm.etcd.defragmentation.gainPercent", text).remedy("use 1 to 99"),
        );
    }
    let heartbeat = etcd.heartbeat_milliseconds.unwrap_or(Etcd::HEARTBEAT);
    let election = etcd.election_milliseconds.unwrap_or(Etcd::ELECTION);
    if election < heartbeat.saturating_mul(5) || election > MOST_ELECTION {
        let text = format!(
            "{election} ms do not go with a heartbeat of {heartbeat} ms: five to ten times as many, at most {MOST_ELECTION}"
        );
        let remedy = format!("use {}", heartbeat.saturating_mul(10).min(MOST_ELECTION));
        findings.push(Finding::error("kubeadm.etcd.electionMilliseconds", text).remedy(remedy));
    }
}

fn extra_args(component: &str, args: &BTreeMap<String, String>, findings: &mut Vec<Finding>) {
    let own = OWN_FLAGS.iter().find(|(name, _)| *name == component);
    for (flag, value) in args {
        let path = format!("kubeadm.{component}.extraArgs.{flag}");
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if flag.is_empty()
            || flag.len() > FLAG_LENGTH
            || !flag.chars().all(allowed)
            || flag.starts_with('-')
        {
            let text = format!("{flag:?} is no flag");
            findings.push(Finding::error(path, text).remedy("write it without its dashes"));
            continue;
        }
        if value.len() > VALUE_LENGTH {
            let text =
                format!("the value has more than the {VALUE_LENGTH} bytes that Cluster API takes");
            findings.push(Finding::error(&path, text).remedy("put it into a file, and name that"));
        }
        let set = own.into_iter().flat_map(|(_, flags)| flags.iter());
        let taken = set
            .into_iter()
            .find(|(name, _)| flag == name || (name.ends_with('-') && flag.starts_with(name)));
        if let Some((_, instead)) = taken {
            let text = "this flag is set by Capstan";
            findings.push(Finding::error(path, text).remedy(*instead));
        }
    }
}

/// Whether it is a quantity of Kubernetes, such as `500m` or `1Gi`.
fn is_quantity(text: &str, percent: bool) -> bool {
    const SUFFIXES: [&str; 14] = [
        "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "",
    ];
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let known = SUFFIXES.contains(&suffix) || (percent && suffix == "%");
    number.parse::<f64>().is_ok_and(f64::is_finite) && known
}
