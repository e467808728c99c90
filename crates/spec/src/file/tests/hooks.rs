use super::*;

fn told(hooks: &str) -> Vec<String> {
    errors(&with(hooks))
}

#[test]
fn a_fault_in_a_manifest_is_told_by_its_place_in_the_file() {
    // `with` puts three lines before.
    let found = told(
        "hooks:\n  afterCreate:\n  - name: setup\n    manifest: |\n      # first\n      apiVersion: v1\n      kind: ConfigMap\n      metadata: {name: a\n      data: 1\n",
    );
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        ["line 11, ", "line 12, "]
            .iter()
            .any(|place| found[0].starts_with(place)),
        "{found:?}"
    );
    assert!(
        found[0].contains("hooks.afterCreate[0].manifest: "),
        "{found:?}"
    );
    let found = told(
        "hooks:\n  beforeDelete:\n  - name: x\n    manifest: |\n      apiVersion: v1\n      kind: Pod\n      metadata:\n        generateName: a-\n",
    );
    assert!(
        found[0]
            .starts_with("line 11, column 23: hooks.beforeDelete[0].manifest: Pod: generateName"),
        "{found:?}"
    );
    // Folded or quoted, its lines are not those of the file.
    let found = told("hooks: {afterCreate: [{name: x, manifest: \"kind: Pod\"}]}");
    assert!(found[0].starts_with("line 4, column 43: "), "{found:?}");
}

#[test]
fn unknown_fields_and_policies_are_told() {
    let found = told("hooks: {afterCreated: []}");
    assert!(found[0].contains("did you mean afterCreate?"), "{found:?}");
    let found = told("hooks: {afterCreate: [{name: x, onFailure: block}]}");
    assert!(
        found[0].contains("block") && found[0].starts_with("line 4"),
        "{found:?}"
    );
}

#[test]
fn a_list_of_hooks_replaces_that_of_the_base() {
    let base = "KUBERNETES_VERSION: v1.36.3\nOPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR: a\n\
                hooks:\n  afterCreate: [{name: base, from: {configMap: c}}]\n  beforeDelete: [{name: kept, from: {configMap: c}}]\n";
    let own =
        "base: base.yaml\nhooks: {afterCreate: [{name: own, from: {secret: s}}]}\nworkers: []\n";
    let spec = read_with(own, |_| Ok(base.to_owned())).unwrap().spec;
    let names: Vec<_> = spec
        .hooks
        .all()
        .map(|(list, _, hook)| (list, hook.name.as_str()))
        .collect();
    assert_eq!(names, [("afterCreate", "own"), ("beforeDelete", "kept")]);
}
