//! etcd of a workload cluster gives back the space it no longer needs.
//!
//! Nothing is installed for it, so no node is replaced for it: `etcdctl` is run in a pod of etcd itself, whose image has it,
//! with the certificate that kubeadm laid beside it. When and in which order is said by [`capstan_plan::etcd`].

use std::fmt;
use std::time::Duration;

use capstan_kubernetes::{Connection, Error as KubernetesError, exec};
use capstan_plan::etcd::{self, Member, Refusal};
use capstan_spec::ClusterName;
use capstan_spec::cluster::kubeadm::Defragmentation;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use serde::Serialize;

use crate::Error;
use crate::surroundings::kubeconfig;

/// Namespace, label and container of kubeadm's static pods of etcd.
const PODS: (&str, &str, &str) = ("kube-system", "component=etcd,tier=control-plane", "etcd");
/// kubeadm's certificate for health checks, as `--cacert --cert --key`.
const CERTIFICATE: [&str; 3] = [
    "--cacert=/etc/kubernetes/pki/etcd/ca.crt",
    "--cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt",
    "--key=/etc/kubernetes/pki/etcd/healthcheck-client.key",
];
/// For questions.
const QUESTION: Duration = Duration::from_secs(30);
/// For one member, and what etcdctl is told of it: the largest file there may be (8 GiB) is rewritten in that time even on a
/// slow disk.
const REWRITE: (Duration, &str) = (Duration::from_mins(5), "--command-timeout=290s");

/// Which members are defragmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those for which it is worth it by the cluster's rule.
    Worthwhile(Defragmentation),
    /// All.
    All,
    /// None: they are only looked at.
    None,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The members before, in the order in which they are worked on.
    pub before: Vec<Member>,
    /// Names of those that were defragmented.
    pub done: Vec<String>,
    /// The members after.
    pub after: Vec<Member>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.done.iter().map(|name| {
            let size = |members: &[Member]| {
                let of = members.iter().find(|member| member.name == *name);
                of.map_or(0, |member| member.size >> 20)
            };
            format!("{name} {} to {} MiB", size(&self.before), size(&self.after))
        });
        f.write_str(&told.collect::<Vec<_>>().join(", "))
    }
}

/// Defragments etcd of a cluster, one member after the other. After each all are asked for their health before it goes on.
/// `replicas` is how many members there must be.
///
/// # Errors
/// [`Error::Etcd`] when the members are not all there and well: then no further member is touched.
pub async fn defragment(
    management: &Client,
    name: &ClusterName,
    replicas: u32,
    which: Which,
) -> Result<Report, Error> {
    let kubeconfig = kubeconfig(management, name).await?;
    // Patient: a member says nothing until it is done.
    let connection = Connection::from_kubeconfig(&kubeconfig, None).await?;
    let etcd = Etcd::find(connection.for_watching()?).await?;
    let before = etcd.members(replicas).await?;
    let chosen = match which {
        Which::All => before.clone(),
        Which::Worthwhile(rule) => etcd::worth_it(&before, rule),
        Which::None => Vec::new(),
    };
    let mut done = Vec::new();
    let mut after = before.clone();
    for member in chosen {
        let endpoint = format!("--endpoints={}", member.endpoint);
        etcd.run(&["defrag", &endpoint, REWRITE.1], REWRITE.0)
            .await?;
        done.push(member.name);
        // Every member commits again, and none is away.
        etcd.run(&["endpoint", "health", "--cluster"], QUESTION)
            .await?;
        after = etcd.members(replicas).await?;
    }
    Ok(Report {
        before,
        done,
        after,
    })
}

/// A pod from which all members are reached.
struct Etcd {
    client: Client,
    pod: String,
}

impl Etcd {
    async fn find(client: Client) -> Result<Self, Error> {
        let (namespace, label, _) = PODS;
        let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let found = api.list(&ListParams::default().labels(label)).await;
        let found = found.map_err(|e| KubernetesError::request("list", "the pods of etcd", e))?;
        let ready = found.into_iter().find(|pod| {
            let conditions = pod.status.iter().flat_map(|status| &status.conditions);
            let mut conditions = conditions.flatten();
            conditions.any(|one| one.type_ == "Ready" && one.status == "True")
        });
        let pod = ready.and_then(|pod| pod.metadata.name);
        let pod = pod.ok_or_else(|| Error::Missing("a pod of etcd that is ready".to_owned()))?;
        Ok(Self { client, pod })
    }

    /// All members, followers first.
    async fn members(&self, replicas: u32) -> Result<Vec<Member>, Error> {
        let json = "--write-out=json";
        let list = self.run(&["member", "list", json], QUESTION).await?;
        let status = ["endpoint", "status", "--cluster", json];
        let status = self.run(&status, QUESTION).await?;
        Ok(etcd::members(&list, &status, replicas)?)
    }

    async fn run(&self, arguments: &[&str], limit: Duration) -> Result<String, Error> {
        let command: Vec<&str> = ["etcdctl"]
            .iter()
            .chain(&CERTIFICATE)
            .chain(arguments)
            .copied()
            .collect();
        let (namespace, _, container) = PODS;
        let ended = exec(
            &self.client,
            namespace,
            &self.pod,
            container,
            &command,
            limit,
        )
        .await?;
        if ended.success {
            return Ok(ended.stdout);
        }
        let said = format!("{}{}", ended.stdout, ended.stderr);
        let mut last = said.lines().map(str::trim).filter(|line| !line.is_empty());
        let last = last.next_back().unwrap_or("it said nothing").to_owned();
        let what = arguments.first().copied().unwrap_or_default();
        Err(Refusal::Failed(what.to_owned(), last).into())
    }
}
