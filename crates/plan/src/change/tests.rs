use std::collections::BTreeMap;

use capstan_spec::cluster::kubeadm::RegistryMirror;
use capstan_spec::cluster::{ApprovalPolicy, Bastion};
use capstan_spec::status::{Resolved, ResolvedBastion};
use capstan_spec::{ClusterName, KubernetesVersion, WorkerPool, WorkloadClusterSpec, file};
use proptest::prelude::*;

use super::*;
use crate::facts::{Facts, Surroundings};
use crate::render;

const MANAGER: &str = "capstan";
const MANAGED: &str = include_str!("../../testdata/managed.yaml");
const EXISTING: &str = include_str!("../../testdata/existing.yaml");

fn spec() -> WorkloadClusterSpec {
    let mut spec =
        WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "m1.medium", "m1.small");
    spec.control_plane.replicas = 3;
    spec.workers[0].replicas = 2;
    spec.api_access.allowed_cidrs = vec!["203.0.113.0/24".parse().unwrap()];
    spec
}

fn resolved() -> Resolved {
    Resolved {
        image_id: Some("image".into()),
        external_network_id: Some("network".into()),
        floating_ip: Some("198.51.100.7".into()),
        registry_secret: Some("demo-x7k2p-registries-1".into()),
        ..Resolved::default()
    }
}

fn rendered(spec: &WorkloadClusterSpec) -> Rendered {
    with(spec, &resolved())
}

fn with(spec: &WorkloadClusterSpec, resolved: &Resolved) -> Rendered {
    let name = ClusterName::new("team-a", "demo", "x7k2p".parse().unwrap());
    let facts = Facts::collect(spec, resolved, &Surroundings::default()).unwrap();
    render(spec, &name, &facts).unwrap()
}

/// The objects as the API server holds them: ours, with a field of somebody else, and who owns what.
fn live(spec: &WorkloadClusterSpec) -> Live {
    live_as(spec, &resolved())
}

fn live_as(spec: &WorkloadClusterSpec, resolved: &Resolved) -> Live {
    let objects = with(spec, resolved).objects.into_iter().map(|object| {
        let mut value = object.value;
        let owned = owned(&value);
        value["metadata"]["managedFields"] =
            json!([{"manager": MANAGER, "operation": "Apply", "fieldsV1": owned}]);
        value["spec"]["addedByAWebhook"] = json!(true);
        LiveObject {
            kind: object.kind,
            name: object.name,
            value,
        }
    });
    let machines = spec
        .pools()
        .map(|pool| (pool.pool.to_owned(), pool.replicas));
    Live {
        objects: objects.collect(),
        machines: machines.collect(),
        pace: Some(60),
    }
}

/// `fieldsV1` of a value; lists are owned as a whole.
fn owned(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, below)| (format!("f:{key}"), owned(below)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        _ => json!({}),
    }
}

fn changed(change: impl FnOnce(&mut WorkloadClusterSpec)) -> Plan {
    let before = spec();
    let mut after = before.clone();
    change(&mut after);
    plan(&rendered(&after), &live(&before), MANAGER)
}

fn effects(plan: &Plan) -> BTreeMap<String, Effect> {
    plan.parts
        .iter()
        .filter(|part| part.effect != Effect::Unchanged)
        .map(|part| (part.subject.to_string(), part.effect))
        .collect()
}

fn only(subject: &str, effect: Effect) -> BTreeMap<String, Effect> {
    BTreeMap::from([(subject.to_owned(), effect)])
}

#[test]
fn the_same_wish_changes_nothing() {
    let same = changed(|_| ());
    assert!(same.is_empty(), "{same:#?}");
    assert_eq!(same.collected, Vec::<String>::new());
}

#[test]
fn scaling_is_in_place() {
    let plan = changed(|spec| spec.workers[0].replicas = 5);
    assert_eq!(effects(&plan), only("pool workers", Effect::InPlace));
    // Its health check bears more at once, which is told, too.
    let part = &plan.parts[2];
    assert_eq!((part.before, part.after), (Some(2), Some(5)));
    assert!(!plan.rolls());
}

#[test]
fn another_flavor_rolls_the_pool_and_says_which_field() {
    let plan = changed(|spec| spec.workers[0].flavor = "m1.large".into());
    assert_eq!(effects(&plan), only("pool workers", Effect::Rolled));
    let part = &plan.parts[2];
    let fields: Vec<_> = part
        .fields
        .iter()
        .map(|field| {
            (
                field.object.as_str(),
                field.field.as_str(),
                field.before.as_deref(),
                field.after.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        fields,
        [(
            "OpenStackMachineTemplate",
            "spec.template.spec.flavor",
            Some("m1.small"),
            Some("m1.large")
        )]
    );
    let roll = part.roll.as_ref().unwrap();
    assert_eq!((roll.machines, roll.surge, roll.minutes), (2, 1, 4));
    assert_eq!(plan.collected.len(), 1, "{:?}", plan.collected);
}

#[test]
fn a_version_rolls_everything() {
    let plan = changed(|spec| spec.version = KubernetesVersion::new(1, 37, 0));
    let rolled: Vec<_> = plan
        .parts
        .iter()
        .filter(|part| part.effect == Effect::Rolled)
        .map(|part| part.subject.to_string())
        .collect();
    assert_eq!(rolled, ["control plane", "pool workers"]);
}

#[test]
fn a_flag_of_the_api_server_rolls_the_control_plane_alone_and_taking_it_away_as_well() {
    let flag = |spec: &mut WorkloadClusterSpec| {
        spec.kubeadm.api_server.extra_args = [("v".to_owned(), "2".to_owned())].into();
    };
    let plan = changed(flag);
    assert_eq!(effects(&plan), only("control plane", Effect::Rolled));
    let mut before = spec();
    flag(&mut before);
    let back = super::plan(&rendered(&spec()), &live(&before), MANAGER);
    assert_eq!(effects(&back), only("control plane", Effect::Rolled));
}

#[test]
fn a_pool_that_comes_is_created_and_one_that_goes_is_removed() {
    let plan = changed(|spec| {
        let name = spec.workers[0].name.clone();
        spec.workers[0] = WorkerPool::new("other", "m1.small");
        assert_ne!(name, "other");
    });
    assert_eq!(
        effects(&plan),
        BTreeMap::from([
            ("pool other".to_owned(), Effect::Created),
            ("pool workers".to_owned(), Effect::Removed)
        ])
    );
    assert!(plan.rolls());
}

#[test]
fn who_may_reach_the_api_is_changed_in_place_and_its_network_is_not() {
    let plan = changed(|spec| {
        spec.api_access
            .allowed_cidrs
            .push("192.0.2.0/24".parse().unwrap());
    });
    assert_eq!(
        effects(&plan),
        only("network and API access", Effect::InPlace)
    );
    let plan = changed(|spec| spec.network.node_cidr = "10.20.0.0/20".parse().unwrap());
    assert_eq!(
        effects(&plan),
        only("network and API access", Effect::Forbidden)
    );
    let part = plan.forbidden().next().unwrap();
    assert!(part.fields.iter().all(|field| field.remedy.is_some()));
}

#[test]
fn a_cluster_that_is_not_begun_is_created() {
    let plan = plan(&rendered(&spec()), &Live::default(), MANAGER);
    assert!(plan.parts.iter().all(|part| part.effect == Effect::Created));
    assert!(!plan.rolls() && !plan.is_empty());
}

#[test]
fn a_pool_without_machines_rolls_none() {
    let before = spec();
    let mut after = before.clone();
    after.workers[0].flavor = "m1.large".into();
    let mut live = live(&before);
    live.machines.insert("workers".into(), 0);
    let plan = plan(&rendered(&after), &live, MANAGER);
    assert_eq!(effects(&plan), only("pool workers", Effect::InPlace));
}

#[test]
fn a_restart_rolls_and_forgetting_it_does_not() {
    let restarted = |spec: &mut WorkloadClusterSpec| {
        spec.workers[0].rollout.after = Some("2026-11-28T05:09:11Z".parse().unwrap());
    };
    assert_eq!(
        effects(&changed(restarted)),
        only("pool workers", Effect::Rolled)
    );
    let mut before = spec();
    restarted(&mut before);
    let back = plan(&rendered(&spec()), &live(&before), MANAGER);
    assert_eq!(effects(&back), only("pool workers", Effect::InPlace));
}

#[test]
fn equal_plans_have_equal_hashes_and_others_have_not() {
    let roll = |flavor: &str| changed(|spec| spec.workers[0].flavor = flavor.into()).hash;
    assert_eq!(roll("m1.large"), roll("m1.large"));
    assert_ne!(roll("m1.large"), roll("m1.huge"));
}

#[test]
fn approval_is_asked_for_as_the_policy_says() {
    let policy = |control_plane, workers_percent| ApprovalPolicy {
        control_plane,
        workers_percent,
    };
    let plane = changed(|spec| spec.control_plane.flavor = "m1.large".into());
    let workers = changed(|spec| spec.workers[0].flavor = "m1.large".into());
    let scaled = changed(|spec| spec.workers[0].replicas = 9);
    let needed = |plan: &Plan, policy| {
        approval::approval(plan, &policy, None) != approval::Approval::NotNeeded
    };
    assert!(!needed(&plane, policy(false, None)));
    assert!(needed(&plane, policy(true, None)));
    assert!(!needed(&workers, policy(true, Some(100))));
    assert!(needed(&workers, policy(true, Some(50))));
    assert!(!needed(&scaled, policy(true, Some(0))));
    let accepted = approval::approval(&plane, &policy(true, None), Some(&plane.hash));
    assert_eq!(accepted, approval::Approval::NotNeeded);
    let other = approval::approval(&plane, &policy(true, None), Some(&workers.hash));
    assert_ne!(other, approval::Approval::NotNeeded);
}

/// Nothing of the cluster's file says it; that the content of a Secret is another one is seen by the name of its revision.
#[test]
fn another_login_at_a_mirror_replaces_every_machine_and_waits() {
    let mut spec = spec();
    spec.kubeadm.registry_mirrors = vec![RegistryMirror {
        registry: "quay.io".into(),
        endpoints: vec!["https://mirror.example.org".into()],
        only: true,
        credentials_secret: Some("login".into()),
    }];
    let next = Resolved {
        registry_secret: Some("demo-x7k2p-registries-2".into()),
        ..resolved()
    };
    let same = plan(&rendered(&spec), &live(&spec), MANAGER);
    assert!(same.is_empty(), "{same:#?}");
    let rolls = plan(&with(&spec, &next), &live(&spec), MANAGER);
    let both = [
        ("control plane".to_owned(), Effect::Rolled),
        ("pool workers".to_owned(), Effect::Rolled),
    ];
    assert_eq!(effects(&rolls), both.into());
    let approval::Approval::Needed(why) = approval::unasked(&rolls, None) else {
        panic!("it does not wait")
    };
    assert!(why.contains("credentials"), "{why}");
    // Where the mirror is, is a wish; it is in the plan although the Secret holds the file.
    let mut moved = spec.clone();
    moved.kubeadm.registry_mirrors[0].endpoints[0] = "https://other.example.org".into();
    assert_eq!(
        effects(&plan(&rendered(&moved), &live(&spec), MANAGER)).len(),
        2
    );
}

#[test]
fn what_nobody_asked_for_waits_only_when_machines_would_go() {
    let rolls = changed(|spec| spec.workers[0].flavor = "m1.large".into());
    let opens = changed(|spec| {
        let more = "192.0.2.0/24".parse().unwrap();
        spec.api_access.allowed_cidrs.push(more);
    });
    assert_ne!(
        approval::unasked(&rolls, None),
        approval::Approval::NotNeeded
    );
    assert_eq!(
        approval::unasked(&rolls, Some(&rolls.hash)),
        approval::Approval::NotNeeded
    );
    assert_eq!(
        approval::unasked(&opens, None),
        approval::Approval::NotNeeded
    );
}

/// Every field that the renderer can write has a rule of its own: none is left to the assumption of the worst.
#[test]
fn every_field_that_is_rendered_has_a_rule() {
    let full = |text: &str| file::read(text).unwrap().spec;
    for spec in [spec(), full(MANAGED), full(EXISTING)] {
        let mut resolved = resolved();
        for pool in spec.pools() {
            let image = capstan_spec::status::PoolImage {
                system: capstan_spec::NodeSystem::default(),
                asked: "a".into(),
                version: spec.version,
                id: "b".into(),
            };
            resolved.pool_images.insert(pool.pool.to_owned(), image);
            for group in pool.security_groups {
                resolved.security_groups.insert(group.clone(), "id".into());
            }
        }
        resolved.bastion = with_bastion().1.bastion;
        resolved.existing_network = Some(capstan_spec::status::ResolvedNetwork {
            ipv6: None,
            id: "n".into(),
            subnet_id: "s".into(),
            subnet_cidr: "10.20.0.0/22".parse().unwrap(),
            router_id: Some("r".into()),
        });
        for object in with(&spec, &resolved).objects {
            if object.kind == kind::OPENSTACK_MACHINE_TEMPLATE
                || object.kind == kind::KUBEADM_CONFIG_TEMPLATE
            {
                continue;
            }
            for path in leaves("spec", &object.value["spec"]) {
                assert!(
                    rule::of(object.kind, &path).is_some(),
                    "{} {path} has no rule",
                    object.kind.kind
                );
            }
        }
    }
}

fn leaves(path: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) if !map.is_empty() => map
            .iter()
            .flat_map(|(key, below)| leaves(&format!("{path}.{key}"), below))
            .collect(),
        Value::Array(items) if items.iter().any(Value::is_object) => items
            .iter()
            .enumerate()
            .flat_map(|(place, below)| leaves(&format!("{path}[{place}]"), below))
            .collect(),
        _ => vec![path.to_owned()],
    }
}

/// A cluster with a bastion, and what is pinned for it.
fn with_bastion() -> (WorkloadClusterSpec, Resolved) {
    let mut spec = spec();
    spec.ssh_key = Some("ops".into());
    spec.bastion = Some(Bastion {
        flavor: "m1.tiny".into(),
        image: None,
        ssh_key: None,
        allowed_cidrs: vec!["203.0.113.0/24".parse().unwrap()],
        availability_zone: None,
    });
    let resolved = Resolved {
        bastion: Some(ResolvedBastion {
            image_id: Some("image".into()),
            floating_ip_id: Some("address".into()),
            floating_ip: Some("198.51.100.8".into()),
            security_group_id: Some("group".into()),
            ..ResolvedBastion::default()
        }),
        ..resolved()
    };
    (spec, resolved)
}

#[test]
fn a_bastion_comes_and_goes_without_touching_a_node() {
    let (with_one, made) = with_bastion();
    let mut without = with_one.clone();
    without.bastion = None;
    let there = live_as(&with_one, &made);
    let both = |bastion| {
        BTreeMap::from([
            ("network and API access".to_owned(), Effect::InPlace),
            ("bastion".to_owned(), bastion),
        ])
    };
    let comes = plan(&with(&with_one, &made), &live(&without), MANAGER);
    assert_eq!(effects(&comes), both(Effect::Created));
    assert!(!comes.rolls());
    assert!(text::summary(&comes.parts[1]).contains("no node is touched"));
    let same = plan(&with(&with_one, &made), &there, MANAGER);
    assert!(same.is_empty(), "{same:#?}");

    // Its address and group are there still, so CAPO is told that it goes ...
    let goes = plan(&with(&without, &made), &there, MANAGER);
    assert_eq!(effects(&goes), both(Effect::Removed));
    let off = &goes.parts[1].fields;
    assert!(
        off.iter()
            .any(|field| field.field == "spec.bastion.enabled")
    );
    // ... and once they are gone, nothing is left to say. That nobody has asked for, and it waits for nobody.
    let left_out = plan(&rendered(&without), &live_as(&without, &made), MANAGER);
    assert_eq!(effects(&left_out), only("bastion", Effect::InPlace));
    assert_eq!(
        approval::unasked(&left_out, None),
        approval::Approval::NotNeeded
    );
    let at_once = plan(&rendered(&without), &there, MANAGER);
    assert_eq!(at_once.forbidden().count(), 1, "CAPO would refuse it");
}

#[test]
fn another_bastion_is_made_anew_and_who_may_connect_is_changed_in_place() {
    let (before, made) = with_bastion();
    let changed = |change: &dyn Fn(&mut Bastion)| {
        let mut after = before.clone();
        change(after.bastion.as_mut().unwrap());
        plan(&with(&after, &made), &live_as(&before, &made), MANAGER)
    };
    let others: [&dyn Fn(&mut Bastion); 3] = [
        &|bastion| bastion.flavor = "m1.small".into(),
        &|bastion| bastion.ssh_key = Some("door".into()),
        &|bastion| bastion.availability_zone = Some("az1".into()),
    ];
    for other in others {
        let anew = changed(other);
        assert_eq!(effects(&anew), only("bastion", Effect::Rolled), "{anew:#?}");
        let told = text::summary(&anew.parts[1]);
        assert!(told.contains("made anew, about 1 min"), "{told}");
        // It is neither the control plane nor a worker.
        let strict = ApprovalPolicy {
            control_plane: true,
            workers_percent: Some(0),
        };
        let waits = approval::approval(&anew, &strict, None);
        assert_eq!(waits, approval::Approval::NotNeeded);
    }
    let opened = changed(&|bastion| bastion.allowed_cidrs[0] = "192.0.2.0/24".parse().unwrap());
    assert_eq!(effects(&opened), only("bastion", Effect::InPlace));
    let field = &opened.parts[1].fields[0];
    assert_eq!(field.after.as_deref(), Some("192.0.2.0/24"));
}

#[test]
fn as_text_and_markdown() {
    let plan = changed(|spec| {
        spec.workers[0].flavor = "m1.large".into();
        spec.workers[0].replicas = 4;
        spec.workers.push(WorkerPool::new("gpu", "g1.large"));
        spec.network.mtu = Some(1400);
    });
    insta::assert_snapshot!(text::markdown("demo", &plan));
}

proptest! {
    /// Whatever is changed, planning it back from there touches the same parts.
    #[test]
    fn a_change_and_its_return_touch_the_same_parts(
        replicas in 0u32..6, flavor in "[ab]", plane in "[ab]", surge in 1u32..3, ntp in any::<bool>(),
    ) {
        let before = spec();
        let mut after = before.clone();
        after.workers[0].replicas = replicas;
        after.workers[0].flavor = flavor;
        after.workers[0].rollout.max_surge = surge;
        after.control_plane.flavor = plane;
        if ntp {
            after.kubeadm.ntp_servers = vec!["ntp.example.org".into()];
        }
        let touched = |plan: &Plan| effects(plan).into_keys().collect::<Vec<_>>();
        let there = plan(&rendered(&after), &live(&before), MANAGER);
        let back = plan(&rendered(&before), &live(&after), MANAGER);
        prop_assert_eq!(touched(&there), touched(&back));
    }
}
