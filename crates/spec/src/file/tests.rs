use super::*;
use crate::{DeletionPolicy, KubernetesVersion};

const FULL: &str = r#"
KUBERNETES_VERSION: v1.36.3
OPENSTACK_IMAGE_NAME: ubuntu-capi-image-v1.36.3
CONTROL_PLANE_MACHINE_COUNT: 3
OPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR: SCS-2V-4-20s
WORKER_MACHINE_COUNT: "2"   # clusterctl writes numbers as text
OPENSTACK_NODE_MACHINE_FLAVOR: SCS-2V-8
OPENSTACK_FAILURE_DOMAIN: az1
OPENSTACK_DNS_NAMESERVERS: [ 9.9.9.9, 149.112.112.112 ]
OPENSTACK_EXTERNAL_NETWORK_ID: public
NODE_CIDR: 10.9.0.0/24
POD_CIDR: 172.16.0.0/16
SERVICE_CIDR: 10.97.0.0/16
RESTRICT_KUBEAPI: [ "198.51.100.7", "203.0.113.0/24" ]
DEPLOY_METRICS: false
controlPlane:
  availabilityZones: [az1, az2]
apiAccess:
  loadBalancerProvider: amphora
deletionPolicy: protect
"#;

fn errors(text: &str) -> Vec<String> {
    let error = read(text).unwrap_err();
    error.findings.iter().map(ToString::to_string).collect()
}

/// A valid file with one line more.
fn with(line: &str) -> String {
    format!(
        "KUBERNETES_VERSION: v1.36.3\nOPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR: a\nOPENSTACK_NODE_MACHINE_FLAVOR: b\n{line}\n"
    )
}

#[test]
fn both_parts_are_read() {
    let Document { spec, warnings } = read(FULL).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(spec.version, KubernetesVersion::new(1, 36, 3));
    assert_eq!(spec.image.as_deref(), Some("ubuntu-capi-image-v1.36.3"));
    assert_eq!(spec.control_plane.replicas, 3);
    assert_eq!(spec.control_plane.availability_zones, ["az1", "az2"]);
    assert_eq!(spec.workers.len(), 1);
    assert_eq!(spec.workers[0].replicas, 2);
    assert_eq!(spec.workers[0].availability_zone.as_deref(), Some("az1"));
    assert_eq!(spec.network.dns_nameservers.len(), 2);
    assert_eq!(spec.network.pod_cidr.to_string(), "172.16.0.0/16");
    let allowed: Vec<_> = spec
        .api_access
        .allowed_cidrs
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(allowed, ["198.51.100.7/32", "203.0.113.0/24"]);
    assert_eq!(
        spec.api_access.load_balancer_provider.as_deref(),
        Some("amphora")
    );
    assert_eq!(spec.deletion_policy, DeletionPolicy::Protect);
}

#[test]
fn what_is_left_out_gets_its_default() {
    let spec = read(&with("")).unwrap().spec;
    let version = KubernetesVersion::new(1, 36, 3);
    assert_eq!(spec, WorkloadClusterSpec::new(version, "a", "b"));
}

#[test]
fn a_typo_is_told_with_place_and_meaning() {
    assert_eq!(
        errors(&with("WORKER_MACHINE_CUONT: 3")),
        [
            "line 4, column 1: WORKER_MACHINE_CUONT: this key is not known (did you mean WORKER_MACHINE_COUNT?)"
        ]
    );
    assert_eq!(
        errors(&with("controlPlane:\n  availabilityZone: [a]")),
        [
            "line 5, column 3: controlPlane.availabilityZone: this field is not known (did you mean availabilityZones?)"
        ]
    );
    assert_eq!(
        errors(&with("XYZZY: 1")),
        ["line 4, column 1: XYZZY: this key is not known (remove it)"]
    );
}

#[test]
fn all_errors_come_at_once_in_the_order_of_the_file() {
    let found = errors(
        "KUBERNETES_VERSION: v1.36\nWORKER_MACHINE_COUNT: many\nNODE_CIDR: 10.8.0/20\nOPENSTACK_DNS_NAMESERVERS: [one.one]\nUSE_CILIUM: true\n",
    );
    let expected = [
        "line 1, column 21: KUBERNETES_VERSION: \"v1.36\" is no Kubernetes version: the patch is missing; write for instance v1.36.3",
        "line 2, column 23: WORKER_MACHINE_COUNT: expected a number of machines, found \"many\" (write for instance 3)",
        "line 3, column 12: NODE_CIDR: \"10.8.0/20\" is no range of addresses (write for instance 10.8.0.0/20)",
        "line 4, column 28: OPENSTACK_DNS_NAMESERVERS: \"one.one\" is no address (write for instance 9.9.9.9)",
        "line 5, column 1: USE_CILIUM: this key is not supported: the pod network is flannel; cilium comes with Capstan's addons: not yet (leave it out, or write cni: none and install it yourself)",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_release_line_becomes_the_version_that_its_reader_knows() {
    let read = |version: &str, newest: Result<KubernetesVersion, String>| {
        let text = format!(
            "{version}\nOPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR: a\nOPENSTACK_NODE_MACHINE_FLAVOR: b\n"
        );
        read_meaning(&text, |_| Err(String::new()), |_| newest)
    };
    let newest = KubernetesVersion::new(1, 36, 3);
    for text in [
        "KUBERNETES_VERSION: v1.36.x",
        "KUBERNETES_VERSION: v1.36",
        "version: v1.36.x",
    ] {
        assert_eq!(
            read(text, Ok(newest)).unwrap().spec.version,
            newest,
            "{text}"
        );
    }
    let exact = read("KUBERNETES_VERSION: v1.35.4", Err("asked".into())).unwrap();
    assert_eq!(exact.spec.version, KubernetesVersion::new(1, 35, 4));
    let error = read("version: v1.34.x", Err("there is none".into())).unwrap_err();
    let told = error.findings[0].to_string();
    assert!(told.starts_with("line 1, column 10: version:"), "{told}");
    assert!(told.ends_with("there is none"), "{told}");
}

#[test]
fn a_number_that_lost_its_zero_is_not_believed() {
    let text = "KUBERNETES_VERSION: 1.30\nOPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR: a\n";
    assert_eq!(
        errors(text),
        [
            "line 1, column 21: KUBERNETES_VERSION: 1.3 was read as a number (put the value in quotes)"
        ]
    );
}

#[test]
fn refused_keys_pass_when_they_ask_for_what_happens_anyway() {
    for line in [
        "DEPLOY_FLUX: false",
        "DEPLOY_FLUX: \"false\"",
        "MTU_VALUE: 0",
        "PROXY_CMD: \"\"",
    ] {
        assert!(read(&with(line)).is_ok(), "{line}");
    }
    for line in [
        "DEPLOY_FLUX: true",
        "DEPLOY_FLUX: v2.0.0",
        "MTU_VALUE: 1400",
        "CONTROL_PLANE_MACHINE_GEN: genc02",
    ] {
        assert!(errors(&with(line))[0].contains("not supported"), "{line}");
    }
}

#[test]
fn required_keys_are_named() {
    assert_eq!(
        errors("WORKER_MACHINE_COUNT: 1\n"),
        [
            "KUBERNETES_VERSION: this key is required and missing",
            "OPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR: this key is required and missing",
            "OPENSTACK_NODE_MACHINE_FLAVOR: this key is required for workers and missing",
        ]
    );
    assert!(read("").is_err());
}

#[test]
fn saying_it_twice_is_an_error() {
    let found = errors(&with("version: v1.35.0"));
    assert_eq!(
        found,
        [
            "line 4, column 10: version: KUBERNETES_VERSION says the same thing already (keep one of the two)"
        ]
    );
    let found = errors(&with("workers:\n- {name: x, flavor: c}"));
    assert!(
        found[0].contains("says the same thing already"),
        "{found:?}"
    );
}

#[test]
fn rules_of_the_spec_are_told_at_the_key_of_the_file() {
    assert_eq!(
        errors(&with("CONTROL_PLANE_MACHINE_COUNT: 2")),
        [
            "line 4, column 30: CONTROL_PLANE_MACHINE_COUNT: 2 is even; etcd needs an odd number to keep a majority (use 1 or 3)"
        ]
    );
    assert_eq!(
        errors(&with("NODE_CIDR: 192.168.4.0/24")),
        ["NODE_CIDR 192.168.4.0/24"].map(|_| {
            "network.podCidr: 192.168.0.0/16 overlaps network.nodeCidr 192.168.4.0/24 (choose ranges apart from each other)"
        })
    );
}

#[test]
fn structured_values_of_a_wrong_kind_have_a_place() {
    let found = errors(&with("network:\n  mto: 3"));
    assert!(
        found[0].starts_with("line 5, column 3: network.mto"),
        "{found:?}"
    );
    let found = errors(&with("controlPlane:\n  replicas: lots"));
    assert!(
        found[0].starts_with("line 5, column 13: controlPlane.replicas"),
        "{found:?}"
    );
    let found = errors(&with("deletionPolicy: keep"));
    assert!(
        found[0].starts_with("line 4, column 17: deletionPolicy"),
        "{found:?}"
    );
}

#[test]
fn who_may_reach_the_api_must_be_said_clearly() {
    assert!(errors(&with("RESTRICT_KUBEAPI: []"))[0].contains("everybody"));
    let spec = read(&with("RESTRICT_KUBEAPI: [none]")).unwrap().spec;
    assert!(spec.api_access.allowed_cidrs.is_empty());
}

#[test]
fn several_pools_are_said_in_the_structured_part() {
    let text = "KUBERNETES_VERSION: v1.36.3\nOPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR: a\nworkers:\n- {name: blue, replicas: 2, flavor: b}\n- {name: green, flavor: c, availabilityZone: az2}\n";
    let spec = read(text).unwrap().spec;
    assert_eq!(spec.workers.len(), 2);
    assert_eq!(spec.workers[1].replicas, crate::defaults::WORKER_REPLICAS);
}

#[test]
fn what_is_no_mapping_is_refused() {
    assert!(errors("- a\n- b\n")[0].contains("a list"));
    assert!(errors("A: [1\n")[0].starts_with("line "));
}

#[test]
fn the_fields_of_the_structured_part_are_those_of_the_spec() {
    let schema = crate::schema::workload_cluster();
    let fields = schema.get("properties").and_then(Value::as_object).unwrap();
    let mut known: Vec<_> = fields.keys().map(String::as_str).collect();
    let mut ours = structured::FIELDS.to_vec();
    known.sort_unstable();
    ours.sort_unstable();
    assert_eq!(known, ours);
}

/// The files in the guide are read as the guide says.
#[test]
fn the_files_in_the_guide_are_good() {
    const GUIDE: &str = include_str!("../../../../docs/src/guide/clusters.md");
    let files = GUIDE.split("```yaml\n").skip(1);
    let files = files.map(|rest| rest.split("```").next().unwrap());
    let mut seen = 0;
    for text in files {
        let base = with("RESTRICT_KUBEAPI: [203.0.113.0/24]");
        let read = read_with(text, |_| Ok(base));
        assert!(read.is_ok(), "{text}\n{read:?}");
        seen += 1;
    }
    assert_eq!(seen, 10);
}

#[test]
fn a_written_file_looks_like_this() {
    let spec = read(FULL).unwrap().spec;
    insta::assert_snapshot!(write(&spec).unwrap());
}

mod bases;
mod hooks;
mod keys_table;
mod round_trip;

#[test]
fn what_is_missing_in_a_part_is_told_at_its_head() {
    let bastion = |rest: &str| errors(&with(&format!("bastion:\n  flavor: small\n{rest}")));
    let told = bastion("");
    assert_eq!(
        told,
        ["line 4, column 1: bastion: missing field `allowedCidrs`"]
    );
    let told = bastion("  allowedCidrs: [203.0.113.0/24]");
    assert!(
        told[0].starts_with("line 4, column 1: bastion.sshKey: nobody could log in"),
        "{told:?}"
    );
    let told = bastion("  allowedCidrs: []\nsshKey: ops");
    assert!(
        told[0].starts_with("line 6, column 17: bastion.allowedCidrs: nobody"),
        "{told:?}"
    );
    let told = bastion("  allowedCidr: []\nsshKey: ops");
    assert!(told[0].contains("did you mean allowedCidrs?"), "{told:?}");
}
