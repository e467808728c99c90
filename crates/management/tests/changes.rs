//! Whether the plan of a change says what happens: the real managers of Cluster API are asked.
//!
//! A cluster for every change, with its infrastructure declared ready. What the plan calls *in place* must leave the machine
//! and the machine set alone, what it calls *rolled* must make the control plane roll or a new machine set, what it calls
//! *forbidden* must be refused. Nothing here boots a server: Cluster API decides before that.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests"
)]

mod case;
mod managers;
mod support;

use capstan_capi::{OpenStackApi, kind};
use capstan_kubernetes::{Applier, ErrorKind};
use capstan_management::providers::install;
use capstan_plan::Rendered;
use capstan_plan::change::{Effect, Subject};
use capstan_spec::cluster::kubeadm::{Audit, BootstrapFormat};
use capstan_spec::cluster::{Bastion, Taint, TaintEffect, Volume};
use capstan_spec::status::ResolvedBastion;
use capstan_spec::{ClusterName, KubernetesVersion, Uid, WorkloadClusterSpec};
use capstan_testkit::ApiServer;
use capstan_workload::provider::openstack_api;

use case::{Case, ID, rendered, rendered_with, spec};
use managers::run_managers;
use support::{
    NEWER_OPENSTACK, OPENSTACK, Openstack, manifests, plan_with as installation, play_kubelet,
};

type Change = fn(&mut WorkloadClusterSpec);

/// What is changed, and what that is for the surroundings, the control plane and the pool.
const CHANGES: &[(&str, Change, [Effect; 3])] = {
    use Effect::{Forbidden as No, InPlace as Here, Rolled as Roll, Unchanged as Same};
    &[
        ("nothing", |_| (), [Same, Same, Same]),
        ("workers", |s| s.workers[0].replicas = 3, [Same, Same, Here]),
        (
            "plane-count",
            |s| s.control_plane.replicas = 3,
            [Same, Here, Same],
        ),
        (
            "pool-flavor",
            |s| s.workers[0].flavor = "m1.large".into(),
            [Same, Same, Roll],
        ),
        (
            "plane-flavor",
            |s| s.control_plane.flavor = "m1.large".into(),
            [Same, Roll, Same],
        ),
        (
            "version",
            |s| s.version = KubernetesVersion::new(1, 36, 4),
            [Same, Roll, Roll],
        ),
        (
            "node-label",
            |s| {
                let key = "node.cluster.x-k8s.io/tier".to_owned();
                s.workers[0].labels.insert(key, "gold".into());
            },
            [Same, Same, Here],
        ),
        (
            "kubelet-label",
            |s| {
                let key = "example.org/tier".to_owned();
                s.workers[0].labels.insert(key, "gold".into());
            },
            [Same, Same, Roll],
        ),
        (
            "taint",
            |s| {
                s.workers[0].taints = vec![Taint {
                    key: "example.org/gpu".into(),
                    value: String::new(),
                    effect: TaintEffect::NoSchedule,
                }];
            },
            [Same, Same, Roll],
        ),
        (
            "drain",
            |s| {
                s.workers[0].rollout.drain_timeout_seconds = 60;
                s.control_plane.rollout.drain_timeout_seconds = 60;
            },
            [Same, Here, Here],
        ),
        (
            "surge",
            |s| s.workers[0].rollout.max_surge = 2,
            [Same, Same, Here],
        ),
        (
            "health",
            |s| s.workers[0].health_check.unreachable_timeout_seconds = 99,
            [Same, Same, Here],
        ),
        (
            "expiry",
            |s| s.control_plane.rollout.certificates_expiry_days = Some(30),
            [Same, Here, Same],
        ),
        (
            "metadata",
            |s| {
                let key = "rack".to_owned();
                s.workers[0].metadata.insert(key, "b".into());
            },
            [Same, Same, Roll],
        ),
        (
            "zone",
            |s| s.workers[0].availability_zone = Some("az2".into()),
            [Same, Same, Roll],
        ),
        (
            "ignition",
            |s| {
                s.kubeadm.format = BootstrapFormat::Ignition;
                s.kubeadm.ntp_servers = vec!["ntp.example.org".into()];
                s.workers[0].volumes = vec![Volume {
                    name: "data".into(),
                    size_gib: 10,
                    kind: None,
                    availability_zone: None,
                    mount_path: Some("/data".into()),
                    device: Some("/dev/vdb".into()),
                }];
            },
            [Same, Roll, Roll],
        ),
        (
            "audit",
            |s| {
                s.kubeadm.audit = Some(Audit {
                    policy: None,
                    max_age_days: 7,
                    max_backups: 3,
                    max_size_mib: 50,
                });
            },
            [Same, Roll, Same],
        ),
        (
            "kubelet",
            |s| {
                let flag = ("max-pods".to_owned(), "64".to_owned());
                s.kubeadm.kubelet.extra_args = [flag].into();
            },
            [Same, Roll, Roll],
        ),
        (
            "ntp",
            |s| s.kubeadm.ntp_servers = vec!["ntp.example.org".into()],
            [Same, Roll, Roll],
        ),
        (
            "sans",
            |s| s.api_access.sans = vec!["api.example.org".into()],
            [Same, Roll, Same],
        ),
        (
            "allowed",
            |s| {
                let more = "192.0.2.0/24".parse().unwrap();
                s.api_access.allowed_cidrs.push(more);
            },
            [Here, Same, Same],
        ),
        (
            "dns",
            |s| s.network.dns_nameservers = vec!["9.9.9.10".parse().unwrap()],
            [Here, Same, Same],
        ),
        (
            "plane-zones",
            |s| s.control_plane.availability_zones = vec!["az1".into()],
            [Here, Same, Same],
        ),
        (
            "node-range",
            |s| s.network.node_cidr = "10.77.0.0/20".parse().unwrap(),
            [No, Same, Same],
        ),
        ("tags", |s| s.tags = vec!["team=b".into()], [No, Same, Same]),
        (
            "balancer",
            |s| s.api_access.load_balancer_flavor = Some("ha".into()),
            [No, Same, Same],
        ),
        ("mtu", |s| s.network.mtu = Some(1300), [No, Same, Same]),
    ]
};

async fn check(
    applier: Applier,
    spoken: OpenStackApi,
    seed: u64,
    (word, change, expected): (&str, Change, [Effect; 3]),
) {
    let case = Case {
        applier,
        name: ClusterName::new("default", word, Uid::from_random(seed)),
        spoken,
    };
    let before = rendered(&case.name, &spec(), spoken);
    let refused = case.apply(&before).await;
    assert!(refused.is_empty(), "{word}: {refused:?}");
    case.play_infrastructure().await;
    case.settled().await;

    let mut wished = spec();
    change(&mut wished);
    let after = rendered(&case.name, &wished, spoken);
    let plan = case.plan(&after).await;
    let effect = |subject: &Subject| {
        let part = plan.parts.iter().find(|part| part.subject == *subject);
        part.map(|part| part.effect).unwrap()
    };
    let pool = Subject::Pool {
        name: "workers".to_owned(),
    };
    let planned = [
        effect(&Subject::Surroundings),
        effect(&Subject::ControlPlane),
        effect(&pool),
    ];
    assert_eq!(planned, expected, "{word}: {plan:#?}");

    let refused = case.apply(&after).await;
    if plan.forbidden().next().is_some() {
        assert_eq!(refused.len(), 1, "{word}: {refused:?}");
        let (kind, error) = &refused[0];
        assert_eq!(*kind, kind::OPENSTACK_CLUSTER, "{word}");
        let refused = [ErrorKind::Invalid, ErrorKind::Forbidden];
        assert!(refused.contains(&error.kind()), "{word}: {error}");
        return;
    }
    assert!(refused.is_empty(), "{word}: {refused:?}");
    let rolls = [case.plane_rolls().await, case.pool_rolls().await];
    let said = [planned[1] == Effect::Rolled, planned[2] == Effect::Rolled];
    assert_eq!(rolls, said, "{word}: what happened, what the plan said");
    // Once carried out, nothing is left to be done.
    assert!(case.plan(&after).await.is_empty(), "{word}");
}

/// The real webhook takes a bastion, and lets it go in two steps and not in one, as the plan says.
async fn check_bastion(applier: Applier, spoken: OpenStackApi, seed: u64) {
    let case = Case {
        applier,
        spoken,
        name: ClusterName::new("default", "bastion", Uid::from_random(seed)),
    };
    let made = ResolvedBastion {
        image_id: Some(ID.into()),
        floating_ip_id: Some(ID.into()),
        floating_ip: Some("198.51.100.8".into()),
        security_group_id: Some(ID.into()),
        ..ResolvedBastion::default()
    };
    let mut wished = spec();
    wished.bastion = Some(Bastion {
        flavor: "m1.tiny".into(),
        image: None,
        ssh_key: Some("ops".into()),
        allowed_cidrs: vec!["203.0.113.0/24".parse().unwrap()],
        availability_zone: None,
    });
    let without = rendered(&case.name, &spec(), spoken);
    let with = rendered_with(&case.name, &wished, Some(made.clone()), spoken);
    let leaving = rendered_with(&case.name, &spec(), Some(made), spoken);
    let effect = async |rendered: &Rendered| {
        let plan = case.plan(rendered).await;
        let mut parts = plan.parts.iter();
        let part = parts.find(|part| part.subject == Subject::Bastion);
        part.map(|part| part.effect)
    };
    let apply = async |rendered: &Rendered| {
        let refused = case.apply(rendered).await;
        assert!(refused.is_empty(), "{refused:?}");
    };
    apply(&without).await;
    assert_eq!(effect(&without).await, None);
    assert_eq!(effect(&with).await, Some(Effect::Created));
    apply(&with).await;
    assert!(case.plan(&with).await.is_empty());
    assert_eq!(effect(&without).await, Some(Effect::Forbidden));
    let refused = case.apply(&without).await;
    assert_eq!(refused.len(), 1, "{refused:?}");
    let text = refused[0].1.to_string();
    assert!(
        text.contains("cannot be removed before disabling"),
        "{text}"
    );
    assert_eq!(effect(&leaving).await, Some(Effect::Removed));
    apply(&leaving).await;
    assert_eq!(effect(&without).await, Some(Effect::InPlace));
    apply(&without).await;
    assert_eq!(effect(&without).await, None);
    assert!(case.plan(&without).await.is_empty());
}

/// One after the other: each has fifty programs' work for two processors.
#[tokio::test]
async fn the_plan_says_what_the_real_controllers_do() {
    with_provider(OPENSTACK, OpenStackApi::V1Beta1).await;
    with_provider(NEWER_OPENSTACK, OpenStackApi::V1Beta2).await;
}

async fn with_provider(openstack: Openstack, expected: OpenStackApi) {
    let Some(directory) = manifests().filter(|directory| openstack.is_in(directory)) else {
        return;
    };
    let Some(server) = ApiServer::start().await else {
        return;
    };
    let client = server.client().await.unwrap();
    let kubelet = tokio::spawn(play_kubelet(client.clone()));
    install(client.clone(), &installation(&directory, openstack), |_| ())
        .await
        .unwrap();
    kubelet.abort();
    // CAPO's webhooks are asked; its controllers would look for a cloud, so they are given an empty namespace.
    let ignition = "--feature-gates=KubeadmBootstrapFormatIgnition=true";
    let more = [
        (openstack.program, "--namespace=nothing-is-here"),
        ("capi-bootstrap", ignition),
        ("capi-controlplane", ignition),
    ];
    let Some(mut managers) = run_managers(&server, &client, openstack.program, &more).await else {
        return;
    };
    let applier = Applier::new(client);
    let spoken = openstack_api(applier.kinds()).await.unwrap();
    assert_eq!(spoken, expected);
    let cases = CHANGES
        .iter()
        .zip(1..)
        .map(|(case, seed)| check(applier.clone(), spoken, seed, *case));
    futures::join!(
        futures::future::join_all(cases),
        check_bastion(applier.clone(), spoken, 0)
    );
    assert!(managers.all_run(), "{}", managers.output());
}

/// Every kind of effect is among the changes, so that none goes unasked.
#[test]
fn every_effect_is_tried_on_every_part() {
    let of = |part: usize| -> Vec<Effect> {
        let effects = CHANGES.iter().map(|(_, _, expected)| expected[part]);
        effects.collect()
    };
    assert!(of(0).contains(&Effect::InPlace) && of(0).contains(&Effect::Forbidden));
    for part in [1, 2] {
        assert!(of(part).contains(&Effect::InPlace) && of(part).contains(&Effect::Rolled));
    }
}
