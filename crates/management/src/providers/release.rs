//! Which provider in which version, and which file it comes in.

use capstan_catalog::{Catalogue, CatalogueError};

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
    /// Checksum of the published manifest; needed when it comes from the internet.
    pub sha256: Option<String>,
}

impl Release {
    /// A release without a known checksum.
    pub fn new(kind: ProviderKind, name: &str, version: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            version: version.to_owned(),
            sha256: None,
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
    pub fn manifest(&self) -> ManifestFile {
        self.file(self.kind.file(), self.sha256.clone())
    }

    /// The file that says which minor speaks which contract; clusterctl reads it.
    pub fn metadata(&self) -> ManifestFile {
        self.file("metadata.yaml", None)
    }

    fn file(&self, name: &str, sha256: Option<String>) -> ManifestFile {
        ManifestFile {
            component: self.component().to_owned(),
            version: self.version.clone(),
            file: name.to_owned(),
            upstream: format!(
                "https://github.com/kubernetes-sigs/{}/releases/download",
                self.component()
            ),
            sha256,
        }
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.label(), self.version)
    }
}

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFile {
    /// First folder of a mirror.
    pub component: String,
    /// Second folder of a mirror.
    pub version: String,
    /// Name.
    pub file: String,
    /// What upstream's URL begins with, before the version.
    pub upstream: String,
    /// Checksum of upstream's file.
    pub sha256: Option<String>,
}

impl ManifestFile {
    /// `component/version/file`.
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.component, self.version, self.file)
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
pub fn resource_controller(version: &str) -> ManifestFile {
    ManifestFile {
        component: "openstack-resource-controller".to_owned(),
        version: version.to_owned(),
        file: "crds.yaml".to_owned(),
        upstream: "https://github.com/k-orc/openstack-resource-controller/releases/download"
            .to_owned(),
        sha256: None,
    }
}
