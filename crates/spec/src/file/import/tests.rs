use std::fmt::Write as _;

use super::*;
use crate::file::{read, write};

fn options() -> ImportOptions {
    ImportOptions {
        cloud: "default".to_owned(),
        version: KubernetesVersion::new(1, 36, 3),
    }
}

fn import_of(files: &[(&str, &str)]) -> Import {
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| OldFile { name, text })
        .collect();
    import(&files, &options()).unwrap_or_else(|error| panic!("{error}"))
}

/// As R6 leaves it on a management server, with a secret in it.
const R6: &str = "\
KUBERNETES_VERSION: v1.28.7
OPENSTACK_IMAGE_NAME: ubuntu-capi-image-v1.28.7
OPENSTACK_IMAGE_RAW: true
OPENSTACK_IMAGE_REGISTRATION_EXTRA_FLAGS: \"\"
DEPLOY_OCCM: true
USE_CILIUM: true
DEPLOY_FLUX: false
OPENSTACK_CONTROL_PLANE_MACHINE_METADATA: \"\"
OPENSTACK_NODE_MACHINE_METADATA: '{ps_restart_after_maint: \"true\"}'
OPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR: SCS-2V-8-20s
OPENSTACK_NODE_MACHINE_FLAVOR: SCS-4V-16
CONTROL_PLANE_MACHINE_COUNT: 3
CONTROL_PLANE_MACHINE_GEN: genc01
WORKER_MACHINE_COUNT: 4
WORKER_ROOT_DISKSIZE: 50
OPENSTACK_FAILURE_DOMAIN: nova
ETCD_UNSAFE_FS: false
PROXY_CMD: \"\"
NODE_CIDR: 10.8.0.0/20
POD_CIDR: 192.168.0.0/16
RESTRICT_KUBEAPI: [ ]
OPENSTACK_DNS_NAMESERVERS: [ 5.1.66.255, 185.150.99.255 ]
OPENSTACK_ANTI_AFFINITY: true
OPENSTACK_SOFT_ANTI_AFFINITY_CONTROLLER: false
OPENSTACK_SRVGRP_CONTROLLER: nonono
OPENSTACK_CLOUD: capi-testcluster
OLD_OPENSTACK_CLOUD: gx-scs
OPENSTACK_CLOUD_YAML_B64: c2VjcmV0LXBhc3N3b3Jk
NO_SUCH_KEY: 1
";

const TFVARS: &str = r#"
cloud_provider    = "gx-scs" # the cloud
availability_zone = "nova"
external          = ""
dns_nameservers   = ["9.9.9.9", "149.112.112.112"]
kind_flavor       = "SCS-2V-4"
controller_count  = 1
worker_count      = 2
worker_metadata   = { ps_restart_after_maint = "true" }
kubernetes_version = "1.27.x"
anti_affinity     = false
restrict_kubeapi  = ["198.51.100.0/24"]
deploy_harbor     = false
"#;

fn told(import: &Import) -> String {
    let mut text = String::new();
    for line in &import.lines {
        let place = line.position.map(|place| place.line);
        let file = line.file.as_deref().unwrap_or("-");
        let place = place.map_or_else(String::new, |line| format!(":{line}"));
        let _ = writeln!(
            text,
            "{file}{place} {}: {}: {}",
            line.key,
            line.outcome.as_str(),
            line.told
        );
    }
    text + "\n" + &write(&import.spec).unwrap()
}

#[test]
fn a_file_of_r6_is_told_line_by_line() {
    let import = import_of(&[("clusterctl.yaml", R6)]);
    assert_eq!(import.lines.len(), R6.lines().count(), "{}", told(&import));
    assert!(!told(&import).contains("c2Vjcm"), "no secret is repeated");
    insta::assert_snapshot!(told(&import));
}

#[test]
fn an_environment_of_the_scripts_is_told_line_by_line() {
    insta::assert_snapshot!(told(&import_of(&[("environment-gx.tfvars", TFVARS)])));
}

#[test]
fn of_two_lines_the_later_counts() {
    let shell = "# Harbor\nDEPLOY_HARBOR=true\nexport WORKER_MACHINE_COUNT='7' # more\nOPENSTACK_NODE_MACHINE_FLAVOR=b # big\n";
    let import = import_of(&[("e.tfvars", TFVARS), ("settings", shell)]);
    assert_eq!(import.spec.workers[0].replicas, 7);
    assert_eq!(import.spec.workers[0].flavor, "b");
    let early = import.lines.iter().find(|line| line.key == "worker_count");
    assert!(early.unwrap().told.contains("later"), "{early:?}");
    let harbor = import.lines.iter().find(|line| line.key == "DEPLOY_HARBOR");
    assert_eq!(harbor.unwrap().outcome, Outcome::NotMapped);
}

#[test]
fn every_key_of_the_table_is_accounted_for() {
    for key in keys::all() {
        let text = format!("{}: xyzzy\n", key.name);
        let files = [OldFile {
            name: "a.yaml",
            text: &text,
        }];
        let import = import(&files, &options()).unwrap_or_else(|error| panic!("{error}"));
        let line = &import.lines[0];
        assert!(!line.told.is_empty(), "{line:?}");
        let refused = matches!(key.usage, Use::Refused { .. });
        let own = matches!(key.name, "OLD_OPENSTACK_CLOUD");
        assert!(
            !refused || own || line.outcome == Outcome::NotMapped,
            "{line:?}"
        );
    }
}

#[test]
fn what_was_imported_is_a_cluster_file() {
    for files in [[("clusterctl.yaml", R6)], [("a.tfvars", TFVARS)]] {
        let import = import_of(&files);
        assert_eq!(
            read(&write(&import.spec).unwrap()).unwrap().spec,
            import.spec
        );
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_place() {
    for (name, text, wanted) in [
        ("a.tfvars", "worker_count = \n", "a.tfvars: line 1"),
        (
            "a.tfvars",
            "worker_count = 1 + 1\n",
            "a.tfvars: line 1, column 1: worker_count",
        ),
        ("a.yaml", "A: 1\nA: 2\n", "a.yaml: line 2"),
        ("settings", "x=1\nif true\n", "settings: line 2"),
    ] {
        let error = import(&[OldFile { name, text }], &options()).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
    let even = "CONTROL_PLANE_MACHINE_COUNT: 2\n";
    let files = [OldFile {
        name: "c.yaml",
        text: even,
    }];
    let error = import(&files, &options()).unwrap_err().to_string();
    assert!(
        error.contains("c.yaml: line 1") && error.contains("CONTROL_PLANE_MACHINE_COUNT"),
        "{error}"
    );
}
