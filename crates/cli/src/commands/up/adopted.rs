//! `capstan up --kubeconfig`.

use capstan_management::Error;
use capstan_management::adoption::{self, AdoptionPlan, Entrance, Prepared};
use capstan_management::desk::Desk;
use capstan_management::lock::RunLock;
use capstan_management::settings::Settings;
use capstan_management::survey::Survey;

use super::{Up, answer, proxy_line, quota, quota_table, resource_table, show};
use crate::commands::{plane, stop_on_interrupt};
use crate::environment::caller;
use crate::failure::Failure;
use crate::printer::{Printer, table};
use crate::{ask, progress};

impl Up {
    /// Makes an existing cluster the management server, or goes on doing so.
    pub(super) async fn adopt(
        self,
        desk: &Desk,
        name: &str,
        given: Option<Entrance>,
        settings: Settings,
        printer: &Printer,
    ) -> Result<(), Failure> {
        if self.replace {
            return Err(Error::Invalid {
                problem: "--replace makes a server anew, and this one is an existing cluster"
                    .into(),
                hint: "leave it out".into(),
            }
            .into());
        }
        if !self.dry_run
            && let Some(up) = adoption::already_up(desk, name, given.as_ref(), &settings).await?
        {
            plane::install(desk, name, &up.kubeconfig, false, printer).await?;
            return show(printer, &up);
        }
        let caller = caller("up");
        let _lock = if self.dry_run {
            None
        } else {
            Some(RunLock::acquire(&desk.files(name), &caller.who)?)
        };
        let (inventory, survey) =
            tokio::join!(desk.session.inventory(), Survey::read(&desk.session));
        let (inventory, survey) = (inventory?, survey?);
        let prepared = planned(desk, name, given.as_ref(), settings, &inventory, &survey).await?;
        let plan = &prepared.plan;
        if self.dry_run {
            printer.result(plan, || render(plan))?;
            return quota(&plan.shortages);
        }
        printer.note(&render(plan));
        quota(&plan.shortages)?;
        self.approve(&format!(
            "Make the cluster of context {} management server {name}?",
            plan.cluster.context
        ))?;
        let stop = stop_on_interrupt(*printer);
        let reporter = progress::reporter(printer.output());
        let up = adoption::adopt(desk, prepared, &caller, reporter.as_ref(), &stop).await?;
        plane::install(desk, name, &up.kubeconfig, true, printer).await?;
        show(printer, &up)
    }
}

/// Plans, and asks for what is open as long as something is.
async fn planned(
    desk: &Desk,
    name: &str,
    given: Option<&Entrance>,
    mut settings: Settings,
    inventory: &capstan_openstack::Inventory,
    survey: &Survey,
) -> Result<Prepared, Failure> {
    loop {
        let prepared = adoption::prepare(
            desk,
            name,
            given.cloned(),
            settings.clone(),
            inventory,
            survey,
        );
        match prepared.await {
            Err(Error::Questions(questions)) if ask::possible() => {
                for question in &questions {
                    answer(&mut settings, question)?;
                }
            }
            result => return Ok(result?),
        }
    }
}

/// The plan for people.
fn render(plan: &AdoptionPlan) -> String {
    let cluster = &plan.cluster;
    let install = &plan.install;
    let components = table(
        &["installed on the cluster", "version"],
        install
            .components
            .iter()
            .map(|line| vec![line.component.clone(), line.version.clone()]),
    );
    let ranges: Vec<_> = plan
        .defaults
        .egress_cidr
        .iter()
        .map(ToString::to_string)
        .collect();
    format!(
        "Management server {} in project {} of cloud {}: the existing cluster of context {}\n\n\
         {}, Kubernetes {}, {} of {} nodes Ready; it stays as it is but for what is listed\n\n\
         {components}\n\n{} objects, of which {} are there; nothing of somebody else's is in the way\n\n{}\n\n{}\n\n\
         its pods reach OpenStack from {}\n{}",
        plan.name,
        plan.project,
        plan.cloud,
        cluster.context,
        cluster.endpoint,
        cluster.version,
        cluster.ready,
        cluster.nodes,
        install.objects,
        install.there,
        resource_table(&plan.resources),
        quota_table(&plan.quota),
        ranges.join(", "),
        proxy_line(plan.defaults.proxy.as_ref()),
    )
}
