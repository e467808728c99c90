//! `capstan cluster kubeconfig`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use capstan_spec::ClusterName;
use capstan_workload::surroundings::read_secret;
use clap::Args;
use kube::config::Kubeconfig as Merged;
use secrecy::{ExposeSecret as _, SecretString};

use super::target::Target;
use crate::arguments::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Reach a cluster with kubectl: prints its kubeconfig, or merges it into a file.
#[derive(Debug, Args)]
pub(crate) struct Kubeconfig {
    /// Name of the cluster
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    #[command(flatten)]
    target: Target,
    /// Merge into this file instead of printing, and make it the current context
    #[arg(long, value_name = "FILE")]
    merge_into: Option<PathBuf>,
}

impl Kubeconfig {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let client = self.target.client(global).await?;
        let api = kube::Api::namespaced(client.clone(), &self.target.namespace);
        let cluster = self.target.cluster(&api, &self.cluster).await?;
        let not_yet = || {
            Failure::new(
                Exit::NotUsable,
                format!("cluster {} has no kubeconfig yet", self.cluster),
            )
            .hint(format!(
                "capstan cluster show {} says how far it is",
                self.cluster
            ))
        };
        let uid = cluster
            .status
            .and_then(|status| status.uid)
            .ok_or_else(not_yet)?;
        let name = ClusterName::new(&self.target.namespace, &self.cluster, uid);
        let read = read_secret(&client, &self.target.namespace, &name.kubeconfig_secret()).await;
        let data = read.map_err(|error| Failure::of(Exit::Failed, &error, None))?;
        let text = data
            .and_then(|mut data| data.remove("value"))
            .ok_or_else(not_yet)?;
        let Some(path) = self.merge_into else {
            Printer::write(text.expose_secret());
            return Ok(());
        };
        merge(&path, &text)?;
        printer.note(&format!(
            "{} now holds cluster {} as its current context",
            path.display(),
            self.cluster
        ));
        Ok(())
    }
}

/// Puts the entries of `text` into the file, replacing those of the same name; written beside it and renamed, mode 0600.
fn merge(path: &Path, text: &SecretString) -> Result<(), Failure> {
    let failed = |error: &dyn std::error::Error| {
        Failure::new(
            Exit::Input,
            format!("failed to merge into {}: {error}", path.display()),
        )
    };
    let new = Merged::from_yaml(text.expose_secret()).map_err(|e| failed(&e))?;
    let merged = match std::fs::read_to_string(path) {
        Ok(old) => {
            let mut old = Merged::from_yaml(&old).map_err(|e| failed(&e))?;
            old.clusters
                .retain(|one| !new.clusters.iter().any(|other| other.name == one.name));
            old.auth_infos
                .retain(|one| !new.auth_infos.iter().any(|other| other.name == one.name));
            old.contexts
                .retain(|one| !new.contexts.iter().any(|other| other.name == one.name));
            old.current_context.clone_from(&new.current_context);
            old.merge(new).map_err(|e| failed(&e))?
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => new,
        Err(error) => return Err(failed(&error)),
    };
    let text = serde_saphyr::to_string(&merged).map_err(|e| failed(&e))?;
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    // `tempfile` opens with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(|e| failed(&e))?;
    file.write_all(text.as_bytes()).map_err(|e| failed(&e))?;
    file.persist(path).map_err(|e| failed(&e))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(name: &str, server: &str) -> SecretString {
        serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": server}}],
            "users": [{"name": name, "user": {"token": "t"}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        })
        .to_string()
        .into()
    }

    #[test]
    fn a_cluster_made_anew_replaces_its_old_entries_and_leaves_others() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config");
        merge(&path, &kubeconfig("one", "https://1")).unwrap();
        merge(&path, &kubeconfig("two", "https://2")).unwrap();
        merge(&path, &kubeconfig("one", "https://3")).unwrap();
        let merged = Merged::read_from(&path).unwrap();
        assert_eq!(merged.current_context.as_deref(), Some("one"));
        let server = |name: &str| {
            let one = merged
                .clusters
                .iter()
                .find(|cluster| cluster.name == name)
                .unwrap();
            one.cluster.as_ref().unwrap().server.clone().unwrap()
        };
        assert_eq!(
            (server("one"), server("two")),
            ("https://3".to_owned(), "https://2".to_owned())
        );
        assert_eq!(merged.clusters.len(), 2);
    }
}
