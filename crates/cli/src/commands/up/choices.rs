//! The choices of `capstan up` as flags, and as answers to questions.

use std::net::IpAddr;
use std::path::PathBuf;

use capstan_management::plan::Question;
use capstan_management::proxy::ProxyUrl;
use capstan_management::settings::{Mirror, Settings};
use clap::Args;
use ipnet::IpNet;

use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;

/// A flag for every line of a settings file.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Choices (also lines of a settings file)")]
pub(super) struct Choices {
    /// External network of router and floating IP, and of clusters that name none
    #[arg(long, value_name = "NETWORK")]
    external_network: Option<String>,
    /// Range of the server's network [default: 10.0.0.0/24]
    #[arg(long, value_name = "CIDR")]
    network_cidr: Option<IpNet>,
    /// Name server of that network and of clusters; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    dns: Vec<IpAddr>,
    /// Image: a Cluster API node image, Debian or Ubuntu
    #[arg(long)]
    image: Option<String>,
    /// Flavor: 2 vCPU and 4 GiB or more
    #[arg(long)]
    flavor: Option<String>,
    /// Availability zone
    #[arg(long, value_name = "ZONE")]
    availability_zone: Option<String>,
    /// Root volume in GiB
    #[arg(long, value_name = "GIB")]
    volume_size: Option<u64>,
    /// Type of the root volume
    #[arg(long, value_name = "TYPE")]
    volume_type: Option<String>,
    /// Who may reach the API; may be repeated
    #[arg(long, value_name = "CIDR")]
    api_cidr: Vec<IpNet>,
    /// File with a public key that may log in
    #[arg(long, value_name = "FILE")]
    ssh_key: Option<PathBuf>,
    /// Who may reach port 22; may be repeated
    #[arg(long, value_name = "CIDR")]
    ssh_cidr: Vec<IpNet>,
    /// Kubernetes of a vanilla image
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<String>,
    /// Range of the pods [default: 10.244.0.0/16]
    #[arg(long, value_name = "CIDR")]
    pod_cidr: Option<IpNet>,
    /// Range of the services [default: 10.96.0.0/12]
    #[arg(long, value_name = "CIDR")]
    service_cidr: Option<IpNet>,
    /// From where the server reaches OpenStack, beside its floating IP: always let in by clusters' APIs; may be repeated.
    /// With --kubeconfig the addresses that the cluster's pods are seen by
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    egress_cidr: Vec<IpNet>,
    /// Base URL of a mirror of files
    #[arg(long, value_name = "URL")]
    mirror_files: Option<String>,
    /// URL of a registry that mirrors all images
    #[arg(long, value_name = "URL")]
    mirror_registry: Option<String>,
    /// Proxy through which the server and what is installed on it reach the web. One with a password goes into a settings
    /// file: everybody on this machine may read a command line
    #[arg(long, value_name = "URL")]
    proxy: Option<ProxyUrl>,
    /// Name, address or range that is reached without it, beside what is the server's own; may be repeated
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    no_proxy: Vec<String>,
    /// SHA-256 of a published file, <component>/<version>/<file>=<sha256>, where the catalogue knows none; may be repeated
    #[arg(long, value_name = "FILE=SHA256", value_parser = checksum)]
    checksum: Vec<(String, String)>,
}

fn checksum(text: &str) -> Result<(String, String), &'static str> {
    text.split_once('=')
        .map(|(file, sum)| (file.to_owned(), sum.to_owned()))
        .ok_or("it is not <component>/<version>/<file>=<sha256>")
}

impl Choices {
    /// As settings.
    pub(super) fn settings(self) -> Result<Settings, Failure> {
        let mirror =
            (self.mirror_files.is_some() || self.mirror_registry.is_some()).then_some(Mirror {
                files: self.mirror_files,
                registry: self.mirror_registry,
            });
        let ssh_key = self
            .ssh_key
            .map(|path| read(&path))
            .transpose()?
            .map(|key| key.trim().to_owned());
        if self.proxy.as_ref().is_some_and(ProxyUrl::has_password) {
            return Err(Failure::new(
                Exit::Input,
                "the proxy has a password, and everybody on this machine may read a command line",
            )
            .hint("write proxy: 'http://…' into a file that only you may read, and give it with --settings"));
        }
        Ok(Settings {
            external_network: self.external_network,
            network_cidr: self.network_cidr,
            dns: self.dns,
            image: self.image,
            flavor: self.flavor,
            availability_zone: self.availability_zone,
            volume_size: self.volume_size,
            volume_type: self.volume_type,
            api_cidr: self.api_cidr,
            ssh_key,
            ssh_cidr: self.ssh_cidr,
            kubernetes_version: self.kubernetes_version,
            pod_cidr: self.pod_cidr,
            service_cidr: self.service_cidr,
            egress_cidr: self.egress_cidr,
            mirror,
            proxy: self.proxy,
            no_proxy: self.no_proxy,
            checksum: self.checksum.into_iter().collect(),
        })
    }
}

/// Reads a file the user named.
pub(super) fn read(path: &std::path::Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::new(
            Exit::Input,
            format!("failed to read {}: {error}", path.display()),
        )
    })
}

/// Asks one question and writes the answer into the settings.
pub(super) fn answer(settings: &mut Settings, question: &Question) -> Result<(), Failure> {
    let answer = ask::choose(question)?;
    match question.key {
        "externalNetwork" => settings.external_network = Some(answer),
        "image" => settings.image = Some(answer),
        "flavor" => settings.flavor = Some(answer),
        "egressCidr" => settings.egress_cidr = ranges(&answer)?,
        _ => settings.api_cidr = ranges(&answer)?,
    }
    Ok(())
}

fn ranges(answer: &str) -> Result<Vec<IpNet>, Failure> {
    answer
        .split([',', ' '])
        .filter(|part| !part.is_empty())
        .map(|part| {
            part.parse::<IpNet>()
                .or_else(|_| part.parse::<IpAddr>().map(IpNet::from))
        })
        .collect::<Result<_, _>>()
        .map_err(|_| {
            Failure::new(
                Exit::Input,
                format!("{answer:?} is no range like 192.0.2.0/24"),
            )
        })
}
