//! The template a new cluster is made from.

use capstan_catalog::Catalogue;
use capstan_spec::file::Ground;
use capstan_spec::template::judge;
use capstan_spec::{Finding, KubernetesVersion, TemplateDefaults, WorkloadClusterSpec};
use capstan_workload::resource::ClusterTemplate;
use capstan_workload::template;
use kube::Client;

use crate::exit::Exit;
use crate::failure::Failure;

/// A template, by the name that was asked for.
pub(crate) struct Chosen {
    name: String,
    template: ClusterTemplate,
}

impl Chosen {
    /// Asks the management server for it.
    pub(crate) async fn find(
        client: &Client,
        namespace: &str,
        name: &str,
    ) -> Result<Self, Failure> {
        Ok(Self {
            name: name.to_owned(),
            template: super::find(client, namespace, name).await?,
        })
    }

    /// What it says where a wish is silent.
    pub(crate) const fn defaults(&self) -> &TemplateDefaults {
        &self.template.spec.defaults
    }

    /// The same, to read a file on.
    pub(crate) fn ground(&self) -> Ground<'_> {
        Ground {
            name: &self.name,
            defaults: self.defaults(),
        }
    }

    /// What it says of the wish of a new cluster.
    pub(crate) fn judge(&self, spec: &WorkloadClusterSpec) -> Vec<Finding> {
        judge(&self.name, &self.template.spec, spec, None)
    }

    /// Annotations of a cluster that is made from it.
    pub(crate) fn notes(&self, spec: &WorkloadClusterSpec) -> [(String, String); 2] {
        template::notes(&self.name, &self.template, spec)
    }

    /// The newest version of the catalogue that it offers.
    pub(crate) fn newest(&self, preview: bool) -> Result<KubernetesVersion, Failure> {
        let catalogue =
            Catalogue::bundled().map_err(|error| Failure::of(Exit::Failed, &error, None))?;
        let known = if preview {
            catalogue.versions()
        } else {
            catalogue.released()
        };
        let offers = &self.template.spec.versions;
        let offered = |version: &KubernetesVersion| {
            offers.is_empty() || offers.iter().any(|offer| offer.allows(*version))
        };
        known.into_iter().filter(offered).max().ok_or_else(|| {
            let offers: Vec<String> = offers.iter().map(ToString::to_string).collect();
            let text = format!(
                "failed to choose a version: template {} offers {}, none of which this Capstan knows",
                self.name,
                offers.join(", ")
            );
            Failure::new(Exit::NotFound, text).hint("say one by --kubernetes-version")
        })
    }
}
