//! What a Kubernetes says of itself to the one who asks.

use std::net::IpAddr;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};

use crate::{Error, Result};

/// What is worth knowing of a cluster before anything is installed on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFacts {
    /// Its version as it says it, for instance `v1.36.3` or `v1.35.2-eks-1a2b3c4`.
    pub version: String,
    /// Its release line, for instance `1.36`.
    pub line: String,
    /// The uid of its namespace `kube-system`: the nearest to an identity that a cluster has.
    pub uid: String,
    /// Its nodes.
    pub nodes: Vec<NodeFacts>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFacts {
    /// Its name.
    pub name: String,
    /// Whether it says that it is ready.
    pub ready: bool,
    /// Addresses it says it is reached by from anywhere (`ExternalIP`).
    pub external: Vec<IpAddr>,
    /// Addresses it has in its own network (`InternalIP`).
    pub internal: Vec<IpAddr>,
}

impl ClusterFacts {
    /// Reads all of it.
    pub async fn read(client: &Client) -> Result<Self> {
        let version = async {
            client
                .apiserver_version()
                .await
                .map_err(|e| Error::request("read", "the version", e))
        };
        let (version, uid, nodes) =
            futures::try_join!(version, cluster_uid(client), nodes(client))?;
        Ok(Self {
            line: line(&version.major, &version.minor),
            version: version.git_version,
            uid,
            nodes,
        })
    }

    /// How many nodes are ready.
    pub fn ready(&self) -> usize {
        self.nodes.iter().filter(|node| node.ready).count()
    }
}

/// Some distributions say `36+` for what they have patched.
fn line(major: &str, minor: &str) -> String {
    let digits = |text: &str| {
        text.chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
    };
    format!("{}.{}", digits(major), digits(minor))
}

/// The uid of the namespace `kube-system`, which nobody can delete.
pub async fn cluster_uid(client: &Client) -> Result<String> {
    let api: Api<Namespace> = Api::all(client.clone());
    let found = api.get_metadata("kube-system").await;
    let found = found.map_err(|e| Error::request("read", "Namespace kube-system", e))?;
    Ok(found.metadata.uid.unwrap_or_default())
}

async fn nodes(client: &Client) -> Result<Vec<NodeFacts>> {
    let api: Api<Node> = Api::all(client.clone());
    let list = api.list(&ListParams::default()).await;
    let list = list.map_err(|e| Error::request("list", "nodes", e))?;
    Ok(list.items.into_iter().map(node).collect())
}

fn node(node: Node) -> NodeFacts {
    let status = node.status.unwrap_or_default();
    let addresses = |kind: &str| {
        let all = status.addresses.iter().flatten();
        all.filter(|address| address.type_ == kind)
            .filter_map(|address| address.address.parse().ok())
            .collect()
    };
    NodeFacts {
        name: node.metadata.name.unwrap_or_default(),
        ready: status
            .conditions
            .iter()
            .flatten()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True"),
        external: addresses("ExternalIP"),
        internal: addresses("InternalIP"),
    }
}

/// Whether the caller may do everything, as `cluster-admin` may: whoever installs roles must hold all that is in them.
pub async fn may_do_everything(client: &Client) -> Result<bool> {
    let every = || Some("*".to_owned());
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: every(),
                resource: every(),
                verb: every(),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = api.create(&PostParams::default(), &review).await;
    let answer = answer.map_err(|e| Error::request("ask for", "our own rights", e))?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patched_version_has_a_line_too() {
        assert_eq!(line("1", "36"), "1.36");
        assert_eq!(line("1", "35+"), "1.35");
    }

    #[test]
    fn a_node_without_a_word_on_it_is_not_ready() {
        let told = |status: &str| -> Node {
            serde_json::from_value(serde_json::json!({
                "metadata": {"name": "n"},
                "status": {
                    "conditions": [{"type": "Ready", "status": status}],
                    "addresses": [
                        {"type": "Hostname", "address": "n"},
                        {"type": "InternalIP", "address": "10.6.0.5"},
                        {"type": "ExternalIP", "address": "203.0.113.9"},
                    ],
                },
            }))
            .unwrap()
        };
        let ready = node(told("True"));
        assert!(ready.ready);
        assert_eq!(ready.internal, [IpAddr::from([10, 6, 0, 5])]);
        assert_eq!(ready.external, [IpAddr::from([203, 0, 113, 9])]);
        assert!(!node(told("Unknown")).ready);
        assert!(!node(Node::default()).ready);
    }
}
