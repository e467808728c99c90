//! Watching a cluster become what is wanted.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use capstan_spec::progress::{Progress, ReasonCode, StepState};
use capstan_spec::status::{
    ACCEPTED_PLAN, ClusterPhase, Condition, ConditionStatus, WorkloadClusterStatus,
};
use capstan_workload::resource::WorkloadCluster;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use kube::Api;

use super::refusal::{Wish, quota_table, refusal};
use super::target::Target;
use crate::arguments::Output;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Between two looks. One small object is read, so this costs nothing.
const LOOK: Duration = Duration::from_secs(1);

/// Whether to watch.
#[derive(Debug, Clone, Args)]
pub(crate) struct Watching {
    /// Wait until all is as wanted, and show how far it is (default on a terminal)
    #[arg(short, long, conflicts_with = "no_watch")]
    pub(super) watch: bool,
    /// Come back as soon as the wish is accepted
    #[arg(long)]
    pub(super) no_watch: bool,
}

/// Says that a change was taken, and watches it where that is wanted.
pub(super) async fn accepted(
    target: &Target,
    api: &Api<WorkloadCluster>,
    name: &str,
    watching: &Watching,
    printer: &Printer,
) -> Result<(), Failure> {
    printer.note(&format!(
        "the wish for cluster {name} is accepted; the controller brings it about"
    ));
    if watching.wanted() {
        until_ready(target, api, name, Some(Wish::Change), printer).await?;
    }
    Ok(())
}

/// Shows progress until the newest wish is fulfilled. With a `wish`, that it is refused is the end, too: whoever has just
/// asked for it shall know. Without one the refused are waited for, as everything else that stands still is: the work goes
/// on when the reason is gone. Ctrl-C leaves the work to the controller.
pub(super) async fn until_ready(
    target: &Target,
    api: &Api<WorkloadCluster>,
    name: &str,
    wish: Option<Wish>,
    printer: &Printer,
) -> Result<(), Failure> {
    let mut display = Display::new(printer);
    let begun = Instant::now();
    loop {
        let cluster = target.cluster(api, name).await?;
        display.show(&cluster, begun.elapsed());
        if is_ready(&cluster) {
            display.finish();
            return printer.result(&cluster, || {
                format!(
                    "cluster {name} is ready after {} s",
                    begun.elapsed().as_secs()
                )
            });
        }
        let judged = wish.filter(|wish| begun.elapsed() >= wish.patience());
        if let Some(failure) = judged.and_then(|wish| refusal(&cluster, wish)) {
            display.finish();
            if let Some(table) = quota_table(&cluster) {
                printer.note(&table);
            }
            return Err(failure);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = tokio::signal::ctrl_c() => {
                display.finish();
                return Err(Failure::new(Exit::Interrupted, "stopped watching; the controller goes on")
                    .hint(format!("capstan cluster show {name} --watch takes it up again")));
            }
        }
    }
}

fn is_ready(cluster: &WorkloadCluster) -> bool {
    let Some(status) = &cluster.status else {
        return false;
    };
    // A plan that nobody has asked for waits while all is well; once it is accepted the controller has yet to see that.
    let accepted = cluster.metadata.annotations.as_ref();
    let accepted = accepted.and_then(|all| all.get(ACCEPTED_PLAN));
    let waits = status.pending.as_ref().map(|plan| &plan.hash);
    status.phase == Some(ClusterPhase::Ready)
        && status.observed_generation == cluster.metadata.generation
        && (waits.is_none() || waits != accepted)
}

/// Shows the same lines again and again on a terminal, only new ones elsewhere.
pub(crate) struct Display {
    bar: Option<ProgressBar>,
    told: BTreeSet<String>,
    printer: Printer,
}

impl Display {
    pub(crate) fn new(printer: &Printer) -> Self {
        let terminal = printer.output() == Output::Table && std::io::stderr().is_terminal();
        let bar = terminal.then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            bar,
            told: BTreeSet::new(),
            printer: *printer,
        }
    }

    pub(crate) fn show(&mut self, cluster: &WorkloadCluster, elapsed: Duration) {
        if let Some(bar) = &self.bar {
            bar.set_message(lines(cluster, Some(elapsed)).join("\n"));
            bar.tick();
            return;
        }
        for line in lines(cluster, None) {
            if self.told.insert(line.clone()) {
                self.printer
                    .note(&format!("{:>4} s  {line}", elapsed.as_secs()));
            }
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// What is told of a cluster: a line for all, one per phase, one per node, the reasons with what to do.
pub(crate) fn lines(cluster: &WorkloadCluster, elapsed: Option<Duration>) -> Vec<String> {
    let name = cluster.metadata.name.as_deref().unwrap_or_default();
    let Some(status) = &cluster.status else {
        return vec![format!("{name}: the controller has not seen it yet")];
    };
    let phase = status.phase.map_or("Pending", |phase| phase.as_str());
    let progress = status.progress.clone().unwrap_or_default();
    let endpoint = status.endpoint.as_deref().unwrap_or("no address yet");
    let mut lines = vec![format!(
        "{name}: {phase}, {} %, {endpoint}{}",
        progress.percent,
        expected(&progress, elapsed)
    )];
    for phase in &progress.phases {
        lines.push(format!(
            "  {} {:<14} {:>3} %  {}",
            mark(phase.state),
            phase.phase.title(),
            phase.percent,
            phase.message
        ));
    }
    let versions: BTreeSet<_> = progress.nodes.iter().map(|node| &node.version).collect();
    for node in &progress.nodes {
        // Worth telling only while it tells nodes apart.
        let version = node.version.as_ref().filter(|_| versions.len() > 1);
        let version = version.map_or_else(String::new, |version| format!(" ({version})"));
        let reason = node
            .reason
            .as_ref()
            .filter(|reason| reason.message != node.message)
            .map(|reason| format!(": {}", reason.message))
            .unwrap_or_default();
        lines.push(format!(
            "  {} {}{version}  {}{reason}",
            mark(node.state),
            node.name,
            node.message
        ));
    }
    for warning in warnings(status) {
        lines.push(format!("  note: {warning}"));
    }
    for reason in &progress.reasons {
        let object = reason
            .object
            .as_ref()
            .map(|object| format!(" ({object})"))
            .unwrap_or_default();
        lines.push(format!("  why: {}{object}", reason.message));
        if let Some(detail) = &reason.detail {
            lines.push(format!("       in its words: {detail}"));
        }
        lines.push(format!("       what to do: {}", reason.remedy));
    }
    lines
}

/// What is not as it should be and keeps nothing from working. Why the cluster is not ready or a wish refused is among the
/// reasons.
fn warnings(status: &WorkloadClusterStatus) -> impl Iterator<Item = &str> {
    let reasons = status
        .progress
        .iter()
        .flat_map(|progress| &progress.reasons);
    let by_hook = reasons
        .into_iter()
        .any(|reason| reason.code == ReasonCode::HookFailed);
    status
        .conditions
        .iter()
        .filter(|condition| condition.status == ConditionStatus::False)
        .filter(move |condition| match condition.kind.as_str() {
            Condition::READY | Condition::ACCEPTED => false,
            Condition::HOOKS => !by_hook,
            _ => true,
        })
        .map(|condition| condition.message.as_str())
}

/// The time that passed, and the rest if it goes on as it did.
fn expected(progress: &Progress, elapsed: Option<Duration>) -> String {
    let Some(elapsed) = elapsed else {
        return String::new();
    };
    let percent = u32::from(progress.percent);
    if (10..100).contains(&percent) {
        let rest = elapsed * (100 - percent) / percent;
        return format!(
            ", {} s, about {} s to go",
            elapsed.as_secs(),
            rest.as_secs()
        );
    }
    format!(", {} s", elapsed.as_secs())
}

const fn mark(state: StepState) -> &'static str {
    match state {
        StepState::Waiting => "·",
        StepState::Running => "…",
        StepState::Blocked => "!",
        StepState::Done => "✓",
        StepState::Removing => "-",
    }
}

#[cfg(test)]
mod tests {
    use capstan_spec::progress::{NodeProgress, Reason};
    use capstan_spec::status::PendingPlan;
    use capstan_spec::{KubernetesVersion, WorkloadClusterSpec};
    use jiff::Timestamp;

    use super::*;

    fn cluster(status: WorkloadClusterStatus) -> WorkloadCluster {
        let spec = WorkloadClusterSpec::new(KubernetesVersion::new(1, 36, 3), "a", "b");
        let mut cluster = WorkloadCluster::new("team", "demo", spec);
        cluster.status = Some(status);
        cluster
    }

    fn condition(kind: &str, status: ConditionStatus) -> Condition {
        Condition {
            kind: kind.to_owned(),
            status,
            reason: "Because".to_owned(),
            message: format!("{kind} speaks"),
            last_transition_time: Timestamp::UNIX_EPOCH,
            observed_generation: None,
        }
    }

    #[test]
    fn what_was_accepted_a_moment_ago_is_not_done_yet() {
        let waiting = |hash: Option<&str>| {
            let pending = hash.map(|hash| PendingPlan {
                hash: hash.to_owned(),
                why: "another password".to_owned(),
                changes: Vec::new(),
            });
            let mut cluster = cluster(WorkloadClusterStatus {
                phase: Some(ClusterPhase::Ready),
                pending,
                ..WorkloadClusterStatus::default()
            });
            let accepted = (ACCEPTED_PLAN.to_owned(), "ours".to_owned());
            cluster.metadata.annotations = Some([accepted].into());
            is_ready(&cluster)
        };
        assert!(!waiting(Some("ours")), "the controller has not seen it");
        assert!(waiting(Some("another")), "which waits for somebody");
        assert!(waiting(None));
    }

    #[test]
    fn a_warning_is_told_and_what_is_well_is_not() {
        use ConditionStatus::{False, True};
        let told = |conditions: Vec<Condition>| {
            let status = WorkloadClusterStatus {
                conditions,
                ..WorkloadClusterStatus::default()
            };
            lines(&cluster(status), None).join("\n")
        };
        let spread = told(vec![
            condition(Condition::READY, False),
            condition(Condition::ACCEPTED, False),
            condition(Condition::SPREAD, True),
        ]);
        assert!(!spread.contains("speaks"), "{spread}");
        let shared = told(vec![condition(Condition::SPREAD, False)]);
        assert!(shared.contains("note: Spread speaks"), "{shared}");
    }

    #[test]
    fn what_is_among_the_reasons_is_no_note_as_well() {
        let status = WorkloadClusterStatus {
            conditions: vec![condition(Condition::HOOKS, ConditionStatus::False)],
            progress: Some(Progress {
                reasons: vec![Reason {
                    code: ReasonCode::HookFailed,
                    message: "HooksSucceeded speaks".to_owned(),
                    remedy: "wait".to_owned(),
                    object: None,
                    detail: None,
                }],
                ..Progress::default()
            }),
            ..WorkloadClusterStatus::default()
        };
        let told = lines(&cluster(status), None).join("\n");
        assert!(told.contains("why: HooksSucceeded speaks"), "{told}");
        assert_eq!(told.matches("speaks").count(), 1, "{told}");
    }

    #[test]
    fn versions_are_told_while_they_tell_nodes_apart() {
        let told = |versions: [&str; 2]| {
            let nodes = versions.map(|version| NodeProgress {
                name: "w".to_owned(),
                pool: "workers".to_owned(),
                state: StepState::Done,
                message: "ready".to_owned(),
                version: Some(version.to_owned()),
                reason: None,
            });
            let status = WorkloadClusterStatus {
                progress: Some(Progress {
                    nodes: nodes.into(),
                    ..Progress::default()
                }),
                ..WorkloadClusterStatus::default()
            };
            lines(&cluster(status), None).split_off(1)
        };
        assert_eq!(told(["v1.36.3"; 2]), ["  ✓ w  ready"; 2]);
        assert_eq!(
            told(["v1.35.4", "v1.36.3"]),
            ["  ✓ w (v1.35.4)  ready", "  ✓ w (v1.36.3)  ready"]
        );
    }

    #[test]
    fn a_machine_that_is_made_anew_says_so_and_why_and_nothing_twice() {
        let node = |message: &str| NodeProgress {
            name: "demo-x7k2p-w1".to_owned(),
            pool: "workers".to_owned(),
            state: StepState::Blocked,
            message: message.to_owned(),
            version: None,
            reason: Some(Reason {
                code: ReasonCode::NoValidHost,
                message: "no host has room".to_owned(),
                remedy: "wait".to_owned(),
                object: None,
                detail: None,
            }),
        };
        let told = |message: &str| {
            let status = WorkloadClusterStatus {
                progress: Some(Progress {
                    nodes: vec![node(message)],
                    ..Progress::default()
                }),
                ..WorkloadClusterStatus::default()
            };
            lines(&cluster(status), None)[1].clone()
        };
        let anew = told("is made anew after 10:00:30 UTC, try 1");
        assert!(anew.ends_with("try 1: no host has room"), "{anew}");
        assert_eq!(told("no host has room").matches("room").count(), 1);
    }
}
