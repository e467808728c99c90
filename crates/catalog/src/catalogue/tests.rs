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
fn a_release_line_means_its_newest_version_and_a_preview_is_taken_only_by_who_asks() {
    let text = include_str!("../../data/catalogue.yaml").replace(
        "- version: v1.35.4\n",
        "- {version: v1.35.5, preview: true, tested: false, images: {etcd: a, coredns: b, pause: c}, clusterAutoscaler: d, components: {}}\n- version: v1.35.4\n",
    );
    let catalogue = Catalogue::parse(&text).unwrap();
    let meant = |wish: &str, preview| {
        let version = catalogue.meant(Some(wish.parse().unwrap()), preview);
        version.map(|version| version.to_string())
    };
    assert_eq!(meant("v1.35", false).unwrap(), "v1.35.4");
    assert_eq!(meant("1.35.x", true).unwrap(), "v1.35.5");
    assert_eq!(meant("v1.35.5", false).unwrap(), "v1.35.5");
    // Whether an exact version is known is asked when it is used.
    assert_eq!(meant("v1.34.9", false).unwrap(), "v1.34.9");
    assert_eq!(catalogue.meant(None, false).unwrap(), version("v1.36.3"));
    let error = meant("v1.34.x", false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to find a version v1.34.x in the catalogue"
    );
    assert_eq!(
        error.hint().as_deref(),
        Some("the catalogue has v1.36.3, v1.35.4")
    );
}

#[test]
fn the_minors_of_the_catalogue_can_be_crossed_one_by_one() {
    let mut minors: Vec<u64> = catalogue().versions().iter().map(|v| v.minor).collect();
    minors.dedup();
    assert!(minors.len() >= 2);
    assert!(minors.windows(2).all(|pair| pair[0] == pair[1] + 1));
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

#[test]
fn a_given_checksum_is_known_from_then_on_and_a_wrong_one_is_refused() {
    let name = "cluster-api/v1.14.2/core-components.yaml";
    let with = |name: &str, sum: &str| {
        catalogue().with_checksums(&[(name.to_owned(), sum.to_owned())].into())
    };
    let known = with(name, &"AB".repeat(32)).unwrap();
    let file = known.artifact("cluster-api", "v1.14.2", "core-components.yaml");
    assert_eq!(file.unwrap().sha256, Some("ab".repeat(32)));
    let other = known.artifact("cluster-api", "v1.14.2", "metadata.yaml");
    assert_eq!(other.unwrap().sha256, None);
    assert!(with("charts/flannel/v0.26.7/flannel.tgz", &"ab".repeat(32)).is_ok());
    for (name, sum) in [
        (name, "ab"),
        ("core-components.yaml", &*"ab".repeat(32)),
        ("cluster-api/v1.14.2/core.yaml", &*"ab".repeat(32)),
    ] {
        let error = with(name, sum).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.hint().is_some());
    }
}
