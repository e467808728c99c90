//! Registering an image.

use std::path::PathBuf;
use std::time::Duration;

use capstan_catalog::digest::{Digest, HashAlgorithm};
use capstan_catalog::disk::{Disk, DiskFormat};
use capstan_catalog::image_metadata::{DIGEST, ImageMetadata, TAG, UNFINISHED};
use capstan_catalog::{NodeImageRules, image_metadata};
use capstan_openstack::image::{Image, ImageChange, ImageCreate};
use capstan_openstack::wait::{Look, Wait, wait_for};
use capstan_openstack::{Session, create_or_find};
use capstan_plan::images::{NewImage, Registration, registration};
use serde_json::json;
use url::Url;

use super::content::{self, Known};
use super::lock::Lock;
use super::source::{Source, Sum, digest, file, shown};
use super::stock::known;
use super::{ImagesError, Progress, Tell, convert};

/// Longest upload: 10 GiB at 1 MiB/s.
const UPLOAD_LIMIT: Duration = Duration::from_hours(3);
/// Longest import by the cloud itself.
const IMPORT_LIMIT: Duration = Duration::from_hours(1);
/// The one algorithm that Glance hashes with unless its operator chose another.
const GLANCES_OWN: HashAlgorithm = HashAlgorithm::Sha512;

/// An image that shall be there.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a choice of the user by itself"
)]
#[derive(Debug, Clone)]
pub struct Wish {
    /// Name.
    pub name: String,
    /// Where it comes from.
    pub url: Url,
    /// Its checksum.
    pub sum: Sum,
    /// What it is, if its header does not say it.
    pub format: Option<DiskFormat>,
    /// Whether it is stored raw although it comes as qcow2.
    pub raw: bool,
    /// Whether the cloud fetches it.
    pub web_download: bool,
    /// Who may use it: `private`, `shared`, `community`, `public`.
    pub visibility: String,
    /// Smallest memory in MiB.
    pub min_ram: u64,
    /// What it says of itself. Without `build_date` and `source`, which are filled in from where it comes.
    pub metadata: ImageMetadata,
    /// Whether an image of ours gives the name up.
    pub replace: bool,
    /// Whether what another machine began is ended.
    pub take_over: bool,
    /// Who asks.
    pub who: String,
    /// Where files lie on their way.
    pub directory: PathBuf,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The image.
    pub image: Image,
    /// Whether it was there before.
    pub was_there: bool,
    /// Ids of what an interrupted run had left, now deleted.
    pub leftovers: Vec<String>,
    /// Images that gave their name up: id and new name.
    pub renamed: Vec<(String, String)>,
}

/// Makes an image be there: fetched, checked, usable. The same wish again finds it there.
///
/// The record is hidden and without a version until its content was checked, and deleted when it was not right:
/// what failed its checksum is never taken by a cluster and never stays.
pub async fn register(
    session: &Session,
    rules: &NodeImageRules,
    wish: &Wish,
    tell: Tell,
) -> Result<Registered, ImagesError> {
    let identity = format!(
        "{} {} {}",
        session.config().auth_url,
        session.project_id(),
        wish.name
    );
    let lock = Lock::take(&wish.directory, &identity, &wish.name)?;
    let digest = digest(&wish.sum, &wish.url).await?;
    let words = digest.to_string();
    let plan = registration(
        &NewImage {
            name: &wish.name,
            digest: &words,
            raw: wish.raw.then_some(true),
            replace: wish.replace,
            who: &wish.who,
            take_over: wish.take_over,
        },
        &named(session, rules, &wish.name).await?,
    )?;
    let api = session.image();
    let (leftovers, renamed) = match plan {
        Registration::There { id, renamed } => {
            rename(session, &renamed).await?;
            return Ok(Registered {
                image: api.image(&id).await?,
                was_there: true,
                leftovers: Vec::new(),
                renamed,
            });
        }
        Registration::Make { leftovers, renamed } => (leftovers, renamed),
    };
    for id in &leftovers {
        tell(Progress::Note(format!(
            "image {id} of an interrupted run is deleted"
        )));
        api.delete(id).await?;
    }
    let content = Content::prepare(session, wish, &digest, &lock, &tell).await?;
    let mut metadata = wish.metadata.clone();
    if metadata.build_date.is_empty() {
        metadata.build_date = content.date.clone();
    }
    metadata.source = source_of(&wish.url);
    let problems = metadata.problems();
    if !problems.is_empty() {
        return Err(ImagesError::Metadata(problems));
    }
    let record = create(session, wish, &metadata, rules, &words, &content).await?;
    tell(Progress::Note(format!("image {} is begun", record.id)));
    match fill(session, wish, &digest, &record.id, content, &tell).await {
        Ok(()) => {}
        Err(error) => return Err(withdraw(session, &record.id, error).await),
    }
    let image = match publish(session, &metadata, rules, &record.id).await {
        Ok(image) => image,
        Err(error) => return Err(withdraw(session, &record.id, error).await),
    };
    rename(session, &renamed).await?;
    Ok(Registered {
        image,
        was_there: false,
        leftovers,
        renamed,
    })
}

/// Every image of a name, hidden ones of our own included.
async fn named(
    session: &Session,
    rules: &NodeImageRules,
    name: &str,
) -> Result<Vec<capstan_plan::images::KnownImage>, ImagesError> {
    let (api, project) = (session.image(), session.project_id());
    let hidden = [("name", name), ("os_hidden", "true"), ("owner", project)];
    let shown = [("name", name)];
    let (shown, hidden) = tokio::try_join!(api.images(&shown), api.images(&hidden))?;
    let all = shown.iter().chain(&hidden);
    Ok(all.map(|image| known(image, project, rules)).collect())
}

/// The standard wants a place to download from, or `private` where not everybody can.
fn source_of(url: &Url) -> String {
    let open = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if open {
        shown(url)
    } else {
        "private".to_owned()
    }
}

/// How the content will come.
enum Way {
    /// From the source to the cloud, through our hands.
    Pass(Box<Source>),
    /// From a file.
    File(PathBuf),
    /// The cloud fetches it.
    Import,
}

/// What is known of the content before the record is made.
struct Content {
    way: Way,
    /// As it will be stored.
    disk: Disk,
    /// The day it was made.
    date: String,
}

impl Content {
    async fn prepare(
        session: &Session,
        wish: &Wish,
        digest: &Digest,
        lock: &Lock,
        tell: &Tell,
    ) -> Result<Self, ImagesError> {
        if wish.web_download {
            importable(session, wish, digest).await?;
        }
        let source = Source::open(&wish.url).await?;
        let mut disk = Disk::read(
            &source.header(),
            source.length.unwrap_or_default(),
            wish.format,
        )?;
        let date = source.modified.unwrap_or_else(jiff::Timestamp::now);
        let date = date.strftime("%Y-%m-%d").to_string();
        let converts = wish.raw && disk.format == DiskFormat::Qcow2;
        let stored = if converts {
            Some(disk.size)
        } else {
            source.length
        };
        room(session, stored).await?;
        let way = if wish.web_download {
            Way::Import
        } else if converts {
            convert::ready(convert::QEMU_IMG).await?;
            content::into_file(source, digest.clone(), lock.fetched(), tell.clone()).await?;
            tell(Progress::Note("converting it to raw".to_owned()));
            convert::raw(convert::QEMU_IMG, lock.fetched(), lock.converted()).await?;
            disk.format = DiskFormat::Raw;
            Way::File(lock.converted().to_owned())
        } else if source.length.is_some() {
            Way::Pass(Box::new(source))
        } else {
            // Glance is told the length beforehand: only then does it know an upload that broke off.
            content::into_file(source, digest.clone(), lock.fetched(), tell.clone()).await?;
            if disk.format == DiskFormat::Raw {
                let length = tokio::fs::metadata(lock.fetched()).await;
                disk.size = length.map(|file| file.len()).unwrap_or_default();
            }
            Way::File(lock.fetched().to_owned())
        };
        Ok(Self { way, disk, date })
    }
}

/// Whether the cloud can fetch it, in a way that can be checked afterwards.
async fn importable(session: &Session, wish: &Wish, digest: &Digest) -> Result<(), ImagesError> {
    if wish.raw {
        let text = "it stores what it fetches as it is; --raw is done on this machine";
        return Err(ImagesError::Import(text.to_owned()));
    }
    if digest.algorithm != GLANCES_OWN {
        let text = "it hashes with SHA-512, so that a SHA-256 could not be compared";
        return Err(ImagesError::Import(text.to_owned()));
    }
    let methods = session.image().import_methods().await?;
    if methods.iter().any(|method| method == "web-download") {
        return Ok(());
    }
    let text = if methods.is_empty() {
        "it offers no imports".to_owned()
    } else {
        format!("it offers {} only", methods.join(", "))
    };
    Err(ImagesError::Import(text))
}

/// Whether the project may store it; a cloud that sets no limit, or does not say the length, is tried.
async fn room(session: &Session, octets: Option<u64>) -> Result<(), ImagesError> {
    let (Some(octets), Some(usage)) = (octets, session.image().usage().await?) else {
        return Ok(());
    };
    let need = octets.div_ceil(1 << 20);
    let Ok(limit) = u64::try_from(usage.limit) else {
        return Ok(());
    };
    let free = limit.saturating_sub(usage.usage.try_into().unwrap_or_default());
    if need <= free {
        return Ok(());
    }
    Err(ImagesError::Quota {
        need,
        free,
        limit: usage.limit,
    })
}

async fn create(
    session: &Session,
    wish: &Wish,
    metadata: &ImageMetadata,
    rules: &NodeImageRules,
    digest: &str,
    content: &Content,
) -> Result<Image, ImagesError> {
    let api = session.image();
    let mut properties = metadata.properties(rules);
    properties.remove(rules.property());
    properties.insert(DIGEST.to_owned(), digest.to_owned());
    properties.insert(UNFINISHED.to_owned(), wish.who.clone());
    let record = ImageCreate {
        name: wish.name.clone(),
        disk_format: content.disk.format.as_str().to_owned(),
        container_format: "bare".to_owned(),
        min_disk: content.disk.min_disk(),
        min_ram: wish.min_ram,
        os_hidden: true,
        // At once, so that who may not make it public is told before the content comes.
        visibility: wish.visibility.clone(),
        tags: metadata.tags(),
        properties,
    };
    let filters = [
        ("name", wish.name.as_str()),
        ("os_hidden", "true"),
        ("owner", session.project_id()),
        ("tag", TAG),
    ];
    // Leftovers were deleted, and nobody else on this machine is at it: such a record is the one whose answer was lost.
    let find = || async {
        let found = api.images(&filters).await?;
        Ok(found.into_iter().find(|image| {
            image.property(UNFINISHED) == Some(&wish.who) && image.property(DIGEST) == Some(digest)
        }))
    };
    let made = create_or_find(find, || api.create(&record)).await?;
    Ok(made.into_inner())
}

/// Brings the content, and looks whether the cloud has the very same.
async fn fill(
    session: &Session,
    wish: &Wish,
    digest: &Digest,
    id: &str,
    content: Content,
    tell: &Tell,
) -> Result<(), ImagesError> {
    let api = session.image();
    let sent = match content.way {
        Way::Pass(source) => {
            let length = source.length.unwrap_or_default();
            let (stream, end) =
                content::checked(*source, digest.clone(), "uploading", tell.clone());
            let body = reqwest::Body::wrap_stream(stream);
            let uploaded = api.upload(id, body, length, UPLOAD_LIMIT).await;
            // Where the source is to blame, the cloud only saw that it broke off.
            match (end.take(), uploaded) {
                (Some(Err(error)), _) => return Err(error),
                (_, Err(error)) => return Err(error.into()),
                (Some(Ok(known)), Ok(())) => known,
                (None, Ok(())) => Known::default(),
            }
        }
        Way::File(path) => {
            let (stream, length, end) = content::of_file(&path, tell.clone()).await?;
            let body = reqwest::Body::wrap_stream(stream);
            api.upload(id, body, length, UPLOAD_LIMIT).await?;
            end.take().transpose()?.unwrap_or_default()
        }
        Way::Import => {
            tell(Progress::Note("the cloud fetches it".to_owned()));
            api.import_from(id, wish.url.as_str()).await?;
            let image = imported(session, id).await?;
            let stored = image.os_hash_value.unwrap_or_default();
            let algorithm = image.os_hash_algo.unwrap_or_default();
            if algorithm != digest.algorithm.as_str() {
                let text =
                    format!("it hashed with {algorithm}, so that the checksum cannot be compared");
                return Err(ImagesError::Import(text));
            }
            if stored == digest.hex {
                return Ok(());
            }
            return Err(ImagesError::Mismatch {
                url: shown(&wish.url),
                expected: digest.clone(),
                found: Digest {
                    algorithm: digest.algorithm,
                    hex: stored,
                },
            });
        }
    };
    stored(&imported(session, id).await?, &sent)
}

/// Waits until the image can be used.
async fn imported(session: &Session, id: &str) -> Result<Image, ImagesError> {
    let api = session.image();
    let looked = wait_for(format!("image {id}"), Wait::limit(IMPORT_LIMIT), || async {
        let image = api.image(id).await?;
        Ok(if image.is_usable() {
            Look::Done(Ok(image))
        } else if image.failed_import().is_some() || image.status == "killed" {
            Look::Done(Err(image.status))
        } else {
            Look::Pending(image.status)
        })
    })
    .await?;
    looked.map_err(|status| {
        ImagesError::Import(format!(
            "it gave up, and the image is {status}: its operator's log says why; perhaps it cannot or may not reach the URL"
        ))
    })
}

/// Whether what is stored is what was sent.
fn stored(image: &Image, sent: &Known) -> Result<(), ImagesError> {
    let algorithm = image.os_hash_algo.clone().unwrap_or_default();
    let wrong = |stored: &str, sent: &str| ImagesError::Stored {
        algorithm: algorithm.clone(),
        stored: stored.to_owned(),
        sent: sent.to_owned(),
    };
    let of_cloud = image.os_hash_value.as_deref();
    match (of_cloud, sent.named(&algorithm)) {
        (Some(stored), Some(sent)) if stored != sent => Err(wrong(stored, sent)),
        (Some(_), Some(_)) => Ok(()),
        // A cloud that hashes in another way, or not at all: at least it has as much as was sent.
        _ if image.size.is_some_and(|size| size != sent.octets) => Err(wrong(
            &format!("of {} octets", image.size.unwrap_or_default()),
            &format!("of {} octets", sent.octets),
        )),
        _ => Ok(()),
    }
}

/// Lets it be found.
async fn publish(
    session: &Session,
    metadata: &ImageMetadata,
    rules: &NodeImageRules,
    id: &str,
) -> Result<Image, ImagesError> {
    let mut changes = Vec::new();
    if let Some(version) = metadata.kubernetes {
        let name = rules.property().to_owned();
        changes.push(ImageChange::Set(name, json!(version.to_string())));
    }
    changes.push(ImageChange::Remove(UNFINISHED.to_owned()));
    changes.push(ImageChange::Set("os_hidden".to_owned(), json!(false)));
    Ok(session.image().update(id, &changes).await?)
}

/// Deletes what is of no use, and gives the error that made it so.
async fn withdraw(session: &Session, id: &str, error: ImagesError) -> ImagesError {
    match session.image().delete(id).await {
        Ok(_) => error,
        Err(left) => {
            tracing::warn!(?left, id, "an image of no use stays");
            ImagesError::Left {
                id: id.to_owned(),
                source: Box::new(error),
            }
        }
    }
}

/// Old images give their name up and are left out of lists (scs-0102): by their id clusters go on using them.
async fn rename(session: &Session, renamed: &[(String, String)]) -> Result<(), ImagesError> {
    for (id, name) in renamed {
        let changes = [
            ImageChange::Set("name".to_owned(), json!(name)),
            ImageChange::Set("os_hidden".to_owned(), json!(true)),
        ];
        session.image().update(id, &changes).await?;
    }
    Ok(())
}

/// What the name of the file says of the system in the image.
pub fn guessed(url: &Url) -> Option<(String, String)> {
    image_metadata::system_of(file(url))
}
