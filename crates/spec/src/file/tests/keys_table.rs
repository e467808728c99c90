use super::*;

/// A value of each kind that is no default.
fn example(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "something",
        FieldKind::Version => "v1.35.1",
        FieldKind::Count => "5",
        FieldKind::Gib => "77",
        FieldKind::Cidr => "10.77.0.0/16",
        FieldKind::Addresses => "[9.9.9.9, 1.1.1.1]",
        FieldKind::Cidrs => "[198.51.100.7, 203.0.113.0/24]",
        FieldKind::Metadata => "{restart: true}",
        FieldKind::Spread | FieldKind::SoftSpread => "false",
    }
}

/// The heart of the table: nothing that people wrote for the scripts is ever read and forgotten.
#[test]
fn every_key_changes_the_cluster_or_is_refused_with_reason_and_replacement() {
    let plain = read(&with("")).unwrap().spec;
    for key in keys::all() {
        match key.usage {
            Use::Sets(field) => {
                let line = format!("{}: {}", key.name, example(field.kind));
                let required: Vec<_> = with("")
                    .lines()
                    .filter(|other| !other.starts_with(&format!("{}:", key.name)))
                    .map(str::to_owned)
                    .collect();
                let text = format!("{}\n{line}\n", required.join("\n"));
                let spec = read(&text).unwrap_or_else(|error| panic!("{error}")).spec;
                assert_ne!(spec, plain, "{line}");
                let whole = serde_json::to_value(&spec).unwrap();
                for path in field.paths {
                    let pointer = format!("/{}", path.replace("[0]", ".0").replace('.', "/"));
                    assert!(
                        whole.pointer(&pointer).is_some(),
                        "{line}: {path} is not there"
                    );
                }
            }
            Use::Renamed { to } => {
                let told = errors(&with(&format!("{}: xyzzy", key.name)));
                assert!(told[0].contains(&format!("(use {to})")), "{told:?}");
                let target = keys::find(to).unwrap();
                assert!(!matches!(target.usage, Use::Renamed { .. }), "{to}");
            }
            Use::Refused {
                reason,
                instead,
                harmless,
            } => {
                assert!(!reason.is_empty() && !instead.is_empty(), "{}", key.name);
                let told = errors(&with(&format!("{}: xyzzy", key.name)));
                let expected = format!(
                    "line 4, column 1: {}: this key is not supported: {reason} ({instead})",
                    key.name
                );
                assert_eq!(told, [expected]);
                for value in harmless {
                    let spec = read(&with(&format!("{}: {value:?}", key.name)))
                        .unwrap()
                        .spec;
                    assert_eq!(spec, plain, "{}: {value}", key.name);
                }
            }
        }
    }
}

#[test]
fn what_replaces_a_refused_key_is_there() {
    let schema = serde_json::to_string(&crate::schema::workload_cluster()).unwrap();
    for key in keys::all() {
        assert!(
            !structured::is_field(key.name) && key.name != BASE,
            "{} is two things",
            key.name
        );
        assert_eq!(
            keys::all().filter(|other| other.name == key.name).count(),
            1,
            "{}",
            key.name
        );
        let Use::Refused { instead, .. } = key.usage else {
            continue;
        };
        let Some(word) = instead
            .strip_prefix("use ")
            .and_then(|rest| rest.split([' ', ',', ';']).next())
        else {
            continue;
        };
        let known = if word.contains(char::is_lowercase) {
            let leaf = word.rsplit('.').next().unwrap_or(word);
            schema.contains(&format!("\"{leaf}\""))
        } else {
            keys::find(word).is_some() || word == "a"
        };
        assert!(known || word == "a", "{}: {instead}", key.name);
    }
}

#[test]
fn spreading_is_said_as_the_scripts_did() {
    use crate::ServerGroupPolicy::{AntiAffinity, None, SoftAntiAffinity};
    let policies = |lines: &str| {
        let spec = read(&with(lines)).unwrap().spec;
        (
            spec.control_plane.server_group,
            spec.workers[0].server_group,
        )
    };
    let hard = "OPENSTACK_SOFT_ANTI_AFFINITY_CONTROLLER: false";
    let none = "OPENSTACK_ANTI_AFFINITY: false";
    assert_eq!(
        policies("OPENSTACK_ANTI_AFFINITY: true"),
        (SoftAntiAffinity, SoftAntiAffinity)
    );
    assert_eq!(policies(hard), (AntiAffinity, SoftAntiAffinity));
    assert_eq!(policies(none), (None, None));
    assert_eq!(policies(&format!("{hard}\n{none}")), (None, None));
    assert_eq!(policies(&format!("{none}\n{hard}")), (None, None));
    let found = errors(&with(&format!(
        "OPENSTACK_SOFT_ANTI_AFFINITY_CONTROLLER: true\n{none}"
    )));
    assert!(found[0].contains("not spread at all"), "{found:?}");
}

#[test]
fn metadata_is_a_mapping_or_the_text_of_one() {
    for value in ["{a: b, c: 1}", "'{a: b, c: 1}'", "\n  a: b\n  c: 1"] {
        let spec = read(&with(&format!("OPENSTACK_NODE_MACHINE_METADATA: {value}")))
            .unwrap()
            .spec;
        let metadata: Vec<_> = spec.workers[0].metadata.iter().collect();
        assert_eq!(
            metadata,
            [(&"a".into(), &"b".into()), (&"c".into(), &"1".into())] as [(&String, &String); 2]
        );
    }
    assert!(
        read(&with("OPENSTACK_NODE_MACHINE_METADATA: ''"))
            .unwrap()
            .spec
            .workers[0]
            .metadata
            .is_empty()
    );
    assert!(
        errors(&with("OPENSTACK_NODE_MACHINE_METADATA: just text"))[0]
            .contains("expected a mapping")
    );
    assert!(errors(&with("OPENSTACK_NODE_MACHINE_METADATA: {a: 1.10}"))[0].contains("quotes"));
}

#[test]
fn fields_below_what_may_be_left_out_are_known_too() {
    let found = errors(&with(
        "network:\n  existing:\n    netwrok: x\n    network: y",
    ));
    assert!(found[0].contains("did you mean network?"), "{found:?}");
    let found = errors(&with("kubeadm:\n  files:\n  - {path: /a, contents: x}"));
    assert!(found[0].contains("did you mean content?"), "{found:?}");
    let found = errors(&with(
        "kubeadm:\n  oidc: {issuerUrl: https://a, clientId: b, ca_: c}",
    ));
    assert!(found[0].contains("not known"), "{found:?}");
}

#[test]
fn flat_keys_and_the_structured_part_meet_in_one_mapping() {
    let spec = read(&with(
        "CONTROL_PLANE_ROOT_DISKSIZE: 50\ncontrolPlane:\n  rootVolume: {type: fast}",
    ))
    .unwrap()
    .spec;
    let volume = &spec.control_plane.root_volume;
    assert_eq!(
        (volume.size_gib, volume.kind.as_deref()),
        (Some(50), Some("fast"))
    );
}
