//! The page about the catalogue.

use std::fmt::Write as _;

use capstan_catalog::Catalogue;

/// The page; empty only if the catalogue were broken, which its own tests would have told.
pub(super) fn page() -> String {
    let Ok(catalogue) = Catalogue::bundled() else {
        return String::new();
    };
    let server = &catalogue.management;
    let mut text = format!(
        "# Catalogue\n\nWritten by `make reference` out of `crates/catalog/data/catalogue.yaml`: which versions belong together.\n\n\
         ## Management server\n\nKubernetes {}; runs on Kubernetes {} to {}, for workload clusters of {} to {}.\n\n\
         | component | version |\n|---|---|\n",
        server.kubernetes,
        server.hosts.oldest,
        server.hosts.newest,
        server.workload.oldest,
        server.workload.newest,
    );
    for (component, version) in &server.components {
        let _ = writeln!(text, "| {component} | {version} |");
    }
    text.push_str(
        "\n## Workload clusters\n\nAn upgrade goes through the newest version of every minor in between. \"Tested\" is what clusters \
         were run with by\nthis Capstan; a preview is taken only when it is asked for.\n\n",
    );
    let versions = catalogue.versions();
    let releases: Vec<_> = versions
        .iter()
        .filter_map(|version| catalogue.release(*version).ok())
        .collect();
    let mut row = |what: &str, cell: &dyn Fn(&capstan_catalog::KubernetesRelease) -> String| {
        let cells: Vec<String> = releases.iter().map(|release| cell(release)).collect();
        let _ = writeln!(text, "| {what} | {} |", cells.join(" | "));
    };
    row("Kubernetes", &|release| release.version.to_string());
    row("---", &|_| "---".to_owned());
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    row("tested", &|release| yes(release.tested));
    row("preview", &|release| yes(release.preview));
    row("image etcd", &|release| release.images.etcd.clone());
    row("image coredns", &|release| release.images.coredns.clone());
    row("image pause", &|release| release.images.pause.clone());
    let mut components: Vec<&String> = releases
        .iter()
        .flat_map(|release| release.components.keys())
        .collect();
    components.sort_unstable();
    components.dedup();
    for component in components {
        row(component, &|release| {
            release
                .components
                .get(component)
                .cloned()
                .unwrap_or_default()
        });
    }
    text
}
