use super::{refused, with};
use crate::cluster::kubeadm::{NodeFile, NodeRole};
use crate::validate;

#[test]
fn what_ignition_cannot() {
    const ON: &str = "kubeadm: {format: ignition";
    refused(&[(
        "kubeadm: {format: ignition}\nworkers: [{flavor: m, volumes: [{name: d, sizeGib: 1, device: /dev/vdb, mountPath: /var/my-data}]}]",
        "workers[0].volumes[0].mountPath",
        "a - in its name",
    )]);
    let spec = with(&format!("{ON}, preCommands: ['echo {{{{ x }}}}']}}"));
    let findings = validate::spec(&spec);
    let warned = findings
        .iter()
        .find(|finding| finding.path == "kubeadm.preCommands[0]")
        .unwrap();
    assert!(!warned.is_error() && warned.message.contains("evaluates nothing"));
    // Signs that take three bytes in a URL fill the user data sooner.
    let text = "#".repeat(9000);
    let files = |format: &str| {
        let files: Vec<String> = (0..3)
            .map(|n| format!("{{path: /f{n}, content: '{text}'}}"))
            .collect();
        let spec = with(&format!(
            "kubeadm: {{format: {format}, files: [{}]}}",
            files.join(", ")
        ));
        validate::spec(&spec)
            .iter()
            .any(|finding| finding.is_error() && finding.path == "kubeadm")
    };
    assert!(!files("cloud-config"));
    assert!(files("ignition"));
}

#[test]
fn graphics_processors() {
    refused(&[
        (
            "workers: [{flavor: m, gpu: {resource: gpu}}]",
            "workers[0].gpu.resource",
            "no resource",
        ),
        (
            "workers: [{flavor: m, gpu: {count: 0}}]",
            "workers[0].gpu.count",
            "without",
        ),
    ]);
    let spec = with("workers: [{flavor: m, gpu: {}}]");
    assert_eq!(
        spec.workers[0].gpu.as_ref().unwrap().resource,
        "nvidia.com/gpu"
    );
    let findings = validate::spec(&spec);
    assert!(findings.iter().any(|f| f.message.contains("that is free")));
}

#[test]
fn flags_and_gates() {
    refused(&[
        (
            "kubeadm: {featureGates: {a-b: true}}",
            "kubeadm.featureGates.a-b",
            "no feature gate",
        ),
        (
            "kubeadm: {apiServer: {extraArgs: {--v: '2'}}}",
            "kubeadm.apiServer.extraArgs.--v",
            "no flag",
        ),
        (
            "kubeadm: {apiServer: {extraArgs: {oidc-client-id: x}}}",
            "kubeadm.apiServer.extraArgs.oidc-client-id",
            "set by Capstan",
        ),
        (
            "kubeadm: {controllerManager: {extraArgs: {cluster-cidr: x}}}",
            "kubeadm.controllerManager.extraArgs.cluster-cidr",
            "set by Capstan",
        ),
        (
            "kubeadm: {etcd: {extraArgs: {data-dir: /x}}}",
            "kubeadm.etcd.extraArgs.data-dir",
            "set by Capstan",
        ),
        (
            "kubeadm: {kubelet: {extraArgs: {provider-id: x}}}",
            "kubeadm.kubelet.extraArgs.provider-id",
            "set by Capstan",
        ),
        (
            "kubeadm: {kubelet: {systemReserved: {gpu: '1'}}}",
            "kubeadm.kubelet.systemReserved.gpu",
            "cannot be reserved",
        ),
        (
            "kubeadm: {kubelet: {kubeReserved: {cpu: much}}}",
            "kubeadm.kubelet.kubeReserved.cpu",
            "no quantity",
        ),
        (
            "kubeadm: {kubelet: {evictionHard: {memory.available: x%}}}",
            "kubeadm.kubelet.evictionHard.memory.available",
            "no threshold",
        ),
    ]);
    refused(&[
        (
            "kubeadm: {apiServer: {maxRequestsInflight: 0}}",
            "kubeadm.apiServer.maxRequestsInflight",
            "every request",
        ),
        (
            "kubeadm: {apiServer: {goawayEvery: 20}}",
            "kubeadm.apiServer.goawayEvery",
            "more often",
        ),
        (
            "kubeadm: {apiServer: {eventTtlMinutes: 5, extraArgs: {event-ttl: 5m}}}",
            "kubeadm.apiServer.extraArgs.event-ttl",
            "already",
        ),
        (
            "kubeadm: {encryptSecrets: true, apiServer: {extraArgs: {encryption-provider-config: /x}}}",
            "kubeadm.apiServer.extraArgs.encryption-provider-config",
            "already",
        ),
        (
            "kubeadm: {etcd: {defragmentation: {hour: 24}}}",
            "kubeadm.etcd.defragmentation.hour",
            "24 is no hour of a day",
        ),
        (
            "kubeadm: {etcd: {defragmentation: {gainPercent: 0}}}",
            "kubeadm.etcd.defragmentation.gainPercent",
            "0 is no share of a file that can be free",
        ),
        (
            "kubeadm: {etcd: {quotaGib: 9}}",
            "kubeadm.etcd.quotaGib",
            "1 to 8",
        ),
        (
            "kubeadm: {etcd: {heartbeatMilliseconds: 500}}",
            "kubeadm.etcd.electionMilliseconds",
            "five to ten",
        ),
        (
            "kubeadm: {etcd: {electionMilliseconds: 60000}}",
            "kubeadm.etcd.electionMilliseconds",
            "at most 50000",
        ),
    ]);
    let long = format!(
        "kubeadm: {{scheduler: {{extraArgs: {{v: {}}}}}}}",
        "x".repeat(2000)
    );
    refused(&[(&long, "kubeadm.scheduler.extraArgs.v", "1024 bytes")]);
}

#[test]
fn the_api_server() {
    refused(&[
        (
            "kubeadm: {oidc: {issuerUrl: 'http://a', clientId: b}}",
            "kubeadm.oidc.issuerUrl",
            "https",
        ),
        (
            "kubeadm: {oidc: {issuerUrl: 'https://a', clientId: ''}}",
            "kubeadm.oidc.clientId",
            "empty",
        ),
        (
            "kubeadm: {oidc: {issuerUrl: 'https://a', clientId: b, ca: c}}",
            "kubeadm.oidc.ca",
            "PEM",
        ),
        (
            "kubeadm: {oidc: {issuerUrl: 'https://a', clientId: b, groupsPrefix: c}}",
            "kubeadm.oidc.groupsPrefix",
            "no groups",
        ),
        (
            "kubeadm: {audit: {policy: x}}",
            "kubeadm.audit.policy",
            "kind Policy",
        ),
        (
            "kubeadm: {audit: {maxAgeDays: 0}}",
            "kubeadm.audit.maxAgeDays",
            "disk is full",
        ),
        (
            "kubeadm: {admission: {disable: [NodeRestriction]}}",
            "kubeadm.admission.disable[0]",
            "every other",
        ),
        (
            "kubeadm: {admission: {enable: [A], disable: [A]}}",
            "kubeadm.admission.disable[0]",
            "on and off",
        ),
        (
            "kubeadm: {admission: {enable: [a b]}}",
            "kubeadm.admission.enable[0]",
            "no admission plugin",
        ),
    ]);
}

#[test]
fn files_and_commands() {
    refused(&[
        (
            "kubeadm: {files: [{path: etc/x, content: a}]}",
            "kubeadm.files[0].path",
            "no absolute path",
        ),
        (
            "kubeadm: {files: [{path: /x}]}",
            "kubeadm.files[0].content",
            "either",
        ),
        (
            "kubeadm: {files: [{path: /x, content: ''}]}",
            "kubeadm.files[0].content",
            "no empty file",
        ),
        (
            "kubeadm: {files: [{path: /x, content: a, contentFrom: {secret: b, key: c}}]}",
            "kubeadm.files[0].content",
            "either",
        ),
        (
            "kubeadm: {files: [{path: /x, content: a}, {path: /x, content: b, nodes: workers}]}",
            "kubeadm.files[1].path",
            "twice",
        ),
        (
            "kubeadm: {files: [{path: /etc/kubernetes/audit/policy.yaml, content: a}]}",
            "kubeadm.files[0].path",
            "written by Capstan",
        ),
        (
            "kubeadm: {files: [{path: /x, content: a, permissions: rw}]}",
            "kubeadm.files[0].permissions",
            "octal",
        ),
        (
            "kubeadm: {files: [{path: /x, content: a, owner: root}]}",
            "kubeadm.files[0].owner",
            "user:group",
        ),
        (
            "kubeadm: {preCommands: ['']}",
            "kubeadm.preCommands[0]",
            "empty",
        ),
    ]);
    let long = format!(
        "kubeadm: {{files: [{{path: /x, content: {}}}]}}",
        "x".repeat(10_241)
    );
    refused(&[(&long, "kubeadm.files[0].content", "10240")]);
}

#[test]
fn credentials_in_the_open_are_warned_of() {
    let warned = |mirror: &str| {
        let spec = with(&format!(
            "kubeadm: {{registryMirrors: [{{registry: a, {mirror}}}]}}\n"
        ));
        let found = validate::spec(&spec);
        assert!(found.iter().all(|finding| !finding.is_error()), "{found:?}");
        let of_mirrors = found
            .iter()
            .filter(|one| one.path.contains("registryMirrors"));
        of_mirrors
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(
        warned("endpoints: ['https://m'], credentialsSecret: login"),
        ""
    );
    assert!(
        warned("endpoints: ['http://m'], credentialsSecret: login")
            .contains("for everybody to read")
    );
    assert!(warned("endpoints: ['https://u:p@m/x']").contains("credentialsSecret"));
    assert_eq!(warned("endpoints: ['https://m/a@b']"), "");
}

#[test]
fn the_way_to_images_and_time() {
    refused(&[
        (
            "kubeadm: {ntpServers: [a b]}",
            "kubeadm.ntpServers[0]",
            "neither",
        ),
        ("kubeadm: {trustedCAs: [x]}", "kubeadm.trustedCAs[0]", "PEM"),
        (
            "kubeadm: {registryMirrors: [{registry: docker.io, endpoints: []}]}",
            "kubeadm.registryMirrors[0].endpoints",
            "at least one",
        ),
        (
            "kubeadm: {registryMirrors: [{registry: docker.io, endpoints: [mirror]}]}",
            "kubeadm.registryMirrors[0].endpoints",
            "no URL",
        ),
        (
            "kubeadm: {registryMirrors: [{registry: 'https://x', endpoints: ['https://m']}]}",
            "kubeadm.registryMirrors[0].registry",
            "no registry",
        ),
        (
            "kubeadm: {registryMirrors: [{registry: a, endpoints: ['https://m']}, {registry: a, endpoints: ['https://n']}]}",
            "kubeadm.registryMirrors[1].registry",
            "two mirrors",
        ),
        (
            "kubeadm: {registryMirrors: [{registry: a, endpoints: ['https://m'], credentialsSecret: A_b}]}",
            "kubeadm.registryMirrors[0].credentialsSecret",
            "no name of a Secret",
        ),
        (
            "kubeadm: {proxy: {noProxy: [a]}}",
            "kubeadm.proxy",
            "has a URL",
        ),
        (
            "kubeadm: {proxy: {http: 'proxy:3128'}}",
            "kubeadm.proxy.http",
            "no URL",
        ),
        (
            "kubeadm: {proxy: {http: 'http://p', noProxy: ['a,b']}}",
            "kubeadm.proxy.noProxy[0]",
            "no single",
        ),
    ]);
    let found = validate::spec(&with(
        "kubeadm: {proxy: {https: 'http://user:secret@proxy:3128'}}",
    ));
    assert!(
        !found[0].is_error() && found[0].message.contains("password"),
        "{found:?}"
    );
    assert!(!found[0].to_string().contains("secret"));
}

#[test]
fn all_that_a_node_is_given_fits_into_its_user_data() {
    let file = |index: usize, nodes: NodeRole| NodeFile {
        path: format!("/file-{index}"),
        content: Some("x".repeat(9000)),
        content_from: None,
        owner: "root:root".into(),
        permissions: "0644".into(),
        nodes,
    };
    let check = |roles: &[NodeRole]| {
        let mut spec = with("{}");
        let files = roles.iter().enumerate();
        spec.kubeadm.files = files.map(|(index, role)| file(index, *role)).collect();
        validate::spec(&spec)
    };
    let (plane, workers) = (NodeRole::ControlPlane, NodeRole::Workers);
    // Each node has its own, so the two kinds do not add up.
    assert_eq!(check(&[plane, plane, plane, workers, workers, workers]), []);
    let found = check(&[NodeRole::All, plane, plane, plane]);
    assert_eq!(found[0].path, "kubeadm");
    assert!(found[0].message.contains("user data"), "{found:?}");
}

#[test]
fn a_rich_cluster_is_good() {
    let spec = with(
        "network: {existing: {network: prod}}
apiAccess: {private: true, port: 443, sans: ['*.api.example.org', 10.0.0.1]}
sshKey: ops
tags: [team=a]
controlPlane: {replicas: 3, rollout: {maxSurge: 0}, etcdVolume: {device: /dev/sdb}}
workers:
- volumes: [{name: data, sizeGib: 9, mountPath: /data, device: /dev/sdb}, {name: raw, sizeGib: 1}]
  labels: {example.org/gpu: 'yes', node.cluster.x-k8s.io/a: b}
  taints: [{key: example.org/gpu, effect: NoSchedule}]
kubeadm:
  oidc: {issuerUrl: 'https://login.example.org/realms/a', clientId: kubernetes}
  audit: {}
  kubelet: {evictionHard: {nodefs.available: 10%}, systemReserved: {memory: 1Gi, cpu: 500m}}
  registryMirrors: [{registry: 'registry.example.org:5000', endpoints: ['https://m/v2/x']}]
  files: [{path: /x, content: a, nodes: workers}, {path: /x, content: b, nodes: controlPlane}]
",
    );
    let found = validate::spec(&spec);
    assert!(found.iter().all(|finding| !finding.is_error()), "{found:?}");
}
