//! The engine against the real `helm` and a real API server.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests"
)]

use capstan_addons::{ChartEngine, ChartRelease, Error, Helm};
use capstan_testkit::{ApiServer, BINARIES};
use serde_json::json;

fn chart(directory: &std::path::Path) -> String {
    let chart = directory.join("greeting");
    std::fs::create_dir_all(chart.join("templates")).unwrap();
    std::fs::write(
        chart.join("Chart.yaml"),
        "apiVersion: v2\nname: greeting\nversion: 1.2.3\n",
    )
    .unwrap();
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: greeting}\ndata: {word: {{ required \"no word\" .Values.word | quote }}}\n";
    std::fs::write(chart.join("templates/config.yaml"), template).unwrap();
    chart.display().to_string()
}

#[tokio::test]
async fn a_release_is_rendered_installed_upgraded_and_removed() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let helm = Helm::at(std::path::Path::new(&std::env::var_os(BINARIES).unwrap()).join("helm"));
    let kubeconfig = server.kubeconfig().to_owned().into();
    let mut release = ChartRelease {
        name: "greeting".into(),
        namespace: "default".into(),
        chart: chart(server.directory()),
        values: json!({"word": "hello"}),
    };
    assert!(
        helm.render(&release)
            .await
            .unwrap()
            .contains("word: \"hello\"")
    );
    assert_eq!(
        helm.status("greeting", "default", &kubeconfig)
            .await
            .unwrap(),
        None
    );

    let state = helm.upgrade(&release, &kubeconfig).await.unwrap();
    assert_eq!(
        (state.revision, state.status.as_str(), state.chart.as_str()),
        (1, "deployed", "greeting-1.2.3")
    );
    let before = release.hash();
    release.values = json!({"word": "good day"});
    assert_ne!(release.hash(), before);
    assert_eq!(
        helm.upgrade(&release, &kubeconfig).await.unwrap().revision,
        2
    );
    assert_eq!(
        helm.status("greeting", "default", &kubeconfig)
            .await
            .unwrap()
            .unwrap()
            .revision,
        2
    );

    release.values = json!({});
    let error = helm.upgrade(&release, &kubeconfig).await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused { .. }) && error.to_string().contains("no word"),
        "{error}"
    );

    helm.uninstall("greeting", "default", &kubeconfig)
        .await
        .unwrap();
    helm.uninstall("greeting", "default", &kubeconfig)
        .await
        .unwrap();
    assert_eq!(
        helm.status("greeting", "default", &kubeconfig)
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn a_missing_program_is_named_with_what_to_do() {
    let error = Helm::at("/nowhere/helm")
        .uninstall("x", "y", &"".into())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("/nowhere/helm"));
    assert!(error.hint().unwrap().contains("CAPSTAN_HELM"));
}
