//! What of management servers there is in a project: everything listed to its end, grouped by the identity it carries.

use std::collections::BTreeMap;

use capstan_openstack::compute::{Keypair, Server, ServerGroup};
use capstan_openstack::identity::ApplicationCredential;
use capstan_openstack::network::{FloatingIp, Network, Port, Router, SecurityGroup, Subnet};
use capstan_openstack::volume::Volume;
use capstan_openstack::{Entry, ResourceKind, Service, Session};

use crate::error::Error;
use crate::identity::Identity;

/// All resources of one server. Usually one of each; two where an answer was lost at the worst moment.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Networks.
    pub networks: Vec<Network>,
    /// Subnets.
    pub subnets: Vec<Subnet>,
    /// Routers.
    pub routers: Vec<Router>,
    /// Security groups.
    pub security_groups: Vec<SecurityGroup>,
    /// Ports of servers; those of routers and DHCP come and go with them.
    pub ports: Vec<Port>,
    /// Floating IPs.
    pub floating_ips: Vec<FloatingIp>,
    /// Server groups.
    pub server_groups: Vec<ServerGroup>,
    /// Servers.
    pub servers: Vec<Server>,
    /// Volumes.
    pub volumes: Vec<Volume>,
    /// Keypairs.
    pub keypairs: Vec<Keypair>,
    /// Application credentials.
    pub credentials: Vec<ApplicationCredential>,
}

impl Found {
    /// Everything by id, for lists and for the audit.
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |kind, id: &str, name: &str| Entry {
            kind,
            id: id.to_owned(),
            name: name.to_owned(),
        };
        let mut all = Vec::new();
        all.extend(
            self.servers
                .iter()
                .map(|x| entry(ResourceKind::Server, &x.id, &x.name)),
        );
        all.extend(self.volumes.iter().map(|x| {
            entry(
                ResourceKind::Volume,
                &x.id,
                x.name.as_deref().unwrap_or_default(),
            )
        }));
        all.extend(
            self.server_groups
                .iter()
                .map(|x| entry(ResourceKind::ServerGroup, &x.id, &x.name)),
        );
        all.extend(
            self.keypairs
                .iter()
                .map(|x| entry(ResourceKind::Keypair, &x.name, &x.name)),
        );
        all.extend(
            self.floating_ips
                .iter()
                .map(|x| entry(ResourceKind::FloatingIp, &x.id, &x.floating_ip_address)),
        );
        all.extend(
            self.ports
                .iter()
                .map(|x| entry(ResourceKind::Port, &x.id, &x.name)),
        );
        all.extend(
            self.routers
                .iter()
                .map(|x| entry(ResourceKind::Router, &x.id, &x.name)),
        );
        all.extend(
            self.subnets
                .iter()
                .map(|x| entry(ResourceKind::Subnet, &x.id, &x.name)),
        );
        all.extend(
            self.networks
                .iter()
                .map(|x| entry(ResourceKind::Network, &x.id, &x.name)),
        );
        all.extend(
            self.security_groups
                .iter()
                .map(|x| entry(ResourceKind::SecurityGroup, &x.id, &x.name)),
        );
        all.extend(
            self.credentials
                .iter()
                .map(|x| entry(ResourceKind::ApplicationCredential, &x.id, &x.name)),
        );
        all
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }
}

/// All management servers of a project.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// By identity.
    pub servers: BTreeMap<Identity, Found>,
}

impl Survey {
    /// What belongs to one server.
    pub fn of(&self, identity: &Identity) -> Found {
        self.servers.get(identity).cloned().unwrap_or_default()
    }

    /// The servers of a name.
    pub fn named(&self, name: &str) -> Vec<&Identity> {
        self.servers
            .keys()
            .filter(|identity| identity.name == name)
            .collect()
    }

    /// Lists all kinds at once. A list that fails makes all of it fail: "cannot be listed" is not "is not there".
    ///
    /// # Errors
    /// If any list cannot be read to its end.
    pub async fn read(session: &Session) -> Result<Self, Error> {
        let (network, compute) = (session.network(), session.compute());
        let project = [("project_id", session.project_id())];
        let volumes = async {
            if session.has(Service::Volume).await {
                session.volume().volumes().await
            } else {
                Ok(Vec::new())
            }
        };
        let (networks, subnets, routers, security_groups, ports, floating_ips) = tokio::try_join!(
            network.networks(&project),
            network.subnets(&project),
            network.routers(&project),
            network.security_groups(&project),
            network.ports(&project),
            network.floating_ips(&project),
        )?;
        let (server_groups, servers, volumes, keypairs, credentials) = tokio::try_join!(
            compute.server_groups(),
            compute.servers(),
            volumes,
            compute.keypairs(),
            session.identity().application_credentials(),
        )?;
        let mut survey = Self::default();
        let described = Identity::from_description;
        let named = Identity::from_resource_name;
        survey.sort(
            networks,
            |x| described(&x.description),
            |found| &mut found.networks,
        );
        survey.sort(
            subnets,
            |x| described(&x.description),
            |found| &mut found.subnets,
        );
        survey.sort(
            routers,
            |x| described(&x.description),
            |found| &mut found.routers,
        );
        survey.sort(
            security_groups,
            |x| described(&x.description),
            |found| &mut found.security_groups,
        );
        survey.sort(
            ports,
            |x| described(&x.description),
            |found| &mut found.ports,
        );
        survey.sort(
            floating_ips,
            |x| described(&x.description),
            |found| &mut found.floating_ips,
        );
        survey.sort(
            server_groups,
            |x| named(&x.name),
            |found| &mut found.server_groups,
        );
        survey.sort(keypairs, |x| named(&x.name), |found| &mut found.keypairs);
        let credentials = credentials
            .into_iter()
            .filter(|x| x.project_id == session.project_id());
        survey.sort(
            credentials,
            |x| x.description.as_deref().and_then(described),
            |found| &mut found.credentials,
        );
        survey.sort(
            servers.into_iter().filter(|server| !server.is_gone()),
            |x| Identity::from_metadata(&x.metadata),
            |found| &mut found.servers,
        );
        survey.sort(
            volumes,
            |x| Identity::from_metadata(&x.metadata),
            |found| &mut found.volumes,
        );
        Ok(survey)
    }

    fn sort<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        identity: impl Fn(&T) -> Option<Identity>,
        place: impl Fn(&mut Found) -> &mut Vec<T>,
    ) {
        for item in items {
            if let Some(identity) = identity(&item) {
                place(self.servers.entry(identity).or_default()).push(item);
            }
        }
    }
}
