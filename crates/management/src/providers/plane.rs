//! What is installed on a server that `up` made, put together from what `up` knows.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use capstan_catalog::Catalogue;
use capstan_openstack::config::clouds_yaml;
use capstan_spec::cloud::{CloudDefaults, CloudSpec, CredentialMode};
use capstan_spec::{ManagementServerSpec, Mirror, defaults};
use capstan_workload::resource::{Cloud, ManagementServer};
use capstan_workload::surroundings::{SELF, SYSTEM_NAMESPACE};
use ipnet::IpNet;
use kube::core::DynamicObject;
use secrecy::SecretString;

use super::substitution::Variables;
use super::{InstallPlan, ManifestSource, ProviderError, catalogued_releases, own};
use crate::desk::Desk;
use crate::error::Error;
use crate::identity::Identity;
use crate::plan::ranges;
use crate::proxy::ServerProxy;
use crate::state::Record;
use crate::survey::Survey;

/// Name of the entry in the server's own `clouds.yaml`.
const ENTRY: &str = "openstack";
/// Limit for the whole installation; most of it is the pull of five images.
const LIMIT: Duration = Duration::from_mins(10);

/// What decides the installation on one server.
#[derive(Debug, Clone)]
pub struct Plane {
    /// The server.
    pub owner: Identity,
    /// The server's own credentials, with one entry named `openstack`.
    pub clouds_yaml: SecretString,
    /// Authority of the cloud's endpoints, PEM.
    pub cacert: Option<String>,
    /// Defaults for clusters.
    pub defaults: CloudDefaults,
    /// Where artifacts come from.
    pub mirror: Option<Mirror>,
    /// Proxy of everything that is installed.
    pub proxy: Option<ServerProxy>,
    /// Checksums that the caller vouches for; see [`Catalogue::with_checksums`].
    pub checksums: BTreeMap<String, String>,
    /// Addresses from which the server comes.
    pub egress: Vec<IpNet>,
    /// Our controller.
    pub controller: own::Controller,
}

impl Plane {
    /// The plane of a server that `up` made from this machine.
    pub async fn of_server(desk: &Desk, name: &str) -> Result<Self, Error> {
        let survey = Survey::read(&desk.session).await?;
        let files = desk.files(name);
        let missing = || Error::Order("the server's credential");
        let record = files.record()?.ok_or_else(missing)?;
        let secret = files.credential()?.ok_or_else(missing)?;
        let found = survey.of(&record.identity);
        let credential = found.credentials.first().ok_or_else(missing)?;
        let config = desk.session.config();
        let region = desk.session.region();
        let clouds_yaml = clouds_yaml(config, ENTRY, &credential.id, &secret, region, None);
        Self::new(desk, &record, clouds_yaml)
    }

    /// The plane of a server whose credentials are not made yet: good for looking at what would be installed.
    pub(crate) fn without_credentials(desk: &Desk, record: &Record) -> Result<Self, Error> {
        Self::new(desk, record, SecretString::default())
    }

    fn new(desk: &Desk, record: &Record, clouds_yaml: SecretString) -> Result<Self, Error> {
        let settings = &record.settings;
        Ok(Self {
            owner: record.identity.clone(),
            clouds_yaml,
            cacert: desk.session.config().ca.as_ref().map(|ca| ca.pem.clone()),
            defaults: CloudDefaults {
                dns_nameservers: settings.dns.clone(),
                external_network: settings.external_network.clone(),
                load_balancer_provider: None,
            },
            mirror: settings.mirror.as_ref().map(Mirror::from),
            checksums: settings.checksum.clone(),
            egress: egress(record),
            controller: own::Controller::published(),
            proxy: proxy(record)?,
        })
    }

    /// What to install, in the versions of the catalogue.
    pub fn install_plan(&self, catalogue: &Catalogue) -> Result<InstallPlan, ProviderError> {
        Ok(InstallPlan {
            releases: catalogued_releases(catalogue)?,
            catalogue: catalogue.clone().with_checksums(&self.checksums)?,
            source: ManifestSource::of(
                self.mirror.as_ref().and_then(|mirror| mirror.files.clone()),
            ),
            variables: gates(),
            proxy: self.proxy.clone(),
            controller: self.controller.clone(),
            owner: self.owner.clone(),
            objects: self.objects()?,
            limit: LIMIT,
        })
    }

    /// The credentials, the `Cloud` that offers them to clusters, and what the server says of itself.
    fn objects(&self) -> Result<Vec<DynamicObject>, serde_json::Error> {
        let cloud = CloudSpec {
            secret: own::CLOUD_SECRET.to_owned(),
            cloud: ENTRY.to_owned(),
            region: None,
            credentials: CredentialMode::Mint,
            defaults: self.defaults.clone(),
        };
        let server = ManagementServerSpec {
            name: self.owner.name.clone(),
            catalogue: env!("CARGO_PKG_VERSION").to_owned(),
            mirror: self.mirror.clone(),
            egress_cidrs: self.egress.clone(),
        };
        Ok(vec![
            own::cloud_secret(&self.clouds_yaml, self.cacert.as_deref())?,
            object(&Cloud::new(SYSTEM_NAMESPACE, defaults::CLOUD, cloud))?,
            object(&ManagementServer::new(SYSTEM_NAMESPACE, SELF, server))?,
        ])
    }
}

fn object(value: &impl serde::Serialize) -> Result<DynamicObject, serde_json::Error> {
    serde_json::from_value(serde_json::to_value(value)?)
}

/// From where a server comes: what was said, and the floating IP of one that `up` made. An adopted cluster's endpoint is where
/// it is reached, which says nothing about where its pods come from.
fn egress(record: &Record) -> Vec<IpNet> {
    let own = match (&record.adopted, &record.endpoint) {
        (None, Some(endpoint)) => address(endpoint).map(IpNet::from),
        _ => None,
    };
    let said = record.settings.egress_cidr.iter().copied();
    own.into_iter().chain(said).collect()
}

/// The proxy of what is installed. Of a cluster that was there before no range is known; its own API is added in each pod.
fn proxy(record: &Record) -> Result<Option<ServerProxy>, Error> {
    let settings = &record.settings;
    if record.adopted.is_some() {
        return ServerProxy::chosen(settings, &[], None);
    }
    let (network, pods, services) = ranges(settings)?;
    let own = record.endpoint.as_deref().and_then(address);
    ServerProxy::chosen(settings, &[network, pods, services], own)
}

/// The address in `https://<address>:<port>`.
fn address(endpoint: &str) -> Option<IpAddr> {
    let authority = endpoint.strip_prefix("https://")?;
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    host.trim_matches(['[', ']']).parse().ok()
}

/// What is off in the releases and a cluster can need: Flatcar is set up by Ignition.
fn gates() -> Variables {
    let ignition = "EXP_KUBEADM_BOOTSTRAP_FORMAT_IGNITION".to_owned();
    Variables::from([(ignition, "true".to_owned())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_address_is_always_let_in() {
        assert_eq!(
            address("https://198.51.100.7:6443"),
            Some(IpAddr::from([198, 51, 100, 7]))
        );
        assert_eq!(
            address("https://[2001:db8::1]:6443")
                .map(|a| a.to_string())
                .as_deref(),
            Some("2001:db8::1")
        );
    }

    #[test]
    fn the_plan_takes_everything_from_the_mirror_and_offers_one_cloud() {
        let plane = Plane {
            owner: Identity::draw("demo").unwrap(),
            proxy: None,
            checksums: BTreeMap::new(),
            clouds_yaml: "clouds: {openstack: {}}".into(),
            cacert: None,
            defaults: CloudDefaults::default(),
            mirror: Some(Mirror {
                files: Some("http://mirror:8080".into()),
                registry: None,
            }),
            egress: vec!["198.51.100.7/32".parse().unwrap()],
            controller: own::Controller::published(),
        };
        let plan = plane.install_plan(&Catalogue::bundled().unwrap()).unwrap();
        assert!(matches!(&plan.source, ManifestSource::Mirror(url) if url == "http://mirror:8080"));
        let text = serde_json::to_value(&plan.objects).unwrap();
        assert_eq!(text[1]["kind"], "Cloud");
        assert_eq!(text[1]["metadata"]["name"], "default");
        assert_eq!(text[2]["spec"]["egressCidrs"][0], "198.51.100.7/32");
    }
}
