//! The choices of `capstan up`: each is a flag and a line of a settings file; what is not chosen is found out or asked.
//!
//! Order of precedence: flags, the file given by `--settings`, the per-server file of the user's configuration directory,
//! what an earlier run of `up` for the same server recorded.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::proxy::{self, ProxyUrl};

/// Where images and files come from instead of the internet: what air-gapped clouds have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mirror {
    /// Base URL of files, laid out as `<files>/<component>/<version>/<file>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<String>,
    /// OCI registry that serves every upstream image under its path, e.g. `http://198.18.0.2:5001`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
}

impl From<&Mirror> for capstan_spec::Mirror {
    fn from(mirror: &Mirror) -> Self {
        Self {
            files: mirror.files.clone(),
            registry: mirror.registry.clone(),
        }
    }
}

/// All choices; `None` and empty lists mean "not chosen".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// External network the router and the floating IP use, and clusters that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_network: Option<String>,
    /// Range of the server's own network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_cidr: Option<IpNet>,
    /// Name servers of that network; empty: what the cloud gives.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<std::net::IpAddr>,
    /// Image: a Cluster API node image, or a vanilla Debian or Ubuntu.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Flavor, at least 2 vCPU and 4 GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flavor: Option<String>,
    /// Availability zone of server and volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// Root volume in GiB, used where the flavor has no disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_size: Option<u64>,
    /// Type of that volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<String>,
    /// Who may reach the API.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_cidr: Vec<IpNet>,
    /// Public key that may log in, in OpenSSH's format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_key: Option<String>,
    /// Who may reach port 22; only together with a key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssh_cidr: Vec<IpNet>,
    /// Kubernetes of a vanilla image; a node image brings its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes_version: Option<String>,
    /// Range of the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_cidr: Option<IpNet>,
    /// Range of the services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_cidr: Option<IpNet>,
    /// From where the server reaches OpenStack and the APIs of its clusters, beside the floating IP of one that `up` makes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub egress_cidr: Vec<IpNet>,
    /// Mirror of images and files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Mirror>,
    /// Proxy through which the server and what is installed on it reach the web. The password in it stays in the record.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "proxy::exposed"
    )]
    pub proxy: Option<ProxyUrl>,
    /// What is reached without it, beside what [`ServerProxy`](proxy::ServerProxy) finds out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_proxy: Vec<String>,
    /// SHA-256 of published files, by `<component>/<version>/<file>`, where the catalogue knows none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub checksum: BTreeMap<String, String>,
}

/// A settings file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not YAML, or not these settings. The message holds line, column and the line itself.
    #[error("failed to read settings from {origin}: {message}")]
    Content {
        /// File name, for the message.
        origin: String,
        /// What the parser says.
        message: String,
        /// The key that was probably meant.
        meant: Option<&'static str>,
    },
}

impl SettingsError {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        let Self::Content { meant, .. } = self;
        meant.map_or_else(
            || format!("the keys are {}", Settings::KEYS.join(", ")),
            |meant| format!("did you mean {meant}?"),
        )
    }
}

impl Settings {
    /// Every key a settings file may have.
    pub const KEYS: &'static [&'static str] = &[
        "externalNetwork",
        "networkCidr",
        "dns",
        "image",
        "flavor",
        "availabilityZone",
        "volumeSize",
        "volumeType",
        "apiCidr",
        "sshKey",
        "sshCidr",
        "kubernetesVersion",
        "podCidr",
        "serviceCidr",
        "egressCidr",
        "mirror",
        "proxy",
        "noProxy",
        "checksum",
    ];

    /// What is chosen here and means nothing where nothing is made but installed on an existing cluster.
    pub fn of_made_servers(&self) -> Vec<&'static str> {
        let chosen = [
            ("networkCidr", self.network_cidr.is_some()),
            ("image", self.image.is_some()),
            ("flavor", self.flavor.is_some()),
            ("availabilityZone", self.availability_zone.is_some()),
            ("volumeSize", self.volume_size.is_some()),
            ("volumeType", self.volume_type.is_some()),
            ("apiCidr", !self.api_cidr.is_empty()),
            ("sshKey", self.ssh_key.is_some()),
            ("sshCidr", !self.ssh_cidr.is_empty()),
            ("kubernetesVersion", self.kubernetes_version.is_some()),
            ("podCidr", self.pod_cidr.is_some()),
            ("serviceCidr", self.service_cidr.is_some()),
        ];
        chosen
            .into_iter()
            .filter_map(|(key, said)| said.then_some(key))
            .collect()
    }

    /// Reads a settings file; `origin` names it in messages.
    ///
    /// # Errors
    /// With line, column and the key that was probably meant.
    pub fn parse(text: &str, origin: &str) -> Result<Self, SettingsError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text).map_err(|error| {
            let message = proxy::without_passwords(&error.to_string());
            let unknown = message
                .split_once("unknown field `")
                .and_then(|(_, rest)| rest.split_once('`'))
                .map(|(key, _)| key);
            let meant =
                unknown.and_then(|key| capstan_openstack::closest(key, Self::KEYS.iter().copied()));
            SettingsError::Content {
                origin: origin.to_owned(),
                message,
                meant,
            }
        })
    }

    /// Fills what is not chosen here from `below`.
    #[must_use]
    pub fn or(self, below: Self) -> Self {
        fn list<T>(ours: Vec<T>, below: Vec<T>) -> Vec<T> {
            if ours.is_empty() { below } else { ours }
        }
        Self {
            external_network: self.external_network.or(below.external_network),
            network_cidr: self.network_cidr.or(below.network_cidr),
            dns: list(self.dns, below.dns),
            image: self.image.or(below.image),
            flavor: self.flavor.or(below.flavor),
            availability_zone: self.availability_zone.or(below.availability_zone),
            volume_size: self.volume_size.or(below.volume_size),
            volume_type: self.volume_type.or(below.volume_type),
            api_cidr: list(self.api_cidr, below.api_cidr),
            ssh_key: self.ssh_key.or(below.ssh_key),
            ssh_cidr: list(self.ssh_cidr, below.ssh_cidr),
            kubernetes_version: self.kubernetes_version.or(below.kubernetes_version),
            pod_cidr: self.pod_cidr.or(below.pod_cidr),
            service_cidr: self.service_cidr.or(below.service_cidr),
            egress_cidr: list(self.egress_cidr, below.egress_cidr),
            mirror: match (self.mirror, below.mirror) {
                (Some(ours), Some(below)) => Some(Mirror {
                    files: ours.files.or(below.files),
                    registry: ours.registry.or(below.registry),
                }),
                (ours, below) => ours.or(below),
            },
            proxy: self.proxy.or(below.proxy),
            no_proxy: list(self.no_proxy, below.no_proxy),
            checksum: {
                let mut all = below.checksum;
                all.extend(self.checksum);
                all
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_answered_with_line_and_what_was_meant() {
        let error =
            Settings::parse("image: debian-12\nflavour: m1.small\n", "demo.yaml").unwrap_err();
        assert_eq!(error.hint(), "did you mean flavor?");
        let text = error.to_string();
        assert!(
            text.contains("demo.yaml") && text.contains("line 2") && text.contains("flavour"),
            "{text}"
        );
    }

    #[test]
    fn every_key_is_known_and_listed() {
        let text = "externalNetwork: public\nnetworkCidr: 10.0.0.0/24\ndns: [9.9.9.9]\nimage: i\nflavor: f\n\
                    availabilityZone: z\nvolumeSize: 40\nvolumeType: ssd\napiCidr: [192.0.2.0/24]\nsshKey: ssh-ed25519 A a\n\
                    sshCidr: [192.0.2.1/32]\nkubernetesVersion: v1.36.3\npodCidr: 10.244.0.0/16\nserviceCidr: 10.96.0.0/12\n\
                    egressCidr: [198.51.100.9/32]\nmirror: {files: 'http://m', registry: 'http://r'}\nproxy: 'http://p'\nnoProxy: [a]\nchecksum: {a/v1/b: '00'}\n";
        let settings = Settings::parse(text, "all").unwrap();
        let serde_json::Value::Object(written) = serde_json::to_value(&settings).unwrap() else {
            unreachable!()
        };
        let mut keys: Vec<_> = written.keys().map(String::as_str).collect();
        let mut known = Settings::KEYS.to_vec();
        keys.sort_unstable();
        known.sort_unstable();
        assert_eq!(keys, known);
        assert_eq!(Settings::default().or(settings.clone()), settings);
        let for_any = [
            "externalNetwork",
            "dns",
            "egressCidr",
            "mirror",
            "proxy",
            "noProxy",
            "checksum",
        ];
        let mut for_made = settings.of_made_servers();
        for_made.extend(for_any);
        for_made.sort_unstable();
        assert_eq!(for_made, known, "each key is for made servers or for any");
    }

    #[test]
    fn what_is_nearer_wins() {
        let near = Settings::parse("image: near\nmirror: {files: 'http://near'}", "a").unwrap();
        let far = Settings::parse(
            "image: far\nflavor: far\nmirror: {registry: 'http://far'}",
            "b",
        )
        .unwrap();
        let both = near.or(far);
        assert_eq!(both.image.as_deref(), Some("near"));
        assert_eq!(both.flavor.as_deref(), Some("far"));
        assert_eq!(both.mirror.unwrap().registry.as_deref(), Some("http://far"));
        assert_eq!(Settings::parse("", "empty").unwrap(), Settings::default());
    }
}
