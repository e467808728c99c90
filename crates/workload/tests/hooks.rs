//! Hooks on a real API server, which is management server and workload cluster at once. Nobody runs its Jobs: the test says how
//! they end.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::collections::BTreeMap;

use capstan_plan::hook::{Seen, begin, lay_out};
use capstan_spec::ClusterName;
use capstan_spec::cluster::{Hook, ManifestSource, OnFailure};
use capstan_spec::status::HookRun;
use capstan_testkit::{ApiServer, free_port};
use capstan_workload::clouds::{Clouds, Observers};
use capstan_workload::equip::{self, Access};
use capstan_workload::hook::go_on;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

const MANIFEST: &str = r#"
apiVersion: example.org/v1
kind: Greeting
metadata: {name: hello}
spec: {text: hi}
---
apiVersion: batch/v1
kind: Job
metadata: {name: NAME, namespace: hooks}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: main, image: "example.org/x:1"}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: NAME}
data: {greeting: hi}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: greetings.example.org}
spec:
  group: example.org
  scope: Cluster
  names: {kind: Greeting, plural: greetings, singular: greeting}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {text: {type: string}}}}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: hooks}
"#;

/// A hook that was begun.
struct Begun {
    client: Client,
    cluster: ClusterName,
    access: Access,
    hook: Hook,
    run: HookRun,
}

impl Begun {
    async fn new(server: &ApiServer, name: &str, hook: Hook) -> Self {
        let client = server.client().await.unwrap();
        let cluster = ClusterName::new("default", name, "x7k2p".parse().unwrap());
        let access = reached(&client, &cluster, server.kubeconfig()).await;
        let mut run = lay_out(std::slice::from_ref(&hook), &[]).remove(0);
        begin(&mut run, Timestamp::UNIX_EPOCH);
        Self {
            client,
            cluster,
            access,
            hook,
            run,
        }
    }

    async fn go_on(&self) -> Seen {
        let access = Some(&self.access);
        go_on(&self.client, &self.cluster, access, &self.hook, &self.run).await
    }

    /// The message of what has not ended.
    async fn waits(&self, applied: bool) -> String {
        match self.go_on().await {
            Seen::Pending {
                applied: seen,
                message,
            } if seen == applied => message,
            other => unreachable!("{other:?}"),
        }
    }

    fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.client.clone(), "hooks")
    }

    async fn uid(&self, job: &str) -> String {
        self.jobs().get(job).await.unwrap().metadata.uid.unwrap()
    }

    /// Says how a Job ended, as its controller does.
    async fn end(&self, job: &str, kinds: [&str; 2]) {
        let time = "2026-11-28T10:00:00Z";
        let conditions: Vec<Value> = kinds
            .iter()
            .map(|kind| {
                json!({"type": kind, "status": "True", "reason": "BackoffLimitExceeded", "message": "too often",
                    "lastTransitionTime": time, "lastProbeTime": time})
            })
            .collect();
        let mut status = json!({"startTime": time, "conditions": conditions});
        if kinds.contains(&"Complete") {
            status["completionTime"] = json!(time);
            status["succeeded"] = json!(1);
        }
        let patch = Patch::Merge(json!({"status": status}));
        let params = PatchParams::default();
        self.jobs()
            .patch_status(job, &params, &patch)
            .await
            .unwrap();
    }
}

async fn reached(client: &Client, cluster: &ClusterName, kubeconfig: &str) -> Access {
    secret(client, &cluster.kubeconfig_secret(), "value", kubeconfig).await;
    let clouds = Clouds::new(client.clone(), Observers::default());
    equip::access(&clouds, cluster).await.unwrap().unwrap()
}

async fn secret(client: &Client, name: &str, key: &str, value: &str) {
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        string_data: Some(BTreeMap::from([(key.to_owned(), value.to_owned())])),
        ..Secret::default()
    };
    let api: Api<Secret> = Api::namespaced(client.clone(), "default");
    api.create(&PostParams::default(), &secret).await.unwrap();
}

fn inline(name: &str) -> Hook {
    Hook {
        name: name.to_owned(),
        manifest: Some(MANIFEST.replace("NAME", name)),
        from: None,
        timeout_seconds: 600,
        on_failure: OnFailure::Stop,
    }
}

fn by_secret(secret: &str) -> Hook {
    Hook {
        manifest: None,
        from: Some(ManifestSource {
            config_map: None,
            secret: Some(secret.to_owned()),
            key: "manifest.yaml".to_owned(),
        }),
        ..inline("by-secret")
    }
}

#[tokio::test]
async fn objects_come_in_an_order_that_works_and_a_job_runs_once() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let mut setup = Begun::new(&server, "setup", inline("setup")).await;
    let waits = setup.waits(true).await;
    assert_eq!(
        waits,
        "waits for Job hooks/setup (pods: 0 active, 0 failed)"
    );
    let maps: Api<ConfigMap> = Api::namespaced(setup.client.clone(), "default");
    let made = maps.get("setup").await.unwrap().metadata;
    let writers = made.managed_fields.unwrap();
    assert_eq!(writers[0].manager.as_deref(), Some("capstan-hooks"));
    assert_eq!(made.annotations.unwrap()["capstan.dev/hook"], "setup");
    let uid = setup.uid("setup").await;

    setup.end("setup", ["SuccessCriteriaMet", "Complete"]).await;
    // As of a controller that died before it wrote down what it had done, and as of one that had.
    for applied in [false, true] {
        setup.run.applied = applied;
        assert_eq!(setup.go_on().await, Seen::Succeeded);
    }
    begin(&mut setup.run, Timestamp::UNIX_EPOCH);
    assert_eq!(
        setup.go_on().await,
        Seen::Succeeded,
        "tried again for something else"
    );
    assert_eq!(setup.uid("setup").await, uid);

    // With another content it is another Job.
    setup.hook.manifest = setup.hook.manifest.map(|text| text.replace("x:1", "x:2"));
    setup.run = lay_out(std::slice::from_ref(&setup.hook), &[setup.run.clone()]).remove(0);
    begin(&mut setup.run, Timestamp::UNIX_EPOCH);
    assert_eq!(
        setup.waits(false).await,
        "Job hooks/setup of an earlier run goes first"
    );
    setup.waits(true).await;
    assert_ne!(setup.uid("setup").await, uid);
}

#[tokio::test]
async fn a_job_that_failed_is_made_anew_by_the_next_try_only() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let mut failing = Begun::new(&server, "failing", inline("failing")).await;
    failing.waits(true).await;
    let uid = failing.uid("failing").await;
    failing.end("failing", ["FailureTarget", "Failed"]).await;
    let told = "Job hooks/failing failed: BackoffLimitExceeded: too often (in the cluster: kubectl --namespace hooks \
                logs job/failing)";
    for _ in 0..2 {
        assert_eq!(failing.go_on().await, Seen::Failed(told.to_owned()));
    }
    assert_eq!(failing.uid("failing").await, uid);
    begin(&mut failing.run, Timestamp::UNIX_EPOCH);
    failing.waits(false).await;
    failing.waits(true).await;
    assert_ne!(failing.uid("failing").await, uid);

    failing
        .jobs()
        .delete("failing", &kube::api::DeleteParams::background())
        .await
        .unwrap();
    failing.run.applied = true;
    let gone = "Job hooks/failing went before its end was seen".to_owned();
    assert_eq!(failing.go_on().await, Seen::Failed(gone));
}

#[tokio::test]
async fn what_is_somebody_elses_is_left_and_what_is_missing_is_waited_for() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let foreign = Begun::new(&server, "foreign", inline("foreign")).await;
    let params = PatchParams::apply("somebody");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "hooks"}});
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(foreign.client.clone());
    namespaces
        .patch("hooks", &params, &Patch::Apply(&namespace))
        .await
        .unwrap();
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "foreign"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]}}},
    });
    let jobs = foreign.jobs();
    jobs.patch("foreign", &params, &Patch::Apply(&job))
        .await
        .unwrap();
    let uid = foreign.uid("foreign").await;
    let told = "Job hooks/foreign is there and was made by no hook; it is not touched".to_owned();
    assert_eq!(foreign.go_on().await, Seen::Failed(told));
    assert_eq!(foreign.uid("foreign").await, uid);

    let secretly = Begun::new(&server, "secretly", by_secret("hidden-manifest")).await;
    let told = secretly.waits(false).await;
    assert_eq!(
        told,
        "there is no Secret hidden-manifest, key manifest.yaml in namespace default"
    );
    let refused = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: told}\nword: {guess: me}\n";
    secret(
        &secretly.client,
        "hidden-manifest",
        "manifest.yaml",
        refused,
    )
    .await;
    let told = secretly.waits(false).await;
    assert!(told.contains("failed to apply ConfigMap told"), "{told}");
    assert!(
        !told.contains("word\"") && !told.contains("guess"),
        "{told}"
    );
    let nobody = go_on(
        &secretly.client,
        &secretly.cluster,
        None,
        &secretly.hook,
        &secretly.run,
    );
    assert!(matches!(nobody.await, Seen::Pending { applied: false, .. }));
}

#[tokio::test]
async fn an_api_that_does_not_answer_is_waited_for() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let mut lost = Begun::new(&server, "lost", inline("lost")).await;
    let port = format!("https://127.0.0.1:{}", free_port().unwrap());
    let (before, rest) = server
        .kubeconfig()
        .split_once("https://127.0.0.1:")
        .unwrap();
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let elsewhere = ClusterName::new("default", "elsewhere", "x7k2p".parse().unwrap());
    lost.access = reached(&lost.client, &elsewhere, &format!("{before}{port}{rest}")).await;
    let told = lost.waits(false).await;
    assert!(
        told.starts_with("the API of the cluster does not answer (failed to "),
        "{told}"
    );
}
