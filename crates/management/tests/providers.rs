//! The installation of the real providers' manifests on a real API server, with the real managers behind its webhooks.
//!
//! What a kubelet would do is done here: the managers run as processes, their Deployments are declared available, and the
//! webhooks, which name Services, are pointed to the processes by URL. Their certificates come from the authority that the
//! installation made, so a wrong `caBundle` fails the test.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests"
)]

mod managers;
mod support;

use std::time::Duration;

use capstan_kubernetes::{Applier, Deadline, ObjectName, wait_for};
use capstan_management::providers::{
    CheckLine, InstallEvent, InstallPlan, check, clusterctl, install, own, webhook_certificate,
};
use capstan_testkit::{ApiServer, Program};
use kube::Client;
use kube::api::ListParams;
use serde_json::Value;

use managers::{decoded, run_managers, secret};
use support::{OPENSTACK, all, manifests, plan, play_kubelet};

async fn versions(client: &Client) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (group, kind, plural) in [
        ("apps", "Deployment", "deployments"),
        ("", "Secret", "secrets"),
        (
            "apiextensions.k8s.io",
            "CustomResourceDefinition",
            "customresourcedefinitions",
        ),
        (
            "admissionregistration.k8s.io",
            "ValidatingWebhookConfiguration",
            "validatingwebhookconfigurations",
        ),
    ] {
        for object in all(client, group, kind, plural)
            .list(&ListParams::default())
            .await
            .unwrap()
        {
            let name = format!("{kind} {}", object.metadata.name.clone().unwrap());
            found.push((name, object.metadata.resource_version.clone().unwrap()));
        }
    }
    found.sort();
    found
}

#[tokio::test]
#[allow(
    clippy::too_many_lines,
    reason = "one long story: each part needs the one before"
)]
async fn the_real_providers_are_installed_checked_and_installed_again() {
    let Some(directory) = manifests() else { return };
    let Some(server) = ApiServer::start().await else {
        return;
    };
    let client = server.client().await.unwrap();
    let plan = plan(&directory);
    let kubelet = tokio::spawn(play_kubelet(client.clone()));

    let mut available = Vec::new();
    install(client.clone(), &plan, |event| {
        if let InstallEvent::Available { deployment } = event {
            available.push(deployment);
        }
    })
    .await
    .unwrap();
    available.sort();
    assert_eq!(
        available,
        [
            "capi-controller-manager",
            "capi-kubeadm-bootstrap-controller-manager",
            "capi-kubeadm-control-plane-controller-manager",
            "capo-controller-manager",
            "capstan-controller",
        ]
    );

    // Again: nothing changes. (A second run must not roll a manager, nor replace a certificate.)
    let before = versions(&client).await;
    install(client.clone(), &plan, |_| ()).await.unwrap();
    assert_eq!(versions(&client).await, before);

    // The four webhook secrets are signed by the one authority and name their service.
    let authority = decoded(
        &secret(&client, own::NAMESPACE, "webhook-authority").await,
        "tls.crt",
    );
    for (namespace, name) in [
        ("capi-system", "capi-webhook-service-cert"),
        (
            "capi-kubeadm-bootstrap-system",
            "capi-kubeadm-bootstrap-webhook-service-cert",
        ),
        (
            "capi-kubeadm-control-plane-system",
            "capi-kubeadm-control-plane-webhook-service-cert",
        ),
        ("capo-system", "capo-webhook-service-cert"),
    ] {
        let data = secret(&client, namespace, name).await;
        let facts = webhook_certificate::facts(&decoded(&data, "tls.crt"), &authority).unwrap();
        assert!(
            facts.from_authority && facts.names[0].ends_with(&format!("{namespace}.svc")),
            "{facts:?}"
        );
    }

    // clusterctl finds its inventory.
    let providers = all(
        &client,
        "clusterctl.cluster.x-k8s.io",
        "Provider",
        "providers",
    );
    assert_eq!(
        providers
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        4
    );

    // Without managers the webhooks are unreachable, and the check says so.
    let bad = |lines: &[CheckLine]| {
        lines
            .iter()
            .filter(|line| !line.is_good())
            .map(|l| format!("{l:?}"))
            .collect::<Vec<_>>()
    };
    let lines = check(client.clone()).await;
    assert!(
        bad(&lines)
            .iter()
            .any(|line| line.contains("failed calling webhook")),
        "{lines:#?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.what.contains("WorkloadCluster") && line.is_good()),
        "{lines:#?}"
    );

    let Some(mut managers) = run_managers(&server, &client, OPENSTACK.program, &[]).await else {
        return;
    };
    let usable = wait_for(
        "a usable server",
        Deadline::after(Duration::from_mins(2)),
        || async {
            let lines = check(client.clone()).await;
            let bad = bad(&lines);
            Ok(if bad.is_empty() {
                Ok(lines.len())
            } else {
                Err(bad.join("\n"))
            })
        },
    )
    .await;
    if let Err(error) = &usable {
        panic!("{error}\n{}", managers.output());
    }
    assert_eq!(usable.unwrap(), 14);
    assert!(managers.all_run());

    clusterctl_understands(&server, &plan).await;
    kubelet.abort();
}

/// The real clusterctl with the configuration we write: offline, and with our inventory.
async fn clusterctl_understands(server: &ApiServer, plan: &InstallPlan) {
    let directory = server.directory().join("clusterctl");
    let client = server.client().await.unwrap();
    let config = clusterctl::write(
        client,
        &plan.catalogue,
        &plan.source,
        &plan.releases,
        &directory,
    )
    .await
    .unwrap();
    let cases: [(&[&str], &[&str]); 2] = [
        (
            &["upgrade", "plan"],
            &[
                "control-plane-kubeadm",
                "infrastructure-openstack",
                "You are already up to date!",
            ],
        ),
        (&["move", "--dry-run"], &["Moving Cluster API objects"]),
    ];
    for (command, told) in cases {
        let place = [
            "--kubeconfig".to_owned(),
            server.directory().join("kubeconfig").display().to_string(),
            "--config".to_owned(),
            config.display().to_string(),
        ];
        let arguments: Vec<_> = command
            .iter()
            .map(|word| (*word).to_owned())
            .chain(place)
            .collect();
        let Some(mut program) =
            Program::start("clusterctl", &arguments, server.directory()).unwrap()
        else {
            return;
        };
        wait_for(
            "clusterctl to end",
            Deadline::after(Duration::from_mins(1)),
            || {
                let running = program.is_running();
                let output = program.output();
                async move { Ok(if running { Err(output) } else { Ok(()) }) }
            },
        )
        .await
        .unwrap();
        let output = program.output();
        for line in told {
            assert!(output.contains(line), "{output}");
        }
    }
}

#[tokio::test]
async fn an_installation_that_was_interrupted_goes_on() {
    let Some(directory) = manifests() else { return };
    let Some(server) = ApiServer::start().await else {
        return;
    };
    let client = server.client().await.unwrap();
    let plan = plan(&directory);
    let kubelet = tokio::spawn(play_kubelet(client.clone()));
    // Cut off in the middle of the objects, as by Ctrl-C: the future is dropped.
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let interrupted = tokio::spawn({
        let (client, plan) = (client.clone(), plan.clone());
        async move { install(client, &plan, |event| drop(tell.send(event))).await }
    });
    while let Some(event) = told.recv().await {
        if matches!(event, InstallEvent::Applied { done: 40, .. }) {
            break;
        }
    }
    interrupted.abort();
    assert!(interrupted.await.unwrap_err().is_cancelled());

    install(client.clone(), &plan, |_| ()).await.unwrap();
    let applier = Applier::new(client);
    let name = ObjectName {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: Some(own::NAMESPACE.into()),
        name: "installed".into(),
    };
    let list = applier
        .kinds()
        .api_of(&name)
        .await
        .unwrap()
        .get("installed")
        .await
        .unwrap();
    let entries: Vec<Value> =
        serde_json::from_str(list.data["data"]["objects.json"].as_str().unwrap()).unwrap();
    assert!(
        entries.len() > 80 && entries.iter().all(|entry| entry["uid"].is_string()),
        "{}",
        entries.len()
    );
    kubelet.abort();
}
