//! `capstan cluster validate`.

use std::path::PathBuf;
use std::time::Duration;

use capstan_management::clouds::{self, Look};
use capstan_openstack::{Holdings, Session};
use capstan_spec::{Finding, WorkloadClusterSpec, validate};
use capstan_workload::{resolve, surroundings};
use clap::Args;
use jiff::Timestamp;

use super::file;
use super::target::Target;
use crate::age::age;
use crate::arguments::Global;
use crate::commands::{cloud, plane};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// What a cloud may take to answer before what is kept of it is taken.
const PATIENCE: Duration = Duration::from_secs(30);

/// Check a cluster file: its own rules, and whether the cloud has what it names. Where the cloud cannot be asked, what was
/// kept of it the last time is taken (`cloud show`, `cloud check` and this command keep it), and without that the file's
/// own rules alone. Which it was is said. Errors come all at once, with the same exit code as those of `create`.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Cluster file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Name the cluster is to have, whose length is checked, too
    #[arg(long, value_name = "CLUSTER")]
    name: Option<String>,
    /// Ask no cloud: check against what is kept of it
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    target: Target,
}

/// What there is to check against.
struct Seen {
    look: Look,
    /// What the project has already; not kept.
    holdings: Option<Holdings>,
}

impl Validate {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let spec = file::read(&self.file, printer)?;
        let at = self.file.display();
        if let Some(name) = &self.name {
            let pools = spec.workers.iter().map(|pool| pool.name.as_str());
            let wrong: Vec<Finding> = validate::name(name, pools);
            if !wrong.is_empty() {
                let causes = wrong.iter().map(ToString::to_string).collect();
                return Err(file::refused(
                    format!("failed to accept cluster {name}"),
                    causes,
                ));
            }
        }
        if let Some(seen) = self.seen(global, &spec, printer).await? {
            let catalogue = plane::catalogue()?;
            let rules = catalogue.node_image_rules();
            let wrong = clouds::misfits(&spec, &seen.look, seen.holdings.as_ref(), rules);
            if !wrong.is_empty() {
                let causes = wrong.iter().map(|reason| {
                    let object = reason.object.as_deref().unwrap_or_default();
                    let path = object.strip_prefix("spec.").unwrap_or(object);
                    let finding = Finding::error(path, &reason.message);
                    format!("{at}: {}", finding.remedy(&reason.remedy))
                });
                let message = format!("cloud {} does not have what {at} names", seen.look.name);
                return Err(Failure {
                    exit: Exit::NotFound,
                    message,
                    causes: causes.collect(),
                    hint: None,
                });
            }
        }
        printer.result(&spec, || format!("{at} is good: {}", summary(&spec)))
    }

    /// The cloud as it is now, else as it was; what was taken is said.
    async fn seen(
        &self,
        global: &Global,
        spec: &WorkloadClusterSpec,
        printer: &Printer,
    ) -> Result<Option<Seen>, Failure> {
        let why = if self.offline {
            None
        } else {
            match tokio::time::timeout(PATIENCE, self.asked(global, spec)).await {
                Ok(Ok(seen)) => {
                    cloud::keep(&seen.look, &self.target, printer);
                    return Ok(Some(seen));
                }
                Ok(Err(failure)) => Some(failure.message),
                Err(_) => Some(format!("no answer in {} s", PATIENCE.as_secs())),
            }
        };
        if let Some(why) = &why {
            printer.note(&format!("cloud {} was not asked: {why}", spec.cloud));
        }
        let kept = cloud::cache(&self.target)?.load(&self.target.namespace, &spec.cloud);
        match kept {
            Some(look) => {
                let partly = if resolve::needs_holdings(spec) {
                    "; existing network, ssh key and security groups are not kept and were not checked"
                } else {
                    ""
                };
                let age = age(look.taken_at, Timestamp::now());
                let at = look.taken_at;
                printer.note(&format!(
                    "checked against what cloud {} had {age} ago ({at:.0}){partly}",
                    spec.cloud
                ));
                Ok(Some(Seen {
                    look,
                    holdings: None,
                }))
            }
            None if self.offline => Err(Failure::new(
                Exit::NotFound,
                format!("nothing is kept of cloud {} on this machine", spec.cloud),
            )
            .hint("capstan cloud show keeps it, where the cloud can be reached")),
            None => {
                printer
                    .note("nothing is kept of it either: only the file's own rules were checked");
                Ok(None)
            }
        }
    }

    async fn asked(&self, global: &Global, spec: &WorkloadClusterSpec) -> Result<Seen, Failure> {
        let client = self.target.client(global).await?;
        let cloud = clouds::find(&client, &self.target.namespace, &spec.cloud).await?;
        let config = surroundings::config(&client, &cloud)
            .await
            .map_err(clouds::CloudsError::from)?;
        let session = Session::connect(config).await?;
        let look = clouds::look(&session, &cloud).await?;
        let holdings = if resolve::needs_holdings(spec) {
            session.holdings().await?
        } else {
            Holdings::default()
        };
        Ok(Seen {
            look,
            holdings: Some(holdings),
        })
    }
}

fn summary(spec: &WorkloadClusterSpec) -> String {
    let pools: Vec<String> = spec
        .pools()
        .map(|pool| format!("{} {} × {}", pool.pool, pool.replicas, pool.flavor))
        .collect();
    format!("Kubernetes {}, {}", spec.version, pools.join(", "))
}
