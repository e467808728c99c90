use proptest::prelude::*;

use super::*;
use crate::cluster::kubeadm::{
    ApiServer, Audit, BootstrapFormat, Defragmentation, Etcd, Kubeadm, NodeFile, NodeRole, Proxy,
    RegistryMirror,
};
use crate::cluster::{
    Architecture, Autoscaling, Bastion, EtcdVolume, ExistingNetwork, ExtraNetwork, Gpu, Hook,
    Hooks, Ipv6, ManifestSource, OnFailure, RootVolume, Taint, TaintEffect, Volume,
};
use crate::{ApiAccess, ControlPlane, Network, ServerGroupPolicy, WorkerPool};

fn range(first: u8) -> impl Strategy<Value = ipnet::IpNet> {
    (0u8..=255).prop_map(move |second| format!("{first}.{second}.0.0/16").parse().unwrap())
}

fn word() -> impl Strategy<Value = String> {
    // With everything YAML might take for something else.
    prop_oneof![
        "[a-z][a-z0-9-]{0,8}[a-z]",
        Just("no".to_owned()),
        Just("1.10".to_owned()),
        Just("m1: x #y".to_owned()),
        Just("0x1f".to_owned()),
        Just("null".to_owned()),
        Just("010".to_owned()),
        Just("~".to_owned())
    ]
}

fn pool() -> impl Strategy<Value = WorkerPool> {
    (
        prop_oneof![Just("workers".to_owned()), "[a-z]{1,6}"],
        0u32..5,
        word(),
        proptest::option::of(word()),
        root_volume(),
        any::<bool>(),
    )
        .prop_map(
            |(name, replicas, flavor, availability_zone, root_volume, rich)| {
                let pool = WorkerPool {
                    replicas,
                    availability_zone,
                    root_volume,
                    ..WorkerPool::new(name, flavor)
                };
                if rich { enriched(pool) } else { pool }
            },
        )
}

fn enriched(pool: WorkerPool) -> WorkerPool {
    WorkerPool {
        autoscaling: Some(Autoscaling {
            min: 0,
            max: 4,
            scale_down_after_seconds: Some(120),
        }),
        image: Some("other".into()),
        architecture: Some(Architecture::Amd64),
        gpu: Some(Gpu {
            resource: "nvidia.com/gpu".into(),
            count: Some(1),
        }),
        volumes: vec![Volume {
            name: "data".into(),
            size_gib: 10,
            kind: None,
            availability_zone: Some("machine".into()),
            mount_path: Some("/data".into()),
            device: Some("/dev/vdb".into()),
        }],
        server_group: ServerGroupPolicy::None,
        security_groups: vec!["web".into()],
        networks: vec![ExtraNetwork {
            network: "storage".into(),
            subnet: Some("v4".into()),
            security_groups: Vec::new(),
            port_security: false,
            vnic_type: Some("direct".into()),
        }],
        metadata: [("a".to_owned(), "010".to_owned())].into(),
        labels: [("example.org/gpu".to_owned(), "yes".to_owned())].into(),
        taints: vec![Taint {
            key: "gpu".into(),
            value: String::new(),
            effect: TaintEffect::NoSchedule,
        }],
        ..pool
    }
}

fn bastion() -> Bastion {
    Bastion {
        flavor: "m1: x #y".into(),
        image: Some("1.10".into()),
        ssh_key: Some("no".into()),
        allowed_cidrs: vec!["203.0.113.0/24".parse().unwrap()],
        availability_zone: Some("az1".into()),
    }
}

fn root_volume() -> impl Strategy<Value = RootVolume> {
    (proptest::option::of(1u32..99), proptest::option::of(word())).prop_map(|(size_gib, kind)| {
        RootVolume {
            size_gib,
            kind,
            availability_zone: None,
        }
    })
}

fn kubeadm() -> impl Strategy<Value = Kubeadm> {
    let rich = Kubeadm {
        format: BootstrapFormat::Ignition,
        feature_gates: [("One".to_owned(), true)].into(),
        audit: Some(Audit::default()),
        files: vec![NodeFile {
            path: "/etc/x".into(),
            content: Some("a: 1\n\tb # c\n".into()),
            content_from: None,
            owner: "root:root".into(),
            permissions: "0600".into(),
            nodes: NodeRole::Workers,
        }],
        encrypt_secrets: true,
        api_server: ApiServer {
            max_requests_inflight: Some(800),
            event_ttl_minutes: Some(30),
            ..ApiServer::default()
        },
        etcd: Etcd {
            heartbeat_milliseconds: Some(250),
            election_milliseconds: Some(2500),
            defragmentation: Defragmentation {
                disabled: true,
                hour: Some(0),
                gain_percent: Some(30),
            },
            ..Etcd::default()
        },
        pre_commands: vec!["echo 'x: y' | cat".into()],
        registry_mirrors: vec![RegistryMirror {
            registry: "docker.io".into(),
            endpoints: vec!["https://m.example".into()],
            only: true,
            credentials_secret: Some("mirror-login".into()),
        }],
        proxy: Some(Proxy {
            http: Some("http://p:1".into()),
            https: None,
            no_proxy: vec![".x".into()],
        }),
        ..Kubeadm::default()
    };
    prop_oneof![Just(Kubeadm::default()), Just(rich)]
}

fn network() -> impl Strategy<Value = Network> {
    let servers = proptest::collection::vec(
        any::<[u8; 4]>().prop_map(|[_, b, c, d]| [9, b, c, d].into()),
        0..3,
    );
    (
        range(10),
        range(172),
        range(100),
        servers,
        proptest::option::of(word()),
    )
        .prop_map(
            |(node_cidr, pod_cidr, service_cidr, dns_nameservers, external_network)| Network {
                node_cidr,
                pod_cidr,
                service_cidr,
                dns_nameservers,
                external_network,
                mtu: None,
                node_port_cidrs: Vec::new(),
                existing: None,
                ipv6: None,
            },
        )
        .prop_flat_map(|network| {
            let existing = Network {
                node_cidr: crate::defaults::NODE_CIDR,
                dns_nameservers: Vec::new(),
                ipv6: Some(Ipv6 {
                    subnet: Some("v6".into()),
                    pod_cidr: "fd00:1::/60".parse().unwrap(),
                    service_cidr: "fd00:2::/110".parse().unwrap(),
                }),
                existing: Some(ExistingNetwork {
                    network: "there".into(),
                    subnet: None,
                    router: Some("r".into()),
                }),
                ..network.clone()
            };
            let sized = Network {
                mtu: Some(1400),
                node_port_cidrs: vec!["203.0.113.0/24".parse().unwrap()],
                ..network.clone()
            };
            prop_oneof![Just(network), Just(sized), Just(existing)]
        })
}

fn access() -> impl Strategy<Value = ApiAccess> {
    let floating_ip = proptest::option::of(any::<[u8; 4]>().prop_map(std::net::IpAddr::from));
    (
        proptest::collection::vec(range(203), 0..3),
        floating_ip,
        proptest::option::of(word()),
    )
        .prop_map(
            |(allowed_cidrs, floating_ip, load_balancer_provider)| ApiAccess {
                port: if floating_ip.is_some() { 443 } else { 6443 },
                sans: vec!["api.example.org".into()],
                allowed_cidrs,
                floating_ip,
                load_balancer_provider,
                ..ApiAccess::default()
            },
        )
}

fn control_plane() -> impl Strategy<Value = ControlPlane> {
    let zones = proptest::collection::vec(word(), 0..3);
    (0u32..4, word(), zones, root_volume(), any::<bool>()).prop_map(
        |(half, flavor, availability_zones, root_volume, etcd)| ControlPlane {
            replicas: half * 2 + 1,
            availability_zones,
            root_volume,
            etcd_volume: etcd.then(|| EtcdVolume {
                size_gib: 20,
                kind: Some("fast".into()),
                availability_zone: None,
                device: "/dev/sdb".into(),
            }),
            ..ControlPlane::new(flavor)
        },
    )
}

fn hooks() -> impl Strategy<Value = Hooks> {
    let rich = Hooks {
        after_create: vec![Hook {
            name: "setup".into(),
            manifest: Some(
                "# first\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"a: |\\n #\"}\n---\n\n"
                    .into(),
            ),
            from: None,
            timeout_seconds: 90,
            on_failure: OnFailure::Continue,
        }],
        before_delete: vec![Hook {
            name: "save".into(),
            manifest: None,
            from: Some(ManifestSource {
                config_map: None,
                secret: Some("s".into()),
                key: "manifest.yaml".into(),
            }),
            timeout_seconds: 600,
            on_failure: OnFailure::Stop,
        }],
    };
    prop_oneof![Just(Hooks::default()), Just(rich)]
}

fn spec() -> impl Strategy<Value = WorkloadClusterSpec> {
    let pools = proptest::collection::btree_map("[a-z]{1,6}", pool(), 0..3).prop_map(|pools| {
        let mut pools: Vec<_> = pools.into_values().collect();
        pools.sort_by(|one, other| one.name.cmp(&other.name));
        pools.dedup_by(|one, other| one.name == other.name);
        pools
    });
    let policy = prop_oneof![Just(DeletionPolicy::Delete), Just(DeletionPolicy::Protect)];
    (
        word(),
        31u64..40,
        0u64..20,
        proptest::option::of(word()),
        control_plane(),
        pools,
        network(),
        access(),
        policy,
        (kubeadm(), hooks()),
    )
        .prop_map(
            |(
                cloud,
                minor,
                patch,
                image,
                control_plane,
                mut workers,
                network,
                api_access,
                deletion_policy,
                (kubeadm, hooks),
            )| {
                let version = KubernetesVersion::new(1, minor, patch);
                if let Some(pool) = workers.first_mut().filter(|_| minor % 2 == 0) {
                    pool.version = Some(version);
                }
                WorkloadClusterSpec {
                    cloud,
                    image,
                    control_plane,
                    workers,
                    network,
                    api_access,
                    paused: deletion_policy == DeletionPolicy::Protect,
                    architecture: if kubeadm.proxy.is_some() {
                        Architecture::Arm64
                    } else {
                        Architecture::Amd64
                    },
                    bastion: kubeadm.proxy.is_some().then(bastion),
                    ssh_key: kubeadm.proxy.is_some().then(|| "ops".to_owned()),
                    tags: if kubeadm.proxy.is_some() {
                        vec!["team=a".into()]
                    } else {
                        Vec::new()
                    },
                    deletion_policy,
                    kubeadm,
                    hooks,
                    ..WorkloadClusterSpec::new(version, "", "")
                }
            },
        )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(spec in spec()) {
        let text = write(&spec).unwrap();
        let read = read(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(read.spec, spec, "{}", text);
    }

    #[test]
    fn no_text_makes_the_reader_fall_over(text in "\\PC{0,200}") {
        let _ = read(&text);
    }
}
