//! `capstan cluster rollout`.

use capstan_plan::rollout::{Rollout as Line, lines};
use capstan_spec::WorkloadClusterSpec;
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::refusal::Wish;
use super::target::Target;
use super::watch::{Watching, until_ready};
use super::write::write;
use crate::arguments::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, table};

/// How changes are brought to machines: stop, go on, replace all, look.
#[derive(Debug, Subcommand)]
pub(crate) enum Rollout {
    /// Replace no further machine until it is resumed; what is under way is finished first
    Pause(Change),
    /// Let a paused rollout go on
    Resume(Watched),
    /// Replace all machines one after the other, although nothing changed
    Restart(Watched),
    /// Show how far the rollouts of a cluster are
    Status(Status),
}

/// Whose rollouts.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    #[command(flatten)]
    target: Target,
    /// Of this worker pool only; may be given several times
    #[arg(long, value_name = "POOL")]
    pool: Vec<String>,
    /// Of the control plane only, or of it and the pools named
    #[arg(long)]
    control_plane: bool,
}

/// Whose rollouts, and whether to watch them.
#[derive(Debug, Args)]
pub(crate) struct Watched {
    #[command(flatten)]
    change: Change,
    #[command(flatten)]
    watching: Watching,
}

/// Show how far the rollouts of a cluster are.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    #[command(flatten)]
    target: Target,
}

/// What is done with a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Pause,
    Resume,
    Restart(Timestamp),
}

impl Rollout {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        match self {
            Self::Pause(change) => change.run(Verb::Pause, None, global, printer).await,
            Self::Resume(Watched { change, watching }) => {
                let watching = Some(&watching);
                change.run(Verb::Resume, watching, global, printer).await
            }
            Self::Restart(Watched { change, watching }) => {
                let verb = Verb::Restart(Timestamp::now());
                change.run(verb, Some(&watching), global, printer).await
            }
            Self::Status(status) => status.run(global, printer).await,
        }
    }
}

impl Change {
    async fn run(
        &self,
        verb: Verb,
        watching: Option<&Watching>,
        global: &Global,
        printer: &Printer,
    ) -> Result<(), Failure> {
        let api = self.target.clusters(global).await?;
        let cluster = self.target.cluster(&api, &self.cluster).await?;
        let mut spec = cluster.spec.clone();
        self.apply(verb, &mut spec)?;
        write(&self.target, &api, &cluster, &spec, &[]).await?;
        let name = &self.cluster;
        printer.note(&match verb {
            Verb::Pause => format!(
                "the rollout stops when what is under way is finished: capstan cluster rollout status {name}"
            ),
            Verb::Resume => format!("the rollout of cluster {name} goes on"),
            Verb::Restart(_) => {
                format!("the machines of cluster {name} are replaced one after the other")
            }
        });
        if watching.is_some_and(Watching::wanted) {
            until_ready(&self.target, &api, name, Some(Wish::Change), printer).await?;
        }
        Ok(())
    }

    /// Says it in the spec, of those that were named, else of all.
    fn apply(&self, verb: Verb, spec: &mut WorkloadClusterSpec) -> Result<(), Failure> {
        let known: Vec<String> = spec.workers.iter().map(|pool| pool.name.clone()).collect();
        if let Some(unknown) = self.pool.iter().find(|pool| !known.contains(pool)) {
            let message = format!("failed to find worker pool {unknown}");
            let hint = format!("the cluster has: {}", known.join(", "));
            return Err(Failure::new(Exit::NotFound, message).hint(hint));
        }
        let all = self.pool.is_empty() && !self.control_plane;
        if all || self.control_plane {
            let rollout = &mut spec.control_plane.rollout;
            (rollout.paused, rollout.after) = verb.said(rollout.paused, rollout.after);
        }
        for pool in &mut spec.workers {
            if all || self.pool.contains(&pool.name) {
                let rollout = &mut pool.rollout;
                (rollout.paused, rollout.after) = verb.said(rollout.paused, rollout.after);
            }
        }
        Ok(())
    }
}

impl Verb {
    /// Pause and time of a rollout after it, from those before.
    fn said(self, paused: bool, after: Option<Timestamp>) -> (bool, Option<Timestamp>) {
        match self {
            Self::Pause => (true, after),
            Self::Resume => (false, after),
            // Cluster API has whole seconds.
            Self::Restart(now) => (paused, Timestamp::from_second(now.as_second()).ok()),
        }
    }
}

impl Status {
    async fn run(&self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let api = self.target.clusters(global).await?;
        let cluster = self.target.cluster(&api, &self.cluster).await?;
        let status = cluster.status.clone().unwrap_or_default();
        let lines = lines(&cluster.spec, cluster.metadata.generation, &status);
        printer.result(&lines, || {
            let row = |line: &Line| {
                vec![
                    line.pool.clone(),
                    line.wanted.to_string(),
                    line.there.to_string(),
                    line.as_wanted.to_string(),
                    line.state.to_string(),
                ]
            };
            let head = ["pool", "wanted", "there", "as wanted", "rollout"];
            table(&head, lines.iter().map(row))
        })
    }
}

#[cfg(test)]
mod tests {
    use capstan_spec::{KubernetesVersion, WorkerPool};

    use super::*;

    fn said(argv: &[&str], verb: Verb) -> Result<Vec<(bool, Option<i64>)>, Failure> {
        #[derive(Debug, clap::Parser)]
        struct Parsed {
            #[command(flatten)]
            change: Change,
        }
        let argv = ["rollout", "demo"].iter().chain(argv);
        let parsed: Parsed = clap::Parser::try_parse_from(argv).unwrap();
        let version = KubernetesVersion::new(1, 36, 3);
        let mut spec = WorkloadClusterSpec::new(version, "a", "b");
        spec.workers.push(WorkerPool::new("large", "c"));
        spec.workers[1].rollout.paused = true;
        parsed.change.apply(verb, &mut spec)?;
        let plane = &spec.control_plane.rollout;
        let pools = spec.workers.iter().map(|pool| &pool.rollout);
        let pools = pools.map(|rollout| (rollout.paused, rollout.after));
        Ok(std::iter::once((plane.paused, plane.after))
            .chain(pools)
            .map(|(paused, after)| (paused, after.map(Timestamp::as_second)))
            .collect())
    }

    #[test]
    fn what_is_named_is_meant_and_else_all() {
        let (on, off) = ((true, None), (false, None));
        for (argv, verb, expected) in [
            (&[][..], Verb::Pause, [on, on, on]),
            (&["--pool", "workers"], Verb::Pause, [off, on, on]),
            (&["--control-plane"], Verb::Pause, [on, off, on]),
            (&[], Verb::Resume, [off, off, off]),
            (&["--pool", "workers"], Verb::Resume, [off, off, on]),
        ] {
            assert_eq!(said(argv, verb).unwrap(), expected, "{argv:?} {verb:?}");
        }
        let now = Verb::Restart("2026-12-01T00:00:00.7Z".parse().unwrap());
        let at = Some(1_796_083_200);
        let argv = ["--control-plane", "--pool", "large"];
        let expected = [(false, at), off, (true, at)];
        assert_eq!(said(&argv, now).unwrap(), expected);
        let failure = said(&["--pool", "small"], Verb::Pause).unwrap_err();
        assert_eq!(failure.exit, Exit::NotFound);
    }
}
