//! Where containerd pulls from (containerd, `docs/hosts.md`).

use capstan_capi::apply::{File, FileSource, SecretFileSource};
use capstan_spec::cluster::kubeadm::RegistryMirror;
use sha2::{Digest as _, Sha256};

use super::files;

/// The one registry whose name in images is not its address.
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// What nodes are told of a mirror: in plain, or from the Secret with the logins, which holds the same with the login in it.
pub(super) fn file(mirror: &RegistryMirror, logins: Option<&str>) -> File {
    let path = RegistryMirror::path(&mirror.registry);
    let plain = files::file(path, hosts(mirror, None));
    match logins.filter(|_| mirror.credentials_secret.is_some()) {
        None => plain,
        Some(secret) => File {
            permissions: "0600".to_owned(),
            content: None,
            content_from: Some(FileSource {
                secret: SecretFileSource {
                    name: secret.to_owned(),
                    key: login_key(mirror),
                },
            }),
            ..plain
        },
    }
}

/// Where in the Secret with the logins a mirror's file is. It names what is no secret of the content, so that a change of that
/// is one of the machines' template, whatever becomes of the Secret.
pub fn login_key(mirror: &RegistryMirror) -> String {
    let digest = Sha256::digest(hosts(mirror, None));
    let number = digest
        .iter()
        .take(4)
        .fold(0_u32, |number, octet| number << 8 | u32::from(*octet));
    // A port's colon cannot be in a key.
    format!("{}-{number:08x}", mirror.registry.replace(':', "_"))
}

/// The file for a mirror: its endpoints one after the other, and then the registry itself unless it shall never be asked. With
/// `authorization`, the endpoints get that header and the registry itself does not.
pub fn hosts(mirror: &RegistryMirror, authorization: Option<&str>) -> String {
    let endpoints = mirror.endpoints.iter();
    let endpoints: Vec<&str> = endpoints.map(|url| url.trim_end_matches('/')).collect();
    let upstream = if mirror.registry == DOCKER_HUB.0 {
        DOCKER_HUB.1
    } else {
        &mirror.registry
    };
    // containerd asks `server` last, whatever hosts there are.
    let (server, of_mirror) = match endpoints.last() {
        Some(last) if mirror.only => ((*last).to_owned(), true),
        _ => (format!("https://{upstream}"), false),
    };
    let header = |table: &str, indent: &str| {
        let value = authorization?;
        Some(format!(
            "{indent}[{table}]\n{indent}  authorization = [\"{value}\"]\n"
        ))
    };
    let hosts: Vec<String> = endpoints
        .into_iter()
        .map(|url| {
            let line = override_path(url).map(|line| format!("  {line}"));
            let login = header(&format!("host.\"{url}\".header"), "  ");
            host(url) + &line.unwrap_or_default() + &login.unwrap_or_default()
        })
        .collect();
    let login = header("header", "").filter(|_| of_mirror);
    format!(
        "server = \"{server}\"\n{}{}\n{}",
        override_path(&server).unwrap_or_default(),
        login.map(|login| format!("\n{login}")).unwrap_or_default(),
        hosts.join("\n")
    )
}

/// A place to pull from.
pub(super) fn host(url: &str) -> String {
    format!("[host.\"{url}\"]\n  capabilities = [\"pull\", \"resolve\"]\n")
}

/// containerd puts `/v2` behind a URL unless it is told that its path is meant as it is.
fn override_path(url: &str) -> Option<&'static str> {
    let (_, rest) = url.split_once("://")?;
    rest.contains('/').then_some("override_path = true\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(only: bool) -> RegistryMirror {
        RegistryMirror {
            registry: "registry.example.org:5000".into(),
            endpoints: vec![
                "https://one.example.org/v2/hub/".into(),
                "https://two.example.org".into(),
            ],
            only,
            credentials_secret: Some("login".into()),
        }
    }

    #[test]
    fn a_login_goes_to_the_mirror_and_not_to_the_registry_itself() {
        insta::assert_snapshot!(hosts(&mirror(false), Some("Basic dTpw")), @r#"
        server = "https://registry.example.org:5000"

        [host."https://one.example.org/v2/hub"]
          capabilities = ["pull", "resolve"]
          override_path = true
          [host."https://one.example.org/v2/hub".header]
            authorization = ["Basic dTpw"]

        [host."https://two.example.org"]
          capabilities = ["pull", "resolve"]
          [host."https://two.example.org".header]
            authorization = ["Basic dTpw"]
        "#);
        let alone = hosts(&mirror(true), Some("Basic dTpw"));
        assert!(
            alone.starts_with("server = \"https://two.example.org\"\n\n[header]\n"),
            "{alone}"
        );
    }

    #[test]
    fn a_node_is_told_where_the_login_is_and_not_what() {
        let file = file(&mirror(false), Some("demo-x7k2p-registries-2"));
        let from = file.content_from.unwrap().secret;
        assert_eq!(
            (file.content, file.permissions.as_str(), from.name.as_str()),
            (None, "0600", "demo-x7k2p-registries-2")
        );
        assert!(from.key.starts_with("registry.example.org_5000-"));
        // What is no secret changes the key; who the Secret is does not.
        assert_ne!(login_key(&mirror(true)), from.key);
        let other = RegistryMirror {
            credentials_secret: Some("other".into()),
            ..mirror(false)
        };
        assert_eq!(login_key(&other), from.key);
    }
}
