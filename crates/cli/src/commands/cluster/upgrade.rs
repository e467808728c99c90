//! `capstan cluster upgrade`.

use capstan_catalog::Catalogue;
use capstan_plan::upgrade::{Carried, Move};
use capstan_spec::{ClusterName, Finding, KubernetesVersion, VersionWish, WorkloadClusterSpec};
use capstan_workload::clouds::{Clouds, Observers};
use capstan_workload::resource::WorkloadCluster;
use capstan_workload::surroundings::Context;
use capstan_workload::{resolve, upgrade};
use clap::Args;
use kube::Client;
use serde_json::{Value, json};

use super::target::Target;
use super::watch::{Watching, accepted};
use super::write::write;
use crate::arguments::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Bring a cluster to another Kubernetes version, node by node. First it is looked into: images, APIs that go, budgets that
/// would hold nodes back.
#[derive(Debug, Args)]
pub(crate) struct Upgrade {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    #[command(flatten)]
    target: Target,
    /// Version to go to, v1.36.x for the newest of a release line [default: the newest of the catalogue]
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<VersionWish>,
    /// Count previews of the catalogue among the newest
    #[arg(long)]
    preview: bool,
    /// Node image of the new version, by name or id [default: the one that carries the version]
    #[arg(long)]
    image: Option<String>,
    /// Only look and say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Begin although something stands in the way, or the cluster cannot be looked into
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    watching: Watching,
}

/// What would happen, and what was found.
struct Outlook {
    from: KubernetesVersion,
    to: KubernetesVersion,
    moves: Vec<Move>,
    findings: Vec<Finding>,
}

impl Upgrade {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let api = self.target.clusters(global).await?;
        let cluster = self.target.cluster(&api, &self.cluster).await?;
        let catalogue = Catalogue::bundled().map_err(|error| of_catalogue(&error))?;
        let version = catalogue
            .meant(self.kubernetes_version, self.preview)
            .map_err(|error| of_catalogue(&error))?;
        let mut wish = cluster.spec.clone();
        wish.version = version;
        if self.image.is_some() {
            wish.image.clone_from(&self.image);
        }
        let carried = self.carried(&cluster, &wish, &catalogue)?;
        if wish == cluster.spec && carried.left.is_empty() {
            let text = format!("cluster {} has {version} already", self.cluster);
            return printer.result(
                &json!({"from": version, "to": version, "moves": []}),
                || text,
            );
        }
        let client = api.clone().into_client();
        let outlook = Outlook {
            from: carried.told.control_plane,
            to: version,
            findings: self
                .look(&client, &cluster, &wish, &carried, printer)
                .await?,
            moves: carried.left,
        };
        if self.dry_run {
            return printer.result(&outlook.value(), || outlook.text(&self.cluster));
        }
        printer.note(&outlook.text(&self.cluster));
        let obstacles = outlook.findings.iter().filter(|finding| finding.is_error());
        let causes: Vec<String> = obstacles.map(ToString::to_string).collect();
        if !causes.is_empty() && !self.force {
            return Err(Failure {
                exit: Exit::Conflict,
                message: format!(
                    "failed to begin the upgrade of {}: something stands in the way",
                    self.cluster
                ),
                causes,
                hint: Some(
                    "put it right, or begin all the same with --force; nothing was changed"
                        .to_owned(),
                ),
            });
        }
        write(&self.target, &api, &cluster, &wish, &[]).await?;
        accepted(&self.target, &api, &self.cluster, &self.watching, printer).await
    }

    /// The way to the version. A cluster that does not run yet has none.
    fn carried(
        &self,
        cluster: &WorkloadCluster,
        wish: &WorkloadClusterSpec,
        catalogue: &Catalogue,
    ) -> Result<Carried, Failure> {
        let status = cluster.status.clone().unwrap_or_default();
        let resolved = status.resolved.clone().unwrap_or_default();
        if status.version.is_none() {
            let text = format!("failed to upgrade {}: it does not run yet", self.cluster);
            return Err(Failure::new(Exit::Conflict, text).hint(format!(
                "capstan cluster show {} says how far it is",
                self.cluster
            )));
        }
        Carried::of(wish, &resolved, true, &catalogue.versions()).map_err(|obstacle| {
            let finding = obstacle.finding();
            let text = format!("failed to upgrade {}: {}", self.cluster, finding.message);
            let failure = Failure::new(Exit::Input, text);
            match finding.remedy {
                Some(remedy) => failure.hint(remedy),
                None => failure,
            }
        })
    }

    /// What stands in the way, in the cloud and in the cluster.
    async fn look(
        &self,
        client: &Client,
        cluster: &WorkloadCluster,
        wish: &WorkloadClusterSpec,
        carried: &Carried,
        printer: &Printer,
    ) -> Result<Vec<Finding>, Failure> {
        let mut findings = self.images(client, wish, carried, printer).await;
        let uid = cluster
            .status
            .as_ref()
            .and_then(|status| status.uid.clone());
        let Some(uid) = uid else { return Ok(findings) };
        let name = ClusterName::new(&self.target.namespace, &self.cluster, uid);
        match upgrade::look(client, &name, wish).await {
            Ok(found) => findings.extend(found),
            Err(error) if self.force => {
                printer.note(&format!(
                    "the cluster was not looked into: {}",
                    error.reason().message
                ));
            }
            Err(error) => {
                let hint = "--force begins without the look".to_owned();
                return Err(Failure::of(Exit::Unreachable, &error, Some(hint)));
            }
        }
        Ok(findings)
    }

    /// Images of the versions on the way. Whoever may not read the credentials of the cloud leaves it to the controller,
    /// which looks before it accepts the wish.
    async fn images(
        &self,
        client: &Client,
        wish: &WorkloadClusterSpec,
        carried: &Carried,
        printer: &Printer,
    ) -> Vec<Finding> {
        let looked = async {
            let clouds = Clouds::new(client.clone(), Observers::default());
            let context = Context::connect(&clouds, &self.target.namespace, &wish.cloud).await?;
            Ok::<_, capstan_workload::Error>(context.session.inventory().await?)
        };
        let inventory = match looked.await {
            Ok(inventory) => inventory,
            Err(error) => {
                let why = error.reason().message;
                printer.note(&format!(
                    "whether the cloud has the images is left to the controller: {why}"
                ));
                return Vec::new();
            }
        };
        let Ok(catalogue) = Catalogue::bundled() else {
            return Vec::new();
        };
        let rules = catalogue.node_image_rules();
        resolve::image::missing(wish, &carried.left, &inventory, rules)
            .into_iter()
            .map(|reason| {
                let object = reason.object.unwrap_or_default();
                Finding::error(object, reason.message).remedy(reason.remedy)
            })
            .collect()
    }
}

impl Outlook {
    fn value(&self) -> Value {
        let moves: Vec<Value> = self
            .moves
            .iter()
            .map(|one| match one {
                Move::ControlPlane(version) => json!({"part": "controlPlane", "version": version}),
                Move::Workers(version) => json!({"part": "workers", "version": version}),
            })
            .collect();
        json!({"from": self.from, "to": self.to, "moves": moves, "findings": self.findings})
    }

    fn text(&self, name: &str) -> String {
        let mut lines = vec![format!("{name}: {} to {}", self.from, self.to)];
        let moves = self.moves.iter().enumerate();
        lines.extend(moves.map(|(index, one)| format!("  {}. {one}", index + 1)));
        for finding in &self.findings {
            let mark = if finding.is_error() { "!" } else { "note:" };
            lines.push(format!("  {mark} {finding}"));
        }
        lines.join("\n")
    }
}

fn of_catalogue(error: &capstan_catalog::CatalogueError) -> Failure {
    let hint = error.hint();
    Failure::of(Exit::NotFound, error, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_is_told_step_by_step_with_what_was_found() {
        let version = |minor| KubernetesVersion::new(1, minor, 4);
        let outlook = Outlook {
            from: version(35),
            to: version(36),
            moves: vec![Move::ControlPlane(version(36)), Move::Workers(version(36))],
            findings: vec![
                Finding::error("PodDisruptionBudget a/b", "lets no pod go").remedy("relax it"),
                Finding::warning("Deployment a/c", "has one replica"),
            ],
        };
        assert_eq!(
            outlook.text("demo"),
            "demo: v1.35.4 to v1.36.4\n  1. control plane to v1.36.4\n  2. workers to v1.36.4\n  \
             ! PodDisruptionBudget a/b: lets no pod go (relax it)\n  note: Deployment a/c: has one replica"
        );
        let value = outlook.value();
        assert_eq!(value["moves"][1]["part"], "workers");
        assert_eq!(value["moves"][1]["version"], "v1.36.4");
    }
}
