//! What a cloud offers, read at once: for "only one choice makes sense" and "did you mean".

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    Quota, Session,
    compute::Flavor,
    error::Error,
    image::Image,
    load_balancer::{LoadBalancerFlavor, LoadBalancerProvider},
    names::closest,
    network::Network,
    session::Service,
    volume::VolumeType,
};

/// Availability zones by service, sorted. A service without zones has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zones {
    /// For servers.
    pub compute: Vec<String>,
    /// For networks and routers.
    pub network: Vec<String>,
    /// For volumes.
    pub volume: Vec<String>,
    /// For load balancers.
    pub load_balancer: Vec<String>,
}

/// What a cloud offers to the project. Holds no secret, so that it may be kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Inventory {
    /// Services in the catalogue.
    pub services: BTreeSet<Service>,
    /// Regions of the catalogue, sorted.
    pub regions: Vec<String>,
    /// Flavors, smallest first (cores, then memory, then name).
    pub flavors: Vec<Flavor>,
    /// Images that can be used, by name, newest first.
    pub images: Vec<Image>,
    /// Networks the project sees, external ones included, by name.
    pub networks: Vec<Network>,
    /// Availability zones.
    pub zones: Zones,
    /// Types of volumes.
    pub volume_types: Vec<VolumeType>,
    /// What makes load balancers; empty without Octavia.
    pub load_balancer_providers: Vec<LoadBalancerProvider>,
    /// Sizes of load balancers.
    pub load_balancer_flavors: Vec<LoadBalancerFlavor>,
    /// Aliases of Neutron's extensions.
    pub extensions: BTreeSet<String>,
    /// The project's quota.
    pub quota: Quota,
}

/// What there is to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice<'a, T> {
    /// Nothing fits.
    None,
    /// Only this one: no need to ask.
    One(&'a T),
    /// Somebody has to say which.
    Several(Vec<&'a T>),
}

impl<'a, T> FromIterator<&'a T> for Choice<'a, T> {
    fn from_iter<I: IntoIterator<Item = &'a T>>(items: I) -> Self {
        let items: Vec<_> = items.into_iter().collect();
        match items.as_slice() {
            [] => Self::None,
            [only] => Self::One(only),
            _ => Self::Several(items),
        }
    }
}

/// A name that the cloud does not know, or knows several times.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub struct Unknown {
    /// Of what, for example "flavor".
    pub what: &'static str,
    /// The name or id asked for.
    pub wanted: String,
    /// How many have this name: 0, or more than one.
    pub matches: usize,
    /// The one that was probably meant.
    pub close: Option<String>,
    /// Every name there is, sorted.
    pub known: Vec<String>,
}

impl Unknown {
    fn told(&self) -> String {
        let Self {
            what,
            wanted,
            matches,
            close,
            known,
        } = self;
        if *matches > 1 {
            return format!(
                "failed to choose {what} {wanted:?}: {matches} have this name, give the id"
            );
        }
        let meant = close
            .as_ref()
            .map(|close| format!("; did you mean {close:?}?"))
            .unwrap_or_default();
        if known.is_empty() {
            format!("failed to find {what} {wanted:?}: the cloud has none")
        } else {
            format!("failed to find {what} {wanted:?}{meant}")
        }
    }

    /// What a human can do about it.
    pub fn hint(&self) -> String {
        format!(
            "the cloud has {}",
            if self.known.is_empty() {
                "none".to_owned()
            } else {
                self.known.join(", ")
            }
        )
    }
}

impl Inventory {
    /// A flavor by name or id.
    pub fn flavor(&self, wanted: &str) -> Result<&Flavor, Unknown> {
        pick(
            "flavor",
            wanted,
            &self.flavors,
            |flavor| &flavor.id,
            |flavor| &flavor.name,
        )
    }

    /// An image by name or id.
    pub fn image(&self, wanted: &str) -> Result<&Image, Unknown> {
        pick(
            "image",
            wanted,
            &self.images,
            |image| &image.id,
            Image::label,
        )
    }

    /// A network by name or id.
    pub fn network(&self, wanted: &str) -> Result<&Network, Unknown> {
        pick(
            "network",
            wanted,
            &self.networks,
            |network| &network.id,
            |network| &network.name,
        )
    }

    /// An external network by name or id.
    pub fn external_network(&self, wanted: &str) -> Result<&Network, Unknown> {
        let external: Vec<_> = self
            .networks
            .iter()
            .filter(|network| network.external)
            .collect();
        pick(
            "external network",
            wanted,
            external,
            |network| &network.id,
            |network| &network.name,
        )
    }

    /// The networks floating IPs can come from.
    pub fn external_networks(&self) -> Choice<'_, Network> {
        self.networks
            .iter()
            .filter(|network| network.external)
            .collect()
    }

    /// A type of volumes by name or id.
    pub fn volume_type(&self, wanted: &str) -> Result<&VolumeType, Unknown> {
        pick(
            "volume type",
            wanted,
            &self.volume_types,
            |kind| &kind.id,
            |kind| &kind.name,
        )
    }

    /// A maker of load balancers by name.
    pub fn load_balancer_provider(&self, wanted: &str) -> Result<&LoadBalancerProvider, Unknown> {
        let providers = &self.load_balancer_providers;
        pick(
            "load balancer provider",
            wanted,
            providers,
            |provider| &provider.name,
            |provider| &provider.name,
        )
    }

    /// A size of load balancers by name or id.
    pub fn load_balancer_flavor(&self, wanted: &str) -> Result<&LoadBalancerFlavor, Unknown> {
        pick(
            "load balancer flavor",
            wanted,
            &self.load_balancer_flavors,
            |flavor| &flavor.id,
            |flavor| &flavor.name,
        )
    }

    /// A zone for servers.
    pub fn compute_zone(&self, wanted: &str) -> Result<&String, Unknown> {
        zone("availability zone", wanted, &self.zones.compute)
    }

    /// A zone for volumes.
    pub fn volume_zone(&self, wanted: &str) -> Result<&String, Unknown> {
        zone("availability zone of volumes", wanted, &self.zones.volume)
    }

    /// A zone for load balancers.
    pub fn load_balancer_zone(&self, wanted: &str) -> Result<&String, Unknown> {
        let what = "availability zone of load balancers";
        zone(what, wanted, &self.zones.load_balancer)
    }

    /// Whether Neutron has an extension.
    pub fn has_extension(&self, alias: &str) -> bool {
        self.extensions.contains(alias)
    }
}

fn zone<'a>(what: &'static str, wanted: &str, zones: &'a [String]) -> Result<&'a String, Unknown> {
    pick(what, wanted, zones, |zone| zone, |zone| zone)
}

/// The one whose id or whose name is `wanted`; an id wins over a name.
pub(crate) fn pick<'a, T>(
    what: &'static str,
    wanted: &str,
    items: impl IntoIterator<Item = &'a T>,
    id: impl Fn(&T) -> &str,
    name: impl Fn(&T) -> &str,
) -> Result<&'a T, Unknown> {
    let items: Vec<&T> = items.into_iter().collect();
    if let Some(found) = items.iter().find(|item| id(item) == wanted) {
        return Ok(found);
    }
    let named: Vec<&T> = items
        .iter()
        .copied()
        .filter(|item| name(item) == wanted)
        .collect();
    if let [only] = named.as_slice() {
        return Ok(only);
    }
    let known: BTreeSet<String> = items.iter().map(|item| name(item).to_owned()).collect();
    Err(Unknown {
        what,
        wanted: wanted.to_owned(),
        matches: named.len(),
        close: closest(wanted, known.iter()).map(str::to_owned),
        known: known.into_iter().collect(),
    })
}

impl Session {
    /// Reads what the cloud offers, everything at once.
    pub async fn inventory(&self) -> Result<Inventory, Error> {
        let (compute, network, image) = (self.compute(), self.network(), self.image());
        let (volume, balancer) = (
            self.has(Service::Volume).await,
            self.has(Service::LoadBalancer).await,
        );
        let (volumes, balancers) = (self.volume(), self.load_balancer());
        // All at once: each service is another program, and none has to wait for another.
        let of_servers = async {
            tokio::try_join!(
                compute.flavors(),
                image.images(&[]),
                network.networks(&[]),
                network.extensions(),
                network.availability_zones(),
                compute.availability_zones(),
                self.quota(),
            )
        };
        let of_volumes = async {
            tokio::try_join!(
                offered(volume, volumes.volume_types()),
                offered(volume, volumes.availability_zones()),
            )
        };
        let of_balancers = async {
            tokio::try_join!(
                offered(balancer, balancers.providers()),
                offered(balancer, balancers.flavors()),
                offered(balancer, balancers.availability_zones()),
            )
        };
        let (servers, of_volumes, of_balancers) =
            tokio::try_join!(Box::pin(of_servers), of_volumes, of_balancers)?;
        let (mut flavors, mut images, mut networks, extensions, network_zones, zones, quota) =
            servers;
        let (volume_types, volume_zones) = of_volumes;
        let (providers, balancer_flavors, balancer_zones) = of_balancers;
        flavors.sort_by(|a, b| (a.vcpus, a.ram, &a.name).cmp(&(b.vcpus, b.ram, &b.name)));
        images.retain(Image::is_usable);
        images.sort_by(|a, b| (a.label(), b.created_at).cmp(&(b.label(), a.created_at)));
        networks.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        let network_zones: BTreeSet<_> = network_zones
            .into_iter()
            .filter(|zone| zone.state == "available")
            .map(|zone| zone.name)
            .collect();
        let mut services = BTreeSet::new();
        for service in Service::ALL {
            if self.has(service).await {
                services.insert(service);
            }
        }
        Ok(Inventory {
            services,
            regions: self.regions().to_vec(),
            flavors,
            images,
            networks,
            zones: Zones {
                compute: zones,
                network: network_zones.into_iter().collect(),
                volume: volume_zones,
                load_balancer: balancer_zones,
            },
            volume_types,
            load_balancer_providers: providers,
            load_balancer_flavors: balancer_flavors,
            extensions,
            quota,
        })
    }
}

/// The list of a service that may not be there.
async fn offered<T>(
    there: bool,
    list: impl Future<Output = Result<Vec<T>, Error>>,
) -> Result<Vec<T>, Error> {
    if there { list.await } else { Ok(Vec::new()) }
}

impl fmt::Display for Zones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [
            ("compute", &self.compute),
            ("network", &self.network),
            ("volume", &self.volume),
            ("load balancer", &self.load_balancer),
        ];
        for (index, (service, zones)) in lists.iter().enumerate() {
            let zones = if zones.is_empty() {
                "none".to_owned()
            } else {
                zones.join(", ")
            };
            write!(
                f,
                "{}{service}: {zones}",
                if index == 0 { "" } else { "; " }
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(names: &[(&str, &str)]) -> Vec<VolumeType> {
        names
            .iter()
            .map(|(id, name)| VolumeType {
                id: (*id).to_owned(),
                name: (*name).to_owned(),
            })
            .collect()
    }

    #[test]
    fn picks_by_id_and_by_name_and_tells_twins_apart() {
        let known = types(&[("1", "fast"), ("2", "slow"), ("3", "twin"), ("4", "twin")]);
        let by = |wanted: &str| {
            pick(
                "volume type",
                wanted,
                &known,
                |kind| &kind.id,
                |kind| &kind.name,
            )
            .map(|kind| kind.id.clone())
        };
        assert_eq!(by("2").unwrap(), "2");
        assert_eq!(by("fast").unwrap(), "1");
        let unknown = by("fasd").unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "failed to find volume type \"fasd\"; did you mean \"fast\"?"
        );
        assert_eq!(unknown.hint(), "the cloud has fast, slow, twin");
        assert_eq!(by("twin").unwrap_err().matches, 2);
    }

    #[test]
    fn a_choice_is_only_made_when_there_is_one() {
        let known = types(&[("1", "a"), ("2", "b")]);
        assert!(
            matches!(known.iter().collect::<Choice<'_, _>>(), Choice::Several(several) if several.len() == 2)
        );
        assert!(
            matches!(known.iter().take(1).collect::<Choice<'_, _>>(), Choice::One(one) if one.id == "1")
        );
        assert!(matches!(
            known.iter().take(0).collect::<Choice<'_, _>>(),
            Choice::None
        ));
    }
}
