//! Makes the resources of a server, each found by its identity before and after it is asked for.

mod network;

use std::net::IpAddr;
use std::sync::{Mutex as Cell, MutexGuard, PoisonError};
use std::time::Duration;

use capstan_openstack::compute::{
    BlockDevice, GroupPolicy, ServerAction, ServerCreate, ServerNetwork,
};
use capstan_openstack::identity::ApplicationCredentialCreate;
use capstan_openstack::volume::VolumeCreate;
use capstan_openstack::wait::Wait;
use capstan_openstack::{Created, Session, create_or_find};
use secrecy::SecretString;

use crate::engine::{Base, Engine, Facts};
use crate::error::Error;
use crate::identity::Identity;
use crate::pki::ClusterPki;
use crate::plan::Choices;
use crate::progress::Outcome;

/// Longest that Nova may take for a server, and Cinder for its volume.
const BUILD_LIMIT: Duration = Duration::from_mins(10);
/// Longest that something may take to be gone.
const GONE_LIMIT: Duration = Duration::from_mins(3);

/// What the steps learn from each other.
#[derive(Debug, Default, Clone)]
pub(crate) struct Made {
    network: Option<String>,
    mtu: Option<u32>,
    subnet: Option<String>,
    router: Option<String>,
    group: Option<String>,
    address: Option<(String, IpAddr)>,
    port: Option<(String, IpAddr)>,
    server_group: Option<String>,
    volume: Option<String>,
    server: Option<String>,
}

/// What came of a step: how, and an id, a name or an address.
pub(crate) type Done = Result<(Outcome, String), Error>;

/// Makes the resources of one server.
pub(crate) struct Maker<'a> {
    pub(crate) session: &'a Session,
    pub(crate) identity: &'a Identity,
    pub(crate) choices: &'a Choices,
    pub(crate) pki: &'a ClusterPki,
    pub(crate) engine: &'a dyn Engine,
    pub(crate) base: &'a Base,
    pub(crate) credential: &'a SecretString,
    pub(crate) made: Cell<Made>,
}

fn done<T>(created: Created<T>, detail: impl Fn(&T) -> String) -> (Outcome, String) {
    let outcome = if created.was_there() {
        Outcome::Found
    } else {
        Outcome::Created
    };
    (outcome, detail(&created.into_inner()))
}

/// One of several that carry the same identity: the one in use, else always the same.
fn one<T>(
    mut items: Vec<T>,
    ours: impl Fn(&T) -> bool,
    in_use: impl Fn(&T) -> bool,
    id: impl Fn(&T) -> String,
) -> Option<T> {
    items.retain(ours);
    items.sort_by_key(|item| (!in_use(item), id(item)));
    items.into_iter().next()
}

fn address(text: &str) -> Result<IpAddr, Error> {
    text.parse()
        .map_err(|_| Error::Order("an address that is one"))
}

/// A server's own credential. Its secret was drawn here and saved before, so that a lost answer loses nothing.
pub(crate) async fn credential(
    session: &Session,
    identity: &Identity,
    secret: &SecretString,
    roles: &[String],
) -> Done {
    let (api, name) = (session.identity(), identity.resource_name());
    let new = ApplicationCredentialCreate {
        name: name.clone(),
        description: Some(identity.description()),
        secret: Some(secret.clone()),
        roles: roles.to_vec(),
        unrestricted: true,
        ..ApplicationCredentialCreate::default()
    };
    let find = || api.application_credential_named(&name);
    let created = create_or_find(find, || api.create_application_credential(&new)).await?;
    Ok(done(created, |credential| credential.id.clone()))
}

impl Maker<'_> {
    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn need<T: Clone>(
        &self,
        what: &'static str,
        of: impl Fn(&Made) -> &Option<T>,
    ) -> Result<T, Error> {
        of(&self.made()).clone().ok_or(Error::Order(what))
    }

    /// Id of the server.
    pub(crate) fn server(&self) -> Result<String, Error> {
        self.need("the server", |made| &made.server)
    }

    /// The address the API is reached by.
    pub(crate) fn public_address(&self) -> Result<IpAddr, Error> {
        Ok(self.need("the floating IP", |made| &made.address)?.1)
    }

    fn name(&self) -> String {
        self.identity.resource_name()
    }

    fn ours(&self) -> [(&'static str, String); 2] {
        [
            ("description", self.identity.description()),
            ("project_id", self.session.project_id().to_owned()),
        ]
    }

    pub(crate) async fn server_group(&self) -> Done {
        let (api, name) = (self.session.compute(), self.name());
        let find = || async {
            let mine = |group: &capstan_openstack::compute::ServerGroup| group.name == name;
            Ok(one(
                api.server_groups().await?,
                mine,
                |group| !group.members.is_empty(),
                |group| group.id.clone(),
            ))
        };
        let create = || api.create_server_group(&name, GroupPolicy::SoftAntiAffinity);
        let (outcome, id) = done(create_or_find(find, create).await?, |group| {
            group.id.clone()
        });
        self.made().server_group = Some(id.clone());
        Ok((outcome, id))
    }

    pub(crate) async fn keypair(&self) -> Done {
        let (api, name) = (self.session.compute(), self.name());
        let key = self
            .choices
            .ssh_key
            .as_deref()
            .ok_or(Error::Order("a public key"))?;
        let find = || async {
            Ok(api
                .keypairs()
                .await?
                .into_iter()
                .find(|keypair| keypair.name == name))
        };
        Ok(done(
            create_or_find(find, || api.create_keypair(&name, key)).await?,
            |keypair| keypair.fingerprint.clone(),
        ))
    }

    pub(crate) async fn credential(&self) -> Done {
        credential(
            self.session,
            self.identity,
            self.credential,
            &self.choices.roles,
        )
        .await
    }

    pub(crate) async fn volume(&self) -> Done {
        let api = self.session.volume();
        let volume = self
            .choices
            .volume
            .as_ref()
            .ok_or(Error::Order("a volume"))?;
        let new = VolumeCreate {
            name: self.name(),
            size: volume.size,
            metadata: self.identity.metadata(),
            volume_type: volume.kind.clone(),
            image_id: Some(self.choices.image.id.clone()),
            availability_zone: self.choices.availability_zone.clone(),
        };
        let find = || async {
            let mine = |volume: &capstan_openstack::volume::Volume| {
                self.identity.owns_metadata(&volume.metadata) && !volume.status.starts_with("error")
            };
            Ok(one(
                api.volumes().await?,
                mine,
                |volume| volume.status == "in-use",
                |volume| volume.id.clone(),
            ))
        };
        let created = create_or_find(find, || api.create_volume(&new)).await?;
        let (outcome, id) = done(created, |volume| volume.id.clone());
        self.made().volume = Some(id.clone());
        Ok((outcome, id))
    }

    /// Waits until the volume that was made can be used; one in use can.
    pub(crate) async fn volume_built(&self, made: (Outcome, String)) -> Done {
        let (api, id) = (self.session.volume(), &made.1);
        if api.volume(id).await?.status != "in-use" {
            api.wait_for_volume(id, Wait::limit(BUILD_LIMIT)).await?;
        }
        Ok(made)
    }

    pub(crate) async fn create_server(&self) -> Done {
        let api = self.session.compute();
        let metadata = self.identity.metadata();
        let wanted: Vec<_> = metadata
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        let new = self.server_create()?;
        // One that failed to build never recovers by itself; it holds nothing yet.
        for failed in api
            .servers_with_metadata(&wanted)
            .await?
            .iter()
            .filter(|server| server.status == "ERROR")
        {
            api.delete_server(&failed.id).await?;
            api.wait_for_server_gone(&failed.id, Wait::limit(GONE_LIMIT))
                .await?;
        }
        let find = || async {
            let servers = api.servers_with_metadata(&wanted).await?;
            Ok(one(
                servers,
                |_| true,
                |server| server.status == "ACTIVE",
                |server| server.id.clone(),
            )
            .map(|server| server.id))
        };
        let (outcome, id) = done(
            create_or_find(find, || api.create_server(&new)).await?,
            Clone::clone,
        );
        self.made().server = Some(id.clone());
        Ok((outcome, id))
    }

    fn server_create(&self) -> Result<ServerCreate, Error> {
        let (port, private_address) = self.need("the port", |made| &made.port)?;
        let mtu = self.made().mtu;
        let public_address = self.public_address()?;
        let proxy = self.choices.proxy.clone().map(|mut proxy| {
            proxy.no_proxy.push(public_address.to_string());
            proxy
        });
        let facts = Facts {
            identity: self.identity,
            pki: self.pki,
            public_address,
            private_address,
            kubernetes_version: &self.choices.kubernetes_version,
            pod_cidr: self.choices.pod_cidr,
            service_cidr: self.choices.service_cidr,
            mtu: mtu.unwrap_or(self.choices.mtu),
            mirror: self.choices.mirror.as_ref(),
            proxy: proxy.as_ref(),
            base: self.base,
        };
        let volume = self.made().volume.clone();
        Ok(ServerCreate {
            name: self.name(),
            flavor_id: self.choices.flavor.id.clone(),
            image_id: volume.is_none().then(|| self.choices.image.id.clone()),
            block_devices: volume
                .iter()
                .map(|id| BlockDevice::existing_boot_volume(id))
                .collect(),
            key_name: self.choices.ssh_key.as_ref().map(|_| self.name()),
            user_data: Some(self.engine.render(&facts)?.document()?),
            metadata: self.identity.metadata(),
            networks: vec![ServerNetwork::Port(port)],
            availability_zone: self.choices.availability_zone.clone(),
            server_group: Some(self.need("the server group", |made| &made.server_group)?),
            ..ServerCreate::default()
        })
    }

    pub(crate) async fn running(&self) -> Done {
        let (api, id) = (self.session.compute(), self.server()?);
        if api.server(&id).await?.status == "SHUTOFF" {
            api.server_action(&id, ServerAction::Start).await?;
        }
        api.wait_for_server(
            &id,
            Wait {
                longest: Duration::from_secs(2),
                ..Wait::limit(BUILD_LIMIT)
            },
        )
        .await?;
        Ok((Outcome::Reached, String::new()))
    }
}
