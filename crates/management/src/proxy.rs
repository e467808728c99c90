//! The proxy through which a management server reaches the web: its downloads, its images, its providers and controller.

use std::fmt;
use std::net::IpAddr;

use capstan_spec::cluster::kubeadm::Proxy;
use ipnet::IpNet;
use kube::core::DynamicObject;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::error::Error;
use crate::settings::Settings;

/// Secret with the URL, in each namespace with a Deployment of ours.
const SECRET: &str = "capstan-proxy";
/// Key of the URL in it.
const KEY: &str = "url";
/// Annotation that lets pods be made anew when the URL changes, which their template does not hold.
const CHANGED: &str = "capstan.dev/proxy";
/// The server itself by IPv6; the others of [`Proxy::NEVER`] are those of every node.
const LOOPBACK: &str = "::1";
/// The API of the cluster a pod runs in, put in by the kubelet: of a cluster that is not ours the service range is not known.
const API: &str = "$(KUBERNETES_SERVICE_HOST)";

/// URL of a proxy. Whatever shows it shows no password; only [`exposed`] writes it as it is.
#[derive(Clone)]
pub struct ProxyUrl(SecretString);

impl ProxyUrl {
    /// Whether there is, or may be, a password in it.
    pub fn has_password(&self) -> bool {
        self.0.expose_secret().contains('@')
    }

    /// Whether it can be used.
    ///
    /// # Errors
    /// With what is wrong; the URL itself is not in the message, since a password may stand anywhere in what is no URL.
    fn check(&self) -> Result<(), Error> {
        let invalid = |problem: &str| {
            Err(Error::Invalid {
                problem: problem.to_owned(),
                hint: "write for instance http://proxy.example.org:3128; in a password write what is special as %40 (for @)"
                    .to_owned(),
            })
        };
        let text = self.0.expose_secret();
        if !(text.starts_with("http://") || text.starts_with("https://")) {
            return invalid(
                "the URL of the proxy begins neither with http:// nor with https://, the kinds that all of a server's \
                 programs know",
            );
        }
        let special = |c: char| c.is_whitespace() || c.is_control() || "\"'\\".contains(c);
        match Url::parse(text) {
            Ok(url)
                if !text.contains(special)
                    && url.path() == "/"
                    && url.query().is_none()
                    && url.fragment().is_none() =>
            {
                Ok(())
            }
            _ => invalid("the proxy has to be a URL of a host and a port and nothing behind them"),
        }
    }
}

impl From<String> for ProxyUrl {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.expose_secret();
        match (text.split_once("://"), text.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => write!(f, "{scheme}://***@{host}"),
            (None, Some((_, host))) => write!(f, "***@{host}"),
            _ => f.write_str(text),
        }
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl PartialEq for ProxyUrl {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for ProxyUrl {}

impl<'de> Deserialize<'de> for ProxyUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl Serialize for ProxyUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[allow(clippy::ref_option, reason = "serde gives the field as it is")]
/// Writes the URL with its password: for the server's record, which only its owner may read.
///
/// # Errors
/// Those of the serialiser.
pub fn exposed<S: Serializer>(url: &Option<ProxyUrl>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = url.as_ref().map(|url| url.0.expose_secret());
    text.serialize(serializer)
}

/// What a parser quotes of a settings file, without what may be a password.
pub(crate) fn without_passwords(message: &str) -> String {
    let lines = message.lines().map(|line| {
        let from = ["proxy:", "://"]
            .iter()
            .find_map(|mark| line.find(mark).map(|at| at + mark.len()));
        match from {
            Some(from) if line.contains('@') => format!("{} ***", &line[..from]),
            _ => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A server's proxy, and what is reached without it. Serialised it shows no password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerProxy {
    /// The proxy.
    pub url: ProxyUrl,
    /// What is reached without it.
    pub no_proxy: Vec<String>,
}

impl ServerProxy {
    /// The proxy that is chosen; `ranges` and `addresses` are the server's own.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a URL or an exception that no program would understand.
    pub fn chosen(
        settings: &Settings,
        ranges: &[IpNet],
        address: Option<IpAddr>,
    ) -> Result<Option<Self>, Error> {
        let Some(url) = &settings.proxy else {
            if settings.no_proxy.is_empty() {
                return Ok(None);
            }
            return Err(Error::Invalid {
                problem: "noProxy says what is reached without a proxy, and there is none".into(),
                hint: "name the proxy, too: --proxy".into(),
            });
        };
        url.check()?;
        let sound = |c: char| c.is_ascii_alphanumeric() || ".-_:/*[]".contains(c);
        let unsound = |entry: &&String| entry.is_empty() || !entry.chars().all(sound);
        if let Some(entry) = settings.no_proxy.iter().find(unsound) {
            return Err(Error::Invalid {
                problem: format!(
                    "noProxy has {entry:?}, which is no single name, address or range"
                ),
                hint: "write for instance .example.org or 198.51.100.0/24".into(),
            });
        }
        let own = address.map(|address| address.to_string());
        let said = settings.no_proxy.iter().cloned();
        let besides: Vec<String> = std::iter::once(LOOPBACK.to_owned())
            .chain(own)
            .chain(said)
            .collect();
        Ok(Some(Self {
            url: url.clone(),
            no_proxy: Proxy::directly(ranges, &besides),
        }))
    }

    /// The environment of the server's programs: for a shell, and for `EnvironmentFile=` of systemd, which shows to nobody what
    /// is in it (`Environment=` does). Lower case, too: curl knows no other `http_proxy`.
    pub(crate) fn environment(&self) -> String {
        let (url, directly) = (self.url.0.expose_secret(), self.no_proxy.join(","));
        let lines = [
            ("HTTP_PROXY", url),
            ("HTTPS_PROXY", url),
            ("NO_PROXY", directly.as_str()),
        ];
        lines
            .into_iter()
            .fold(String::new(), |text, (name, value)| {
                let lower = name.to_lowercase();
                format!("{text}{name}='{value}'\n{lower}='{value}'\n")
            })
    }

    /// Gives every container of every Deployment the proxy, and adds the Secrets that hold its URL.
    ///
    /// # Errors
    /// If a Secret cannot be written.
    pub(crate) fn give(&self, objects: &mut Vec<DynamicObject>) -> Result<(), serde_json::Error> {
        let url = self.url.0.expose_secret();
        let mark = hex::encode(&Sha256::digest(url.as_bytes())[..3]);
        let directly = format!("{},{API}", self.no_proxy.join(","));
        let from = |name: &str| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": SECRET, "key": KEY}}});
        let variables = [
            from("HTTP_PROXY"),
            from("HTTPS_PROXY"),
            json!({"name": "NO_PROXY", "value": directly}),
        ];
        let mut namespaces = std::collections::BTreeSet::new();
        let deployments = objects.iter_mut().filter(|object| {
            object
                .types
                .as_ref()
                .is_some_and(|t| t.kind == "Deployment")
        });
        for deployment in deployments {
            namespaces.extend(deployment.metadata.namespace.clone());
            let Some(template) = deployment.data.pointer_mut("/spec/template") else {
                continue;
            };
            template["metadata"]["annotations"][CHANGED] = Value::from(mark.clone());
            for kind in ["containers", "initContainers"] {
                let containers = template.pointer_mut(&format!("/spec/{kind}"));
                for container in containers
                    .and_then(Value::as_array_mut)
                    .into_iter()
                    .flatten()
                {
                    match container.get_mut("env").and_then(Value::as_array_mut) {
                        Some(env) => env.extend(variables.iter().cloned()),
                        None => container["env"] = Value::from(variables.to_vec()),
                    }
                }
            }
        }
        for namespace in namespaces {
            objects.push(crate::providers::opaque(&namespace, SECRET, &[(KEY, url)])?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
