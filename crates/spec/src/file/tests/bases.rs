use super::*;

const BASE_TEXT: &str = "KUBERNETES_VERSION: v1.36.3
OPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR: a
NODE_CIDR: 10.8.0.0/24
kubeadm: {featureGates: {One: true}, ntpServers: [a.example, b.example]}
workers:
- {name: blue, flavor: b, replicas: 2}
- {name: green, flavor: c, replicas: 0}
";

fn over(text: &str) -> Result<Document, FileError> {
    read_with(&format!("base: ../base.yaml\n{text}"), |name| {
        assert_eq!(name, "../base.yaml");
        Ok(BASE_TEXT.to_owned())
    })
}

fn told(text: &str) -> Vec<String> {
    let error = over(text).unwrap_err();
    error.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn what_a_file_says_wins_and_the_rest_is_taken_from_its_base() {
    let spec = over(
            "KUBERNETES_VERSION: v1.36.4\nkubeadm: {featureGates: {Two: false}, ntpServers: [c.example]}\nworkers:\n\
             - {name: green, replicas: 5}\n- {name: red, flavor: d}\n",
        )
        .unwrap()
        .spec;
    assert_eq!(spec.version, KubernetesVersion::new(1, 36, 4));
    assert_eq!(spec.network.node_cidr.to_string(), "10.8.0.0/24");
    assert_eq!(spec.kubeadm.feature_gates.len(), 2);
    assert_eq!(spec.kubeadm.ntp_servers, ["c.example"]);
    let pools: Vec<_> = spec
        .workers
        .iter()
        .map(|pool| (pool.name.as_str(), pool.flavor.as_str(), pool.replicas))
        .collect();
    assert_eq!(
        pools,
        [("blue", "b", 2), ("green", "c", 5), ("red", "d", 3)]
    );
}

#[test]
fn a_structured_field_may_say_what_a_flat_key_of_the_base_said() {
    let spec = over("version: v1.36.4").unwrap().spec;
    assert_eq!(spec.version, KubernetesVersion::new(1, 36, 4));
}

#[test]
fn a_fault_is_told_in_the_file_it_is_in() {
    let found = told("workers:\n- {name: red, flavor: d, replicas: 1000}\n");
    assert!(
        found
            .iter()
            .any(|text| text.starts_with("line 3") && text.contains("1000 is more")),
        "{found:?}"
    );
    let found = told("POD_CIDR: 10.8.0.0/16\n");
    assert!(
        found[0].starts_with("line 2, column 11: POD_CIDR: 10.8.0.0/16 overlaps"),
        "{found:?}"
    );
    let bad = |base: &str| {
        let error = read_with("base: b.yaml\n", |_| Ok(base.to_owned())).unwrap_err();
        error.findings[0].to_string()
    };
    assert!(
        bad("NODE_CIDR: x\n").starts_with("b.yaml: line 1, column 12: NODE_CIDR"),
        "{}",
        bad("NODE_CIDR: x\n")
    );
    assert!(
        bad("base: c.yaml\n").starts_with("b.yaml: line 1, column 1: base: a base has no base")
    );
    let even = format!("{BASE_TEXT}CONTROL_PLANE_MACHINE_COUNT: 2\n");
    assert!(
        bad(&even).starts_with("b.yaml: line 8, column 30: CONTROL_PLANE_MACHINE_COUNT"),
        "{}",
        bad(&even)
    );
}

#[test]
fn a_base_that_cannot_be_read_is_told_where_it_is_named() {
    let error = read_with("base: b.yaml\n", |_| Err("there is none".into())).unwrap_err();
    assert!(
        error
            .findings
            .iter()
            .any(|f| f.to_string() == "line 1, column 7: base: there is none"),
        "{error}"
    );
    assert!(errors("base: [a]\n")[0].contains("expected the name of a file"));
}
