//! What nodes need to log in at mirrors of registries: made from the Secrets that the spec names, into one of ours that nodes
//! are made of.
//!
//! Ours never changes: another content is another revision under another name, so that the plan sees that machines are
//! replaced, and a machine made in between is made of what was accepted. The name says nothing of the content, not even a
//! hash: who may read a cluster but not its Secrets could try passwords against one.

use std::collections::BTreeMap;

use base64::Engine as _;
use capstan_plan::render::{registry_hosts, registry_login_key};
use capstan_spec::cluster::kubeadm::RegistryMirror;
use capstan_spec::progress::{Reason, ReasonCode};
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use kube::Client;
use secrecy::{ExposeSecret, SecretString};

use crate::surroundings::read_secret;
use crate::{Error, secret};

/// Files by key.
type Files = BTreeMap<String, SecretString>;

/// Which Secret nodes are to be made of. `pinned` is the one they were last: it stays as long as it holds what it shall, and as
/// long as the Secrets that the spec names cannot be read.
///
/// # Errors
/// Inside: why there is none at all, with what to do.
pub async fn wanted(
    client: &Client,
    name: &ClusterName,
    spec: &WorkloadClusterSpec,
    pinned: Option<&str>,
) -> Result<Result<Option<String>, Reason>, Error> {
    if mirrors(spec).next().is_none() {
        // Remembered, so that a number never means two contents.
        return Ok(Ok(pinned.map(str::to_owned)));
    }
    let files = match files(client, name, spec).await? {
        Ok(files) => files,
        Err(reason) => return Ok(Err(reason)),
    };
    let held = match pinned {
        Some(pinned) => read_secret(client, name.namespace(), pinned).await?,
        None => None,
    };
    Ok(Ok(Some(chosen(name, pinned, held.as_ref(), &files))))
}

/// Makes that Secret where it is not there (any more) and nodes need it.
pub async fn make(
    client: &Client,
    name: &ClusterName,
    spec: &WorkloadClusterSpec,
    wanted: &str,
) -> Result<(), Error> {
    if mirrors(spec).next().is_none() {
        return Ok(());
    }
    let object = secret::object_name(name, wanted.to_owned());
    if secret::is_there(client, name, &object).await? {
        return Ok(());
    }
    let files = files(client, name, spec).await?;
    let files = files
        .map_err(|reason| Error::Missing(format!("the login at a mirror: {}", reason.message)))?;
    let data: Vec<(&str, &str)> = files
        .iter()
        .map(|(key, file)| (key.as_str(), file.expose_secret()))
        .collect();
    secret::create(client, name, &object, &data).await
}

/// The names of every revision there may be, for whoever takes the cluster away: they are counted from one, so that nobody has
/// to list Secrets, which Capstan may not.
pub(crate) fn revisions(name: &ClusterName, pinned: Option<&str>) -> impl Iterator<Item = String> {
    let last = pinned.and_then(|pinned| name.registry_revision(pinned));
    (1..=last.unwrap_or_default()).map(|revision| name.registry_secret(revision))
}

fn mirrors(spec: &WorkloadClusterSpec) -> impl Iterator<Item = (&RegistryMirror, &str)> {
    let all = spec.kubeadm.registry_mirrors.iter();
    all.filter_map(|mirror| Some((mirror, mirror.credentials_secret.as_deref()?)))
}

/// The pinned one if it holds just these files, or is gone and can be made again; else the next revision.
fn chosen(name: &ClusterName, pinned: Option<&str>, held: Option<&Files>, files: &Files) -> String {
    let same = |held: &Files| {
        held.len() == files.len()
            && held.iter().all(|(key, file)| {
                let other = files.get(key).map(ExposeSecret::expose_secret);
                other == Some(file.expose_secret())
            })
    };
    let revision = pinned.and_then(|pinned| name.registry_revision(pinned));
    match (pinned, held) {
        (Some(pinned), None) if revision.is_some() => pinned.to_owned(),
        (Some(pinned), Some(held)) if same(held) => pinned.to_owned(),
        _ => name.registry_secret(revision.unwrap_or_default() + 1),
    }
}

/// What containerd is told of each mirror, with its login.
async fn files(
    client: &Client,
    name: &ClusterName,
    spec: &WorkloadClusterSpec,
) -> Result<Result<Files, Reason>, Error> {
    let mut files = Files::new();
    for (mirror, secret) in mirrors(spec) {
        let found = read_secret(client, name.namespace(), secret).await?;
        let Some(authorization) = found.as_ref().and_then(authorization) else {
            return Ok(Err(missing(name, mirror, secret, found.is_some())));
        };
        let file = registry_hosts(mirror, Some(authorization.expose_secret()));
        files.insert(registry_login_key(mirror), file.into());
    }
    Ok(Ok(files))
}

fn authorization(data: &BTreeMap<String, SecretString>) -> Option<SecretString> {
    let word = |key: &str| {
        // An editor's newline at the end belongs to no password.
        let word = data
            .get(key)?
            .expose_secret()
            .trim_end_matches(['\r', '\n']);
        (!word.is_empty()).then_some(word)
    };
    let pair = format!("{}:{}", word("username")?, word("password")?);
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    Some(format!("Basic {encoded}").into())
}

fn missing(name: &ClusterName, mirror: &RegistryMirror, secret: &str, is_there: bool) -> Reason {
    let namespace = name.namespace();
    let message = if is_there {
        format!("Secret {namespace}/{secret} has no username and password")
    } else {
        format!("there is no Secret {namespace}/{secret}")
    };
    Reason {
        code: ReasonCode::Other,
        message,
        remedy: format!(
            "kubectl --namespace {namespace} create secret generic {secret} --type kubernetes.io/basic-auth \
             --from-literal username=… --from-file password=…"
        ),
        object: Some(format!("spec.kubeadm.registryMirrors[{}]", mirror.registry)),
        detail: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> ClusterName {
        ClusterName::new("team", "demo", "x7k2p".parse().unwrap())
    }

    fn files(content: &str) -> Files {
        [("quay.io-1".to_owned(), SecretString::from(content))].into()
    }

    #[test]
    fn another_content_is_another_revision_and_the_same_is_not() {
        let of = |pinned, held: Option<&Files>| chosen(&name(), pinned, held, &files("now"));
        assert_eq!(of(None, None), "demo-x7k2p-registries-1");
        let (third, same, other) = ("demo-x7k2p-registries-3", files("now"), files("before"));
        assert_eq!(of(Some(third), Some(&same)), third);
        assert_eq!(of(Some(third), Some(&other)), "demo-x7k2p-registries-4");
        // A mirror more is another content; what somebody deleted is made again without replacing a machine.
        let mut more = files("now");
        more.insert("docker.io-2".into(), "x".into());
        assert_eq!(of(Some(third), Some(&more)), "demo-x7k2p-registries-4");
        assert_eq!(of(Some(third), None), third);
    }

    #[test]
    fn a_login_is_what_containerd_sends() {
        let data = |username: &str, password: &str| {
            let pair = [("username", username), ("password", password)];
            let pair = pair.map(|(key, word)| (key.to_owned(), SecretString::from(word)));
            authorization(&pair.into()).map(|header| header.expose_secret().to_owned())
        };
        assert_eq!(
            data("robot", "p:w\n").as_deref(),
            Some("Basic cm9ib3Q6cDp3")
        );
        assert_eq!(data("robot", ""), None);
        assert!(authorization(&BTreeMap::new()).is_none());
    }

    #[test]
    fn every_revision_goes_with_the_cluster() {
        let all = |pinned| revisions(&name(), pinned).collect::<Vec<_>>();
        assert_eq!(
            all(Some("demo-x7k2p-registries-2")),
            ["demo-x7k2p-registries-1", "demo-x7k2p-registries-2"]
        );
        assert!(all(None).is_empty() && all(Some("other-registries-2")).is_empty());
    }
}
