use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::file::{self, Ground};
use crate::{KubernetesVersion, WorkloadClusterSpec, schema};

fn template() -> ClusterTemplateSpec {
    serde_json::from_value(json!({
        "versions": ["v1.36.x", "v1.35.6"],
        "controlPlaneFlavors": ["m1.medium"],
        "workerFlavors": ["m1.small", "m1.large"],
        "cnis": ["flannel"],
        "defaults": {
            "version": "v1.36.x",
            "controlPlane": {"replicas": 3, "flavor": "m1.medium"},
            "workers": [{"name": "workers", "replicas": 2, "flavor": "m1.small"}],
            "network": {"dnsNameservers": ["192.0.2.53"]},
        },
    }))
    .unwrap()
}

fn read(text: &str, defaults: &TemplateDefaults) -> Result<file::Document, file::FileError> {
    let ground = Ground {
        name: "small",
        defaults,
    };
    let base = |_: &str| Ok("template: small\nWORKER_MACHINE_COUNT: 5\n".to_owned());
    let newest = |_| Ok(KubernetesVersion::new(1, 36, 3));
    file::read_on(text, Some(&ground), base, newest)
}

fn wish() -> WorkloadClusterSpec {
    read("template: small\n", &template().defaults)
        .unwrap()
        .spec
}

#[test]
fn defaults_hold_where_the_wish_is_silent_and_nowhere_else() {
    let spec = wish();
    assert_eq!(spec.version.to_string(), "v1.36.3");
    assert_eq!(
        (spec.control_plane.replicas, spec.workers[0].replicas),
        (3, 2)
    );
    let said = read(
        "template: small\nWORKER_MACHINE_COUNT: 7\nnetwork: {mtu: 1400}\n",
        &template().defaults,
    );
    let said = said.unwrap().spec;
    assert_eq!(said.workers.len(), 1, "pools are merged by their names");
    assert_eq!(
        (said.workers[0].replicas, said.workers[0].flavor.as_str()),
        (7, "m1.small")
    );
    assert_eq!(
        (said.network.mtu, said.network.dns_nameservers.len()),
        (Some(1400), 1)
    );
    let on_base = read("base: site.yaml\n", &template().defaults)
        .unwrap()
        .spec;
    assert_eq!(
        on_base.workers[0].replicas, 5,
        "a base lies above its template"
    );
}

#[test]
fn a_file_says_which_template_it_stands_on_and_is_refused_without() {
    let site = |_: &str| Ok("template: site\n".to_owned());
    assert_eq!(
        file::named_template("template: small\nbase: x\n", site).as_deref(),
        Some("small")
    );
    assert_eq!(
        file::named_template("base: x\n", site).as_deref(),
        Some("site")
    );
    assert_eq!(file::named_template("version: v1.36.3\n", site), None);
    let alone = file::read("version: v1.36.3\ntemplate: small\n").unwrap_err();
    let told = &alone.findings[0];
    assert_eq!(
        (told.path.as_str(), told.position.unwrap().line),
        ("template", 2)
    );
    assert!(told.message.contains("management server"), "{told}");
}

#[test]
fn what_is_wrong_with_defaults_names_the_template() {
    let wrong: TemplateDefaults = serde_json::from_value(json!({"contolPlane": {}})).unwrap();
    let error = read("version: v1.36.3\n", &wrong).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("template small: contolPlane"), "{text}");
    assert!(text.contains("did you mean controlPlane?"), "{text}");
}

#[test]
fn what_is_outside_of_the_offer_is_refused_with_the_offer() {
    assert_eq!(judge("small", &template(), &wish(), None), []);
    let mut spec = wish();
    spec.version = KubernetesVersion::new(1, 34, 1);
    spec.control_plane.flavor = "m1.medum".to_owned();
    spec.workers[0].flavor = "gpu".to_owned();
    let findings = judge("small", &template(), &spec, None);
    let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(findings.iter().all(Finding::is_error));
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].starts_with("version: template small does not offer v1.34.1"),
        "{}",
        told[0]
    );
    assert!(
        told[0].contains("it offers v1.36.x, v1.35.6"),
        "{}",
        told[0]
    );
    assert!(told[1].contains("did you mean m1.medium?"), "{}", told[1]);
    assert!(told[2].starts_with("workers[0].flavor: "), "{}", told[2]);
    let nothing_limited = ClusterTemplateSpec::default();
    assert_eq!(judge("any", &nothing_limited, &spec, None), []);
}

#[test]
fn what_a_cluster_has_stays_allowed_and_what_it_newly_wants_must_be_offered() {
    let mut narrow = template();
    narrow.versions = vec!["v1.37.x".parse().unwrap()];
    narrow.worker_flavors = vec!["m1.large".to_owned()];
    narrow.availability = Availability::Withdrawn;
    let mut spec = wish();
    let living = Living {
        version: Some(spec.version),
        flavors: BTreeMap::from([
            ("control-plane".to_owned(), "m1.medium".to_owned()),
            ("workers".to_owned(), "m1.small".to_owned()),
        ]),
    };
    spec.workers[0].replicas = 9;
    assert_eq!(judge("small", &narrow, &spec, Some(&living)), []);
    assert_eq!(judge("small", &narrow, &spec, None).len(), 3);
    spec.workers[0].flavor = "m1.tiny".to_owned();
    spec.version = KubernetesVersion::new(1, 36, 4);
    assert_eq!(judge("small", &narrow, &spec, Some(&living)).len(), 2);
}

#[test]
fn a_deprecated_template_warns_and_a_withdrawn_one_refuses() {
    let mut old = template();
    old.availability = Availability::Deprecated;
    old.notice = Some("its flavors go in spring".to_owned());
    old.replacement = Some("small-2".to_owned());
    let findings = judge("small", &old, &wish(), None);
    assert!(!findings[0].is_error());
    assert_eq!(
        findings[0].message,
        "template small is deprecated: its flavors go in spring; use small-2 instead"
    );
    old.availability = Availability::Withdrawn;
    let findings = judge("small", &old, &wish(), None);
    assert!(findings[0].is_error());
    assert_eq!(findings[0].remedy.as_deref(), Some("use template small-2"));
}

#[test]
fn a_template_that_no_cluster_fits_is_told() {
    assert_eq!(template().check("small"), []);
    let mut wrong = template();
    wrong.control_plane_flavors = vec!["m1.large".to_owned()];
    wrong.worker_flavors = vec!["m1.large".to_owned()];
    wrong.versions = vec!["v1.35.x".parse().unwrap()];
    wrong.replacement = Some("small".to_owned());
    let paths: Vec<String> = wrong
        .check("small")
        .into_iter()
        .map(|finding| finding.path)
        .collect();
    assert_eq!(
        paths,
        [
            "defaults.controlPlane.flavor",
            "defaults.workers[0].flavor",
            "defaults.version",
            "replacement"
        ]
    );
    let mut even = template();
    even.defaults = serde_json::from_value(json!({"controlPlane": {"replicas": 2}})).unwrap();
    let told = even.check("small");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].path.starts_with("defaults."), "{}", told[0].path);
}

#[test]
fn a_release_line_is_taken_as_the_version_it_meant() {
    let taken = template().defaults.taken(KubernetesVersion::new(1, 36, 3));
    assert_eq!(taken.text("/version"), Some("v1.36.3"));
    assert_eq!(taken.text("/controlPlane/flavor"), Some("m1.medium"));
    assert!(
        TemplateDefaults::default()
            .taken(KubernetesVersion::new(1, 36, 3))
            .is_empty()
    );
}

/// The API server fills in what a schema has as default, and then nothing would be silent.
#[test]
fn the_schema_of_defaults_requires_nothing_and_fills_nothing_in() {
    let schema = schema::of::<ClusterTemplateSpec>().to_value();
    let defaults = schema.pointer("/properties/defaults").unwrap();
    let text = defaults.to_string();
    assert!(!text.contains("\"default\":"), "{text}");
    assert!(defaults.get("required").is_none());
    assert!(
        defaults
            .pointer("/properties/controlPlane/required")
            .is_none()
    );
    assert!(
        defaults
            .pointer("/properties/controlPlane/properties/flavor")
            .is_some()
    );
    assert!(
        defaults
            .pointer("/properties/workers/items/required")
            .is_none()
    );
}
