//! `capstan up`.

mod adopted;
mod choices;

use std::path::PathBuf;

use capstan_management::adoption::Entrance;
use capstan_management::lock::RunLock;
use capstan_management::plan::{NeedLine, Plan, ResourceLine};
use capstan_management::proxy::ServerProxy;
use capstan_management::settings::Settings;
use capstan_management::survey::Survey;
use capstan_management::up::{self, Prepared};
use capstan_management::{Error, desk::Desk};
use capstan_openstack::Shortage;
use clap::Args;
use serde::Serialize;

use crate::arguments::{Global, ServerName};
use crate::commands::{plane, stop_on_interrupt};
use crate::environment::{caller, config_directory, desk, server_name};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, table};
use crate::shell::export;
use crate::{ask, progress};
use choices::{Choices, answer, read};

/// Make a management server, or go on making it.
///
/// Shows first what will be made and what it takes of the quota, then asks. Run again after any interruption it goes on
/// where it stopped; run when all is there it says so. With --kubeconfig no server is made: the cluster it leads to becomes
/// the management server, and only a credential is made in the cloud.
#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    server: ServerName,
    /// File with settings; flags win over it
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
    /// Only show the plan
    #[arg(long)]
    dry_run: bool,
    /// Make a server anew whose certificates are lost
    #[arg(long)]
    replace: bool,
    /// Take the existing cluster of this kubeconfig as the management server, and make none
    #[arg(long, value_name = "FILE", conflicts_with = "replace")]
    kubeconfig: Option<PathBuf>,
    /// Context in it; without it the current one
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,
    #[command(flatten)]
    choices: Choices,
}

/// What `-o json` gets.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    name: String,
    uid: String,
    endpoint: String,
    kubeconfig: PathBuf,
    was_up: bool,
}

impl Up {
    /// Flags over the named file over the server's own file.
    fn settings(&self, name: &str) -> Result<Settings, Failure> {
        let parse = |text: &str, origin: &std::path::Path| {
            Settings::parse(text, &origin.display().to_string())
                .map_err(|error| Failure::from(Error::from(error)))
        };
        let mut settings = self.choices.clone().settings()?;
        if let Some(path) = &self.settings {
            settings = settings.or(parse(&read(path)?, path)?);
        }
        let own = config_directory()?
            .join("servers")
            .join(format!("{name}.yaml"));
        if own.exists() {
            settings = settings.or(parse(&read(&own)?, &own)?);
        }
        Ok(settings)
    }

    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let name = server_name(&self.server)?;
        capstan_management::identity::check_name(&name).map_err(Error::from)?;
        let settings = self.settings(&name)?;
        let given = self
            .kubeconfig
            .as_deref()
            .map(|path| Entrance::read(path, self.context.as_deref()))
            .transpose()
            .map_err(Error::from)?;
        let desk = desk(global).await?;
        let adopted = desk
            .files(&name)
            .record()?
            .is_some_and(|record| record.adopted.is_some());
        if given.is_some() || adopted {
            return Box::pin(self.adopt(&desk, &name, given, settings, printer)).await;
        }
        if !self.dry_run
            && let Some(up) = up::already_up(&desk, &name, &settings).await?
        {
            plane::install(&desk, &name, &up.kubeconfig, false, printer).await?;
            return show(printer, &up);
        }
        let caller = caller("up");
        let _lock = if self.dry_run {
            None
        } else {
            Some(RunLock::acquire(&desk.files(&name), &caller.who)?)
        };
        let (inventory, survey) =
            tokio::join!(desk.session.inventory(), Survey::read(&desk.session));
        let prepared = self
            .prepare(&desk, &name, settings, &inventory?, &survey?)
            .await?;
        if self.dry_run {
            printer.result(&prepared.plan, || render(&prepared.plan))?;
            return quota(&prepared.plan.shortages);
        }
        if prepared.plan.missing() > 0 {
            printer.note(&render(&prepared.plan));
            quota(&prepared.plan.shortages)?;
            self.approve(&format!(
                "Make {} resources for server {}?",
                prepared.plan.missing(),
                prepared.plan.name
            ))?;
        }
        let stop = stop_on_interrupt(*printer);
        let reporter = progress::reporter(printer.output());
        let up = up::up(&desk, prepared, &caller, reporter.as_ref(), &stop).await?;
        plane::install(&desk, &name, &up.kubeconfig, false, printer).await?;
        show(printer, &up)
    }

    /// Plans, and asks for what is open as long as something is.
    async fn prepare(
        &self,
        desk: &Desk,
        name: &str,
        mut settings: Settings,
        inventory: &capstan_openstack::Inventory,
        survey: &Survey,
    ) -> Result<Prepared, Failure> {
        loop {
            match up::prepare(
                desk,
                name,
                settings.clone(),
                self.replace,
                inventory,
                survey,
            )
            .await
            {
                Err(Error::Questions(questions)) if ask::possible() => {
                    for question in &questions {
                        answer(&mut settings, question)?;
                    }
                }
                result => return Ok(result?),
            }
        }
    }

    fn approve(&self, question: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !ask::possible() {
            return Err(Failure::new(
                Exit::NeedsAnswer,
                "the plan needs an approval and there is no terminal to ask on",
            )
            .hint("--yes approves it, --dry-run only shows it"));
        }
        if ask::confirm(question)? {
            Ok(())
        } else {
            Err(Error::NotApproved.into())
        }
    }
}

fn quota(shortages: &[Shortage]) -> Result<(), Failure> {
    if shortages.is_empty() {
        Ok(())
    } else {
        Err(Error::Quota(shortages.to_vec()).into())
    }
}

/// The plan for people.
fn render(plan: &Plan) -> String {
    let resources = resource_table(&plan.resources);
    let quota = quota_table(&plan.quota);
    let proxy = proxy_line(plan.choices.proxy.as_ref());
    format!(
        "Management server {} in project {} of cloud {}: Kubernetes {} by {}\n\n{resources}\n\n{quota}\n{proxy}",
        plan.name, plan.project, plan.cloud, plan.choices.kubernetes_version, plan.engine
    )
}

/// What goes through which proxy; nothing without one.
fn proxy_line(proxy: Option<&ServerProxy>) -> String {
    proxy.map_or_else(String::new, |proxy| {
        let (url, directly) = (&proxy.url, proxy.no_proxy.join(", "));
        format!("\nits way out is the proxy {url}, but not to {directly}\n")
    })
}

fn resource_table(lines: &[ResourceLine]) -> String {
    table(
        &["resource", "name", "details", ""],
        lines.iter().map(|line| {
            let state = if line.exists { "there" } else { "new" };
            vec![
                line.kind.clone(),
                line.name.clone(),
                line.detail.clone(),
                state.to_owned(),
            ]
        }),
    )
}

fn quota_table(lines: &[NeedLine]) -> String {
    table(
        &["quota", "needed", "free", ""],
        lines.iter().map(|line| {
            let free = line
                .free
                .map_or_else(|| "unlimited".to_owned(), |free| free.to_string());
            let verdict = if line.enough { "enough" } else { "TOO LITTLE" };
            vec![
                line.resource.clone(),
                line.need.to_string(),
                free,
                verdict.to_owned(),
            ]
        }),
    )
}

fn show(printer: &Printer, up: &up::Up) -> Result<(), Failure> {
    let result = Outcome {
        name: up.identity.name.clone(),
        uid: up.identity.uid.to_string(),
        endpoint: up.endpoint.clone(),
        kubeconfig: up.kubeconfig.clone(),
        was_up: up.was_up,
    };
    printer.result(&result, || {
        let state = if up.was_up { "is up already" } else { "is up" };
        format!(
            "Management server {} {state}: {}\n{}",
            up.identity,
            up.endpoint,
            export("KUBECONFIG", &up.kubeconfig.display().to_string())
        )
    })
}
