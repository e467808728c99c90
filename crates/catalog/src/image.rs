//! Container images: which one is meant, with and without a mirror.

use std::fmt;
use std::str::FromStr;

use capstan_spec::Mirror;

use crate::KubernetesRelease;

/// A container image in full: `registry.k8s.io/kube-apiserver:v1.36.3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReference {
    /// Host of the registry.
    pub registry: String,
    /// Path within the registry.
    pub path: String,
    /// Tag with its colon, or digest with its `@`.
    pub suffix: String,
}

/// The text names no image in full.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to read image reference {0:?}: expected registry, path and tag or digest")]
pub struct ImageReferenceError(String);

impl FromStr for ImageReference {
    type Err = ImageReferenceError;

    /// Short names as of Docker are refused: in manifests of ours nothing is left to be guessed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ImageReferenceError(text.to_owned());
        let (registry, rest) = text.split_once('/').ok_or_else(error)?;
        let is_host = registry.contains(['.', ':']) || registry == "localhost";
        let cut = match rest.find('@') {
            Some(digest) => digest,
            None => rest.rfind(':').ok_or_else(error)?,
        };
        let (path, suffix) = rest.split_at(cut);
        if !is_host || path.is_empty() || suffix.len() < 2 {
            return Err(error());
        }
        Ok(Self {
            registry: registry.to_owned(),
            path: path.to_owned(),
            suffix: suffix.to_owned(),
        })
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.registry, self.path, self.suffix)
    }
}

impl ImageReference {
    /// The image as the mirror has it: same path behind the mirror's host. Nodes need not be told so, for containerd
    /// does it by itself; a client without containerd must.
    #[must_use]
    pub fn at(&self, mirror: Option<&Mirror>) -> Self {
        match mirror.and_then(|mirror| mirror.registry.as_deref()) {
            None => self.clone(),
            Some(url) => {
                let host = url.split_once("://").map_or(url, |(_, host)| host);
                Self {
                    registry: host.trim_end_matches('/').to_owned(),
                    ..self.clone()
                }
            }
        }
    }
}

/// An image of the Kubernetes project.
fn reference(path: &str, tag: &str) -> ImageReference {
    ImageReference {
        registry: "registry.k8s.io".to_owned(),
        path: path.to_owned(),
        suffix: format!(":{tag}"),
    }
}

/// The cluster autoscaler for clusters of a release.
pub fn autoscaler(release: &KubernetesRelease) -> ImageReference {
    reference(
        "autoscaling/cluster-autoscaler",
        &release.cluster_autoscaler,
    )
}

/// The images that kubeadm pulls for a control plane, in full.
pub fn kubeadm(release: &KubernetesRelease) -> Vec<ImageReference> {
    let version = release.version.to_string();
    [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
    ]
    .into_iter()
    .map(|name| reference(name, &version))
    .chain([
        reference("coredns/coredns", &release.images.coredns),
        reference("pause", &release.images.pause),
        reference("etcd", &release.images.etcd),
    ])
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogue;

    #[test]
    fn references_are_read_and_written() {
        for text in [
            "registry.k8s.io/kube-apiserver:v1.36.3",
            "registry.k8s.io/coredns/coredns:v1.14.2",
            "localhost:5001/a/b:1",
            "ghcr.io/flannel-io/flannel@sha256:00",
        ] {
            assert_eq!(text.parse::<ImageReference>().unwrap().to_string(), text);
        }
        for bad in [
            "busybox",
            "busybox:1",
            "library/busybox:1",
            "registry.k8s.io/pause",
            "registry.k8s.io/:1",
        ] {
            assert!(bad.parse::<ImageReference>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_mirror_keeps_the_path() {
        let mirror = Mirror {
            files: None,
            registry: Some("http://198.18.0.2:5001/".into()),
        };
        let image: ImageReference = "ghcr.io/flannel-io/flannel:v0.26.7".parse().unwrap();
        assert_eq!(
            image.at(Some(&mirror)).to_string(),
            "198.18.0.2:5001/flannel-io/flannel:v0.26.7"
        );
        assert_eq!(image.at(None), image);
    }

    #[test]
    fn the_autoscaler_is_of_the_minor_of_its_cluster() {
        let catalogue = Catalogue::bundled().unwrap();
        for version in catalogue.versions() {
            let image = autoscaler(catalogue.release(version).unwrap()).to_string();
            let minor = format!(":v{}.{}.", version.major, version.minor);
            assert!(image.contains(&minor), "{image} for {version}");
        }
    }

    #[test]
    fn kubeadm_pulls_these() {
        let catalogue = Catalogue::bundled().unwrap();
        let release = catalogue.release("v1.36.3".parse().unwrap()).unwrap();
        let images: Vec<_> = kubeadm(release).iter().map(ToString::to_string).collect();
        let expected = [
            "registry.k8s.io/kube-apiserver:v1.36.3",
            "registry.k8s.io/kube-controller-manager:v1.36.3",
            "registry.k8s.io/kube-scheduler:v1.36.3",
            "registry.k8s.io/kube-proxy:v1.36.3",
            "registry.k8s.io/coredns/coredns:v1.14.2",
            "registry.k8s.io/pause:3.10.2",
            "registry.k8s.io/etcd:3.6.8-0",
        ];
        assert_eq!(images, expected);
    }
}
