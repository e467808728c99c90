//! From where the pods of an existing cluster probably reach OpenStack. Pure.
//!
//! Only ever proposed, like the caller's own address: a network plugin may give pods ways out of their own.

use std::collections::BTreeSet;
use std::net::IpAddr;

use capstan_kubernetes::NodeFacts;
use capstan_openstack::network::{FloatingIp, Port, Router};
use ipnet::IpNet;

use crate::caller_address::private;
use crate::plan::Question;

/// What of the project says how servers in it are seen from outside.
#[derive(Debug, Clone, Default)]
pub(super) struct Ways {
    pub(super) ports: Vec<Port>,
    pub(super) floating_ips: Vec<FloatingIp>,
    pub(super) routers: Vec<Router>,
}

/// The addresses all ready nodes leave by; `None` as soon as one of them is not known.
pub(super) fn proposal(nodes: &[NodeFacts], ways: &Ways) -> Option<Vec<IpNet>> {
    let ready = nodes.iter().filter(|node| node.ready);
    let found: Option<BTreeSet<IpAddr>> = ready.map(|node| of_node(node, ways)).collect();
    let ranges: Vec<IpNet> = found?.into_iter().map(IpNet::from).collect();
    (!ranges.is_empty()).then_some(ranges)
}

fn of_node(node: &NodeFacts, ways: &Ways) -> Option<IpAddr> {
    if let Some(address) = node.external.first() {
        return Some(*address);
    }
    let internal = node.internal.first()?;
    if !private(*internal) {
        return Some(*internal);
    }
    let text = internal.to_string();
    let has = |port: &&Port| {
        port.device_owner.starts_with("compute:")
            && port.fixed_ips.iter().any(|ip| ip.ip_address == text)
    };
    let mut candidates = ways.ports.iter().filter(has);
    // Networks of a project may overlap; then nobody can say which server it is.
    let (Some(port), None) = (candidates.next(), candidates.next()) else {
        return None;
    };
    let mine = |ip: &&FloatingIp| ip.port_id.as_deref() == Some(port.id.as_str());
    if let Some(address) = ways.floating_ips.iter().find(mine) {
        return address.floating_ip_address.parse().ok();
    }
    let interface = ways.ports.iter().find(|other| {
        other.network_id == port.network_id
            && other.device_owner.starts_with("network:")
            && ways
                .routers
                .iter()
                .any(|router| router.id == other.device_id)
    })?;
    let router = ways
        .routers
        .iter()
        .find(|router| router.id == interface.device_id)?;
    let gateway = router.external_gateway_info.as_ref()?;
    if gateway.enable_snat == Some(false) {
        return None;
    }
    let same_family = |address: &IpAddr| address.is_ipv4() == internal.is_ipv4();
    gateway
        .external_fixed_ips
        .iter()
        .filter_map(|ip| ip.ip_address.parse().ok())
        .find(same_family)
}

/// What is asked where nothing was said.
pub(super) fn question(proposal: Option<Vec<IpNet>>) -> Question {
    let closed = "the APIs of workload clusters are closed to everybody who is not named, and the management server must \
                  reach them";
    let ranges = proposal.map(|ranges| {
        let ranges: Vec<_> = ranges.iter().map(ToString::to_string).collect();
        ranges.join(",")
    });
    Question {
        what: "from where the cluster's pods reach OpenStack",
        key: "egressCidr",
        flag: "--egress-cidr",
        reason: match &ranges {
            Some(ranges) => format!(
                "{closed}; its nodes leave by {ranges}, and so do its pods unless the cluster's network gives them another way"
            ),
            None => format!("{closed}; how its pods are seen from outside cannot be found out"),
        },
        options: Vec::new(),
        proposal: ranges,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(internal: &str, external: Option<&str>) -> NodeFacts {
        NodeFacts {
            name: "n".into(),
            ready: true,
            external: external.into_iter().map(|a| a.parse().unwrap()).collect(),
            internal: vec![internal.parse().unwrap()],
        }
    }

    fn ways() -> Ways {
        let port = |id: &str, owner: &str, device: &str, address: &str| -> Port {
            serde_json::from_value(json!({
                "id": id, "network_id": "n", "device_owner": owner, "device_id": device,
                "fixed_ips": [{"subnet_id": "s", "ip_address": address}],
            }))
            .unwrap()
        };
        Ways {
            ports: vec![
                port("p1", "compute:nova", "s1", "10.8.0.4"),
                port("p2", "compute:nova", "s2", "10.8.0.5"),
                port("p3", "network:router_interface", "r1", "10.8.0.1"),
            ],
            floating_ips: vec![
                serde_json::from_value(json!({
                    "id": "f", "floating_ip_address": "203.0.113.20", "floating_network_id": "public", "port_id": "p2",
                }))
                .unwrap(),
            ],
            routers: vec![
                serde_json::from_value(json!({
                    "id": "r1", "external_gateway_info": {
                        "network_id": "public", "enable_snat": true,
                        "external_fixed_ips": [{"subnet_id": "p", "ip_address": "203.0.113.7"}],
                    },
                }))
                .unwrap(),
            ],
        }
    }

    fn told(nodes: &[NodeFacts], ways: &Ways) -> Option<String> {
        proposal(nodes, ways).map(|ranges| {
            let ranges: Vec<_> = ranges.iter().map(ToString::to_string).collect();
            ranges.join(",")
        })
    }

    #[test]
    fn a_node_is_seen_by_its_own_public_address() {
        let nowhere = Ways::default();
        assert_eq!(
            told(&[node("10.0.0.4", Some("203.0.113.9"))], &nowhere).as_deref(),
            Some("203.0.113.9/32")
        );
        assert_eq!(
            told(&[node("203.0.113.10", None)], &nowhere).as_deref(),
            Some("203.0.113.10/32")
        );
    }

    #[test]
    fn servers_of_the_project_leave_by_their_floating_ip_or_their_router() {
        let both = [node("10.8.0.4", None), node("10.8.0.5", None)];
        assert_eq!(
            told(&both, &ways()).as_deref(),
            Some("203.0.113.7/32,203.0.113.20/32")
        );
        let mut closed = ways();
        for router in &mut closed.routers {
            if let Some(gateway) = &mut router.external_gateway_info {
                gateway.enable_snat = Some(false);
            }
        }
        assert_eq!(told(&both[..1], &closed), None);
    }

    #[test]
    fn half_a_truth_is_not_proposed() {
        let (known, unknown) = (node("10.8.0.4", None), node("10.99.0.4", None));
        assert_eq!(told(&[known.clone(), unknown.clone()], &ways()), None);
        let gone = NodeFacts {
            ready: false,
            ..unknown
        };
        assert!(told(&[known, gone], &ways()).is_some());
        assert_eq!(told(&[], &ways()), None);
        let question = question(None);
        assert!(question.proposal.is_none() && question.remedy().contains("--egress-cidr"));
    }
}
