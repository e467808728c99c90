//! `capstan up`.

use std::net::IpAddr;
use std::path::PathBuf;

use capstan_management::lock::RunLock;
use capstan_management::plan::{Plan, Question};
use capstan_management::settings::{Mirror, Settings};
use capstan_management::survey::Survey;
use capstan_management::up::{self, Prepared};
use capstan_management::{Error, desk::Desk};
use clap::Args;
use ipnet::IpNet;
use serde::Serialize;

use crate::arguments::{Global, ServerName};
use crate::commands::{plane, stop_on_interrupt};
use crate::environment::{caller, config_directory, desk, server_name};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, table};
use crate::shell::export;
use crate::{ask, progress};

/// Make a management server, or go on making it.
///
/// Shows first what will be made and what it takes of the quota, then asks. Run again after any interruption it goes on
/// where it stopped; run when all is there it says so.
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
    #[command(flatten)]
    choices: Choices,
}

/// A flag for every line of a settings file.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Choices (also lines of a settings file)")]
struct Choices {
    /// External network of router and floating IP
    #[arg(long, value_name = "NETWORK")]
    external_network: Option<String>,
    /// Range of the server's network [default: 10.0.0.0/24]
    #[arg(long, value_name = "CIDR")]
    network_cidr: Option<IpNet>,
    /// Name server of that network; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    dns: Vec<IpAddr>,
    /// Image: a Cluster API node image, Debian or Ubuntu
    #[arg(long)]
    image: Option<String>,
    /// Flavor: 2 vCPU and 4 GiB or more
    #[arg(long)]
    flavor: Option<String>,
    /// Availability zone
    #[arg(long, value_name = "ZONE")]
    availability_zone: Option<String>,
    /// Root volume in GiB
    #[arg(long, value_name = "GIB")]
    volume_size: Option<u64>,
    /// Type of the root volume
    #[arg(long, value_name = "TYPE")]
    volume_type: Option<String>,
    /// Who may reach the API; may be repeated
    #[arg(long, value_name = "CIDR")]
    api_cidr: Vec<IpNet>,
    /// File with a public key that may log in
    #[arg(long, value_name = "FILE")]
    ssh_key: Option<PathBuf>,
    /// Who may reach port 22; may be repeated
    #[arg(long, value_name = "CIDR")]
    ssh_cidr: Vec<IpNet>,
    /// Kubernetes of a vanilla image
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<String>,
    /// Range of the pods [default: 10.244.0.0/16]
    #[arg(long, value_name = "CIDR")]
    pod_cidr: Option<IpNet>,
    /// Range of the services [default: 10.96.0.0/12]
    #[arg(long, value_name = "CIDR")]
    service_cidr: Option<IpNet>,
    /// Base URL of a mirror of files
    #[arg(long, value_name = "URL")]
    mirror_files: Option<String>,
    /// URL of a registry that mirrors all images
    #[arg(long, value_name = "URL")]
    mirror_registry: Option<String>,
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

impl Choices {
    fn settings(self) -> Result<Settings, Failure> {
        let mirror =
            (self.mirror_files.is_some() || self.mirror_registry.is_some()).then_some(Mirror {
                files: self.mirror_files,
                registry: self.mirror_registry,
            });
        let ssh_key = self
            .ssh_key
            .map(|path| read(&path))
            .transpose()?
            .map(|key| key.trim().to_owned());
        Ok(Settings {
            external_network: self.external_network,
            network_cidr: self.network_cidr,
            dns: self.dns,
            image: self.image,
            flavor: self.flavor,
            availability_zone: self.availability_zone,
            volume_size: self.volume_size,
            volume_type: self.volume_type,
            api_cidr: self.api_cidr,
            ssh_key,
            ssh_cidr: self.ssh_cidr,
            kubernetes_version: self.kubernetes_version,
            pod_cidr: self.pod_cidr,
            service_cidr: self.service_cidr,
            mirror,
        })
    }
}

fn read(path: &std::path::Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::new(
            Exit::Input,
            format!("failed to read {}: {error}", path.display()),
        )
    })
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
        let desk = desk(global).await?;
        if !self.dry_run
            && let Some(up) = up::already_up(&desk, &name).await?
        {
            plane::install(&desk, &name, &up.kubeconfig, printer).await?;
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
            return quota(&prepared.plan);
        }
        if prepared.plan.missing() > 0 {
            printer.note(&render(&prepared.plan));
            quota(&prepared.plan)?;
            self.approve(&prepared.plan)?;
        }
        let stop = stop_on_interrupt(*printer);
        let reporter = progress::reporter(printer.output());
        let up = up::up(&desk, prepared, &caller, reporter.as_ref(), &stop).await?;
        plane::install(&desk, &name, &up.kubeconfig, printer).await?;
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

    fn approve(&self, plan: &Plan) -> Result<(), Failure> {
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
        let question = format!(
            "Make {} resources for server {}?",
            plan.missing(),
            plan.name
        );
        if ask::confirm(&question)? {
            Ok(())
        } else {
            Err(Error::NotApproved.into())
        }
    }
}

/// Asks one question and writes the answer into the settings.
fn answer(settings: &mut Settings, question: &Question) -> Result<(), Failure> {
    let answer = ask::choose(question)?;
    match question.key {
        "externalNetwork" => settings.external_network = Some(answer),
        "image" => settings.image = Some(answer),
        "flavor" => settings.flavor = Some(answer),
        _ => {
            settings.api_cidr = answer
                .split([',', ' '])
                .filter(|part| !part.is_empty())
                .map(|part| {
                    part.parse::<IpNet>()
                        .or_else(|_| part.parse::<IpAddr>().map(IpNet::from))
                })
                .collect::<Result<_, _>>()
                .map_err(|_| {
                    Failure::new(
                        Exit::Input,
                        format!("{answer:?} is no range like 192.0.2.0/24"),
                    )
                })?;
        }
    }
    Ok(())
}

fn quota(plan: &Plan) -> Result<(), Failure> {
    if plan.shortages.is_empty() {
        Ok(())
    } else {
        Err(Error::Quota(plan.shortages.clone()).into())
    }
}

/// The plan for people.
fn render(plan: &Plan) -> String {
    let resources = table(
        &["resource", "name", "details", ""],
        plan.resources.iter().map(|line| {
            let state = if line.exists { "there" } else { "new" };
            vec![
                line.kind.clone(),
                line.name.clone(),
                line.detail.clone(),
                state.to_owned(),
            ]
        }),
    );
    let quota = table(
        &["quota", "needed", "free", ""],
        plan.quota.iter().map(|line| {
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
    );
    format!(
        "Management server {} in project {} of cloud {}: Kubernetes {} by {}\n\n{resources}\n\n{quota}\n",
        plan.name, plan.project, plan.cloud, plan.choices.kubernetes_version, plan.engine
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
