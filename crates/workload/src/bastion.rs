//! What Capstan makes for a bastion beside what its OpenStack provider does: the floating IP, and the security group that
//! says who may connect.
//!
//! Both are found by the identity in their creating request, so every step can be cut off anywhere and run again.

use std::net::IpAddr;

use capstan_capi::{kind, view};
use capstan_kubernetes::Kinds;
use capstan_openstack::network::{
    Direction, EtherType, FloatingIp, FloatingIpCreate, NetworkApi, SecurityGroup,
    SecurityGroupCreate, SecurityGroupRuleCreate,
};
use capstan_openstack::{Kind, Session, create_or_find};
use capstan_plan::{Observation, bastion};
use capstan_spec::cluster::Bastion;
use capstan_spec::status::{Resolved, ResolvedBastion};
use capstan_spec::{ClusterName, WorkloadClusterSpec};
use kube::Client;

use crate::provider::openstack_api;
use crate::{Error, observe};

/// Port of ssh.
const SSH: u16 = 22;

/// Makes floating IP and security group of the bastion where they are missing, and lets in exactly those that the spec
/// names: a rule that somebody else has added goes. `made` is what was pinned before, and what is made enters it at once.
pub(crate) async fn make(
    session: &Session,
    wanted: &Bastion,
    name: &ClusterName,
    external_network: Option<&String>,
    made: &mut ResolvedBastion,
) -> Result<(), Error> {
    let network = session.network();
    if made.security_group_id.is_none() {
        let new = SecurityGroupCreate {
            name: name.bastion_security_group(),
            description: format!("{} bastion: who may connect", name.cloud_tag()),
        };
        let find = || security_group(network, name);
        let group = create_or_find(find, || network.create_security_group(&new)).await?;
        made.security_group_id = Some(group.into_inner().id);
    }
    if let Some(group) = &made.security_group_id {
        let_in(network, wanted, group).await?;
    }
    if made.floating_ip_id.is_none() || made.floating_ip.is_none() {
        let new = FloatingIpCreate {
            floating_network_id: external_network.cloned().unwrap_or_default(),
            description: name.bastion_floating_ip_description(),
            ..FloatingIpCreate::default()
        };
        let find = || floating_ip(network, name);
        let ip = create_or_find(find, || network.create_floating_ip(&new)).await?;
        let ip = ip.into_inner();
        made.floating_ip_id = Some(ip.id);
        made.floating_ip = Some(ip.floating_ip_address);
    }
    Ok(())
}

/// Brings the rules of the group to what is wished: ssh from the networks named, and nothing else into the bastion.
async fn let_in(network: NetworkApi<'_>, wanted: &Bastion, group: &str) -> Result<(), Error> {
    let rules = rules(wanted, group);
    let there = network
        .security_group_rules(&[("security_group_id", group)])
        .await?;
    let lacks = |wanted: &SecurityGroupRuleCreate| !there.iter().any(|rule| rule.is(wanted));
    if rules.iter().any(lacks) {
        // First what is wished, so that nobody is shut out in between.
        network.ensure_security_group_rules(&rules).await?;
    }
    let inwards = |direction| direction == Direction::Ingress;
    for rule in there.iter().filter(|rule| inwards(rule.direction)) {
        if !rules.iter().any(|wanted| rule.is(wanted)) {
            network.delete_security_group_rule(&rule.id).await?;
        }
    }
    Ok(())
}

fn rules(wanted: &Bastion, group: &str) -> Vec<SecurityGroupRuleCreate> {
    let rule = |range: &ipnet::IpNet| SecurityGroupRuleCreate {
        security_group_id: group.to_owned(),
        direction: Direction::Ingress,
        ethertype: EtherType::IPv4,
        protocol: Some("tcp".to_owned()),
        port_range_min: Some(SSH),
        port_range_max: Some(SSH),
        remote_ip_prefix: Some(range.to_string()),
        description: Some("ssh to the bastion".to_owned()),
        ..SecurityGroupRuleCreate::default()
    };
    wanted.allowed().iter().map(rule).collect()
}

/// Removes what was made for a bastion that is no longer wished, by id, once nothing uses it any more, and forgets it. What
/// is still in use stays known and is removed the next time.
pub async fn release(
    session: &Session,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    seen: &Observation,
    resolved: &mut Resolved,
) -> Result<(), Error> {
    if spec.bastion.is_some() {
        return Ok(());
    }
    recall(spec, seen, resolved);
    let Some(made) = &mut resolved.bastion else {
        return Ok(());
    };
    let network = session.network();
    if !made.is_made() {
        find(network, name, made).await?;
    }
    if bastion::is_let_go(name, seen) {
        if let Some(id) = &made.floating_ip_id {
            network.delete_floating_ip(id).await?;
            (made.floating_ip_id, made.floating_ip) = (None, None);
        }
        if let Some(id) = &made.security_group_id {
            match network.delete_security_group(id).await {
                Ok(_) => made.security_group_id = None,
                Err(error) if error.kind() == Kind::Conflict => {
                    tracing::info!(%error, "the bastion's security group is still in use; it is tried again");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    if !made.is_made() && bastion::is_let_go(name, seen) {
        resolved.bastion = None;
    }
    Ok(())
}

/// CAPO was told of a bastion that is neither wished nor remembered: the objects were moved to another management server,
/// without their status, while it went. It goes on going.
pub(crate) fn recall(spec: &WorkloadClusterSpec, seen: &Observation, resolved: &mut Resolved) {
    let infrastructure = seen.infrastructure.as_ref();
    let told = infrastructure.is_some_and(|one| one.spec.bastion.is_some());
    if told && spec.bastion.is_none() {
        resolved.bastion.get_or_insert_default();
    }
}

/// Inner addresses of the cluster's machines with their names, sorted by name: where one gets to by way of the bastion.
pub async fn nodes(client: &Client, name: &ClusterName) -> Result<Vec<(String, IpAddr)>, Error> {
    let kinds = Kinds::new(client.clone());
    let kind = openstack_api(&kinds).await?.of(kind::OPENSTACK_MACHINE);
    let machines: Vec<view::OpenStackMachine> = observe::list(&kinds, name, kind).await?;
    let address = |machine: view::OpenStackMachine| {
        let mut addresses = machine.status.addresses.into_iter();
        let inner = addresses.find(|address| address.kind == "InternalIP")?;
        Some((machine.metadata.name, inner.address.parse().ok()?))
    };
    let mut nodes: Vec<(String, IpAddr)> = machines.into_iter().filter_map(address).collect();
    nodes.sort();
    Ok(nodes)
}

/// Finds by their identity what was made for a bastion.
async fn find(
    network: NetworkApi<'_>,
    name: &ClusterName,
    made: &mut ResolvedBastion,
) -> Result<(), Error> {
    let (ip, group) =
        futures::try_join!(floating_ip(network, name), security_group(network, name))?;
    (made.floating_ip_id, made.floating_ip) = ip.map(|ip| (ip.id, ip.floating_ip_address)).unzip();
    made.security_group_id = group.map(|group| group.id);
    Ok(())
}

async fn floating_ip(
    network: NetworkApi<'_>,
    name: &ClusterName,
) -> Result<Option<FloatingIp>, capstan_openstack::Error> {
    let description = name.bastion_floating_ip_description();
    let found = network
        .floating_ips(&[("description", &description)])
        .await?;
    Ok(found.into_iter().find(|ip| ip.description == description))
}

async fn security_group(
    network: NetworkApi<'_>,
    name: &ClusterName,
) -> Result<Option<SecurityGroup>, capstan_openstack::Error> {
    let wanted = name.bastion_security_group();
    let found = network.security_groups(&[("name", &wanted)]).await?;
    Ok(found.into_iter().find(|group| group.name == wanted))
}
