//! `capstan image register`.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};

use capstan_catalog::image_metadata::user_of;
use capstan_catalog::{DiskFormat, ImageMetadata, NodeImageRules};
use capstan_management::images::{Progress, Sum, Tell, Wish, guessed, register};
use capstan_spec::KubernetesVersion;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use url::Url;

use crate::arguments::{Global, Output};
use crate::commands::plane;
use crate::environment::{cache_directory, desk, person};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Register a node image from a URL, checked against its checksum
///
/// The image goes from the URL through this machine into the cloud, hashed on the way; nothing is kept on the disk unless it
/// is converted (--raw). It becomes visible to clusters only once its checksum is right, and is deleted when it is not. The
/// same command again says that it is there; after an interruption it begins anew and deletes what was left.
///
/// Clusters find the image by its Kubernetes version, or name it (spec `image`).
///
/// Example:
///
///     capstan image register ubuntu-2404-kube-v1.36.3 \
///       --url https://images.example.org/ubuntu-2404-kube-v1.36.3.qcow2 --checksum https://images.example.org/SHA256SUMS
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
// Each is a flag of its own.
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Register {
    /// Name of the image
    #[arg(value_name = "NAME")]
    name: String,
    /// Where it is: qcow2 or raw, http or https
    #[arg(long, value_name = "URL")]
    url: Url,
    /// sha256:HEX, sha512:HEX, or the URL of a list of checksums that the file is in
    #[arg(long, value_name = "SUM", value_parser = sum)]
    checksum: Sum,
    /// Kubernetes version in it [default: what the name says]
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<KubernetesVersion>,
    /// What it is [default: what its header says]
    #[arg(long, value_name = "FORMAT")]
    disk_format: Option<Format>,
    /// Store it raw, where volumes are made of it fastest (Ceph); qcow2 is converted here by qemu-img
    #[arg(long)]
    raw: bool,
    /// Have the cloud fetch it; only with a SHA-512, because that is what it can be checked with afterwards
    #[arg(long, conflicts_with = "raw")]
    web_download: bool,
    /// Who may use it; public is for administrators
    #[arg(long, value_name = "WHO", default_value = "private")]
    visibility: Visibility,
    /// Give it the name of another image that Capstan registered; that one is renamed and hidden, clusters keep using it
    #[arg(long)]
    replace: bool,
    /// End what another machine began and is at no more
    #[arg(long)]
    take_over: bool,
    #[command(flatten)]
    says: Says,
}

/// What the image says of itself.
#[derive(Debug, Args)]
#[command(next_help_heading = "Properties (SCS standard 0102)")]
struct Says {
    /// `os_distro` [default: what the file's name says]
    #[arg(long, value_name = "NAME")]
    os_distro: Option<String>,
    /// `os_version` [default: what the file's name says]
    #[arg(long, value_name = "VERSION")]
    os_version: Option<String>,
    /// `architecture`
    #[arg(long, value_name = "NAME", default_value = "x86_64")]
    architecture: String,
    /// `image_description`: a page or a sentence
    #[arg(long, value_name = "TEXT", default_value = "Kubernetes node image")]
    description: String,
    /// `image_build_date` [default: when the file was last modified]
    #[arg(long, value_name = "YYYY-MM-DD")]
    build_date: Option<String>,
    /// `image_original_user` [default: that of the distribution]
    #[arg(long, value_name = "NAME")]
    original_user: Option<String>,
    /// `replace_frequency`
    #[arg(long, value_name = "HOW OFTEN", default_value = "never")]
    replace_frequency: String,
    /// `provided_until`: YYYY-MM-DD, none or notice
    #[arg(long, value_name = "DATE", default_value = "none")]
    provided_until: String,
    /// `uuid_validity`: YYYY-MM-DD, none, last-N, notice or forever
    #[arg(long, value_name = "DATE", default_value = "none")]
    uuid_validity: String,
    /// `hotfix_hours`
    #[arg(long, value_name = "HOURS")]
    hotfix_hours: Option<u32>,
    /// Smallest memory in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    min_ram: u64,
    /// Another property, or another value for one; may be repeated
    #[arg(long = "property", value_name = "NAME=VALUE", value_parser = pair)]
    properties: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Qcow2,
    Raw,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Visibility {
    Private,
    Shared,
    Community,
    Public,
}

fn sum(text: &str) -> Result<Sum, String> {
    if text.starts_with("http://") || text.starts_with("https://") {
        return text
            .parse()
            .map(Sum::List)
            .map_err(|error| format!("{text:?} is no URL: {error}"));
    }
    text.parse()
        .map(Sum::Digest)
        .map_err(|error: capstan_catalog::digest::DigestError| error.to_string())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

impl Register {
    /// Runs it.
    pub(crate) async fn run(self, global: &Global, printer: &Printer) -> Result<(), Failure> {
        let catalogue = plane::catalogue()?;
        let rules = catalogue.node_image_rules();
        let version = self.version(rules)?;
        if version.is_none() {
            printer.note(
                "neither the name nor --kubernetes-version says a version: clusters find the image only by its name or id",
            );
        }
        let wish = self.wish(version)?;
        let session = desk(global).await?.session;
        let done = register(&session, rules, &wish, teller(*printer)).await?;
        let value = json!({
            "id": done.image.id, "name": done.image.label(), "wasThere": done.was_there, "kubernetesVersion": version,
            "leftovers": done.leftovers, "renamed": done.renamed,
        });
        printer.result(&value, || {
            let how = if done.was_there {
                "is there already"
            } else {
                "is registered and checked"
            };
            let (name, id) = (done.image.label(), &done.image.id);
            let renamed = done.renamed.iter();
            std::iter::once(format!("image {name} ({id}) {how}"))
                .chain(renamed.map(|(id, name)| format!("image {id} is now {name:?} and hidden")))
                .collect::<Vec<_>>()
                .join("\n")
        })
    }

    fn version(&self, rules: &NodeImageRules) -> Result<Option<KubernetesVersion>, Failure> {
        let named = rules.version_in_name(&self.name);
        match (self.kubernetes_version, named) {
            (Some(said), Some(named)) if said != named => {
                let message = format!(
                    "failed to read the version: the name says {named}, and {said} was given"
                );
                Err(Failure::new(Exit::Input, message).hint("let them agree, or change the name"))
            }
            (said, named) => Ok(said.or(named)),
        }
    }

    fn wish(self, version: Option<KubernetesVersion>) -> Result<Wish, Failure> {
        if !["http", "https"].contains(&self.url.scheme()) {
            let message = format!(
                "failed to fetch by {}: only http and https",
                self.url.scheme()
            );
            return Err(Failure::new(Exit::Input, message));
        }
        let says = self.says;
        let (distro, release) = guessed(&self.url).unzip();
        let os_distro = says.os_distro.or(distro).unwrap_or_default();
        let metadata = ImageMetadata {
            kubernetes: version,
            original_user: says
                .original_user
                .unwrap_or_else(|| user_of(&os_distro).to_owned()),
            os_distro,
            os_version: says.os_version.or(release).unwrap_or_default(),
            architecture: says.architecture,
            source: String::new(),
            description: says.description,
            build_date: says.build_date.unwrap_or_default(),
            replace_frequency: says.replace_frequency,
            provided_until: says.provided_until,
            uuid_validity: says.uuid_validity,
            hotfix_hours: says.hotfix_hours,
            more: says.properties.into_iter().collect::<BTreeMap<_, _>>(),
        };
        Ok(Wish {
            name: self.name,
            url: self.url,
            sum: self.checksum,
            format: self.disk_format.map(|format| match format {
                Format::Qcow2 => DiskFormat::Qcow2,
                Format::Raw => DiskFormat::Raw,
            }),
            raw: self.raw,
            web_download: self.web_download,
            visibility: format!("{:?}", self.visibility).to_lowercase(),
            min_ram: says.min_ram,
            metadata,
            replace: self.replace,
            take_over: self.take_over,
            who: person(),
            directory: cache_directory()?.join("images"),
        })
    }
}

/// A bar on a terminal, a line for each tenth elsewhere.
fn teller(printer: Printer) -> Tell {
    if printer.output() == Output::Table && std::io::stderr().is_terminal() {
        let bar = ProgressBar::hidden();
        if let Ok(style) = ProgressStyle::with_template(
            "{msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}",
        ) {
            bar.set_style(style);
        }
        return Arc::new(move |progress| match progress {
            Progress::Moved { verb, done, of } => {
                if bar.is_hidden() {
                    bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
                }
                bar.set_message(verb);
                bar.set_length(of);
                bar.set_position(done);
                if done == of {
                    bar.finish_and_clear();
                }
            }
            Progress::Note(text) => bar.suspend(|| printer.note(&text)),
        });
    }
    let told = Mutex::new(("", 0));
    Arc::new(move |progress| match progress {
        Progress::Moved { verb, done, of } => {
            let tenth = done * 10 / of.max(1);
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            if *told != (verb, tenth) {
                *told = (verb, tenth);
                printer.note(&format!(
                    "{verb}: {} % of {} MiB",
                    tenth * 10,
                    of.div_ceil(1 << 20)
                ));
            }
        }
        Progress::Note(text) => printer.note(&text),
    })
}
