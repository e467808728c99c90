//! Which provider in which version, and which file it comes in.

use capstan_catalog::{Artifact, Catalogue, CatalogueError};

/// What a provider does, in clusterctl's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderKind {
    /// Cluster API itself.
    Core,
    /// Makes machines into nodes.
    Bootstrap,
    /// Runs control planes.
    ControlPlane,
    /// Makes machines.
    Infrastructure,
}

impl ProviderKind {
    /// The `type` of clusterctl's inventory objects.
    pub const fn as_clusterctl_type(self) -> &'static str {
        match self {
            Self::Core => "CoreProvider",
            Self::Bootstrap => "BootstrapProvider",
            Self::ControlPlane => "ControlPlaneProvider",
            Self::Infrastructure => "InfrastructureProvider",
        }
    }

    /// The kind of a `type`; `None` for those that Capstan installs none of (add-ons, IPAM, runtime extensions).
    pub fn from_clusterctl_type(text: &str) -> Option<Self> {
        [
            Self::Core,
            Self::Bootstrap,
            Self::ControlPlane,
            Self::Infrastructure,
        ]
        .into_iter()
        .find(|kind| kind.as_clusterctl_type() == text)
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Core => "",
            Self::Bootstrap => "bootstrap-",
            Self::ControlPlane => "control-plane-",
            Self::Infrastructure => "infrastructure-",
        }
    }

    const fn file(self) -> &'static str {
        match self {
            Self::Core => "core-components.yaml",
            Self::Bootstrap => "bootstrap-components.yaml",
            Self::ControlPlane => "control-plane-components.yaml",
            Self::Infrastructure => "infrastructure-components.yaml",
        }
    }
}

/// A release of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// What it does.
    pub kind: ProviderKind,
    /// Name in clusterctl's words: `cluster-api`, `kubeadm`, `openstack`.
    pub name: String,
    /// Version with `v`.
    pub version: String,
}

impl Release {
    /// A release.
    pub fn new(kind: ProviderKind, name: &str, version: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            version: version.to_owned(),
        }
    }

    /// The value of the label `cluster.x-k8s.io/provider`, and the name of the inventory object.
    pub fn label(&self) -> String {
        format!("{}{}", self.kind.prefix(), self.name)
    }

    fn component(&self) -> &'static str {
        if self.kind == ProviderKind::Infrastructure {
            "cluster-api-provider-openstack"
        } else {
            "cluster-api"
        }
    }

    /// The file with its objects.
    ///
    /// # Errors
    /// If the catalogue does not know where such a file is published.
    pub fn manifest(&self, catalogue: &Catalogue) -> Result<Artifact, CatalogueError> {
        catalogue.artifact(self.component(), &self.version, self.kind.file())
    }

    /// The file that says which minor speaks which contract; clusterctl reads it.
    ///
    /// # Errors
    /// As [`Release::manifest`].
    pub fn metadata(&self, catalogue: &Catalogue) -> Result<Artifact, CatalogueError> {
        catalogue.artifact(self.component(), &self.version, "metadata.yaml")
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.label(), self.version)
    }
}

/// The four providers of a management server, in Cluster API's and the OpenStack provider's version.
pub fn default_releases(cluster_api: &str, openstack: &str) -> Vec<Release> {
    vec![
        Release::new(ProviderKind::Core, "cluster-api", cluster_api),
        Release::new(ProviderKind::Bootstrap, "kubeadm", cluster_api),
        Release::new(ProviderKind::ControlPlane, "kubeadm", cluster_api),
        Release::new(ProviderKind::Infrastructure, "openstack", openstack),
    ]
}

/// The four providers in the versions of the catalogue.
///
/// # Errors
/// If the catalogue does not know one, which is a fault of this build.
pub fn catalogued_releases(catalogue: &Catalogue) -> Result<Vec<Release>, CatalogueError> {
    Ok(default_releases(
        catalogue.management_component("cluster-api")?,
        catalogue.management_component("cluster-api-provider-openstack")?,
    ))
}

/// The definitions of the OpenStack resource controller. The OpenStack provider watches its `Image` and ends at start
/// when that kind is missing; the controller itself is not needed as long as images are named by id.
///
/// # Errors
/// If the catalogue does not know it, which is a fault of this build.
pub fn resource_controller(catalogue: &Catalogue) -> Result<Artifact, CatalogueError> {
    let component = "openstack-resource-controller";
    let version = catalogue.management_component(component)?;
    catalogue.artifact(component, version, "crds.yaml")
}
