//! A cluster as somebody wants it, beside the one that is there.

use std::path::Path;

use capstan_catalog::Catalogue;
use capstan_plan::change::{self, Effect, Part};
use capstan_plan::quota::Line;
use capstan_spec::file::Ground;
use capstan_spec::progress::Reason;
use capstan_spec::status::{ACCEPTED_PLAN, Refusal, Resolved};
use capstan_spec::{
    ClusterName, Finding, TemplateDefaults, Uid, WorkloadClusterSpec, difference, validate,
};
use capstan_workload::clouds::{Clouds, Observers};
use capstan_workload::gate::Verdict;
use capstan_workload::resource::WorkloadCluster;
use capstan_workload::surroundings::Context;
use capstan_workload::wish::Judged;
use capstan_workload::{Error, history, observe, template, wish};
use kube::Api;
use kube::api::PostParams;

use super::file;
use super::target::Target;
use super::write::write;
use crate::arguments::Global;
use crate::commands::template::Chosen;
use crate::environment::person;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, table};

/// A wish beside what is there.
pub(super) struct Wished {
    target: Target,
    name: String,
    api: Api<WorkloadCluster>,
    there: Option<WorkloadCluster>,
    spec: WorkloadClusterSpec,
    /// Annotations of a new cluster that is made from a template.
    notes: Vec<(String, String)>,
}

impl Wished {
    /// Reads the cluster, and the file if one is named. Without a file the cluster must be there.
    pub(super) async fn read(
        target: &Target,
        name: &str,
        path: Option<&Path>,
        global: &Global,
        printer: &Printer,
    ) -> Result<Self, Failure> {
        let asked = path.map(file::template).transpose()?.flatten();
        let mut from_file = match (path, &asked) {
            (Some(path), None) => Some(read(name, path, None, printer)?),
            _ => None,
        };
        let api = target.clusters(global).await?;
        let there = match path {
            None => Some(target.cluster(&api, name).await?),
            Some(_) => api
                .get_opt(name)
                .await
                .map_err(|error| target.refused("read", name, error))?,
        };
        let mut notes = Vec::new();
        if let (Some(path), Some(asked)) = (path, &asked) {
            let spec = if let Some(there) = &there {
                let defaults = taken_by(there, asked)?;
                let ground = Ground {
                    name: asked,
                    defaults: &defaults,
                };
                read(name, path, Some(&ground), printer)?
            } else {
                let client = api.clone().into_client();
                let chosen = Chosen::find(&client, &target.namespace, asked).await?;
                let spec = read(name, path, Some(&chosen.ground()), printer)?;
                let findings = chosen.judge(&spec);
                for remark in findings.iter().filter(|finding| !finding.is_error()) {
                    printer.note(&remark.to_string());
                }
                notes.extend(chosen.notes(&spec));
                spec
            };
            from_file = Some(spec);
        }
        let spec = match (from_file, &there) {
            (Some(spec), _) => spec,
            (None, Some(there)) => there.spec.clone(),
            // Without a file the cluster is there, or reading it has failed.
            (None, None) => return Err(Failure::new(Exit::NotFound, format!("no cluster {name}"))),
        };
        Ok(Self {
            target: target.clone(),
            name: name.to_owned(),
            api,
            there,
            spec,
            notes,
        })
    }

    /// The clusters of the namespace.
    pub(super) const fn api(&self) -> &Api<WorkloadCluster> {
        &self.api
    }

    /// Whether the cluster is not there yet.
    pub(super) const fn is_new(&self) -> bool {
        self.there.is_none()
    }

    /// Whether the cluster is wished just so already.
    pub(super) fn changes_nothing(&self) -> bool {
        self.there
            .as_ref()
            .is_some_and(|there| difference::difference(&there.spec, &self.spec).is_empty())
    }

    /// Asks the cloud and the management server, as the controller does before it begins.
    pub(super) async fn plan(&self) -> Result<Planned, Failure> {
        let client = self.api.clone().into_client();
        let namespace = &self.target.namespace;
        let clouds = Clouds::new(client, Observers::default());
        let context = Context::connect(&clouds, namespace, &self.spec.cloud)
            .await
            .map_err(|error| unplanned(&error))?;
        let status = self
            .there
            .as_ref()
            .and_then(|there| there.status.clone())
            .unwrap_or_default();
        // A cluster that is not begun has no uid yet; no object is found by this one.
        let uid = status.uid.clone().unwrap_or_else(|| Uid::from_random(0));
        let name = ClusterName::new(namespace.as_str(), self.name.as_str(), uid);
        let catalogue =
            Catalogue::bundled().map_err(|error| Failure::of(Exit::Failed, &error, None))?;
        let mut metadata = self.there.as_ref().map(|there| there.metadata.clone());
        let metadata = metadata.get_or_insert_default();
        metadata
            .annotations
            .get_or_insert_default()
            .extend(self.notes.iter().cloned());
        let judged = async {
            let seen = observe::observe(&context, &name).await?;
            let outside =
                template::judge(&context, &name, metadata, &self.spec, &status, &seen).await?;
            if let Some(verdict) = outside {
                return Ok(Judged {
                    verdict,
                    resolved: Resolved::default(),
                    plan: None,
                });
            }
            let accepted = None;
            wish::judge(
                &catalogue, &context, &name, &self.spec, &status, &seen, accepted,
            )
            .await
        };
        let judged = judged.await.map_err(|error| unplanned(&error))?;
        Ok(Planned {
            cluster: self.name.clone(),
            verdict: judged.verdict,
            pending: status.pending.is_some(),
            plan: judged.plan,
        })
    }

    /// Writes the wish together with the acceptance of its plan, in one request: neither is there without the other.
    pub(super) async fn write(&self, planned: &Planned) -> Result<(), Failure> {
        let Some(there) = &self.there else {
            let namespace = &self.target.namespace;
            let mut new = WorkloadCluster::new(namespace, &self.name, self.spec.clone());
            let marks = [
                (history::REQUESTED_BY.to_owned(), person()),
                (ACCEPTED_PLAN.to_owned(), planned.hash().to_owned()),
            ];
            let notes = self.notes.iter().cloned();
            new.metadata.annotations = Some(notes.chain(marks).collect());
            let params = PostParams {
                field_manager: Some(history::COMMAND_LINE.to_owned()),
                ..PostParams::default()
            };
            let made = self.api.create(&params, &new).await;
            return made
                .map(drop)
                .map_err(|error| self.target.refused("create", &self.name, error));
        };
        let accepted = [(ACCEPTED_PLAN, planned.hash())];
        write(&self.target, &self.api, there, &self.spec, &accepted).await
    }
}

/// Reads the file and checks it together with the name.
fn read(
    name: &str,
    path: &Path,
    ground: Option<&Ground<'_>>,
    printer: &Printer,
) -> Result<WorkloadClusterSpec, Failure> {
    let spec = file::read_on(path, ground, printer)?;
    let findings = validate::cluster(name, &spec);
    let wrong: Vec<String> = findings
        .iter()
        .filter(|finding| finding.is_error())
        .map(Finding::to_string)
        .collect();
    if wrong.is_empty() {
        return Ok(spec);
    }
    Err(file::refused(
        format!("failed to accept cluster {name}"),
        wrong,
    ))
}

/// What the cluster took from the template the file names. The version is the one it has: it may have been upgraded.
fn taken_by(there: &WorkloadCluster, asked: &str) -> Result<TemplateDefaults, Failure> {
    let name = there.metadata.name.as_deref().unwrap_or_default();
    let made_from = template::of(&there.metadata);
    if made_from == Some(asked) {
        return Ok(template::taken(&there.metadata).taken(there.spec.version));
    }
    let other = made_from.map_or_else(
        || "without a template".to_owned(),
        |other| format!("from template {other}"),
    );
    let text = format!("failed to read the file for cluster {name}: it names template {asked}");
    let hint = format!(
        "the cluster was made {other}; a template is chosen once, so take the line out of the file, or name that one"
    );
    Err(Failure::new(Exit::Conflict, text).hint(hint))
}

fn unplanned(error: &Error) -> Failure {
    let reason = error.reason();
    let exit = match error {
        Error::Kubernetes(_) | Error::Cloud(_) if error.is_transient() => Exit::Unreachable,
        Error::Missing(_) => Exit::NotFound,
        _ => Exit::Failed,
    };
    let mut told = Failure::of(exit, error, Some(reason.remedy));
    told.message = format!("failed to plan: {}", told.message);
    told
}

/// A plan, and what stands against it.
pub(super) struct Planned {
    cluster: String,
    verdict: Verdict,
    plan: Option<change::Plan>,
    pending: bool,
}

impl Planned {
    /// By which it is accepted; empty when it was refused before it was known.
    pub(super) fn hash(&self) -> &str {
        self.plan.as_ref().map_or("", |plan| &plan.hash)
    }

    /// Whether nothing changes.
    pub(super) fn is_empty(&self) -> bool {
        self.plan.as_ref().is_some_and(change::Plan::is_empty)
    }

    /// Whether the controller waits with it until it is accepted.
    pub(super) fn waits(&self) -> bool {
        self.pending || self.verdict.refusal() == Some(Refusal::AwaitsApproval)
    }

    /// Why it cannot be carried out; that it waits for an approval is no reason.
    pub(super) fn refusal(&self) -> Option<Failure> {
        let exit = match self.verdict.refusal()? {
            Refusal::AwaitsApproval => return None,
            Refusal::Invalid => Exit::Input,
            Refusal::Unresolved => Exit::NotFound,
            Refusal::QuotaExceeded => Exit::Quota,
        };
        let told = |reason: &Reason| format!("{}; what to do: {}", reason.message, reason.remedy);
        Some(Failure {
            exit,
            message: format!("the change of cluster {} cannot be", self.cluster),
            causes: self.verdict.reasons().iter().map(told).collect(),
            hint: Some("nothing was changed".to_owned()),
        })
    }

    /// As markdown.
    pub(super) fn markdown(&self) -> String {
        match &self.plan {
            Some(plan) => change::text::markdown(&self.cluster, plan),
            None => format!("### Plan for cluster `{}`\n\nIt is refused.", self.cluster),
        }
    }

    /// The plan as the printer's form has it.
    pub(super) fn print(&self, printer: &Printer) -> Result<(), Failure> {
        match &self.plan {
            Some(plan) => printer.result(plan, || self.text()),
            None => Ok(()),
        }
    }

    /// The plan for a terminal.
    pub(super) fn text(&self) -> String {
        let Some(plan) = &self.plan else {
            return String::new();
        };
        if plan.is_empty() {
            return format!("nothing changes in cluster {}", self.cluster);
        }
        let mut lines = vec![table(
            &["part", "what happens", ""],
            plan.parts.iter().map(row),
        )];
        for part in &plan.parts {
            let fields = part.fields.iter();
            lines.extend(fields.map(|field| {
                let effect = field.effect.as_str();
                format!(
                    "  {}: {} [{effect}]",
                    part.subject,
                    change::text::field(field)
                )
            }));
        }
        lines.extend(change::text::beside(plan).map(|line| format!("  {line}")));
        if !plan.quota.is_empty() {
            lines.push(table(
                &["quota", "needed meanwhile", "free", ""],
                plan.quota.iter().map(quota),
            ));
        }
        if !plan.collected.is_empty() {
            let count = plan.collected.len();
            let (templates, go) = if count == 1 {
                ("template", "goes")
            } else {
                ("templates", "go")
            };
            lines.push(format!(
                "  {count} old {templates} {go} when no machine uses it any more"
            ));
        }
        lines.push(format!("plan {}", plan.hash));
        lines.join("\n")
    }
}

fn row(part: &Part) -> Vec<String> {
    let effect = match part.effect {
        Effect::InPlace if part.before != part.after => "scaled in place",
        other => other.as_str(),
    };
    vec![
        part.subject.to_string(),
        effect.to_owned(),
        change::text::summary(part),
    ]
}

fn quota(line: &Line) -> Vec<String> {
    let free = line
        .free
        .map_or_else(|| "no limit".to_owned(), |free| free.to_string());
    let verdict = if line.fits() { "" } else { "too little" };
    vec![
        line.resource.to_string(),
        line.need.to_string(),
        free,
        verdict.to_owned(),
    ]
}
