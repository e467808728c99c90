//! The service catalogue: where each service is.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::{CloudConfig, Interface};

/// The services this crate talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Service {
    /// Keystone.
    Identity,
    /// Nova.
    Compute,
    /// Neutron.
    Network,
    /// Glance.
    Image,
    /// Cinder.
    Volume,
    /// Octavia.
    LoadBalancer,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 6] = [
        Self::Identity,
        Self::Compute,
        Self::Network,
        Self::Image,
        Self::Volume,
        Self::LoadBalancer,
    ];

    /// The official service type and its former names, in the order they are looked for.
    fn types(self) -> &'static [&'static str] {
        match self {
            Self::Identity => &["identity"],
            Self::Compute => &["compute"],
            Self::Network => &["network"],
            Self::Image => &["image"],
            Self::Volume => &["block-storage", "volumev3", "block-store", "volume"],
            Self::LoadBalancer => &["load-balancer"],
        }
    }

    /// The API version that an endpoint without one stands for.
    fn version(self) -> &'static str {
        match self {
            Self::Identity | Self::Volume => "v3",
            Self::Compute => "v2.1",
            Self::Network => "v2.0",
            Self::Image | Self::LoadBalancer => "v2",
        }
    }

    /// The microversion every call is made with, so that answers have one shape on every cloud.
    /// Nova 2.79 and Cinder 3.59 are of OpenStack Train (October 2019).
    pub(crate) fn microversion(self) -> Option<&'static str> {
        match self {
            Self::Compute => Some("compute 2.79"),
            Self::Volume => Some("volume 3.59"),
            _ => None,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.types()[0])
    }
}

/// The catalogue of a token.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Catalog(Vec<Entry>);

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    service_type: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, Deserialize)]
struct Endpoint {
    interface: String,
    url: String,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    region_id: Option<String>,
}

impl Endpoint {
    fn region(&self) -> Option<&str> {
        self.region_id.as_deref().or(self.region.as_deref())
    }
}

impl Catalog {
    /// Every region that has an endpoint of this interface.
    pub(crate) fn regions(&self, interface: Interface) -> BTreeSet<String> {
        let interface = interface.to_string();
        self.0
            .iter()
            .flat_map(|entry| &entry.endpoints)
            .filter(|endpoint| endpoint.interface == interface)
            .filter_map(|endpoint| endpoint.region().map(str::to_owned))
            .collect()
    }

    /// The base URL of a service, version included, or why there is none.
    pub(crate) fn endpoint(
        &self,
        service: Service,
        config: &CloudConfig,
        region: Option<&str>,
    ) -> Result<Url, String> {
        // Keystone is where it answered us; many clouds announce one that only they can reach.
        if service == Service::Identity {
            return Ok(config.auth_url.clone());
        }
        if let Some(url) = service
            .types()
            .iter()
            .find_map(|name| config.endpoint_overrides.get(*name))
        {
            return Ok(versioned(service, url.clone()));
        }
        let interface = config.interface.to_string();
        let found = service.types().iter().find_map(|name| {
            self.0
                .iter()
                .filter(|entry| entry.service_type == *name)
                .flat_map(|entry| &entry.endpoints)
                .find(|endpoint| {
                    endpoint.interface == interface
                        && (region.is_none() || endpoint.region() == region)
                })
        });
        let Some(endpoint) = found else {
            let place = region
                .map(|region| format!(" in region {region}"))
                .unwrap_or_default();
            return Err(format!(
                "the cloud's catalogue has no {interface} {service} endpoint{place}"
            ));
        };
        Url::parse(&endpoint.url)
            .map(|url| versioned(service, url))
            .map_err(|error| {
                format!(
                    "the catalogue's {service} endpoint {:?} is not a URL: {error}",
                    endpoint.url
                )
            })
    }
}

/// The URL with an API version in its path.
fn versioned(service: Service, mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/').to_owned();
    let is_version = |segment: &str| {
        segment
            .strip_prefix('v')
            .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    };
    let path = if !path.split('/').any(is_version) {
        format!("{path}/{}", service.version())
    } else if service == Service::Compute {
        // /v2 is Nova's old API, which knows no microversions.
        path.split('/')
            .map(|segment| if segment == "v2" { "v2.1" } else { segment })
            .collect::<Vec<_>>()
            .join("/")
    } else {
        path
    };
    url.set_path(&path);
    url.set_query(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(Service::Image, "http://c:9292", "http://c:9292/v2")]
    #[case(Service::Network, "https://c/networking/", "https://c/networking/v2.0")]
    #[case(Service::Network, "https://c:9696/v2.0/", "https://c:9696/v2.0")]
    #[case(
        Service::Compute,
        "https://c/compute/v2/abc",
        "https://c/compute/v2.1/abc"
    )]
    #[case(Service::Compute, "https://c:8774/v2.1", "https://c:8774/v2.1")]
    #[case(Service::Volume, "https://c:8776/v3/abc", "https://c:8776/v3/abc")]
    #[case(
        Service::LoadBalancer,
        "https://vip.example/lb",
        "https://vip.example/lb/v2"
    )]
    fn versions(#[case] service: Service, #[case] url: &str, #[case] wanted: &str) {
        assert_eq!(versioned(service, url.parse().unwrap()).as_str(), wanted);
    }
}
