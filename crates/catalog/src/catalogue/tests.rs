use super::*;

fn catalogue() -> Catalogue {
    Catalogue::bundled().unwrap()
}

fn version(text: &str) -> KubernetesVersion {
    text.parse().unwrap()
}

#[test]
fn every_version_can_be_run_by_its_management_server() {
    let catalogue = catalogue();
    assert!(!catalogue.versions().is_empty());
    for version in catalogue.versions() {
        assert!(catalogue.supports(version), "{version}");
    }
    assert!(catalogue.release(catalogue.management.kubernetes).is_ok());
}

#[test]
fn every_component_that_is_named_has_artifacts() {
    let catalogue = catalogue();
    let management = catalogue.management.components.iter();
    let nodes = catalogue
        .kubernetes
        .iter()
        .flat_map(|release| &release.components);
    for (component, version) in management.chain(nodes) {
        let artifacts = catalogue
            .artifacts(component, version, Architecture::Amd64)
            .unwrap();
        assert!(!artifacts.is_empty(), "{component}");
        for artifact in artifacts {
            assert!(artifact.url.starts_with("https://"), "{}", artifact.url);
            assert!(!artifact.url.contains('{'), "{}", artifact.url);
            assert!(!artifact.file.contains('{'), "{}", artifact.file);
        }
    }
}

#[test]
fn the_limits_are_those_of_cluster_api() {
    let catalogue = catalogue();
    assert!(!catalogue.supports(version("v1.30.9")));
    assert!(catalogue.supports(version("v1.31.0")));
    assert!(!catalogue.supports(version("v1.37.0")));
    let hosts = catalogue.management.hosts;
    for (line, fits) in [
        ("1.32", false),
        ("1.33", true),
        ("1.36", true),
        ("1.37", false),
    ] {
        assert_eq!(hosts.contain(line.parse().unwrap()), fits, "{line}");
    }
    assert!(hosts.contain(catalogue.management.kubernetes.into()));
}

#[test]
fn an_unknown_version_comes_with_the_nearest_one() {
    let error = catalogue().release(version("v1.36.99")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to find Kubernetes v1.36.99 in the catalogue"
    );
    assert_eq!(error.hint().as_deref(), Some("use v1.36.3"));
}

#[test]
fn companions_are_found() {
    let catalogue = catalogue();
    let v = version("v1.36.3");
    assert_eq!(catalogue.component(v, "containerd").unwrap(), "v2.2.1");
    assert_eq!(catalogue.component(v, "kubernetes").unwrap(), "v1.36.3");
    assert!(catalogue.component(v, "cilium").is_err());
    assert_eq!(
        catalogue.management_component("cluster-api").unwrap(),
        "v1.14.2"
    );
}

#[test]
fn a_broken_catalogue_is_refused() {
    assert!(Catalogue::parse("management: 1").is_err());
    let unknown_field =
        include_str!("../../data/catalogue.yaml").replace("tested: true", "tasted: true");
    assert!(Catalogue::parse(&unknown_field).is_err());
}
