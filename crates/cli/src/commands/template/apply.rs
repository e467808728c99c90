//! `capstan template apply`.

use std::path::PathBuf;

use capstan_kubernetes::parse_manifest;
use capstan_spec::{ClusterTemplateSpec, Finding};
use capstan_workload::history;
use capstan_workload::resource::ClusterTemplate;
use clap::Args;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::arguments::Global;
use crate::commands::cluster::{Target, failure};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Write a template, a new one or one that is there. Clusters that were made from it keep what they took
#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// Manifest of one `ClusterTemplate`
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    target: Target,
}

impl Apply {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let (name, namespace, spec) = self.read()?;
        let wrong: Vec<String> = spec.check(&name).iter().map(Finding::to_string).collect();
        if !wrong.is_empty() {
            return Err(Failure {
                exit: Exit::Input,
                message: format!("failed to accept template {name}"),
                causes: wrong,
                hint: None,
            });
        }
        let client = self.target.client(global).await?;
        let namespace = namespace.unwrap_or_else(|| self.target.namespace.clone());
        let api: Api<ClusterTemplate> = Api::namespaced(client, &namespace);
        let object = ClusterTemplate::new(&namespace, &name, spec);
        let params = PatchParams {
            // Without this a field of an older Capstan's would be dropped in silence.
            field_validation: Some(kube::api::ValidationDirective::Strict),
            ..PatchParams::apply(history::COMMAND_LINE).force()
        };
        let done = api.patch(&name, &params, &Patch::Apply(&object)).await;
        done.map_err(|error| {
            let object = format!("template {namespace}/{name}");
            failure(capstan_kubernetes::Error::request("write", object, error))
        })?;
        printer.result(&json!({"template": name, "namespace": namespace}), || {
            format!("template {namespace}/{name} is written; clusters that are there keep what they took")
        })
    }

    /// Name, namespace and content of the template in the file.
    fn read(&self) -> Result<(String, Option<String>, ClusterTemplateSpec), Failure> {
        let at = self.file.display();
        let text = std::fs::read_to_string(&self.file)
            .map_err(|error| Failure::new(Exit::Input, format!("failed to read {at}: {error}")))?;
        let refused =
            |why: String| Failure::new(Exit::Input, format!("failed to read {at}: {why}"));
        let mut objects =
            parse_manifest(&at.to_string(), &text).map_err(|error| refused(error.to_string()))?;
        let (Some(object), true) = (objects.pop(), objects.is_empty()) else {
            return Err(refused("expected one ClusterTemplate".to_owned()));
        };
        let kind = object.types.as_ref().map(|types| types.kind.as_str());
        if kind != Some("ClusterTemplate") {
            return Err(refused(format!(
                "expected a ClusterTemplate, found {kind:?}"
            )));
        }
        let name = object.metadata.name.clone().unwrap_or_default();
        let spec = object.data.get("spec").cloned().unwrap_or_default();
        let known = serde_json::to_value(capstan_spec::schema::of::<ClusterTemplateSpec>());
        let known = known.unwrap_or_default();
        for field in spec
            .as_object()
            .into_iter()
            .flatten()
            .map(|(field, _)| field)
        {
            if known["properties"].get(field).is_none() {
                let all = known["properties"].as_object().into_iter().flatten();
                let hint = match capstan_openstack::closest(field, all.map(|(name, _)| name)) {
                    Some(near) => format!("did you mean {near}?"),
                    None => "remove it".to_owned(),
                };
                return Err(refused(format!("spec.{field}: this field is not known")).hint(hint));
            }
        }
        let spec = serde_json::from_value(spec).map_err(|error| refused(error.to_string()))?;
        Ok((name, object.metadata.namespace, spec))
    }
}
