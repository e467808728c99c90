//! `capstan cluster create`.

use std::path::{Path, PathBuf};

use capstan_catalog::Catalogue;
use capstan_spec::cluster::WorkerPool;
use capstan_spec::{
    Finding, KubernetesVersion, Severity, VersionWish, WorkloadClusterSpec, defaults, difference,
    validate,
};
use capstan_workload::history;
use capstan_workload::resource::WorkloadCluster;
use clap::Args;
use ipnet::IpNet;
use jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use super::target::Target;
use super::watch::{Watching, until_ready};
use super::{file, refusal};
use crate::arguments::Global;
use crate::commands::template::Chosen;
use crate::environment::person;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Make a cluster, from flags or a cluster file (`clusterctl.yaml`); flags win over the file.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    #[command(flatten)]
    target: Target,
    /// Cluster file
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Template whose defaults hold where nothing else is said; its limits hold in any case
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    #[command(flatten)]
    wish: Wish,
    #[command(flatten)]
    watching: Watching,
}

/// What the cluster shall be like.
#[derive(Debug, Args)]
#[command(next_help_heading = "The cluster")]
struct Wish {
    /// Kubernetes version, v1.36.x for the newest of a release line [default: the newest of the catalogue]
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<VersionWish>,
    /// Count previews of the catalogue among the newest
    #[arg(long)]
    preview: bool,
    /// Machines of the control plane: 1, 3 or 5
    #[arg(long, value_name = "COUNT")]
    control_plane: Option<u32>,
    /// Machines of the worker pool
    #[arg(long, value_name = "COUNT")]
    workers: Option<u32>,
    /// Flavor of all machines
    #[arg(long, value_name = "FLAVOR")]
    flavor: Option<String>,
    /// Flavor of the control plane
    #[arg(long, value_name = "FLAVOR")]
    control_plane_flavor: Option<String>,
    /// Node image, by name or id [default: the one that carries the version]
    #[arg(long)]
    image: Option<String>,
    /// Who may reach the Kubernetes API; may be repeated. The management server always may
    #[arg(long, value_name = "CIDR")]
    api_cidr: Vec<IpNet>,
    /// External network, by name or id
    #[arg(long, value_name = "NETWORK")]
    external_network: Option<String>,
}

impl Create {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let template = match self.template_name()? {
            Some(name) => {
                let client = self.target.client(global).await?;
                Some(Chosen::find(&client, &self.target.namespace, &name).await?)
            }
            None => None,
        };
        let spec = self.spec(template.as_ref(), printer)?;
        let mut findings = validate::cluster(&self.cluster, &spec);
        findings.extend(template.iter().flat_map(|template| template.judge(&spec)));
        let (wrong, warnings): (Vec<Finding>, Vec<Finding>) = findings
            .into_iter()
            .partition(|finding| finding.severity == Severity::Error);
        if !wrong.is_empty() {
            return Err(file::refused(
                format!("failed to accept cluster {}", self.cluster),
                wrong.iter().map(ToString::to_string).collect(),
            ));
        }
        for warning in warnings {
            printer.note(&warning.to_string());
        }
        let api = self.target.clusters(global).await?;
        let asked = (history::REQUESTED_BY.to_owned(), person());
        let notes = template.iter().flat_map(|template| template.notes(&spec));
        let annotations = notes.chain([asked]).collect();
        let mut new = WorkloadCluster::new(&self.target.namespace, &self.cluster, spec);
        new.metadata.annotations = Some(annotations);
        let params = PostParams {
            field_manager: Some(history::COMMAND_LINE.to_owned()),
            ..PostParams::default()
        };
        let wish = match api.create(&params, &new).await {
            Ok(_) => {
                printer.note(&format!(
                    "cluster {} is asked for; the controller makes it",
                    self.cluster
                ));
                refusal::Wish::Creation
            }
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                let there = self.target.cluster(&api, &self.cluster).await?;
                self.same(&there, &new)?;
                // Wakes the controller, so that a wish refused before is judged anew at once.
                let again =
                    json!({"metadata": {"annotations": {history::ASKED_AGAIN: Timestamp::now()}}});
                let params = PatchParams {
                    field_manager: params.field_manager,
                    ..PatchParams::default()
                };
                api.patch(&self.cluster, &params, &Patch::Merge(&again))
                    .await
                    .map_err(|error| self.target.refused("change", &self.cluster, error))?;
                printer.note(&format!(
                    "cluster {} was asked for before, just so; going on with it",
                    self.cluster
                ));
                refusal::Wish::Again
            }
            Err(error) => return Err(self.target.refused("create", &self.cluster, error)),
        };
        if self.watching.wanted() {
            until_ready(&self.target, &api, &self.cluster, Some(wish), printer).await?;
            printer.note(&format!(
                "kubeconfig: capstan cluster kubeconfig {}",
                self.cluster
            ));
        }
        Ok(())
    }

    /// The same command again goes on, as after a broken connection; another wish under a name that is taken does not.
    fn same(&self, there: &WorkloadCluster, new: &WorkloadCluster) -> Result<(), Failure> {
        let name = &self.cluster;
        let refused = |why: &str| {
            let message = format!("failed to create cluster {name}: {why}");
            Failure::new(Exit::Conflict, message)
        };
        if there.metadata.deletion_timestamp.is_some() {
            return Err(refused("one of that name is being deleted").hint(format!(
                "capstan cluster show {name} says how far it is; then the name is free"
            )));
        }
        let differences = difference::difference(&there.spec, &new.spec);
        if differences.is_empty() {
            return Ok(());
        }
        let mut failure = refused("the name is taken by one that is wanted otherwise").hint(format!(
            "choose another name; capstan cluster show {name} shows this one, capstan cluster scale {name} changes its counts"
        ));
        failure.causes = differences
            .iter()
            .map(|line| format!("{line} (there, asked for now)"))
            .collect();
        Err(failure)
    }

    /// The template that is named by the flag or by the file.
    fn template_name(&self) -> Result<Option<String>, Failure> {
        let by_file = self.file.as_deref().map(file::template).transpose()?;
        match (by_file.flatten(), &self.template) {
            (Some(file), Some(flag)) if file != *flag => {
                let text = format!(
                    "failed to choose a template: the file names {file}, and --template {flag}"
                );
                Err(Failure::new(Exit::Input, text).hint("keep one of the two"))
            }
            (file, flag) => Ok(flag.clone().or(file)),
        }
    }

    fn spec(
        &self,
        template: Option<&Chosen>,
        printer: &Printer,
    ) -> Result<WorkloadClusterSpec, Failure> {
        let ground = template.map(Chosen::ground);
        let mut spec = match (&self.file, template) {
            (Some(path), _) => file::read_on(path, ground.as_ref(), printer)?,
            (None, None) => self.wish.spec_of_flags()?,
            (None, Some(template)) => {
                let text = self.wish.said(template)?;
                file::understood(&text, Path::new("flags"), ground.as_ref(), printer)?
            }
        };
        self.wish.change(&mut spec)?;
        Ok(spec)
    }
}

impl Wish {
    fn spec_of_flags(&self) -> Result<WorkloadClusterSpec, Failure> {
        let version = self.version()?;
        let flavor = self
            .flavor
            .clone()
            .or_else(|| self.control_plane_flavor.clone());
        let flavor = flavor.ok_or_else(|| {
            Failure::new(
                Exit::NeedsAnswer,
                "failed to choose a flavor: give --flavor, or a cluster file",
            )
            .hint("`openstack flavor list` shows what the cloud has")
        })?;
        let control_plane = self
            .control_plane_flavor
            .clone()
            .unwrap_or_else(|| flavor.clone());
        Ok(WorkloadClusterSpec::new(version, control_plane, flavor))
    }

    /// What the flags say and the template does not, of what has no other default, as the text of a cluster file.
    fn said(&self, template: &Chosen) -> Result<String, Failure> {
        let defaults = template.defaults();
        let mut said = json!({});
        if self.kubernetes_version.is_none() && defaults.get("/version").is_none() {
            said["version"] = json!(template.newest(self.preview)?);
        } else if self.kubernetes_version.is_some() {
            said["version"] = json!(self.version()?);
        }
        let flavor = self.flavor.as_deref();
        if let Some(flavor) = self.control_plane_flavor.as_deref().or(flavor) {
            said["controlPlane"] = json!({"flavor": flavor});
        }
        if defaults.get("/workers").is_none() {
            let same = flavor.or_else(|| defaults.text("/controlPlane/flavor"));
            let same = same.or(self.control_plane_flavor.as_deref());
            said["workers"] = json!([{"name": defaults::POOL, "flavor": same}]);
        }
        capstan_spec::yaml::to_string(&said)
            .map_err(|error| Failure::of(Exit::Failed, &error, None))
    }

    /// The exact version: what is written down does not change by itself.
    fn version(&self) -> Result<KubernetesVersion, Failure> {
        let meant = Catalogue::bundled()
            .and_then(|catalogue| catalogue.meant(self.kubernetes_version, self.preview));
        meant.map_err(|error| Failure::of(Exit::NotFound, &error, error.hint()))
    }

    fn change(&self, spec: &mut WorkloadClusterSpec) -> Result<(), Failure> {
        if self.kubernetes_version.is_some() {
            spec.version = self.version()?;
        }
        if let Some(count) = self.control_plane {
            spec.control_plane.replicas = count;
        }
        if let Some(flavor) = &self.flavor {
            spec.control_plane.flavor.clone_from(flavor);
            for pool in &mut spec.workers {
                pool.flavor.clone_from(flavor);
            }
        }
        if let Some(flavor) = &self.control_plane_flavor {
            spec.control_plane.flavor.clone_from(flavor);
        }
        if let Some(count) = self.workers {
            if spec.workers.is_empty() {
                let flavor = spec.control_plane.flavor.clone();
                spec.workers.push(WorkerPool::new(defaults::POOL, flavor));
            }
            for pool in &mut spec.workers {
                pool.replicas = count;
            }
        }
        if self.image.is_some() {
            spec.image.clone_from(&self.image);
        }
        if !self.api_cidr.is_empty() {
            spec.api_access.allowed_cidrs.clone_from(&self.api_cidr);
        }
        if self.external_network.is_some() {
            spec.network
                .external_network
                .clone_from(&self.external_network);
        }
        Ok(())
    }
}
