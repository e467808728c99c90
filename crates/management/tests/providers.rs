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

mod support;

use std::time::Duration;

use capstan_kubernetes::{Applier, Deadline, ObjectName, wait_for};
use capstan_management::providers::{
    CheckLine, InstallEvent, InstallPlan, check, clusterctl, install, own, webhook_certificate,
};
use capstan_testkit::{ApiServer, Program, free_port};
use kube::api::{ListParams, PostParams};
use kube::core::DynamicObject;
use kube::{Api, Client};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use support::{all, manifests, plan, play_kubelet, resource};

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

async fn secret(client: &Client, namespace: &str, name: &str) -> Value {
    let api: Api<DynamicObject> = Api::namespaced_with(
        client.clone(),
        namespace,
        &resource("", "Secret", "secrets"),
    );
    api.get(name).await.unwrap().data["data"].clone()
}

fn decoded(data: &Value, key: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(data[key].as_str().unwrap())
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

struct Managers(Vec<Program>);

/// Runs the four managers and points the webhooks to them.
async fn run_managers(server: &ApiServer, client: &Client) -> Option<Managers> {
    let data = secret(client, own::NAMESPACE, "webhook-authority").await;
    let authority = webhook_certificate::KeyPairPem {
        certificate: decoded(&data, "tls.crt"),
        key: decoded(&data, "tls.key").into(),
    };
    let leaf = webhook_certificate::leaf(
        &authority,
        &["127.0.0.1".to_owned()],
        time::OffsetDateTime::now_utc(),
    )
    .unwrap();
    let directory = server.directory();
    std::fs::write(directory.join("tls.crt"), &leaf.certificate).unwrap();
    std::fs::write(directory.join("tls.key"), leaf.key.expose_secret()).unwrap();
    let kubeconfig = directory.join("kubeconfig");
    std::fs::write(&kubeconfig, server.kubeconfig()).unwrap();
    let mut arguments = Vec::new();
    // All webhooks first: a running manager migrates its definitions, and would change them under our hands.
    for (program, service) in [
        ("capi-core", "capi-webhook-service"),
        ("capi-bootstrap", "capi-kubeadm-bootstrap-webhook-service"),
        (
            "capi-controlplane",
            "capi-kubeadm-control-plane-webhook-service",
        ),
        ("capo", "capo-webhook-service"),
    ] {
        let (webhook, health) = (free_port().unwrap(), free_port().unwrap());
        point_webhooks(client, service, webhook).await;
        let list = [
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--webhook-port={webhook}"),
            format!("--webhook-cert-dir={}", directory.display()),
            format!("--health-addr=127.0.0.1:{health}"),
            "--diagnostics-address=127.0.0.1:0".to_owned(),
        ];
        arguments.push((program, list));
    }
    let mut programs = Vec::new();
    for (program, list) in arguments {
        let Some(running) = Program::start(program, &list, directory).unwrap() else {
            eprintln!("NOTE: {program} is not there: the webhooks were NOT asked");
            return None;
        };
        programs.push(running);
    }
    Some(Managers(programs))
}

/// Replaces the Service by a URL everywhere; the `caBundle` stays the one the installation wrote.
async fn point_webhooks(client: &Client, service: &str, port: u16) {
    let redirect = |config: &mut Value| {
        if config.pointer("/service/name").and_then(Value::as_str) != Some(service) {
            return;
        }
        let path = config
            .pointer("/service/path")
            .and_then(Value::as_str)
            .unwrap_or("/")
            .to_owned();
        let bundle = config["caBundle"].clone();
        assert!(bundle.is_string(), "{service} has no caBundle: {config}");
        *config = json!({"url": format!("https://127.0.0.1:{port}{path}"), "caBundle": bundle});
    };
    for (group, kind, plural) in [
        (
            "admissionregistration.k8s.io",
            "ValidatingWebhookConfiguration",
            "validatingwebhookconfigurations",
        ),
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration",
            "mutatingwebhookconfigurations",
        ),
        (
            "apiextensions.k8s.io",
            "CustomResourceDefinition",
            "customresourcedefinitions",
        ),
    ] {
        let api = all(client, group, kind, plural);
        for mut object in api.list(&ListParams::default()).await.unwrap() {
            let before = object.data.clone();
            if let Some(webhooks) = object
                .data
                .get_mut("webhooks")
                .and_then(Value::as_array_mut)
            {
                for webhook in webhooks {
                    redirect(&mut webhook["clientConfig"]);
                }
            }
            if let Some(config) = object
                .data
                .pointer_mut("/spec/conversion/webhook/clientConfig")
            {
                redirect(config);
            }
            if object.data != before {
                object.types = Some(kube::core::TypeMeta {
                    api_version: format!("{group}/v1"),
                    kind: kind.to_owned(),
                });
                let name = object.metadata.name.clone().unwrap();
                api.replace(&name, &PostParams::default(), &object)
                    .await
                    .unwrap();
            }
        }
    }
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

    let Some(mut managers) = run_managers(&server, &client).await else {
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
        let logs: Vec<String> = managers.0.iter().map(Program::output).collect();
        let tails: Vec<String> = logs
            .iter()
            .map(|l| l.lines().rev().take(5).collect::<Vec<_>>().join("\n"))
            .collect();
        panic!("{error}\n{}", tails.join("\n--\n"));
    }
    assert_eq!(usable.unwrap(), 14);
    assert!(managers.0.iter_mut().all(Program::is_running));

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
