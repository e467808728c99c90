//! The way into an existing cluster: one context of a kubeconfig, cut out so that it stands by itself.

use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use capstan_kubernetes::Connection;
use kube::Client;
use kube::config::{AuthInfo, Cluster, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};
use secrecy::{ExposeSecret as _, SecretString};

use super::AdoptionError;
use crate::validity::Validity;

/// Longest that a program that gives credentials may take: it may want somebody to log in.
const PLUGIN_LIMIT: Duration = Duration::from_mins(2);

/// One context of a kubeconfig.
#[derive(Debug, Clone)]
pub struct Entrance {
    /// Its name.
    pub context: String,
    /// Where it leads.
    pub endpoint: String,
    /// The file with nothing else in it.
    pub text: SecretString,
    /// The program that gives the credentials, if it is one.
    plugin: Option<String>,
}

impl Entrance {
    /// Reads a file, using `context` or its current one. Certificates and keys in files of their own are taken in; a file
    /// with a token is not, because its owner renews it.
    ///
    /// # Errors
    /// See [`AdoptionError`].
    pub fn read(path: &Path, context: Option<&str>) -> Result<Self, AdoptionError> {
        let failed = |source| AdoptionError::Read {
            path: path.to_owned(),
            source,
        };
        // Absolute, or what the file names beside itself would be looked for in today's directory by tomorrow's command.
        let absolute = std::path::absolute(path).map_err(failed)?;
        fs::metadata(&absolute).map_err(failed)?;
        let kubeconfig =
            Kubeconfig::read_from(&absolute).map_err(|error| AdoptionError::Content {
                path: path.to_owned(),
                source: Box::new(error),
            })?;
        Self::of(&kubeconfig, context)
    }

    /// Reads what [`Entrance::text`] was written to.
    ///
    /// # Errors
    /// See [`AdoptionError`].
    pub fn stored(path: &Path) -> Result<Self, AdoptionError> {
        if path.exists() {
            Self::read(path, None)
        } else {
            Err(AdoptionError::NoKubeconfig)
        }
    }

    fn of(kubeconfig: &Kubeconfig, wanted: Option<&str>) -> Result<Self, AdoptionError> {
        let known = || -> Vec<String> {
            kubeconfig
                .contexts
                .iter()
                .map(|context| context.name.clone())
                .collect()
        };
        let name = wanted
            .map(str::to_owned)
            .or_else(|| kubeconfig.current_context.clone())
            .filter(|name| !name.is_empty())
            .ok_or_else(|| AdoptionError::NoContext { known: known() })?;
        let context = kubeconfig
            .contexts
            .iter()
            .find(|context| context.name == name)
            .and_then(|context| context.context.clone())
            .ok_or_else(|| AdoptionError::Context {
                wanted: name.clone(),
                known: known(),
            })?;
        let dangling = |what, missing: &str| AdoptionError::Dangling {
            what,
            name: missing.to_owned(),
            context: name.clone(),
        };
        let cluster = kubeconfig
            .clusters
            .iter()
            .find(|cluster| cluster.name == context.cluster)
            .and_then(|cluster| cluster.cluster.clone())
            .ok_or_else(|| dangling("cluster", &context.cluster))?;
        let user_name = context.user.clone().unwrap_or_default();
        let user = kubeconfig
            .auth_infos
            .iter()
            .find(|user| user.name == user_name)
            .and_then(|user| user.auth_info.clone())
            .ok_or_else(|| dangling("user", &user_name))?;
        let cluster = with_authority(cluster)?;
        let endpoint = cluster
            .server
            .clone()
            .ok_or_else(|| AdoptionError::Unsupported("its cluster names no server".to_owned()))?;
        let user = with_keys(user)?;
        let plugin = user
            .exec
            .as_ref()
            .map(|exec| exec.command.clone().unwrap_or_default());
        let cut = Kubeconfig {
            api_version: Some("v1".to_owned()),
            kind: Some("Config".to_owned()),
            current_context: Some(name.clone()),
            clusters: vec![NamedCluster {
                name: context.cluster.clone(),
                cluster: Some(cluster),
                ..NamedCluster::default()
            }],
            auth_infos: vec![NamedAuthInfo {
                name: user_name,
                auth_info: Some(user),
                ..NamedAuthInfo::default()
            }],
            contexts: vec![NamedContext {
                name: name.clone(),
                context: Some(context),
                ..NamedContext::default()
            }],
            ..Kubeconfig::default()
        };
        let text = serde_saphyr::to_string(&cut)
            .map_err(|error| AdoptionError::Unsupported(error.to_string()))?;
        Ok(Self {
            context: name,
            endpoint,
            text: text.into(),
            plugin,
        })
    }

    /// Whether it is the same way in. By meaning: a map has no order.
    pub fn is(&self, other: &Self) -> bool {
        let value = |entrance: &Self| {
            serde_saphyr::from_str::<serde_json::Value>(entrance.text.expose_secret()).ok()
        };
        value(self) == value(other)
    }

    /// Until when its client certificate is good, if it has one.
    pub fn validity(&self) -> Option<Validity> {
        let kubeconfig = Kubeconfig::from_yaml(self.text.expose_secret()).ok()?;
        let user = kubeconfig.auth_infos.first()?.auth_info.as_ref()?;
        let pem = STANDARD
            .decode(user.client_certificate_data.as_ref()?)
            .ok()?;
        Validity::of(std::str::from_utf8(&pem).ok()?)
    }

    /// A client whose every request has a time limit.
    ///
    /// # Errors
    /// [`AdoptionError::Plugin`] where a program does not give credentials.
    pub async fn client(&self) -> Result<Client, AdoptionError> {
        let reach = |source| AdoptionError::Reach {
            endpoint: self.endpoint.clone(),
            source: Box::new(source),
        };
        let connection = Connection::from_kubeconfig(&self.text, None)
            .await
            .map_err(reach)?;
        // A program that gives credentials runs while the client is made, and this waits for it.
        let making = tokio::task::spawn_blocking(move || connection.client());
        match tokio::time::timeout(PLUGIN_LIMIT, making).await {
            Ok(Ok(Ok(client))) => Ok(client),
            Ok(Ok(Err(error))) => Err(match (&self.plugin, plugin_failure(&error)) {
                (Some(command), Some(reason)) => AdoptionError::Plugin {
                    command: command.clone(),
                    reason,
                },
                _ => reach(error),
            }),
            Ok(Err(error)) => Err(AdoptionError::Unsupported(error.to_string())),
            Err(_) => Err(AdoptionError::Plugin {
                command: self.plugin.clone().unwrap_or_default(),
                reason: format!("no answer within {} s", PLUGIN_LIMIT.as_secs()),
            }),
        }
    }
}

/// What a program said last before it failed; of its whole output something might be secret.
fn plugin_failure(error: &capstan_kubernetes::Error) -> Option<String> {
    use kube::client::AuthError;
    let capstan_kubernetes::Error::Connection(source) = error else {
        return None;
    };
    let kube::Error::Auth(error) = source.as_ref() else {
        return None;
    };
    Some(match error {
        AuthError::AuthExecStart(error) => error.to_string(),
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            match last {
                Some(last) => format!("{}: {}", out.status, last.trim()),
                None => out.status.to_string(),
            }
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "what it printed is no ExecCredential".to_owned()
        }
        other => other.to_string(),
    })
}

fn with_authority(mut cluster: Cluster) -> Result<Cluster, AdoptionError> {
    if let Some(proxy) = &cluster.proxy_url {
        return Err(AdoptionError::Unsupported(format!(
            "it goes through the proxy {proxy}, which this build cannot"
        )));
    }
    if cluster.certificate_authority_data.is_none() {
        cluster.certificate_authority_data = encoded(cluster.certificate_authority.as_deref())?;
    }
    cluster.certificate_authority = None;
    Ok(cluster)
}

fn with_keys(mut user: AuthInfo) -> Result<AuthInfo, AdoptionError> {
    if let Some(provider) = &user.auth_provider {
        return Err(AdoptionError::Unsupported(format!(
            "its user logs in by the auth provider {}, which Kubernetes has given up for exec programs",
            provider.name
        )));
    }
    if user.client_certificate_data.is_none() {
        user.client_certificate_data = encoded(user.client_certificate.as_deref())?;
    }
    if user.client_key_data.is_none() {
        user.client_key_data = encoded(user.client_key.as_deref())?.map(SecretString::from);
    }
    (user.client_certificate, user.client_key) = (None, None);
    Ok(user)
}

fn encoded(path: Option<&str>) -> Result<Option<String>, AdoptionError> {
    path.map(|path| {
        fs::read(path)
            .map(|content| STANDARD.encode(content))
            .map_err(|source| AdoptionError::Read {
                path: path.into(),
                source,
            })
    })
    .transpose()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::error::Category;

    const TWO: &str = "
apiVersion: v1
kind: Config
current-context: near
clusters:
- {name: a, cluster: {server: 'https://a:6443', certificate-authority: ca.crt}}
- {name: b, cluster: {server: 'https://b:6443'}}
users:
- {name: alice, user: {client-certificate: alice.crt, client-key: alice.key}}
- {name: bob, user: {token: t0ken}}
contexts:
- {name: near, context: {cluster: a, user: alice}}
- {name: far, context: {cluster: b, user: bob}}
- {name: torn, context: {cluster: c, user: bob}}
";

    fn written(text: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("config", text),
            ("ca.crt", "CA"),
            ("alice.crt", "C"),
            ("alice.key", "K"),
        ] {
            fs::write(directory.path().join(name), content).unwrap();
        }
        directory
    }

    fn read(text: &str, context: Option<&str>) -> Result<Entrance, AdoptionError> {
        Entrance::read(&written(text).path().join("config"), context)
    }

    #[test]
    fn the_copy_stands_by_itself_and_holds_nothing_else() {
        let entrance = read(TWO, None).unwrap();
        assert_eq!(
            (entrance.context.as_str(), entrance.endpoint.as_str()),
            ("near", "https://a:6443")
        );
        let text = entrance.text.expose_secret();
        // base64 of CA, C and K
        for part in ["Q0E=", "Qw==", "Sw=="] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(
            !text.contains("t0ken") && !text.contains("ca.crt"),
            "{text}"
        );
        let directory = written(text);
        let again = Entrance::stored(&directory.path().join("config")).unwrap();
        assert!(again.is(&entrance));
        assert!(!again.is(&read(TWO, Some("far")).unwrap()));
        assert!(!format!("{:?}", read(TWO, Some("far")).unwrap()).contains("t0ken"));
    }

    #[rstest]
    #[case(TWO, Some("faar"), Category::NotFound, "did you mean far?")]
    #[case(TWO, Some("torn"), Category::Input, "cut short")]
    #[case(
        "kind: Config\ncontexts: [{name: x}]",
        None,
        Category::NeedsAnswer,
        "one of x"
    )]
    #[case("{", None, Category::Input, "kubectl config view")]
    fn what_cannot_be_used_is_said(
        #[case] text: &str,
        #[case] context: Option<&str>,
        #[case] category: Category,
        #[case] hint: &str,
    ) {
        let error = read(text, context).unwrap_err();
        assert_eq!(error.category(), category, "{error}");
        assert!(error.hint().contains(hint), "{}", error.hint());
    }

    #[rstest]
    #[case("{auth-provider: {name: gcp}}", "auth provider gcp")]
    fn ways_in_that_are_not_built_are_named(#[case] user: &str, #[case] named: &str) {
        let text = TWO.replace("{token: t0ken}", user);
        let error = read(&text, Some("far")).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
        let proxied = TWO.replace(
            "'https://b:6443'",
            "'https://b:6443', proxy-url: 'http://p:3128'",
        );
        assert!(
            read(&proxied, Some("far"))
                .unwrap_err()
                .to_string()
                .contains("http://p:3128")
        );
    }

    #[rstest]
    #[case("/nowhere/plugin", "No such file")]
    #[case("/bin/false", "exit status: 1")]
    #[tokio::test]
    async fn a_program_that_gives_no_credentials_is_named(
        #[case] command: &str,
        #[case] reason: &str,
    ) {
        let exec = format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {command}, interactiveMode: Never}}}}"
        );
        let entrance = read(&TWO.replace("{token: t0ken}", &exec), Some("far")).unwrap();
        let error = entrance.client().await.err().unwrap();
        assert_eq!(error.category(), Category::Permission);
        let text = error.to_string();
        assert!(text.contains(command) && text.contains(reason), "{text}");
    }
}
