//! The little that `up`, `status` and `down` ask the server's Kubernetes API, with the caller's certificate or, of an adopted
//! cluster, as its kubeconfig says.

use std::fmt;
use std::time::Duration;

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::error::Error;
use crate::pki::CertifiedKey;

/// One answer takes no longer, or the address is not ours to reach.
const CALL_LIMIT: Duration = Duration::from_secs(10);
const CONNECT_LIMIT: Duration = Duration::from_secs(4);

/// The kinds that stand for a cluster, each as `<group>/<version>/<plural>`.
pub const CLUSTERS: [&str; 2] = [
    "capstan.dev/v1alpha1/workloadclusters",
    "cluster.x-k8s.io/v1beta2/clusters",
];

/// The kind of clouds, in the same form.
pub(crate) const CLOUDS: &str = "capstan.dev/v1alpha1/clouds";

/// The API of one management server.
#[derive(Clone)]
pub struct Api {
    way: Way,
}

#[derive(Clone)]
enum Way {
    /// To a server that `up` made. All its nodes are ours.
    Own {
        endpoint: String,
        client: reqwest::Client,
    },
    /// By a kubeconfig. That a node of somebody else's cluster is being replaced is not our affair.
    Adopted(kube::Client),
}

impl fmt::Debug for Api {
    /// Shows nothing: the clients hold keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

/// How far the API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Every node is Ready, of an adopted cluster at least one; the number of Ready ones.
    Ready(usize),
    /// Not yet; what was seen.
    NotYet(String),
}

/// What the API knows of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRef {
    /// Group, version and plural of the kind, as in a path.
    pub resource: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Api {
    /// Trusts the server's own authority and nothing else.
    ///
    /// # Errors
    /// If a certificate or key is not one.
    pub fn new(endpoint: &str, ca_certificate: &str, client: &CertifiedKey) -> Result<Self, Error> {
        let failed = |error: reqwest::Error| Error::Connection(Box::new(error));
        let pem = client.to_pem();
        let client = reqwest::Client::builder()
            .tls_certs_only([
                reqwest::Certificate::from_pem(ca_certificate.as_bytes()).map_err(failed)?
            ])
            .identity(reqwest::Identity::from_pem(pem.expose_secret().as_bytes()).map_err(failed)?)
            .timeout(CALL_LIMIT)
            .connect_timeout(CONNECT_LIMIT)
            // A proxy that serves the web does not know a server that is a minute old.
            .no_proxy()
            .build()
            .map_err(failed)?;
        Ok(Self {
            way: Way::Own {
                endpoint: endpoint.to_owned(),
                client,
            },
        })
    }

    /// Of an adopted cluster.
    pub fn adopted(client: kube::Client) -> Self {
        Self {
            way: Way::Adopted(client),
        }
    }

    /// Whether the API answers the caller and every node is Ready. 401 and 403 are "not yet": kubeadm binds the caller's
    /// group near its end.
    pub async fn readiness(&self) -> Readiness {
        match self.get("/api/v1/nodes").await {
            Ok((200, body)) => nodes(&body, matches!(self.way, Way::Own { .. })),
            Ok((status @ (401 | 403), _)) => {
                Readiness::NotYet(format!("the API does not know us yet ({status})"))
            }
            Ok((status, _)) => Readiness::NotYet(format!("the API answers {status}")),
            Err(reason) => Readiness::NotYet(reason),
        }
    }

    /// Clusters of these kinds (of [`CLUSTERS`]), or why they cannot be listed. A server without Cluster API has none.
    ///
    /// # Errors
    /// In words, if the API does not answer.
    pub async fn clusters(&self, kinds: &[&str]) -> Result<Vec<ClusterRef>, String> {
        let mut clusters = Vec::new();
        for resource in kinds {
            let (status, body) = self.get(&format!("/apis/{resource}")).await?;
            match status {
                200 => clusters.extend(items(&body).filter_map(|item| {
                    let text = |key: &str| item["metadata"][key].as_str().map(str::to_owned);
                    Some(ClusterRef {
                        resource: (*resource).to_owned(),
                        namespace: text("namespace")?,
                        name: text("name")?,
                    })
                })),
                404 => {}
                status => return Err(format!("listing {resource} was answered with {status}")),
            }
        }
        Ok(clusters)
    }

    /// Asks for a cluster's removal; it takes its time.
    ///
    /// # Errors
    /// In words.
    pub async fn delete(&self, cluster: &ClusterRef) -> Result<(), String> {
        let (group, plural) = cluster.resource.rsplit_once('/').ok_or("no such kind")?;
        let path = format!(
            "/apis/{group}/namespaces/{}/{plural}/{}",
            cluster.namespace, cluster.name
        );
        match self.call(Method::DELETE, &path).await?.0 {
            200 | 202 | 404 => Ok(()),
            status => Err(format!(
                "deleting {} was answered with {status}",
                cluster.name
            )),
        }
    }

    async fn get(&self, path: &str) -> Result<(u16, Value), String> {
        self.call(Method::GET, path).await
    }

    /// Status and, of a good answer, body: an error's is text or JSON, and not needed.
    async fn call(&self, method: Method, path: &str) -> Result<(u16, Value), String> {
        match &self.way {
            Way::Own { endpoint, client } => {
                let ask = async {
                    let answer = client
                        .request(method, format!("{endpoint}{path}"))
                        .send()
                        .await?;
                    let status = answer.status().as_u16();
                    let body = if status == 200 {
                        answer.json().await?
                    } else {
                        Value::Null
                    };
                    Ok((status, body))
                };
                ask.await.map_err(|error: reqwest::Error| told(&error))
            }
            Way::Adopted(client) => {
                let request = http::Request::builder()
                    .method(method)
                    .uri(path)
                    .body(Vec::new())
                    .map_err(|error| error.to_string())?;
                match tokio::time::timeout(CALL_LIMIT, client.request(request)).await {
                    Err(_) => Err("no answer".into()),
                    Ok(Ok(body)) => Ok((200, body)),
                    Ok(Err(kube::Error::Api(status))) => Ok((status.code, Value::Null)),
                    Ok(Err(error)) => {
                        Err(capstan_kubernetes::Error::request("ask", "the API", error).to_string())
                    }
                }
            }
        }
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().into_iter().flatten()
}

fn nodes(list: &Value, every: bool) -> Readiness {
    let is_ready = |node: &Value| {
        node["status"]["conditions"].as_array().is_some_and(|all| {
            all.iter()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        })
    };
    let (all, ready) = (
        items(list).count(),
        items(list).filter(|node| is_ready(node)).count(),
    );
    if ready > 0 && (ready == all || !every) {
        Readiness::Ready(ready)
    } else {
        Readiness::NotYet(format!("{ready} of {all} nodes are Ready"))
    }
}

/// The last cause says it best: "connection refused", not "error sending request".
fn told(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer".into();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ready_is_when_every_node_is() {
        let node =
            |status: &str| json!({"status": {"conditions": [{"type": "Ready", "status": status}]}});
        assert_eq!(
            nodes(&json!({"items": []}), false),
            Readiness::NotYet("0 of 0 nodes are Ready".into())
        );
        assert_eq!(
            nodes(&json!({"items": [node("True")]}), true),
            Readiness::Ready(1)
        );
        let half = json!({"items": [node("True"), node("Unknown")]});
        assert_eq!(
            nodes(&half, true),
            Readiness::NotYet("1 of 2 nodes are Ready".into())
        );
        assert_eq!(nodes(&half, false), Readiness::Ready(1));
    }
}
