//! `capstan cluster render`.

use std::path::PathBuf;

use capstan_plan::facts::OpenStackApi;
use capstan_plan::render::IDENTITY_CLOUD;
use capstan_plan::{Rendered, offline, render};
use capstan_spec::{ClusterName, WorkloadClusterSpec, validate};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use super::file;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Write a cluster file as objects of Cluster API, for people who run their own. Nothing is looked up in a cloud, and no
/// secret is written.
#[derive(Debug, Args)]
pub(crate) struct Render {
    /// Cluster file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Name of the cluster
    #[arg(long, value_name = "CLUSTER")]
    name: String,
    /// Namespace of the objects
    #[arg(long, default_value = "default", value_name = "NAMESPACE")]
    namespace: String,
    /// Version of the OpenStack provider's API: `v1beta1` for CAPO 0.14, `v1beta2` for 0.15
    #[arg(
        long,
        default_value_t,
        value_parser = PossibleValuesParser::new(["v1beta1", "v1beta2"]).map(|name| OpenStackApi::by_version(&name).unwrap_or_default()),
        value_name = "VERSION"
    )]
    openstack_api: OpenStackApi,
}

impl Render {
    /// Runs it.
    pub(crate) fn run(&self, printer: &Printer) -> Result<(), Failure> {
        let spec = file::read(&self.file, printer)?;
        let pools = spec.workers.iter().map(|pool| pool.name.as_str());
        let wrong = validate::name(&self.name, pools);
        let facts = if wrong.is_empty() {
            offline::facts(&spec)
        } else {
            Err(wrong)
        };
        let mut facts = facts.map_err(|findings| {
            let causes = findings.iter().map(ToString::to_string).collect();
            file::refused(format!("failed to render cluster {}", self.name), causes)
        })?;
        facts.openstack_api = self.openstack_api;
        let name = offline::name(&self.namespace, &self.name);
        let rendered = render(&spec, &name, &facts)
            .map_err(|error| Failure::of(Exit::Failed, &error, None))?;
        Printer::write(&document(&name, &spec, self.openstack_api, &rendered)?);
        Ok(())
    }
}

fn document(
    name: &ClusterName,
    spec: &WorkloadClusterSpec,
    openstack_api: OpenStackApi,
    rendered: &Rendered,
) -> Result<String, Failure> {
    let mut text = format!(
        "# Cluster {}, for Cluster API v1beta2 with the OpenStack provider {openstack_api}. Not in here, and needed:\n\
         # * the Secret {} with your clouds.yaml, whose entry is called {IDENTITY_CLOUD}\n\
         # * a pod network, once the API answers\n",
        name.cluster(),
        name.identity_secret(),
    );
    if spec.hooks.all().next().is_some() {
        text.push_str("# * whatever does what the hooks of the file would do: Capstan runs them, and Cluster API does not\n");
    }
    for object in &rendered.objects {
        let yaml = capstan_spec::yaml::to_string(&object.value)
            .map_err(|error| Failure::of(Exit::Failed, &error, None))?;
        text.push_str("---\n");
        text.push_str(&yaml);
    }
    Ok(text)
}
