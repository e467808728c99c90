//! The real managers, as processes behind the webhooks of an installation.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests"
)]

use capstan_management::providers::{own, webhook_certificate};
use capstan_testkit::{ApiServer, Program, free_port};
use kube::api::{ListParams, PostParams};
use kube::core::DynamicObject;
use kube::{Api, Client};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::{all, resource};

#[allow(dead_code, reason = "not every test looks into secrets")]
pub(crate) async fn secret(client: &Client, namespace: &str, name: &str) -> Value {
    let api: Api<DynamicObject> = Api::namespaced_with(
        client.clone(),
        namespace,
        &resource("", "Secret", "secrets"),
    );
    api.get(name).await.unwrap().data["data"].clone()
}

#[allow(dead_code, reason = "not every test looks into secrets")]
pub(crate) fn decoded(data: &Value, key: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(data[key].as_str().unwrap())
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The managers as processes, killed when this is dropped.
pub(crate) struct Managers {
    programs: Vec<Program>,
}

impl Managers {
    /// Whether all of them still run.
    pub(crate) fn all_run(&mut self) -> bool {
        self.programs.iter_mut().all(Program::is_running)
    }

    /// The last lines that each has printed.
    pub(crate) fn output(&self) -> String {
        let tail = |program: &Program| {
            let output = program.output();
            output.lines().rev().take(5).collect::<Vec<_>>().join("\n")
        };
        let tails: Vec<String> = self.programs.iter().map(tail).collect();
        tails.join("\n--\n")
    }
}

/// Runs the four managers and points the webhooks to them; `openstack` is the program of the OpenStack provider, `more` are
/// arguments of single programs.
pub(crate) async fn run_managers(
    server: &ApiServer,
    client: &Client,
    openstack: &str,
    more: &[(&str, &str)],
) -> Option<Managers> {
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
        (openstack, "capo-webhook-service"),
    ] {
        let (webhook, health) = (free_port().unwrap(), free_port().unwrap());
        point_webhooks(client, service, webhook).await;
        let mut list: Vec<String> = vec![
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--webhook-port={webhook}"),
            format!("--webhook-cert-dir={}", directory.display()),
            format!("--health-addr=127.0.0.1:{health}"),
            "--diagnostics-address=127.0.0.1:0".to_owned(),
        ];
        let own = more.iter().filter(|(of, _)| *of == program);
        list.extend(own.map(|(_, argument)| (*argument).to_owned()));
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
    Some(Managers { programs })
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
