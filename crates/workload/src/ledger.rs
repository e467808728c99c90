//! What exists of a cluster in the cloud: found by exact names with the uid, by description, and by the ids Cluster API
//! tells. A list that cannot be read is an error, never "nothing there".

use std::collections::{BTreeMap, BTreeSet};

use capstan_openstack::Session;
use capstan_openstack::compute::Server;
use capstan_openstack::network::{Port, SecurityGroup};
use capstan_plan::Observation;
use capstan_spec::record::{ClusterRecordStatus, LedgerEntry, Owner};
use capstan_spec::{ClusterName, ServerGroupPolicy, WorkloadClusterSpec};
use jiff::Timestamp;

use crate::prepare::credential_name;
use crate::{Error, resolve};

/// Kinds of resources, in the order in which they can be removed.
pub(crate) const ORDER: [&str; 11] = [
    SERVER,
    LOAD_BALANCER,
    FLOATING_IP,
    PORT,
    ROUTER,
    SUBNET,
    NETWORK,
    VOLUME,
    SECURITY_GROUP,
    SERVER_GROUP,
    CREDENTIAL,
];
pub(crate) const SERVER: &str = "server";
pub(crate) const LOAD_BALANCER: &str = "load balancer";
pub(crate) const FLOATING_IP: &str = "floating ip";
pub(crate) const PORT: &str = "port";
pub(crate) const ROUTER: &str = "router";
pub(crate) const SUBNET: &str = "subnet";
pub(crate) const NETWORK: &str = "network";
pub(crate) const VOLUME: &str = "volume";
pub(crate) const SECURITY_GROUP: &str = "security group";
pub(crate) const SERVER_GROUP: &str = "server group";
pub(crate) const CREDENTIAL: &str = "application credential";

/// What a look into the cloud found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    entries: Vec<LedgerEntry>,
    hosts: BTreeMap<String, String>,
    now: Timestamp,
}

impl Found {
    fn add(&mut self, kind: &str, id: &str, name: &str, owner: Owner) {
        self.entries.push(LedgerEntry {
            kind: kind.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            owner,
            created_at: self.now,
            gone_at: None,
        });
    }

    /// Ports of routers, load balancers and DHCP come and go with their owners.
    fn add_ports(&mut self, ports: &[Port]) {
        for port in ports.iter().filter(|port| {
            port.device_owner.is_empty() || port.device_owner.starts_with("compute:")
        }) {
            self.add(PORT, &port.id, &port.name, Owner::ClusterApi);
        }
    }

    /// Groups of CAPO, and the one that Capstan makes for a bastion.
    fn add_security_groups(&mut self, groups: &[SecurityGroup], name: &ClusterName) {
        let (of_capo, ours) = (name.capo_security_groups(), name.bastion_security_group());
        for one in groups {
            if of_capo.contains(&one.name) {
                self.add(SECURITY_GROUP, &one.id, &one.name, Owner::ClusterApi);
            } else if one.name == ours {
                self.add(SECURITY_GROUP, &one.id, &one.name, Owner::Capstan);
            }
        }
    }

    /// The resources.
    pub fn entries(&self) -> &[LedgerEntry] {
        &self.entries
    }

    /// Hosts of the servers by their id, as the project may know them: equal means the same. Empty while it has none.
    pub const fn hosts(&self) -> &BTreeMap<String, String> {
        &self.hosts
    }
}

/// Policies with groups of their own: a pool whose policy was changed has several.
const POLICIES: [ServerGroupPolicy; 2] = [
    ServerGroupPolicy::SoftAntiAffinity,
    ServerGroupPolicy::AntiAffinity,
];

/// Looks for everything of a cluster. `servers` are ids of servers known from Cluster API or from the ledger.
pub async fn look(
    session: &Session,
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    servers: &BTreeSet<String>,
) -> Result<Found, Error> {
    let mut found = Found {
        now: Timestamp::now(),
        ..Found::default()
    };
    let (network, compute) = (session.network(), session.compute());
    let capo = name.capo_network();
    let by_name = [("name", capo.as_str())];
    // Neutron takes several values of one filter as "one of".
    let descriptions = [
        name.floating_ip_description(),
        name.bastion_floating_ip_description(),
    ];
    let by_description = descriptions
        .each_ref()
        .map(|description| ("description", description.as_str()));
    let load_balancer = name.capo_load_balancer();
    let by_load_balancer = [("name", load_balancer.as_str())];
    // Without a filter the rules of all groups of the project would come.
    let group_names = security_groups(name);
    let by_security_group = group_names.each_ref().map(|group| ("name", group.as_str()));
    let (networks, routers, groups, addresses, balancers, found_servers, server_groups, credential) =
        futures::try_join!(
            network.networks(&by_name),
            network.routers(&by_name),
            network.security_groups(&by_security_group),
            network.floating_ips(&by_description),
            session.load_balancer().load_balancers(&by_load_balancer),
            servers_of(session, servers),
            compute.server_groups(),
            async {
                session
                    .identity()
                    .application_credential_named(&credential_name(name))
                    .await
            },
        )?;
    for one in networks.iter().filter(|one| one.name == capo) {
        found.add(NETWORK, &one.id, &one.name, Owner::ClusterApi);
        let of_network = [("network_id", one.id.as_str())];
        let (subnets, ports) =
            futures::try_join!(network.subnets(&of_network), network.ports(&of_network))?;
        for subnet in subnets {
            found.add(SUBNET, &subnet.id, &subnet.name, Owner::ClusterApi);
        }
        found.add_ports(&ports);
    }
    if spec.network.existing.is_some() {
        // In a network of somebody else only what carries our tag is the cluster's.
        let tag = name.cloud_tag();
        let ports = network.ports(&[("tags", &tag)]).await?;
        let ours: Vec<Port> = ports
            .into_iter()
            .filter(|port| port.tags.contains(&tag))
            .collect();
        found.add_ports(&ours);
    }
    for one in routers.iter().filter(|one| one.name == capo) {
        found.add(ROUTER, &one.id, &one.name, Owner::ClusterApi);
    }
    found.add_security_groups(&groups, name);
    for one in addresses
        .iter()
        .filter(|one| descriptions.contains(&one.description))
    {
        found.add(
            FLOATING_IP,
            &one.id,
            &one.floating_ip_address,
            Owner::Capstan,
        );
    }
    for one in balancers.iter().filter(|one| one.name == load_balancer) {
        found.add(LOAD_BALANCER, &one.id, &one.name, Owner::ClusterApi);
    }
    for one in found_servers
        .iter()
        .filter(|one| !one.is_gone() && servers.contains(&one.id))
    {
        found.add(SERVER, &one.id, &one.name, Owner::ClusterApi);
        found.hosts.insert(one.id.clone(), one.host_id.clone());
        for volume in &one.volumes {
            found.add(VOLUME, &volume.id, "", Owner::ClusterApi);
        }
    }
    let wanted: Vec<String> = resolve::pools(spec)
        .into_iter()
        .flat_map(|pool| POLICIES.map(|policy| name.server_group(pool, policy)))
        .collect();
    for one in server_groups
        .iter()
        .filter(|one| wanted.contains(&one.name))
    {
        found.add(SERVER_GROUP, &one.id, &one.name, Owner::Capstan);
    }
    if let Some(one) = credential {
        found.add(CREDENTIAL, &one.id, &one.name, Owner::Capstan);
    }
    Ok(found)
}

/// Names of all security groups of a cluster.
fn security_groups(name: &ClusterName) -> [String; 4] {
    let [control_plane, worker, bastion] = name.capo_security_groups();
    [
        control_plane,
        worker,
        bastion,
        name.bastion_security_group(),
    ]
}

/// Up to so many servers are asked for one by one; for more, one list of all servers of the project is less.
const FEW: usize = 20;

/// The servers of these ids that there are.
async fn servers_of(
    session: &Session,
    ids: &BTreeSet<String>,
) -> Result<Vec<Server>, capstan_openstack::Error> {
    let compute = session.compute();
    if ids.len() > FEW {
        return compute.servers().await;
    }
    let one_by_one = ids.iter().map(async |id| match compute.server(id).await {
        Ok(server) => Ok(Some(server)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    });
    let found = futures::future::try_join_all(one_by_one).await?;
    Ok(found.into_iter().flatten().collect())
}

/// Ids of the servers of a cluster: those Cluster API knows now, and those it once knew.
pub fn servers(seen: &Observation, record: &ClusterRecordStatus) -> BTreeSet<String> {
    let machines = seen
        .openstack_machines
        .iter()
        .filter_map(|machine| machine.status.instance_id.clone());
    let servers = seen
        .openstack_servers
        .iter()
        .filter_map(|server| server.status.instance_id.clone());
    let known = record
        .ledger
        .iter()
        .filter(|entry| entry.kind == SERVER)
        .map(|entry| entry.id.clone());
    machines
        .chain(servers)
        .chain(known)
        .filter(|id| !id.is_empty())
        .collect()
}

/// Enters what was found into the ledger: new entries are added, entries no longer found are marked as gone. Says whether
/// anything changed.
pub fn enter(record: &mut ClusterRecordStatus, found: &Found) -> bool {
    let before = record.clone();
    let is = |one: &LedgerEntry, other: &LedgerEntry| one.kind == other.kind && one.id == other.id;
    for entry in &found.entries {
        match record.ledger.iter_mut().find(|known| is(known, entry)) {
            Some(known) => known.gone_at = None,
            None => record.ledger.push(entry.clone()),
        }
    }
    for known in &mut record.ledger {
        if known.gone_at.is_none()
            && known.owner != Owner::Given
            && !found.entries.iter().any(|entry| is(known, entry))
        {
            known.gone_at = Some(found.now);
        }
    }
    *record != before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ids: &[&str]) -> Found {
        let mut found = Found {
            now: Timestamp::from_second(100).unwrap(),
            ..Found::default()
        };
        for id in ids {
            found.add(SERVER, id, "", Owner::ClusterApi);
        }
        found
    }

    #[test]
    fn what_is_no_longer_found_is_gone_and_what_comes_back_is_not() {
        let mut record = ClusterRecordStatus::default();
        assert!(enter(&mut record, &found(&["a", "b"])));
        assert!(!enter(&mut record, &found(&["a", "b"])));
        assert!(enter(&mut record, &found(&["a"])));
        assert_eq!(
            record
                .ledger
                .iter()
                .filter(|entry| entry.gone_at.is_some())
                .count(),
            1
        );
        assert!(enter(&mut record, &found(&["a", "b"])));
        assert!(record.ledger.iter().all(|entry| entry.gone_at.is_none()));
        assert_eq!(record.ledger.len(), 2);
    }
}
