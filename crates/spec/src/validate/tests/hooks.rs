use super::*;

const GOOD: &str = "manifest: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}'";

fn told(hooks: &str) -> Vec<String> {
    let spec = with(&format!("hooks: {hooks}"));
    let told = |finding: Finding| format!("{}: {}", finding.path, finding.message);
    super::super::spec(&spec).into_iter().map(told).collect()
}

#[test]
fn good_hooks_have_no_findings() {
    let found = told(&format!(
        "{{afterCreate: [{{name: a, {GOOD}}}, {{name: b, from: {{secret: s}}, timeoutSeconds: 10}}], \
          beforeDelete: [{{name: c, from: {{configMap: c.d, key: x_y.yaml}}, onFailure: continue}}]}}"
    ));
    assert_eq!(found, [""; 0]);
}

#[test]
fn what_is_wrong_with_a_hook_is_said() {
    for (hook, says) in [
        (
            format!("{{name: A, {GOOD}}}"),
            "name: \"A\" is no name of a hook",
        ),
        (
            format!("{{name: a, timeoutSeconds: 9, {GOOD}}}"),
            "timeoutSeconds: 9 s is not between 10 s and 86400 s",
        ),
        (
            "{name: a}".to_owned(),
            "hooks.afterCreate[0]: it has no manifest",
        ),
        (
            format!("{{name: a, {GOOD}, from: {{secret: s}}}}"),
            "and names one by from",
        ),
        (
            "{name: a, from: {key: k}}".to_owned(),
            "from: it names neither",
        ),
        (
            "{name: a, from: {secret: s, configMap: c}}".to_owned(),
            "from: it names a ConfigMap and a Secret",
        ),
        (
            "{name: a, from: {secret: S}}".to_owned(),
            "\"S\" is no name of a ConfigMap or Secret",
        ),
        (
            "{name: a, from: {secret: s, key: a/b}}".to_owned(),
            "from.key: \"a/b\" is no key",
        ),
        (
            "{name: a, manifest: 'kind: Pod'}".to_owned(),
            "manifest: an object has no apiVersion and kind",
        ),
    ] {
        let found = told(&format!("{{afterCreate: [{hook}]}}"));
        assert!(
            matches!(&found[..], [one] if one.contains(says)),
            "{says}: {found:?}"
        );
    }
    let twice = told(&format!(
        "{{afterCreate: [{{name: a, {GOOD}}}], beforeDelete: [{{name: a, {GOOD}}}]}}"
    ));
    assert_eq!(
        twice,
        ["hooks.beforeDelete[0].name: another hook is called a already"]
    );
}

#[test]
fn what_does_not_fit_into_an_object_is_refused() {
    let of = |bytes: usize| {
        let pad = "x".repeat(bytes);
        format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a}}, data: {{x: {pad}}}}}")
    };
    let hook = |name: &str, bytes| crate::cluster::Hook {
        name: name.to_owned(),
        manifest: Some(of(bytes)),
        from: None,
        timeout_seconds: 600,
        on_failure: crate::cluster::OnFailure::default(),
    };
    let one = findings(|spec| spec.hooks.after_create = vec![hook("a", 65536)]);
    assert!(one[0].1.contains("are more than 65536"), "{one:?}");
    let names = ["a", "b", "c"];
    let all = findings(|spec| {
        spec.hooks.after_create = names.map(|name| hook(name, 60000)).into();
    });
    assert!(
        all.len() == 1 && all[0].0 == "hooks" && all[0].1.contains("131072"),
        "{all:?}"
    );
    let many = findings(|spec| {
        spec.hooks.before_delete = (0..17).map(|n| hook(&format!("h{n}"), 1)).collect();
    });
    assert_eq!(many.len(), 1, "{many:?}");
}
