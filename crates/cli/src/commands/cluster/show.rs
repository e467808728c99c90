//! `capstan cluster show`.

use std::fmt::Write as _;
use std::net::IpAddr;

use capstan_plan::hook::When;
use capstan_spec::ClusterName;
use capstan_spec::cluster::Bastion;
use capstan_spec::record::HistoryEntry;
use capstan_spec::status::{HookRun, PendingPlan};
use capstan_workload::resource::{ClusterRecord, WorkloadCluster};
use capstan_workload::{bastion, template};
use clap::Args;
use kube::{Api, Client};

use super::target::Target;
use super::watch::{Watching, lines, until_ready};
use crate::arguments::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Entries of the history that are shown; the `ClusterRecord` has them all.
const SHOWN: usize = 8;

/// Show one cluster: phases, nodes, reasons, what was asked for.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    #[command(flatten)]
    target: Target,
    /// Watch until it is ready
    #[arg(short, long)]
    watch: bool,
}

impl Show {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let api = self.target.clusters(global).await?;
        if self.watch {
            return until_ready(&self.target, &api, &self.cluster, None, printer).await;
        }
        let cluster = self.target.cluster(&api, &self.cluster).await?;
        let client = api.into_client();
        let template = self.template(&client, &cluster).await?;
        let way_in = self.way_in(&client, &cluster).await?;
        let history = self.history(client, &cluster).await?;
        printer.result(&cluster, || {
            let mut lines = lines(&cluster, None);
            lines.extend(template);
            lines.extend(way_in);
            lines.extend(certificates(&cluster));
            lines.extend(hooks(&cluster));
            let pending = cluster.status.as_ref().and_then(|s| s.pending.as_ref());
            lines.extend(
                pending
                    .into_iter()
                    .flat_map(|plan| waiting(&self.cluster, plan)),
            );
            lines.extend(history.iter().map(|entry| format!("  {}", told(entry))));
            lines.join("\n")
        })
    }

    /// From which template the cluster was made, and what became of that since.
    async fn template(
        &self,
        client: &Client,
        cluster: &WorkloadCluster,
    ) -> Result<Option<String>, Failure> {
        let Some(name) = template::of(&cluster.metadata) else {
            return Ok(None);
        };
        let found = template::find(client, &self.target.namespace, name).await;
        let found = found.map_err(|error| Failure::of(Exit::Failed, &error, None))?;
        let state = match found {
            None => ", which is gone; the cluster keeps what it took".to_owned(),
            Some(template) => template
                .spec
                .told()
                .map_or_else(String::new, |told| format!(", which is {told}")),
        };
        Ok(Some(format!("  made from template {name}{state}")))
    }

    /// How one gets to the nodes by way of the bastion; nothing where there is none.
    async fn way_in(
        &self,
        client: &Client,
        cluster: &WorkloadCluster,
    ) -> Result<Vec<String>, Failure> {
        let status = cluster.status.as_ref();
        let resolved = status.and_then(|status| status.resolved.as_ref());
        let made = resolved.and_then(|resolved| resolved.bastion.as_ref());
        let address = made.and_then(|made| made.floating_ip.as_deref());
        let uid = status.and_then(|status| status.uid.clone());
        let (Some(wanted), Some(address), Some(uid)) = (&cluster.spec.bastion, address, uid) else {
            return Ok(Vec::new());
        };
        let name = ClusterName::new(&self.target.namespace, &self.cluster, uid);
        let nodes = bastion::nodes(client, &name).await;
        let nodes = nodes.map_err(|error| Failure::of(Exit::Failed, &error, None))?;
        Ok(bastion_lines(wanted, address, &nodes))
    }

    /// The newest entries of the cluster's record, oldest first; none before the first was made.
    async fn history(
        &self,
        client: Client,
        cluster: &WorkloadCluster,
    ) -> Result<Vec<HistoryEntry>, Failure> {
        let Some(uid) = cluster.status.as_ref().and_then(|s| s.uid.clone()) else {
            return Ok(Vec::new());
        };
        let name = ClusterName::new(&self.target.namespace, &self.cluster, uid).cluster();
        let records: Api<ClusterRecord> = Api::namespaced(client, &self.target.namespace);
        let found = records
            .get_opt(&name)
            .await
            .map_err(|error| self.target.refused("read the record of", &name, error))?;
        let status = found.and_then(|record| record.status).unwrap_or_default();
        let mut history = status.history;
        Ok(history.split_off(history.len().saturating_sub(SHOWN)))
    }
}

/// The bastion, and the line by which one gets to the first node.
fn bastion_lines(wanted: &Bastion, address: &str, nodes: &[(String, IpAddr)]) -> Vec<String> {
    let allowed: Vec<_> = wanted.allowed().iter().map(ToString::to_string).collect();
    let allowed = allowed.join(", ");
    let head = format!(
        "  bastion {address}, reachable from {allowed}; USER is that of its image (ubuntu, debian …)"
    );
    let way = nodes
        .first()
        .map(|(node, inner)| format!("    ssh -J USER@{address} USER@{inner}    leads to {node}"));
    std::iter::once(head).chain(way).collect()
}

/// When certificates expire, once there are any.
fn certificates(cluster: &WorkloadCluster) -> Option<String> {
    let known = cluster.status.as_ref()?.certificates?;
    let told = [
        ("control plane", known.control_plane),
        ("kubeconfig", known.kubeconfig),
    ]
    .into_iter()
    .filter_map(|(what, end)| Some(format!("{what} until {}", end?.strftime("%Y-%m-%d"))))
    .collect::<Vec<_>>();
    Some(format!("  certificates: {}", told.join(", ")))
}

/// What became of each hook.
fn hooks(cluster: &WorkloadCluster) -> Vec<String> {
    let Some(runs) = cluster.status.as_ref().map(|status| &status.hooks) else {
        return Vec::new();
    };
    let after = runs.after_create.iter().map(|run| (When::AfterCreate, run));
    let before = runs
        .before_delete
        .iter()
        .map(|run| (When::BeforeDelete, run));
    after
        .chain(before)
        .map(|(when, run)| hook(when, run))
        .collect()
}

fn hook(when: When, run: &HookRun) -> String {
    let mut text = format!(
        "  hook {} ({}) {}",
        run.name,
        when.as_str(),
        run.state.as_str()
    );
    // Writing to a string does not fail.
    match (run.started, run.finished) {
        (Some(started), Some(finished)) => {
            let took = finished.duration_since(started).as_secs();
            let at = finished.strftime("%Y-%m-%d %H:%M:%S UTC");
            let _ = write!(text, " at {at} after {took} s");
        }
        (Some(started), None) => {
            let _ = write!(text, " since {}", started.strftime("%H:%M:%S UTC"));
        }
        _ => {}
    }
    if run.attempts > 1 {
        let _ = write!(text, ", try {}", run.attempts);
    }
    if !run.message.is_empty() {
        let _ = write!(text, ": {}", run.message);
    }
    text
}

/// A plan that waits, and how it is accepted.
fn waiting(cluster: &str, plan: &PendingPlan) -> Vec<String> {
    let head = format!("  plan {} waits for an approval: {}", plan.hash, plan.why);
    let changes = plan.changes.iter().map(|change| format!("    {change}"));
    let how = format!("    capstan cluster apply {cluster} accepts it");
    std::iter::once(head).chain(changes).chain([how]).collect()
}

fn told(entry: &HistoryEntry) -> String {
    let at = entry.at.strftime("%Y-%m-%d %H:%M:%S UTC");
    let who = entry.who.as_ref();
    let who = who.map_or_else(String::new, |who| format!(", asked for by {who}"));
    let result = entry.result.as_ref();
    let result = result.map_or_else(String::new, |result| format!(": {result}"));
    format!("{at}  {}{who}{result}", entry.action)
}

/// Says the same of all commands that can watch.
impl Watching {
    /// Whether to watch: as said, else on a terminal.
    pub(crate) fn wanted(&self) -> bool {
        use std::io::IsTerminal as _;
        match (self.watch, self.no_watch) {
            (true, _) => true,
            (_, true) => false,
            _ => std::io::stderr().is_terminal(),
        }
    }
}

#[cfg(test)]
mod tests {
    use capstan_spec::status::HookState;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_way_to_a_node_is_told_ready_made() {
        let wanted = Bastion {
            flavor: "small".into(),
            image: None,
            ssh_key: None,
            allowed_cidrs: vec!["203.0.113.0/24".parse().unwrap()],
            availability_zone: None,
        };
        let node = ("demo-x7k2p-w1".to_owned(), "10.8.0.12".parse().unwrap());
        let lines = bastion_lines(&wanted, "198.51.100.8", &[node]);
        let head = "  bastion 198.51.100.8, reachable from 203.0.113.0/24";
        assert!(lines[0].starts_with(head), "{lines:?}");
        let way = "    ssh -J USER@198.51.100.8 USER@10.8.0.12    leads to demo-x7k2p-w1";
        assert_eq!(lines[1], way);
        assert_eq!(bastion_lines(&wanted, "198.51.100.8", &[]).len(), 1);
    }

    #[test]
    fn a_hook_says_how_it_ended_when_and_why() {
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        let mut run = HookRun::waiting("setup", "abc");
        let told = |run: &HookRun| hook(When::AfterCreate, run);
        assert_eq!(told(&run), "  hook setup (after creation) waits");
        run.state = HookState::Failed;
        run.attempts = 2;
        run.started = at(0);
        run.finished = at(34);
        run.message = "Job default/setup failed".to_owned();
        assert_eq!(
            told(&run),
            "  hook setup (after creation) failed at 1970-01-01 00:00:34 UTC after 34 s, try 2: Job default/setup failed"
        );
    }

    #[test]
    fn an_entry_says_when_what_by_whom_and_how_it_ended() {
        let mut entry = HistoryEntry {
            at: Timestamp::UNIX_EPOCH,
            action: "workers 2 to 3".to_owned(),
            who: Some("alice@desk".to_owned()),
            result: Some("refused for quota".to_owned()),
            generation: Some(2),
        };
        assert_eq!(
            told(&entry),
            "1970-01-01 00:00:00 UTC  workers 2 to 3, asked for by alice@desk: refused for quota"
        );
        entry.who = None;
        entry.result = None;
        assert_eq!(told(&entry), "1970-01-01 00:00:00 UTC  workers 2 to 3");
    }
}
